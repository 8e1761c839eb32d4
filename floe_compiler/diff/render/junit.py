"""junit: findings as test cases, for every CI that shows test reports.

https://github.com/testmoapp/junitxml. What makes the answer no is a failure; what somebody answers for is skipped;
everything else passes, with its text as output.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, tostring

from floe_compiler.diff.render.report import NOTHING, Report, impact_in_words
from floe_compiler.diff.render.visible import visible
from floe_compiler.model.change_set import Finding


def render(report: Report) -> str:
    """One suite: the comparison. One test case a finding."""
    failing = [finding for finding in report.open if finding.level in report.failing]
    counts = {
        "tests": str(max(len(report.changes.findings), 1)),
        "failures": str(len(failing)),
        "errors": "0",
        "skipped": str(len(report.acknowledged)),
    }
    suites = Element("testsuites", {"name": "floe diff", **counts})
    suite = SubElement(
        suites, "testsuite", {"name": visible(f"{report.product}: {report.old} to {report.new}"), **counts}
    )
    if not report.changes.findings:
        SubElement(suite, "testcase", {"classname": report.product, "name": NOTHING})
    for finding in report.changes.findings:
        _add_case(suite, report, finding)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _add_case(suite: Element, report: Report, finding: Finding) -> None:
    names = {"classname": f"{report.product}.{finding.level}.{finding.rule}", "name": visible(finding.summary)}
    path = report.path(finding.where)
    if path and finding.where:
        names["file"] = visible(path)
        if finding.where.line:
            names["line"] = str(finding.where.line)
    case = SubElement(suite, "testcase", names)
    text = visible("\n".join(_text(report, finding)))
    if known := finding.acknowledged:
        SubElement(case, "skipped", {"message": visible(f"{known.who}, until {known.until}: {known.why}")})
    elif finding.level in report.failing:
        about = {"type": finding.level, "message": visible(f"{finding.title}: {finding.summary}")}
        SubElement(case, "failure", about).text = text
    else:
        SubElement(case, "system-out").text = text


def _text(report: Report, finding: Finding) -> Iterator[str]:
    yield f"{finding.level}: {finding.title}"
    if place := report.place(finding.where):
        yield f"at {place}"
    yield from (f"because {step.what}" for step in finding.cause)
    if hit := impact_in_words(finding.impact):
        yield f"downstream: {hit}"
    yield finding.explanation
    yield f"{finding.rule} {finding.fingerprint}"
