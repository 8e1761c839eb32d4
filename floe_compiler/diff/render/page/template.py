"""The markup. Every value is escaped by jinja2; nothing is marked as safe but style, script and the data in JSON."""

from typing import Final

TEMPLATE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<title>floe diff: {{ product }}</title>
<style>{{ style }}</style>
</head>
<body>
<a class="skip" href="#findings">To the findings</a>
<header class="top">
  <div>
    <h1><small>floe diff</small>{{ product }}</h1>
    <p class="sides"><code>{{ old }}</code> → <code>{{ new }}</code></p>
  </div>
  <div class="find">
    <output id="counter" aria-live="polite"></output>
    <input id="search" type="search" placeholder="Search: names, rules, owners, files" aria-label="Search the findings">
  </div>
  <div class="chips" role="group" aria-label="Levels">
  {%- for level in levels %}
    <button type="button" class="chip {{ level.style }}" data-level="{{ level.name }}" aria-pressed="true"
      {%- if not level.findings %} disabled{% endif %}><b>{{ level.findings | length }}</b> {{ level.name }}</button>
  {%- endfor %}
  </div>
  <p class="verdict">{{ verdict }}</p>
</header>
<main>
{%- if not any_findings %}
<p class="nothing">{{ nothing }}</p>
{%- endif %}
<section id="findings" aria-label="Findings">
{%- for level in levels if level.findings %}
<details class="level {{ level.style }}"{% if level.is_open %} open{% endif %}>
  <summary><h2>{{ level.name }}</h2><p>{{ level.about }}</p></summary>
  {%- for one in level.findings %}
  <article class="finding {{ level.style }}" id="f-{{ one.number }}" tabindex="0" data-level="{{ level.name }}"
    data-text="{{ one.text }}" data-nodes="{{ one.nodes }}" data-summary="{{ one.summary }}">
    <header>
      <span class="sign {{ one.change }}" aria-label="{{ one.change }}">{{ one.sign }}</span>
      <h3><span class="kind">{{ one.kind }}</span>{{ one.name }}</h3>
      <span class="rule mono" title="{{ one.fingerprint }}">{{ one.rule }}</span>
    </header>
    <p class="title">{{ one.title }}{% if one.targets %} <span class="soft">on {{ one.targets }}</span>{% endif %}</p>
    {%- if one.before_line is not none or one.after_line is not none or one.field and not one.lines %}
    <p class="change">{% if one.field %}<span class="field">{{ one.field }}</span> {% endif -%}
      {% if one.before_line is not none %}<del class="gone">{{ one.before_line }}</del> {% endif -%}
      {% if one.before_line is not none and one.after_line is not none %}→ {% endif -%}
      {% if one.after_line is not none %}<ins class="come">{{ one.after_line }}</ins>{% endif %}</p>
    {%- endif %}
    {%- if one.lines %}
    <details><summary>{% if one.field %}<span class="mono">{{ one.field }}</span>: {% endif %}{{ one.lines_title }}</summary><div class="lines" tabindex="0">
      {%- for line in one.lines %}<span class="{{ line.style }}">{{ line.text }}</span>{% endfor -%}
    </div></details>
    {%- endif %}
    <p class="explanation">{% for part in one.explanation %}{% if part.is_code %}<code>{{ part.text }}</code>
      {%- else %}{{ part.text }}{% endif %}{% endfor %}</p>
    <dl class="facts">
      {%- if one.cause %}
      <dt>Because</dt><dd><ol>{% for step in one.cause %}<li>{{ step.what }}
        {%- if step.place %} <code class="soft">{{ step.place }}</code>{% endif %}</li>{% endfor %}</ol></dd>
      {%- endif %}
      {%- if one.place %}<dt>Where</dt><dd><code>{{ one.place }}</code></dd>{% endif %}
      {%- for row in one.reaches %}
      <dt{% if row.bad %} class="bad"{% endif %}>{{ row.title }}</dt><dd>
        {%- for node in row.nodes -%}
        {% if node.at is not none %}<button type="button" class="node-link" data-node="{{ node.at }}">{{ node.name }}</button>
        {%- else %}<code>{{ node.name }}</code> {% endif %}{% if node.owner %} <span class="soft">{{ node.owner }}</span> {% endif %}
        {%- endfor %}{% if row.more %} <span class="soft">and {{ row.more }} more</span>{% endif %}</dd>
      {%- endfor %}
      {%- if one.known %}<dt>Acknowledged</dt><dd>{{ one.known }}</dd>{% endif %}
      {%- if one.lapsed %}<dt class="bad">Lapsed</dt><dd>{{ one.lapsed }}</dd>{% endif %}
      <dt>Fingerprint</dt><dd><code class="soft">{{ one.fingerprint }}</code></dd>
    </dl>
  </article>
  {%- endfor %}
</details>
{%- endfor %}
</section>
{%- if lineage.nodes %}
<aside class="side-by" aria-label="Lineage">
  <figure class="lineage">
    <header>
      <h2>Lineage</h2>
      <ul class="legend">
        {%- for name in lineage.legend %}<li><i class="{{ name }}"></i>{{ name }}</li>{% endfor %}
      </ul>
      <span class="zoom">
        <button type="button" id="farther" aria-label="Zoom out">−</button>
        <button type="button" id="whole">fit</button>
        <button type="button" id="closer" aria-label="Zoom in">+</button>
      </span>
    </header>
    <div class="canvas">
      <svg viewBox="0 0 {{ lineage.width }} {{ lineage.height }}" width="{{ lineage.width }}" height="{{ lineage.height }}"
        role="group" aria-label="The lineage of what changed">
        {%- for edge in lineage.edges %}
        <path class="edge{% if edge.hot %} hot{% endif %}" d="{{ edge.path }}"/>
        {%- endfor %}
        {%- for node in lineage.nodes %}
        <g class="node {{ node.style }}" transform="translate({{ node.x }} {{ node.top }})" role="button" tabindex="-1"
          aria-label="{{ node.label }}" data-text="{{ node.text }}"><title>{{ node.label }}</title>
          <rect width="{{ node.width }}" height="{{ node.height }}"/>
          <text class="mark" x="9" y="20">{{ node.mark }}</text>
          <text x="24" y="14">{{ node.short }}</text>
          <text class="type" x="24" y="26">{{ node.type }}</text></g>
        {%- endfor %}
      </svg>
    </div>
  </figure>
  <section class="panel" aria-label="The chosen node" aria-live="polite" hidden></section>
</aside>
{%- endif %}
</main>
<p class="keys"><kbd>/</kbd> search · <kbd>j</kbd> <kbd>k</kbd> next and previous finding · <kbd>Tab</kbd> and arrows
through the lineage · <kbd>+</kbd> <kbd>-</kbd> <kbd>0</kbd> zoom · <kbd>Esc</kbd> clear</p>
<script type="application/json" id="data">{{ data | tojson }}</script>
<script>{{ script }}</script>
</body>
</html>
"""
