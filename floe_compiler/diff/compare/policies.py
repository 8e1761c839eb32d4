"""Facts of reports/policy.json: what the platform demands, and what does not satisfy it or is excused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError

from floe_compiler.diff.compare.facts import Fact
from floe_compiler.diff.compare.product import PLATFORM, product_fact
from floe_compiler.diff.compare.structure import leaves
from floe_compiler.model.change_set import Change, Place, Step, Thing
from floe_compiler.model.policy_report import REPORT, PolicyFinding, PolicyJudged, PolicyReport

if TYPE_CHECKING:
    from floe_compiler.verify import VerifiedBundle


def policy_facts(old: VerifiedBundle, new: VerifiedBundle) -> Iterator[Fact]:
    """What is newly demanded, not satisfied, waived or satisfied."""
    before, after = _report(old), _report(new)
    if before is None or after is None:
        if _bytes(old) != _bytes(new):
            yield product_fact("file", "changed", "file", REPORT, Place(file=REPORT, in_bundle=True))
        return
    yield from _demands({item.name: item for item in before.policies}, {item.name: item for item in after.policies})
    demanded = {item.name for item in after.policies}
    yield from _outcomes(
        {(item.policy, item.node): item for item in before.findings if item.policy in demanded},
        {(item.policy, item.node): item for item in after.findings},
    )


def _report(bundle: VerifiedBundle) -> PolicyReport | None:
    """The report; None for one of another form, which can only be compared as a whole."""
    if REPORT not in bundle.paths:
        return PolicyReport(outcome="not_judged")
    try:
        return PolicyReport.model_validate_json(bundle.read(REPORT))
    except ValidationError:
        return None


def _bytes(bundle: VerifiedBundle) -> bytes:
    return bundle.read(REPORT) if REPORT in bundle.paths else b""


def _demands(old: dict[str, PolicyJudged], new: dict[str, PolicyJudged]) -> Iterator[Fact]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            change: Change = "added" if before is None else "removed"
            sides = (before.severity if before else None, after.severity if after else None)
            yield product_fact(f"policy.{change}", change, "policy", name, PLATFORM, before=sides[0], after=sides[1])
            continue
        if before.severity != after.severity:
            yield product_fact(
                "policy.severity", "changed", "policy", name, PLATFORM, field="severity",
                before=before.severity, after=after.severity,
            )  # fmt: skip
        for path, was, becomes in leaves(before.parameters, after.parameters):
            yield product_fact(
                "policy.parameters", "changed", "policy", name, PLATFORM, field=path, before=was, after=becomes
            )


def _outcomes(old: dict[tuple[str, str], PolicyFinding], new: dict[tuple[str, str], PolicyFinding]) -> Iterator[Fact]:
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if after is None:
            yield _outcome("satisfied", "removed", before, after)
        elif before is None or before.verdict != after.verdict:
            change: Change = "added" if before is None else "changed"
            yield _outcome("waived" if after.verdict == "waived" else "failing", change, before, after)
        elif before.waiver != after.waiver:
            yield _outcome("waiver", "changed", before, after)


def _outcome(what: str, change: Change, before: PolicyFinding | None, after: PolicyFinding | None) -> Fact:
    finding = after or before
    assert finding is not None  # noqa: S101 - one of the two is there
    place = Place(file=finding.file, line=finding.line) if after else Place(file=finding.file)
    thing = Thing(
        kind="policy_finding",
        id=f"{finding.policy}:{finding.node}",
        name=f"{finding.policy} for {finding.node}",
        targets=tuple(finding.targets),
    )
    step = Step(what=finding.message, kind="policy", id=finding.policy, name=finding.policy, where=place)
    of_waiver = what == "waiver"
    was, becomes = (_excuse(side) if of_waiver else side and side.verdict for side in (before, after))
    field = "waiver" if of_waiver else None
    return Fact(f"policy_finding.{what}", change, thing, field, was, becomes, place, (step,), reaches=(finding.node,))


def _excuse(finding: PolicyFinding | None) -> dict[str, str] | None:
    return finding.waiver.model_dump(mode="json") if finding and finding.waiver else None
