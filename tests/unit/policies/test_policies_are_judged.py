"""What the policies of the governed product say of it, judged on what the real dbt made of it."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from floe_compiler.builtin.data_quality.dbt_bouncer import DbtBouncer
from floe_compiler.errors import FloeError, PolicyRefused, Problem
from floe_compiler.model.policy_report import PolicyFinding, PolicyReport
from floe_compiler.plugins.contracts import Checks, DataQualityPlugin, Finding, Plugin, RefusedCheck
from floe_compiler.plugins.registry import Offer, PluginRegistry
from tests.unit.policies.conftest import Judge
from tests.unit.policies.products import TARGETS, change, with_policies

TODAY = date(2026, 11, 23)


def refusal(judged: Judge, **how: Any) -> PolicyRefused:
    with pytest.raises(PolicyRefused) as refused:
        judged(TODAY, **how)
    return refused.value


def places(error: FloeError) -> list[str]:
    return [
        f"{problem.code} {Path(problem.where.file).name}:{problem.where.line}"
        for problem in error.problems
        if problem.where
    ]


def about(report: PolicyReport, policy: str) -> list[PolicyFinding]:
    return [finding for finding in report.findings if finding.policy == policy]


def test_all_ten_policies_are_judged_and_the_report_says_what_each_found(judged: Judge) -> None:
    report = judged(TODAY)
    found = {policy.name: (policy.failed, policy.warned, policy.waived) for policy in report.policies}
    assert report.outcome == "passed"
    assert found == {
        "allowed_materializations": (0, 0, 0),
        "forbidden_packages": (0, 0, 0),
        "keys-tested": (0, 0, 1),
        "macros-described": (0, 1, 0),
        "max_bundle_size": (0, 0, 0),
        "models-described": (0, 0, 0),
        "required_owner": (0, 0, 0),
        "required_schedule": (0, 0, 0),
        "sources-described": (0, 1, 0),
        "staging-names": (0, 0, 1),
    }


def test_a_finding_has_its_node_with_file_and_line_and_its_targets(judged: Judge) -> None:
    (source,) = about(judged(TODAY, targets=TARGETS), "sources-described")
    assert (source.node, source.file, source.line) == (
        "source.governed.garden.baskets",
        "models/staging/_staging.yml",
        6,
    )
    assert source.targets == ["dev", "prod"]
    assert source.verdict == "warned"


def test_a_node_that_fails_is_refused_at_its_file_with_the_place_of_the_policy(governed: Path, judged: Judge) -> None:
    change(governed / "platform-manifest.yaml", "keys-tested\n", "staging-names\n")
    error = refusal(judged)
    assert error.exit_status == 1
    assert places(error) == ["FLOE-C300 harvest.sql:1"]
    (problem,) = error.problems
    assert "keys-tested" in problem.message and "platform-manifest.yaml:14" in str(problem.hint)


def test_a_refusal_brings_the_whole_report(governed: Path, judged: Judge) -> None:
    change(governed / "platform-manifest.yaml", "keys-tested\n", "staging-names\n")
    report = PolicyReport.model_validate_json(refusal(judged).report)
    assert report.outcome == "refused"
    assert [finding.verdict for finding in report.findings] == ["failed", "warned", "warned", "waived"]


def test_a_warning_refuses_nothing(governed: Path, judged: Judge) -> None:
    with_policies(governed, "policies: {checks: {a: {name: check_model_has_unique_test, severity: warn}}}")
    report = judged(TODAY)
    assert (report.outcome, {finding.verdict for finding in report.findings}) == ("passed", {"warned"})


def test_without_policies_nothing_is_asked_and_the_report_says_so(governed: Path, judged: Judge) -> None:
    with_policies(governed, "")
    assert judged(TODAY, registry=Replaced(NeverAsked())).outcome == "no_policies"


def test_rules_alone_start_no_tool(governed: Path, judged: Judge) -> None:
    with_policies(governed, "policies: {required_owner: {}}")
    assert judged(TODAY, registry=Replaced(NeverAsked())).outcome == "passed"


def test_the_report_is_the_same_whatever_order_dbt_wrote_its_manifest_in(
    governed: Path, judged: Judge, manifests: dict[str, bytes]
) -> None:
    with_policies(
        governed,
        """
        policies:
          checks:
            coverage: {name: check_model_test_coverage, min_model_test_coverage_pct: 100, severity: warn}
            documented:
              name: check_model_documentation_coverage
              min_model_documentation_coverage_pct: 100
              severity: warn
            described: {name: check_source_description_populated, severity: warn}
        """,
    )
    shuffled = {target: json.dumps(_shuffled(json.loads(manifest))).encode() for target, manifest in manifests.items()}
    assert shuffled != manifests
    assert judged(TODAY, of=shuffled).written() == judged(TODAY).written()


def test_the_report_knows_neither_the_machine_nor_the_day(judged: Judge, tmp_path: Path) -> None:
    report = judged(TODAY).written()
    assert str(tmp_path).encode() not in report
    assert TODAY.isoformat().encode() not in report
    assert report == judged(date(2027, 1, 1)).written()


def test_a_node_cannot_excuse_itself(governed: Path, judged: Judge, manifests: dict[str, bytes]) -> None:
    excused = {}
    for target, manifest in manifests.items():
        document = json.loads(manifest)
        for owner in (
            document["nodes"]["model.governed.harvest"],
            document["nodes"]["model.governed.harvest"]["config"],
        ):
            owner["meta"] = {"dbt-bouncer": {"skip_checks": ["check_model_has_unique_test"]}}
        excused[target] = json.dumps(document).encode()
    with_policies(
        governed, "policies: {checks: {keys-tested: {name: check_model_has_unique_test, include: ^models/marts}}}"
    )
    assert places(refusal(judged, of=excused)) == ["FLOE-C300 harvest.sql:1"]


def test_a_check_that_concerns_no_node_is_passed(governed: Path, judged: Judge) -> None:
    with_policies(
        governed, "policies: {checks: {a: {name: check_model_names, model_name_pattern: x, include: ^nowhere}}}"
    )
    assert judged(TODAY).outcome == "passed"


def test_what_concerns_the_whole_project_is_told_of_the_product(governed: Path, judged: Judge) -> None:
    with_policies(
        governed,
        "policies: {checks: {coverage: {name: check_model_test_coverage, min_model_test_coverage_pct: 100}}}",
    )
    error = refusal(judged)
    assert places(error) == ["FLOE-C300 dbt_project.yml:1"]
    assert "product.governed" in str(error.problems[0].hint)


def test_a_tool_that_crashes_has_passed_nothing(tmp_path: Path) -> None:
    """dbt-bouncer ends with the same status when it crashes as when a check fails."""
    nameless = {"resource_type": "model", "package_name": "shop", "original_file_path": "models/a.sql"}
    manifest = {"metadata": {"dbt_version": "1.11.16", "project_name": "shop"}, "nodes": {"model.shop.a": nameless}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "scratch").mkdir()
    checks = {"a": {"name": "check_model_description_populated"}}
    with pytest.raises(FloeError, match=r"FLOE-C302 dbt-bouncer ended with status 1\."):
        DbtBouncer().judge(checks, tmp_path / "manifest.json", tmp_path / "scratch")


def test_an_installed_tool_that_fails_is_named(governed: Path, judged: Judge) -> None:
    class Clumsy(NeverAsked):
        def refused(self, checks: Checks, scratch: Path) -> tuple[RefusedCheck, ...]:
            raise OSError("stumbled")

    with pytest.raises(FloeError, match=r"data_quality plugin `dbt_bouncer`.*stumbled"):
        judged(TODAY, registry=Replaced(Clumsy()))


class TestRules:
    """The rules that are floe's own."""

    def test_a_materialization_that_the_target_does_not_allow(self, governed: Path, judged: Judge) -> None:
        with_policies(
            governed, "policies: {allowed_materializations: {default: [view, table], by_target: {prod: [table]}}}"
        )
        assert judged(TODAY).outcome == "passed"
        error = refusal(judged, targets=TARGETS)
        assert places(error) == ["FLOE-C300 legacy_baskets.sql:1", "FLOE-C300 stg_herbs.sql:1"]
        assert all("view; allowed are table (target prod)" in problem.message for problem in error.problems)

    def test_a_target_without_a_list_of_its_own_allows_everything_when_there_is_no_default(
        self, governed: Path, judged: Judge
    ) -> None:
        with_policies(governed, "policies: {allowed_materializations: {by_target: {prod: [table]}}}")
        assert judged(TODAY).outcome == "passed"

    def test_a_product_without_an_owner(self, governed: Path, judged: Judge) -> None:
        change(governed / "floe.yaml", "owner: {name: Herb garden, email: garden@herbgarden.example}\n", "")
        assert places(refusal(judged)) == ["FLOE-C300 floe.yaml:1"]

    def test_an_owner_without_name_or_address_is_none(self, governed: Path, judged: Judge) -> None:
        change(governed / "floe.yaml", "{name: Herb garden, email: garden@herbgarden.example}", "{}")
        assert places(refusal(judged)) == ["FLOE-C300 floe.yaml:1"]

    def test_a_product_without_a_schedule(self, governed: Path, judged: Judge) -> None:
        change(governed / "floe.yaml", 'schedule: {cron: "30 5 * * *", timezone: Europe/Zurich}\n', "")
        (finding,) = about(judged(TODAY), "required_schedule")
        assert (finding.verdict, finding.node, finding.file) == ("warned", "product.governed", "floe.yaml")

    def test_a_bundle_that_is_too_large_by_one_byte(
        self, governed: Path, judged: Judge, manifests: dict[str, bytes]
    ) -> None:
        files = (file for file in governed.rglob("*") if file.suffix in (".sql", ".yml"))
        size = len(manifests["dev"]) + sum(file.stat().st_size for file in files)
        with_policies(governed, f"policies: {{max_bundle_size: {{bytes: {size}}}}}")
        assert judged(TODAY).outcome == "passed"
        with_policies(governed, f"policies: {{max_bundle_size: {{bytes: {size - 1}}}}}")
        assert places(refusal(judged)) == ["FLOE-C300 floe.yaml:1"]

    def test_a_forbidden_package_at_the_line_that_names_it(
        self, governed: Path, judged: Judge, manifests: dict[str, bytes]
    ) -> None:
        (governed / "packages.yml").write_text("packages:\n  - package: still/moonshine\n    version: 1.0.0\n")
        installed = {
            target: manifest.replace(b'"package_name":"dbt_duckdb"', b'"package_name":"moonshine"', 1)
            for target, manifest in manifests.items()
        }
        error = refusal(judged, of=installed)
        assert places(error) == ["FLOE-C300 packages.yml:2"]
        assert "package.moonshine" in str(error.problems[0].hint)


class TestThePoliciesThemselves:
    """What is refused of them before dbt runs."""

    def test_a_check_that_the_tool_does_not_know(self, governed: Path, judged: Judge) -> None:
        change(governed / "platform-manifest.yaml", "name: check_model_names", "name: check_model_nams")
        assert problems_of_policies(judged) == [
            "FLOE-R081 platform-manifest.yaml:12: the check `staging-names` is not accepted: Check 'check_model_nams' "
            "does not match any of the expected checks. Did you mean 'check_model_names'?"
        ]

    def test_a_parameter_that_the_tool_refuses(self, governed: Path, judged: Judge) -> None:
        change(governed / "platform-manifest.yaml", "model_name_pattern: ^stg_", "model_name_pattern: '('")
        (problem,) = problems_of_policies(judged)
        assert problem.startswith("FLOE-R081 platform-manifest.yaml:12: ") and "Invalid regex pattern '('" in problem

    def test_a_waiver_of_a_policy_that_there_is_not(self, governed: Path, judged: Judge) -> None:
        change(governed / "platform-manifest.yaml", "policy: keys-tested", "policy: keys-testd")
        assert problems_of_policies(judged) == [
            "FLOE-R080 platform-manifest.yaml:26: a waiver names the policy `keys-testd`, which there is not"
        ]

    def test_all_of_it_at_once(self, governed: Path, judged: Judge) -> None:
        change(governed / "platform-manifest.yaml", "policy: keys-tested", "policy: keys-testd")
        change(governed / "platform-manifest.yaml", "name: check_model_names", "name: check_model_nams")
        change(governed / "platform-manifest.yaml", "name: check_macro_d", "colour: red, name: check_macro_d")
        assert [problem.split(":")[0] for problem in problems_of_policies(judged)] == [
            "FLOE-R081 platform-manifest.yaml",
            "FLOE-R081 platform-manifest.yaml",
            "FLOE-R080 platform-manifest.yaml",
        ]


def problems_of_policies(judged: Judge) -> list[str]:
    with pytest.raises(FloeError) as refused:
        judged(TODAY)
    return [_line(problem) for problem in refused.value.problems]


def _line(problem: Problem) -> str:
    assert problem.where
    return f"{problem.code} {Path(problem.where.file).name}:{problem.where.line}: {problem.message}"


def _shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        random.Random(len(keys)).shuffle(keys)
        return {key: _shuffled(value[key]) for key in keys}
    return value


class NeverAsked(DataQualityPlugin):
    """A tool that nobody needs."""

    summary = "never asked"

    def render(self, checks: Checks, artifacts: str) -> dict[str, bytes]:
        raise AssertionError("nobody needs this tool")

    def refused(self, checks: Checks, scratch: Path) -> tuple[RefusedCheck, ...]:
        raise AssertionError("nobody needs this tool")

    def judge(self, checks: Checks, manifest: Path, scratch: Path) -> tuple[Finding, ...]:
        raise AssertionError("nobody needs this tool")


class Replaced(PluginRegistry):
    """The installed plugins, with another data quality plugin under the default's name."""

    def __init__(self, plugin: DataQualityPlugin) -> None:
        super().__init__()
        self._plugin = plugin

    def plugin_class(self, offer: Offer) -> type[Plugin]:
        return type(self._plugin) if offer.type.key == "data_quality" else super().plugin_class(offer)
