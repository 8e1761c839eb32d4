"""text: one screen for people at a terminal. `+` is added, `~` changed, `-` removed; the worst first, totals last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import groupby
from typing import Final

from floe_compiler.diff.render.report import (
    ABOUT,
    NOTHING,
    SIGNS,
    Report,
    chain_in_words,
    counted,
    few,
    impact_in_words,
    in_line,
    is_text_of_lines,
    lines_of,
    owner_in_words,
    owners,
    reached_in_words,
    thing_in_words,
    totals_in_words,
)
from floe_compiler.diff.render.visible import in_one_line
from floe_compiler.model.change_set import LEVELS, Change, Finding, Level

_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_RED, _GREEN, _YELLOW, _MAGENTA = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[35m"
_COLOURS: Final[dict[Level, str]] = {"breaking": _RED, "risky": _YELLOW, "unknown": _MAGENTA, "safe": _GREEN}
_SIGN_COLOURS: Final[dict[Change, str]] = {
    "added": _GREEN, "removed": _RED, "changed": _YELLOW, "renamed": _YELLOW, "moved": _YELLOW,
}  # fmt: skip
_UNDER: Final = "      "
_MOST_SAFE: Final = 20
"""What is safe is listed in short, and not without end."""


def render(report: Report) -> str:
    """Levels with their findings, those who must be told, and the totals."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    paint = _Paint(report.colour)
    yield paint(_BOLD, f"{report.product}: {in_one_line(report.old)} → {in_one_line(report.new)}")
    if not report.changes.findings:
        yield ""
        yield NOTHING
        return
    for level in LEVELS:
        if findings := report.at_level(level):
            yield ""
            yield paint(_BOLD + _COLOURS[level], level.upper()) + paint(_DIM, f"  {ABOUT[level]}")
            yield from _in_short(report, findings, paint) if level == "safe" else _in_full(report, findings, paint)
    if report.acknowledged:
        yield ""
        yield paint(_BOLD, "ACKNOWLEDGED")
        for finding in report.acknowledged:
            known = finding.acknowledged
            assert known is not None  # noqa: S101 - that is what makes it one of them
            yield f"  {_sign(finding.change, paint)} {in_one_line(finding.summary)}"
            yield paint(_DIM, f"{_UNDER}{in_one_line(f'{known.who}, until {known.until}: {known.why}')}")
    if told := list(owners(report.open)):
        yield ""
        yield paint(_BOLD, "TELL")
        for exposure, hits in told:
            yield f"  {in_one_line(owner_in_words(exposure))}: {_of_what(hits)}"
    yield ""
    yield paint(_BOLD, f"{totals_in_words(report.changes)}.")


def _in_full(report: Report, findings: Iterable[Finding], paint: _Paint) -> Iterator[str]:
    for _, group in groupby(findings, key=lambda finding: (finding.object.kind, finding.object.id)):
        of_object = list(group)
        first = of_object[0]
        change = first.change if first.field is None else "changed"
        yield ""
        name = paint(_BOLD, in_one_line(thing_in_words(first)))
        yield f"  {_sign(change, paint)} {name}{_targets(report, first, paint)}"
        for finding in of_object:
            yield from (f"{_UNDER}{line}" for line in _finding(report, finding, paint))


def _in_short(report: Report, findings: tuple[Finding, ...], paint: _Paint) -> Iterator[str]:
    for finding in findings[:_MOST_SAFE]:
        yield f"  {_sign(finding.change, paint)} {in_one_line(finding.summary)}{_targets(report, finding, paint)}"
    if len(findings) > _MOST_SAFE:
        yield paint(_DIM, f"    and {len(findings) - _MOST_SAFE} more: `--format json` has them all")


def _finding(report: Report, finding: Finding, paint: _Paint) -> Iterator[str]:
    if what := _what(finding, paint):
        yield what
    place = report.place(finding.where)
    at = paint(_DIM, f"  {in_one_line(place)}") if place else ""
    yield f"{paint(_COLOURS[finding.level], finding.title)}  {paint(_DIM, f'[{finding.rule}]')}{at}"
    if chain := chain_in_words(finding):
        yield f"because {in_one_line(', so '.join(chain))}"
    if reached := reached_in_words(finding):
        yield f"reaches {in_one_line(reached)}"
    if hit := impact_in_words(finding.impact):
        yield f"downstream: {in_one_line(hit)}"
    if finding.probably_broken:
        names = in_one_line(few([node.name for node in finding.probably_broken], most=5))
        yield paint(_RED, f"probably broken, since the name still stands in their SQL: {names}")
    if lapsed := finding.lapsed:
        yield paint(_YELLOW, in_one_line(f"acknowledged by {lapsed.who} until {lapsed.until}, which is over"))


def _what(finding: Finding, paint: _Paint) -> str:
    """`materialized: table → view`, `columns.verdict removed`; "" where the sign says it all."""
    field = in_one_line(finding.field) if finding.field else ""
    if finding.change in ("added", "removed"):
        return f"{field} {finding.change}" if field else ""
    name = f"{field}: " if field else "" if finding.change == "changed" else f"{finding.change}: "
    if finding.before is None and finding.after is None:
        return name.removesuffix(": ")
    if is_text_of_lines(finding.before) or is_text_of_lines(finding.after):
        return name + _lines_changed(finding)
    before, after = in_one_line(in_line(finding.before)), in_one_line(in_line(finding.after))
    return f"{name}{paint(_RED, before)} → {paint(_GREEN, after)}"


def _lines_changed(finding: Finding) -> str:
    """How many lines of a text came and went."""
    before, after = lines_of(finding.before), lines_of(finding.after)
    added = removed = 0
    for kind, first, last, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            removed += last - first
            added += end - start
    return " and ".join(
        f"{counted(number, 'line')} {what}" for number, what in ((added, "added"), (removed, "removed")) if number
    )


def _targets(report: Report, finding: Finding, paint: _Paint) -> str:
    """On which targets, where a bundle has several."""
    of_both = {*report.changes.old.targets, *report.changes.new.targets}
    named = finding.object.targets
    return paint(_DIM, f"  on {', '.join(map(in_one_line, named))}") if len(of_both) > 1 and named else ""


def _of_what(hits: Iterable[Finding]) -> str:
    """What an owner has to be told of: `1 breaking, 2 risky: loaves, crumbs, sales`, everything once at its worst."""
    worst: dict[str, Level] = {}
    for finding in hits:
        worst.setdefault(finding.object.name, finding.level)
    counts = Counter(worst.values())
    levels = ", ".join(f"{counts[level]} {level}" for level in LEVELS if counts[level])
    return in_one_line(f"{levels}: {few(list(worst))}")


def _sign(change: Change, paint: _Paint) -> str:
    return paint(_SIGN_COLOURS[change], SIGNS[change])


class _Paint:
    """Colours a text, or leaves it as it is."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, style: str, text: str) -> str:
        return f"{style}{text}{_PLAIN}" if self._colour else text
