"""What the page does: search, filter, choose, zoom, by mouse and by keyboard. It writes text, never markup."""

from typing import Final

SCRIPT: Final = """
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);
const svg = one(".canvas svg"), canvas = one(".canvas"), panel = one(".panel");
const search = one("#search"), counter = one("#counter");
const cards = all(".finding"), chips = all(".chip[data-level]");
const nodes = all(".node"), edges = all(".edge");
const readers = data.nodes.map(() => []), sources = data.nodes.map(() => []);
data.edges.forEach(([from, to]) => { readers[from].push(to); sources[to].push(from); });
let scale = 1;

function filter() {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  const off = new Set(chips.filter((chip) => chip.ariaPressed === "false").map((chip) => chip.dataset.level));
  let shown = 0;
  for (const card of cards) {
    const text = card.dataset.text;
    const fits = !off.has(card.dataset.level) && words.every((word) => text.includes(word));
    card.hidden = !fits;
    shown += fits;
  }
  for (const group of all(".level")) {
    const visible = all(".finding", group).some((card) => !card.hidden);
    group.hidden = !visible;
    if (words.length) {
      group.dataset.before ??= group.open;
      group.open = true;
    } else if (group.dataset.before) {
      group.open = group.dataset.before === "true";
      delete group.dataset.before;
    }
  }
  counter.textContent = cards.length === shown ? count(shown, "finding") : `${shown} of ${cards.length}`;
  if (svg) {
    svg.classList.toggle("searched", words.length > 0);
    const hit = new Set(cards.filter((card) => !card.hidden).flatMap(nodesOf));
    nodes.forEach((node, at) => {
      const text = node.dataset.text;
      node.classList.toggle("found", hit.has(at) || words.every((word) => text.includes(word)));
    });
  }
}

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const nodesOf = (card) => (card.dataset.nodes ? card.dataset.nodes.split(" ").map(Number) : []);

function reached(start, neighbours) {
  const seen = new Set(), pending = [start];
  while (pending.length) {
    for (const next of neighbours[pending.pop()]) if (!seen.has(next)) { seen.add(next); pending.push(next); }
  }
  return seen;
}

function choose(starts, show = true) {
  clear();
  if (!svg || !starts.length) return;
  const near = new Set(starts);
  for (const start of starts) {
    for (const other of reached(start, readers)) near.add(other);
    for (const other of reached(start, sources)) near.add(other);
  }
  svg.classList.add("chosen");
  nodes.forEach((node, at) => {
    node.classList.toggle("near", near.has(at));
    node.classList.toggle("chosen", starts.includes(at));
  });
  data.edges.forEach(([from, to], at) => edges[at].classList.toggle("near", near.has(from) && near.has(to)));
  if (show) bring(nodes[starts[0]]);
  rove(starts[0]);
}

function chooseNode(at, show = false) {
  choose([at], show);
  describe(at);
  cards.forEach((card) => card.classList.toggle("chosen", nodesOf(card)[0] === at));
}

function chooseCard(card) {
  choose(nodesOf(card));
  all(".finding.chosen").forEach((other) => other.classList.remove("chosen"));
  card.classList.add("chosen");
  const first = nodesOf(card)[0];
  if (first !== undefined) describe(first);
}

function clear() {
  svg?.classList.remove("chosen");
  all(".near, .chosen", svg ?? document).forEach((each) => each.classList.remove("near", "chosen"));
  all(".finding.chosen").forEach((card) => card.classList.remove("chosen"));
  if (panel) panel.hidden = true;
}

function rove(at) {
  nodes.forEach((node, index) => node.setAttribute("tabindex", index === at ? "0" : "-1"));
}

function bring(node) {
  const box = node.getBoundingClientRect(), around = canvas.getBoundingClientRect();
  canvas.scrollLeft += box.left + box.width / 2 - around.left - around.width / 2;
  canvas.scrollTop += box.top + box.height / 2 - around.top - around.height / 2;
}

function make(tag, text, name) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}

function describe(at) {
  const node = data.nodes[at], body = document.createDocumentFragment();
  const heading = make("h2");
  heading.append(make("span", node.type, "kind"), node.name);
  body.append(heading, make("p", [node.says, node.file].filter(Boolean).join(" · ")));
  const own = cards.filter((card) => nodesOf(card).includes(at));
  body.append(list("Findings", own, (card) => {
    const link = make("a", card.dataset.summary);
    link.href = `#${card.id}`;
    return link;
  }));
  body.append(list("Reads", sources[at], linkTo), list("Read by", readers[at], linkTo));
  const below = reached(at, readers).size;
  if (below > readers[at].length) body.append(make("p", `${count(below, "node")} downstream in all`));
  panel.replaceChildren(body);
  panel.hidden = false;
}

function list(title, things, show) {
  const part = document.createDocumentFragment();
  if (!things.length) return part;
  const items = make("ul");
  for (const thing of things) {
    const item = make("li");
    item.append(show(thing));
    items.append(item);
  }
  part.append(make("p", `${title} (${things.length})`), items);
  return part;
}

function linkTo(at) {
  const link = make("button", data.nodes[at].name, "node-link");
  link.type = "button";
  link.addEventListener("click", () => chooseNode(at, true));
  return link;
}

function zoom(to) {
  scale = Math.min(2.5, Math.max(0.08, to));
  svg.setAttribute("width", data.width * scale);
  svg.setAttribute("height", data.height * scale);
}

const fitting = () => Math.min(1.15, canvas.clientWidth / data.width);

function step(by) {
  const visible = cards.filter((card) => card.offsetParent);
  const at = visible.indexOf(document.activeElement?.closest?.(".finding"));
  const next = visible[Math.max(0, Math.min(visible.length - 1, at < 0 ? 0 : at + by))];
  if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); chooseCard(next); }
}

chips.forEach((chip) => chip.addEventListener("click", () => {
  chip.ariaPressed = chip.ariaPressed === "true" ? "false" : "true";
  filter();
}));
search.addEventListener("input", filter);
cards.forEach((card) => {
  card.addEventListener("click", (event) => {
    if (!event.target.closest("summary, button, a, pre, .lines") && !getSelection().toString()) chooseCard(card);
  });
  card.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === card) chooseCard(card);
  });
});
all("[data-node]").forEach((link) => link.addEventListener("click", () => chooseNode(Number(link.dataset.node), true)));
nodes.forEach((node, at) => {
  node.addEventListener("click", () => { chooseNode(at); node.focus({ preventScroll: true }); });
  node.addEventListener("keydown", (event) => {
    const way = { ArrowRight: readers[at][0], ArrowLeft: sources[at][0], ArrowDown: below(at, 1), ArrowUp: below(at, -1) };
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); chooseNode(at); }
    if (event.key in way) {
      event.preventDefault();
      if (way[event.key] !== undefined) { chooseNode(way[event.key], true); nodes[way[event.key]].focus(); }
    }
  });
});

function below(at, direction) {
  const column = data.nodes.map((node, index) => [node.y, index]).filter(([, index]) => data.nodes[index].x === data.nodes[at].x);
  column.sort(([one], [other]) => one - other);
  return column[column.findIndex(([, index]) => index === at) + direction]?.[1];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") { search.value = ""; filter(); clear(); search.blur(); return; }
  if (event.target === search) return;
  const keys = {
    "/": () => search.focus(), j: () => step(1), k: () => step(-1),
    "+": () => svg && zoom(scale * 1.25), "-": () => svg && zoom(scale / 1.25), 0: () => svg && zoom(fitting()),
  };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});
if (svg) {
  one("#closer").addEventListener("click", () => zoom(scale * 1.25));
  one("#farther").addEventListener("click", () => zoom(scale / 1.25));
  one("#whole").addEventListener("click", () => zoom(fitting()));
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || event.target.closest(".node")) return;
    drag = [event.clientX + canvas.scrollLeft, event.clientY + canvas.scrollTop];
    canvas.classList.add("dragged");
  });
  addEventListener("pointermove", (event) => {
    if (!drag) return;
    canvas.scrollTo(drag[0] - event.clientX, drag[1] - event.clientY);
  });
  addEventListener("pointerup", () => { drag = null; canvas.classList.remove("dragged"); });
  canvas.addEventListener("click", (event) => { if (!event.target.closest(".node")) clear(); });
  zoom(Math.max(fitting(), 0.62));
  bring(nodes[data.first]);
}
addEventListener("beforeprint", () => all("details").forEach((each) => { each.open = true; }));
filter();
"""
