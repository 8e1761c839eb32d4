"""html: one page for a browser that asks nobody for anything: a list by risk, search, and a lineage to click through.

Everything that comes from a project is escaped (jinja2 with autoescape), and the page's own policy lets nothing run
but the script whose digest it names.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from floe_compiler.diff.render.page.lineage import lineage_view
from floe_compiler.diff.render.page.script import SCRIPT
from floe_compiler.diff.render.page.style import STYLE
from floe_compiler.diff.render.page.template import TEMPLATE
from floe_compiler.diff.render.report import (
    ABOUT,
    NOTHING,
    SIGNS,
    Report,
    chain_in_words,
    counted,
    in_line,
    is_text_of_lines,
    lines_of,
    owner_in_words,
    owners,
)
from floe_compiler.diff.render.visible import in_one_line, visible
from floe_compiler.digests import digest
from floe_compiler.model.change_set import LEVELS, Affected, Finding, NodeRef, OwnedRef

_ENVIRONMENT: Final = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
_PAGE: Final = _ENVIRONMENT.from_string(TEMPLATE)
_MOST_OPEN: Final = 30
"""A group of safe findings with more than these is closed at first."""
_MOST_NAMED: Final = 12
_AROUND: Final = 3
_MOST_TOLD: Final = 3
_KNOWN: Final = "acknowledged"


def render(report: Report) -> str:
    """The page."""
    graph = report.changes.graph
    lineage = lineage_view(graph)
    place = {node.id: at for at, node in enumerate(graph.nodes)}
    levels = list(_levels(report, place))
    return _PAGE.render(
        policy=_policy(),
        style=Markup(STYLE),  # noqa: S704 - a constant of ours
        script=Markup(SCRIPT),  # noqa: S704 - a constant of ours
        product=in_one_line(report.product),
        old=in_one_line(report.old),
        new=in_one_line(report.new),
        verdict=_verdict(report),
        nothing=NOTHING,
        any_findings=bool(report.changes.findings),
        levels=levels,
        lineage=lineage,
        data=lineage.data,
    )


def _policy() -> str:
    """Nothing is fetched, and nothing runs but what is known by its digest."""
    return f"default-src 'none'; script-src {_source(SCRIPT)}; style-src {_source(STYLE)}; base-uri 'none'"


def _source(text: str) -> str:
    algorithm, _, hexadecimal = digest(text.encode()).partition(":")
    return f"'{algorithm}-{b64encode(bytes.fromhex(hexadecimal)).decode()}'"


def _verdict(report: Report) -> str:
    """How far it reaches, and whom to tell."""
    impacted = sum(node.state == "impacted" for node in report.changes.graph.nodes)
    told = [in_one_line(owner_in_words(exposure)) for exposure, _ in owners(report.open)]
    more = f" and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    sentences = [
        f"{counted(impacted, 'node')} downstream." if impacted else "",
        f"Tell {', '.join(told[:_MOST_TOLD])}{more}." if told else "",
    ]
    return " ".join(filter(None, sentences))


def _levels(report: Report, place: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    numbers = {finding.fingerprint: number for number, finding in enumerate(report.changes.findings)}
    for level in LEVELS:
        found = [_finding(report, one, numbers[one.fingerprint], place) for one in report.at_level(level)]
        is_open = level != "safe" or len(found) <= _MOST_OPEN
        yield {"name": level, "style": level, "about": ABOUT[level], "is_open": is_open, "findings": found}
    found = [_finding(report, one, numbers[one.fingerprint], place) for one in report.acknowledged]
    about = "somebody looked at these and answers for them"
    yield {"name": _KNOWN, "style": "known", "about": about, "is_open": False, "findings": found}


def _finding(report: Report, finding: Finding, number: int, place: Mapping[str, int]) -> dict[str, Any]:
    thing = finding.object
    long = is_text_of_lines(finding.before) or is_text_of_lines(finding.after)
    lines = list(_lines(lines_of(finding.before), lines_of(finding.after))) if long else []
    own = [thing.id, *(found.node.id for found in finding.affected)]
    several = len({*report.changes.old.targets, *report.changes.new.targets}) > 1
    return {
        "number": number,
        "text": _searched(report, finding),
        "nodes": " ".join(str(place[name]) for name in dict.fromkeys(own) if name in place),
        "summary": in_one_line(finding.summary),
        "sign": SIGNS[finding.change],
        "change": finding.change,
        "kind": in_one_line(thing.kind.replace("_", " ")),
        "name": in_one_line(thing.name),
        "targets": ", ".join(map(in_one_line, thing.targets)) if several else "",
        "rule": finding.rule,
        "title": finding.title,
        "field": in_one_line(finding.field) if finding.field else "",
        "before_line": None if long or finding.before is None else in_one_line(in_line(finding.before, 160)),
        "after_line": None if long or finding.after is None else in_one_line(in_line(finding.after, 160)),
        "lines": lines,
        "lines_title": _lines_title(lines),
        "explanation": _with_code(finding.explanation),
        "cause": list(_cause(report, finding)),
        "place": _place(report, finding.where),
        "reaches": list(_reaches(finding, place)),
        "known": _answered(finding.acknowledged),
        "lapsed": _answered(finding.lapsed),
        "fingerprint": finding.fingerprint,
    }


def _searched(report: Report, finding: Finding) -> str:
    """All that the search looks at, in small letters."""
    impact = finding.impact
    words = [
        finding.summary, finding.title, finding.rule, finding.level, finding.object.id, finding.fingerprint,
        report.place(finding.where) or "", *(step.what for step in finding.cause),
        *(node.name for node in (*impact.models, *impact.metrics, *finding.probably_broken)),
        *(found.node.name for found in finding.affected),
        *(" ".join(filter(None, (one.name, one.owner, one.email))) for one in impact.exposures),
    ]  # fmt: skip
    return in_one_line(" ".join(words)).lower()


def _place(report: Report, where: Any) -> str | None:
    found = report.place(where)
    return in_one_line(found) if found else None


def _answered(by: Any) -> str | None:
    return in_one_line(f"{by.who}, until {by.until}: {by.why}") if by else None


def _with_code(text: str) -> list[dict[str, Any]]:
    """A text of ours in parts: what stands between backticks is code."""
    return [{"text": part, "is_code": number % 2 == 1} for number, part in enumerate(text.split("`"))]


def _cause(report: Report, finding: Finding) -> Iterator[dict[str, Any]]:
    """The chain, where it is more than the edit itself."""
    for words, step in zip(chain_in_words(finding), finding.cause, strict=False):
        yield {"what": in_one_line(words), "place": _place(report, step.where)}


def _reaches(finding: Finding, place: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    impact = finding.impact
    rows: tuple[tuple[str, Sequence[NodeRef], int, bool], ...] = (
        ("Probably broken", finding.probably_broken, len(finding.probably_broken), True),
        ("Reaches", [found.node for found in finding.affected], len(finding.affected), False),
        ("Models below", impact.models, impact.models_total, False),
        ("Metrics below", impact.metrics, impact.metrics_total, False),
        ("Tell", impact.exposures, impact.exposures_total, False),
    )
    ways = {found.node.id: _way(found) for found in finding.affected}
    for title, nodes, total, bad in rows:
        if total:
            few = nodes[:_MOST_NAMED]
            named = [
                {"name": in_one_line(n.name), "at": place.get(n.id), "owner": _owner(n) or ways.get(n.id)} for n in few
            ]
            yield {"title": title, "nodes": named, "more": total - len(few), "bad": bad}


def _way(found: Affected) -> str:
    return in_one_line(f"through {', '.join(step.name for step in found.through)}") if found.through else ""


def _owner(node: NodeRef) -> str:
    if not isinstance(node, OwnedRef):
        return ""
    return in_one_line(" ".join(filter(None, (node.owner, f"<{node.email}>" if node.email else None))))


def _lines(before: Sequence[str], after: Sequence[str]) -> Iterator[dict[str, str]]:
    """What came and what went, with a few lines around it."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(_AROUND)):
        if number:
            yield {"style": "skip-mark", "text": "⋯"}
        for kind, first, last, start, end in group:
            if kind == "equal":
                yield from _marked(" ", "same", before[first:last])
            else:
                yield from _marked("-", "minus", before[first:last])
                yield from _marked("+", "plus", after[start:end])


def _marked(mark: str, style: str, lines: Iterable[str]) -> Iterator[dict[str, str]]:
    return ({"style": style, "text": visible(f"{mark} {line}")} for line in lines)


def _lines_title(lines: Sequence[Mapping[str, str]]) -> str:
    added, removed = (sum(line["style"] == style for line in lines) for style in ("plus", "minus"))
    return f"{counted(added, 'line')} added, {counted(removed, 'line')} removed"
