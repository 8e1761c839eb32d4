"""The stage itself: facts, grades, impact and acknowledgements, put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from floe_compiler.diff.compare.comparison import compare
from floe_compiler.diff.compare.facts import Fact
from floe_compiler.diff.fingerprints import fingerprint
from floe_compiler.diff.graph import graph_of
from floe_compiler.diff.lineage import NO_IMPACT, Lineage
from floe_compiler.diff.rules import Case, rule_for
from floe_compiler.diff.summaries import shortened, summary
from floe_compiler.model.acknowledgements import NONE, Acknowledgement, Acknowledgements
from floe_compiler.model.change_set import LEVELS, Acknowledged, BundleSide, ChangeSet, Finding, Level, Totals

if TYPE_CHECKING:
    from floe_compiler.verify import VerifiedBundle

_RANK: Final[Mapping[Level, int]] = {level: rank for rank, level in enumerate(LEVELS)}


def diff(old: VerifiedBundle, new: VerifiedBundle, acknowledgements: Acknowledgements = NONE) -> ChangeSet:
    """What runs differently when `new` takes the place of `old`.

    Raises FloeError when the bytes of a bundle are no longer those that were verified.
    """
    comparison = compare(old, new)
    findings = sorted(
        (_finding(fact, comparison.lineage, acknowledgements) for fact in comparison.facts), key=_sort_key
    )
    return ChangeSet(
        old=_side(old),
        new=_side(new),
        findings=tuple(findings),
        graph=graph_of(findings, comparison.lineage),
        totals=_totals(findings),
    )


def _finding(fact: Fact, lineage: Lineage, acknowledgements: Acknowledgements) -> Finding:
    """The fact with its grade. What is safe hits nobody, so it has no impact."""
    reached = [found.node.id for found in fact.affected if found.compiled != "same"]
    impact = lineage.impact(lineage.below([fact.thing.id], [*fact.reaches, *reached]))
    rule = rule_for(Case(fact, impact))
    name = fingerprint(rule.id, fact)
    holding, lapsed = _acknowledged(name, acknowledgements)
    return Finding(
        rule=rule.id,
        title=rule.title,
        level=rule.level,
        change=fact.change,
        object=fact.thing,
        field=fact.field,
        before=shortened(fact.before),
        after=shortened(fact.after),
        summary=summary(fact),
        explanation=rule.explanation,
        cause=fact.cause,
        affected=fact.affected,
        probably_broken=fact.broken,
        impact=NO_IMPACT if rule.level == "safe" else impact,
        where=fact.where,
        fingerprint=name,
        acknowledged=holding,
        lapsed=lapsed,
    )


def _acknowledged(name: str, acknowledgements: Acknowledgements) -> tuple[Acknowledged | None, Acknowledged | None]:
    """The acknowledgement that holds, or the last of those that no longer do."""
    entries = sorted(
        (entry for entry in acknowledgements.entries if entry.fingerprint == name), key=lambda entry: entry.until
    )
    if not entries:
        return None, None
    latest = entries[-1]
    return (_as_shown(latest), None) if acknowledgements.holds(latest) else (None, _as_shown(latest))


def _as_shown(entry: Acknowledgement) -> Acknowledged:
    return Acknowledged(who=entry.who, why=entry.why, until=entry.until)


def _side(bundle: VerifiedBundle) -> BundleSide:
    index = bundle.index
    return BundleSide(
        digest=bundle.digest,
        product=index.product.name,
        version=index.product.version,
        platform=index.platform.name,
        platform_version=index.platform.version,
        targets=tuple(sorted(index.targets)),
    )


def _sort_key(finding: Finding) -> tuple[int, str, str, str, tuple[str, ...], str]:
    thing = finding.object
    return (_RANK[finding.level], thing.kind, thing.id, finding.field or "", thing.targets, finding.fingerprint)


def _totals(findings: Iterable[Finding]) -> Totals:
    counts = dict.fromkeys((*LEVELS, "acknowledged"), 0)
    for finding in findings:
        counts["acknowledged" if finding.acknowledged else finding.level] += 1
    return Totals(**counts)
