"""Judges a product by its platform's policies, on the manifests that dbt made, in their normal form.

Finding, grading and telling are three steps: the rules and the data quality plugin find; severities, waivers
and the day of compiling grade; the report and the problems tell.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from floe_compiler.canonical import canonical_bytes
from floe_compiler.compile.rules import PROJECT_FILE, RULES, Found, Subject, own_findings, place_of
from floe_compiler.digests import digest
from floe_compiler.errors import PolicyRefused, Problem, Where
from floe_compiler.model.policy_report import (
    IdleWaiver,
    PolicyFinding,
    PolicyJudged,
    PolicyReport,
    Verdict,
    WaiverGiven,
)
from floe_compiler.plugins.contracts import Checks, DataQualityPlugin
from floe_compiler.plugins.registry import blame
from floe_compiler.recall import key

if TYPE_CHECKING:
    from floe_compiler.compile.plugins import Configured, ConfiguredPlugins
    from floe_compiler.manifest import NormalManifest
    from floe_compiler.model.policies import Policies, Severity, Waiver
    from floe_compiler.resolve import ResolvedProduct

_VERDICTS: Final[Mapping[Severity, Verdict]] = {"error": "failed", "warn": "warned"}
_MEMBERS: Final = ("nodes", "sources", "macros", "exposures", "unit_tests", "semantic_models", "metrics")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is judged: the manifests by target, and what else would be sealed beside project and manifests."""

    manifests: Mapping[str, NormalManifest]
    others: Iterable[bytes]


def policy_problems(
    resolved: ResolvedProduct, configured: ConfiguredPlugins, accepted: Path | None = None
) -> Iterator[Problem]:
    """What is wrong with the policies themselves: FLOE-R080, FLOE-R081. Needs no manifest.

    `accepted` is a folder of a store's cache: checks that their tool took before are not shown to it again.
    """
    policies = resolved.platform.policies
    if policies is None:
        return
    where = resolved.platform_document.where
    known = severities(policies)
    for i, waiver in enumerate(policies.waivers):
        if waiver.policy not in known:
            message = f"a waiver names the policy `{waiver.policy}`, which there is not"
            hint = f"Policies of this platform: {', '.join(f'`{name}`' for name in sorted(known)) or 'none'}."
            yield Problem("FLOE-R080", message, where(("policies", "waivers", i, "policy")), hint)
    if not policies.checks:
        return
    chosen = configured.by_type["data_quality"]
    checks = checks_of(policies)
    mark = accepted / key((), [digest(canonical_bytes([str(chosen.offer), checks]))], {})[7:] if accepted else None
    if mark and mark.exists():
        return
    with tempfile.TemporaryDirectory(prefix="floe-") as scratch, blame(chosen.offer):
        refused = _plugin(chosen).refused(checks, Path(scratch))
    if mark and not refused:
        _leave(mark)
    for check in refused:
        at = ("policies", "checks", check.check, check.parameter or "name")
        yield Problem("FLOE-R081", f"the check `{check.check}` is not accepted: {check.message}", where(at))


def _leave(mark: Path) -> None:
    """In a store that is there; nothing is made for the sake of a mark, and one that cannot be left is not missed."""
    if mark.parent.parent.is_dir():
        with suppress(OSError):
            mark.parent.mkdir(exist_ok=True)
            mark.touch()


def rendered_checks(resolved: ResolvedProduct, configured: ConfiguredPlugins) -> dict[str, bytes]:
    """The data quality tool's own files, by path in the bundle: what judged can be used there to judge again."""
    policies = resolved.platform.policies
    if policies is None or not policies.checks:
        return {}
    chosen = configured.by_type["data_quality"]
    folder = f"data_quality/{chosen.offer.name}"
    with blame(chosen.offer):
        files = _plugin(chosen).render(checks_of(policies), f"../../targets/{resolved.targets[0].name}")
    return {f"{folder}/{path}": content for path, content in files.items()}


def judge(
    resolved: ResolvedProduct, configured: ConfiguredPlugins, evidence: Evidence, scratch: Path, today: date
) -> PolicyReport:
    """Judges every policy, writing below `scratch`. Raises PolicyRefused with every failure, FLOE-C300; FloeError
    where a check could not be carried out, FLOE-C301 or FLOE-C302."""
    policies = resolved.platform.policies
    if policies is None or not severities(policies):
        return PolicyReport(outcome="no_policies")
    normal = evidence.manifests
    sealed = (*resolved.project.files.values(), *(content for content, _ in normal.values()), *evidence.others)
    subject = Subject(resolved, {target: form for target, (_, form) in normal.items()}, sum(map(len, sealed)))
    found = list(own_findings(policies, subject))
    if policies.checks:
        for target, (manifest, _) in normal.items():
            folder = scratch / target
            found.extend(_checked(policies, configured.by_type["data_quality"], subject, target, manifest, folder))
    report = _report(policies, _together(found), subject, today)
    if report.outcome == "refused":
        raise PolicyRefused(_problems(report, resolved), report.written())
    return report


def checks_of(policies: Policies) -> Checks:
    """The checks as their tool reads them, sorted by the platform's names."""
    return {name: check.model_dump() for name, check in sorted(policies.checks.items())}


def severities(policies: Policies) -> dict[str, Severity]:
    """Every policy that the platform sets, by name."""
    rules = {name: getattr(policies, name) for name in RULES}
    return {name: p.severity for name, p in {**policies.checks, **rules}.items() if p is not None}


def _plugin(chosen: Configured) -> DataQualityPlugin:
    return cast(DataQualityPlugin, chosen.plugin)


def _checked(
    policies: Policies, chosen: Configured, subject: Subject, target: str, manifest: bytes, folder: Path
) -> Iterator[Found]:
    members = {
        unique_id: member
        for section in _MEMBERS
        for unique_id, member in subject.manifests[target].get(section, {}).items()
    }
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    file = folder / "manifest.json"
    file.write_bytes(manifest)
    with blame(chosen.offer):
        findings = _plugin(chosen).judge(checks_of(policies), file, scratch)
    for finding in findings:
        member = members.get(finding.node or "")
        place = place_of(member, subject.resolved.project) if member else (finding.file or PROJECT_FILE, 1)
        yield Found(finding.check, finding.node or subject.product, *place, finding.message, (target,))


def _together(found: Iterable[Found]) -> list[Found]:
    """The same finding on several targets is one."""
    targets: dict[Found, set[str]] = {}
    for each in found:
        targets.setdefault(replace(each, targets=()), set()).update(each.targets)
    return sorted(replace(each, targets=tuple(sorted(on))) for each, on in targets.items())


def _report(policies: Policies, found: list[Found], subject: Subject, today: date) -> PolicyReport:
    known = severities(policies)
    findings = [_graded(each, known[each.policy], policies.waivers, today) for each in found]
    return PolicyReport(
        outcome="refused" if any(f.verdict == "failed" for f in findings) else "passed",
        policies=[_judged(name, policies, known[name], findings) for name in sorted(known)],
        findings=findings,
        idle_waivers=[
            IdleWaiver(policy=w.policy, nodes=w.nodes, owner=w.owner, until=w.until)
            for w in policies.waivers
            if _is_idle(w, findings, subject)
        ],
    )


def _graded(found: Found, severity: Severity, waivers: Iterable[Waiver], today: date) -> PolicyFinding:
    """Of several waivers for one node the one that lasts longest counts."""
    naming = [w for w in waivers if w.policy == found.policy and _names(w, found.node)]
    waiver = max(naming, key=lambda w: w.until, default=None)
    holds = waiver is not None and today.isoformat() <= waiver.until
    return PolicyFinding(
        policy=found.policy,
        verdict="waived" if holds else _VERDICTS[severity],
        node=found.node,
        file=found.file,
        line=found.line,
        message=found.message,
        targets=list(found.targets),
        waiver=WaiverGiven(owner=waiver.owner, reason=waiver.reason, until=waiver.until) if waiver else None,
    )


def _judged(name: str, policies: Policies, severity: Severity, findings: list[PolicyFinding]) -> PolicyJudged:
    verdicts = [finding.verdict for finding in findings if finding.policy == name]
    parameters = policies.checks[name] if name in policies.checks else getattr(policies, name)
    return PolicyJudged(
        name=name,
        severity=severity,
        parameters=parameters.model_dump(mode="json", exclude={"severity"}, exclude_none=True),
        failed=verdicts.count("failed"),
        warned=verdicts.count("warned"),
        waived=verdicts.count("waived"),
    )


def _names(waiver: Waiver, node: str) -> bool:
    return any(fnmatchcase(node, pattern) for pattern in waiver.nodes)


def _is_idle(waiver: Waiver, findings: list[PolicyFinding], subject: Subject) -> bool:
    """Whether nothing needs it. A platform has waivers for other products too: those are not told idle, and
    neither is any while a target is left out, since that may be the one that needs it."""
    if any(f.policy == waiver.policy and _names(waiver, f.node) for f in findings):
        return False
    if not subject.resolved.platform.targets.keys() <= subject.manifests.keys():
        return False
    owners = subject.packages() | {subject.resolved.product.metadata.name}
    packages = (pattern.split(".")[1] if "." in pattern else pattern for pattern in waiver.nodes)
    return any(fnmatchcase(owner, package) for package in packages for owner in owners)


def _problems(report: PolicyReport, resolved: ResolvedProduct) -> Iterator[Problem]:
    for finding in report.findings:
        if finding.verdict == "failed":
            on = f" (target {', '.join(finding.targets)})" if len(resolved.targets) > 1 else ""
            message = f"{finding.policy}: {finding.message}{on}"
            yield Problem("FLOE-C300", message, _where(finding, resolved), _way_out(finding, resolved))


def _where(finding: PolicyFinding, resolved: ResolvedProduct) -> Where:
    """Without the line's text: the first line of a model says nothing, and a refused file may hold anything."""
    if finding.node.startswith("product.") and finding.file != PROJECT_FILE:
        return resolved.product_document.where(()).hidden()
    return replace(resolved.project.where(finding.file), line=finding.line)


def _way_out(finding: PolicyFinding, resolved: ResolvedProduct) -> str:
    expired = f"Its waiver ended on {finding.waiver.until}. " if finding.waiver else ""
    rule = ("policies", finding.policy)
    at = rule if finding.policy in RULES else ("policies", "checks", finding.policy)
    return (
        f"{expired}The policy stands in {resolved.platform_document.where_key(at)}; "
        f"{resolved.platform.metadata.owner} may grant a waiver for {finding.node}."
    )
