"""sarif: SARIF 2.1.0, for code scanning and for editors.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. A result's fingerprint is the finding's, so that
one alert lives as long as the finding does; an acknowledgement is an accepted suppression.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Iterator
from typing import Any, Final

from floe_compiler._version import __version__
from floe_compiler.diff.render.report import Report, impact_in_words
from floe_compiler.diff.render.visible import visible
from floe_compiler.model.change_set import Finding, Level, Place, Step

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final[dict[Level, str]] = {"breaking": "error", "risky": "warning", "unknown": "warning", "safe": "note"}
_ROOT: Final = "%SRCROOT%"
_LINKED: Final = frozenset((string.ascii_letters + string.digits + "-._~/").encode())


def render(report: Report) -> str:
    """One run: the rules that apply, and a result a finding."""
    rules = list(dict.fromkeys(finding.rule for finding in report.changes.findings))
    driver = {
        "name": "floe",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(rule, report.changes.findings) for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "automationDetails": {"id": f"floe diff/{report.product}/"},
        "properties": {"old": report.changes.old.digest, "new": report.changes.new.digest},
        "results": [_result(report, finding, rules.index(finding.rule)) for finding in report.changes.findings],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(name: str, findings: Iterable[Finding]) -> dict[str, Any]:
    finding = next(finding for finding in findings if finding.rule == name)
    return {
        "id": name,
        "shortDescription": {"text": finding.title},
        "fullDescription": {"text": finding.explanation},
        "help": {"text": finding.explanation},
        "defaultConfiguration": {"level": _LEVELS[finding.level]},
        "properties": {"tags": [finding.level]},
    }


def _result(report: Report, finding: Finding, rule: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": _LEVELS[finding.level],
        "message": {"text": visible("\n".join(_message(finding)))},
        "locations": [_location(report, finding.where)],
        "partialFingerprints": {"floeFinding/v1": finding.fingerprint},
        "properties": {"level": finding.level, "change": finding.change, "object": visible(finding.object.id)},
    }
    if related := list(_related(report, finding.cause)):
        result["relatedLocations"] = related
    if known := finding.acknowledged:
        said = visible(f"{known.who}, until {known.until}: {known.why}")
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": said}]
    return result


def _message(finding: Finding) -> Iterator[str]:
    yield finding.summary
    if hit := impact_in_words(finding.impact):
        yield f"Downstream: {hit}"


def _location(report: Report, place: Place | None) -> dict[str, Any]:
    """Where the finding is; what has no file of its own is a finding of floe.yaml, since viewers want a file."""
    path = report.path(place)
    line = place.line if place and path and place.line else 1
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(path or report.files.product), "uriBaseId": _ROOT},
            "region": {"startLine": line},
        }
    }


def _related(report: Report, cause: Iterable[Step]) -> Iterator[dict[str, Any]]:
    for step in cause:
        if report.path(step.where):
            yield {**_location(report, step.where), "message": {"text": visible(step.what)}}


def _uri(path: str) -> str:
    return "".join(chr(byte) if byte in _LINKED else f"%{byte:02X}" for byte in path.encode("utf-8", "replace"))
