"""github: workflow commands that GitHub shows as annotations at the lines of a pull request.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands. GitHub shows ten of each level a
step, so the worst come first, and what is safe or acknowledged is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from floe_compiler.diff.render.report import NOTHING, Report, impact_in_words, owner_in_words, totals_in_words
from floe_compiler.diff.render.visible import visible
from floe_compiler.model.change_set import Finding, Level

_COMMANDS: Final[dict[Level, str]] = {"breaking": "error", "risky": "warning", "unknown": "warning"}
_IN_MESSAGES: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES: Final = {**_IN_MESSAGES, ":": "%3A", ",": "%2C"}


def render(report: Report) -> str:
    """One line a finding, and one that counts them."""
    return "\n".join([*_annotations(report), _summary(report)]) + "\n"


def _annotations(report: Report) -> Iterator[str]:
    for finding in report.open:
        if finding.level in _COMMANDS:
            properties = ",".join(
                f"{key}={_escaped(value, _IN_PROPERTIES)}" for key, value in _properties(report, finding)
            )
            message = _escaped("\n".join(_message(finding)), _IN_MESSAGES)
            yield f"::{_COMMANDS[finding.level]} {properties}::{message}"


def _properties(report: Report, finding: Finding) -> Iterator[tuple[str, str]]:
    path = report.path(finding.where)
    if path and finding.where:
        yield "file", path
        if finding.where.line:
            yield "line", str(finding.where.line)
    yield "title", f"{finding.level}: {finding.title}"


def _message(finding: Finding) -> Iterator[str]:
    yield finding.summary
    if hit := impact_in_words(finding.impact):
        yield f"Downstream: {hit}"
    if finding.impact.exposures:
        yield f"Tell: {'; '.join(map(owner_in_words, finding.impact.exposures))}"
    yield f"{finding.explanation} [{finding.rule}, {finding.fingerprint}]"


def _summary(report: Report) -> str:
    if not report.changes.findings:
        return f"floe diff of {report.product}: {NOTHING}"
    return f"floe diff of {report.product}: {totals_in_words(report.changes)}"


def _escaped(text: str, forms: dict[str, str]) -> str:
    return visible(text).translate({ord(character): form for character, form in forms.items()})
