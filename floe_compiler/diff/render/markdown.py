"""markdown: a comment on a pull request. A screen of summary, then the lineage and every finding, folded away.

The first line is a comment that no reader sees: by it a workflow finds its own comment and updates it. GitHub takes
65,536 characters; what does not fit is counted, and nothing is cut in two. Whatever comes from a project stands in
code spans, where it mentions nobody and links nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from floe_compiler.diff.render.mermaid import flowchart, left_out
from floe_compiler.diff.render.report import (
    NOTHING,
    SIGNS,
    Report,
    chain_in_words,
    counted,
    few,
    impact_in_words,
    in_line,
    is_text_of_lines,
    owners,
    reached_in_words,
    totals_in_words,
)
from floe_compiler.diff.render.visible import in_one_line
from floe_compiler.model.change_set import LEVELS, Finding, Level

LIMIT: Final = 65_536
"""GitHub's, in characters. Bytes are counted here, of which no text has fewer."""
_RESERVE: Final = 1_000
_MARKS: Final[dict[Level, str]] = {"breaking": "🔴", "risky": "🟠", "unknown": "🟣", "safe": "🟢"}
_ROWS: Final = 8
_MOST_TOLD: Final = 5
_LONGEST: Final = 120
_TICKS: Final = re.compile("`+")


def render(report: Report) -> str:
    """The comment."""
    head = "\n".join(_head(report)) + "\n"
    return _fitted(head, [*_lineage(report), *_groups(report)])


_Block = tuple[str, list[str], str]
"""What opens it, pieces of which any number may be left out at the end, and what closes it."""


def marker(product: str) -> str:
    """The hidden first line of a product's comment."""
    return f"<!-- floe diff: {re.sub('[^A-Za-z0-9._-]', '_', product)} -->"


def _fitted(head: str, blocks: Iterable[_Block]) -> str:
    """All of it, or as much as fits and how much does not."""
    written, left = head, 0
    for opening, pieces, closing in blocks:
        block, kept = opening, 0
        for piece in pieces:
            if _size(written) + _size(block) + _size(piece) + _size(closing) + _RESERVE > LIMIT:
                break
            block += piece
            kept += 1
        left += len(pieces) - kept
        written += block + closing if kept else ""
    if left:
        written += f"\n{counted(left, 'finding')} did not fit here. `floe diff --format html` shows everything.\n"
    return written


def _size(text: str) -> int:
    return len(text.encode())


def _head(report: Report) -> Iterator[str]:
    yield marker(report.product)
    findings = report.changes.findings
    totals = totals_in_words(report.changes) if findings else "nothing will run differently"
    yield f"### floe diff of {_code(report.product)}: {totals}"
    yield ""
    yield f"{_code(report.old)} → {_code(report.new)}"
    yield ""
    if not findings:
        yield f"{NOTHING}\n"
        return
    if told := list(owners(report.open)):
        names = [f"{_code(one.name)}{_who(one.owner, one.email)}" for one, _ in told[:_MOST_TOLD]]
        more = f" and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
        yield f"**Tell** {', '.join(names)}{more}."
        yield ""
    yield from _table([finding for finding in report.open if finding.level != "safe"])


def _who(owner: str | None, email: str | None) -> str:
    known = ", ".join(_code(text) for text in (owner, email) if text)
    return f" ({known})" if known else ""


def _table(findings: list[Finding]) -> Iterator[str]:
    if not findings:
        return
    yield "| | What | Why | Downstream |"
    yield "| --- | --- | --- | --- |"
    for one in findings[:_ROWS]:
        cells = (
            f"{_MARKS[one.level]} {one.level}",
            f"{_sign(one)} {_in_cell(one.summary)}",
            one.title,
            _in_cell(impact_in_words(one.impact)) if impact_in_words(one.impact) else "",
        )
        yield f"| {' | '.join(cells)} |"
    if len(findings) > _ROWS:
        yield f"\nand {len(findings) - _ROWS} more below."
    yield ""


def _lineage(report: Report) -> Iterator[_Block]:
    graph = report.changes.graph
    if chart := flowchart(graph):
        hidden = f", {left_out(graph)} of them not drawn" if left_out(graph) else ""
        opening = f"<details><summary>lineage: {counted(len(graph.nodes), 'node')}{hidden}</summary>\n\n"
        yield opening, [f"```mermaid\n{chart}\n```\n"], "\n</details>\n"


def _groups(report: Report) -> Iterator[_Block]:
    """The findings of every level, and those that somebody answers for."""
    groups = [(f"{_MARKS[level]} {level}", report.at_level(level)) for level in LEVELS]
    for title, findings in (*groups, ("acknowledged", report.acknowledged)):
        if findings:
            opening = f"<details><summary>{title}: {counted(len(findings), 'finding')}</summary>\n"
            yield opening, [_item(report, one) for one in findings], "\n</details>\n"


def _item(report: Report, finding: Finding) -> str:
    return "\n" + "\n".join(_lines(report, finding)) + "\n"


def _lines(report: Report, finding: Finding) -> Iterator[str]:
    yield f"- {_sign(finding)} {_code(finding.summary)}: **{finding.title}**"
    if not (is_text_of_lines(finding.before) or is_text_of_lines(finding.after)) and finding.change == "changed":
        yield f"  - {_code(in_line(finding.before, _LONGEST))} → {_code(in_line(finding.after, _LONGEST))}"
    if place := report.place(finding.where):
        yield f"  - at {_code(place)}"
    if chain := chain_in_words(finding):
        yield f"  - because {_code(', so '.join(chain))}"
    if reached := reached_in_words(finding):
        yield f"  - reaches {_code(reached)}"
    if finding.probably_broken:
        yield f"  - **probably broken**: {_code(few([node.name for node in finding.probably_broken], most=5))}"
    if hit := impact_in_words(finding.impact):
        yield f"  - downstream: {_code(hit)}"
    if known := finding.acknowledged or finding.lapsed:
        over = "" if finding.acknowledged else ", which is over"
        yield f"  - acknowledged by {_code(known.who)} until {_code(known.until)}{over}: {_code(known.why)}"
    yield f"  - {finding.explanation} ({_code(finding.rule)}, {_code(finding.fingerprint)})"


def _sign(finding: Finding) -> str:
    return f"`{SIGNS[finding.change]}`"


def _code(text: str) -> str:
    """A code span that the text cannot leave."""
    text = in_one_line(text)
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    ticks = "`" * (max(map(len, _TICKS.findall(text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _in_cell(text: str) -> str:
    return _code(text).replace("|", "\\|")
