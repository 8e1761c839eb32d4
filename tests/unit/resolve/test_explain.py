"""Every resolved value says where it comes from: `floe explain`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from floe_compiler.cli.main import main
from floe_compiler.codes import REFUSED, USAGE
from tests.unit.resolve.products import BUILDS, decided, refusal, write_product

TIERS = (
    "plugins: {compute: {use: duckdb, config: {threads: 4}}}\n"
    "policies: {forbidden_packages: {names: [one]}, "
    "checks: {c: {name: check_model_names, model_name_pattern: ^stg_, severity: warn}}}",
    "policies: {forbidden_packages: {names: [two]}}",
    "plugins: {compute: duckdb}\ndefault_target: dev\n"
    "targets: {dev: {compute: duckdb}, prod: {compute: duckdb, config: {threads: 8}}}",
)


@pytest.fixture
def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = write_product(tmp_path, *TIERS, floe=f"{BUILDS}\nschedule: {{cron: '0 6 * * *'}}")
    monkeypatch.chdir(folder)
    return folder


def explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["explain", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("product")
class TestExplain:
    def test_a_choice_shows_who_decided_and_who_had_said_the_same(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert explained(capsys, "plugins.compute")[:3] == [
            "plugins.compute: duckdb",
            "  decided by tier2 1.0.0 at ../tier2.yaml:5:20",
            "  confirmed by tier0 1.0.0 at ../tier0.yaml:4:26",
        ]

    def test_a_targets_value_overrides_the_platforms_and_the_plugins_default(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert explained(capsys, "targets.prod.config.threads") == [
            "targets.prod.config.threads: 8",
            "  decided by tier2 1.0.0 at ../tier2.yaml:7:68",
            "  overrides 4, tier0 1.0.0 at ../tier0.yaml:4:43",
            "  overrides 4, default of compute plugin duckdb",
        ]

    def test_a_value_that_a_target_inherits_says_from_where(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert explained(capsys, "targets.dev.config.threads")[1] == "  decided by tier0 1.0.0 at ../tier0.yaml:4:43"

    def test_a_default_of_a_plugin_is_called_that(self, capsys: pytest.CaptureFixture[str]) -> None:
        lines = explained(capsys, "targets.dev.config.schema")
        assert lines == ["targets.dev.config.schema: main", "  decided by default of compute plugin duckdb"]

    def test_a_plugin_that_nobody_chose_is_the_default_of_its_type(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert explained(capsys, "plugins.dbt_runtime")[1] == "  decided by default of plugins.dbt_runtime"

    def test_a_list_to_which_tiers_add_names_all_of_them(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert explained(capsys, "policies.forbidden_packages.names") == [
            'policies.forbidden_packages.names: ["one", "two"]',
            "  decided by tier1 1.0.0 at ../tier1.yaml:5:40",
            "  added to by tier0 1.0.0 at ../tier0.yaml:5:40",
        ]

    def test_a_part_of_what_is_decided_as_a_whole_can_be_asked_for(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert explained(capsys, "policies.checks.c.severity")[0] == "policies.checks.c.severity: warn"

    def test_values_of_the_product_have_origins_too(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert explained(capsys, "schedule.cron")[1] == "  decided by floe.yaml:6:18"
        assert explained(capsys, "schedule.timezone")[1] == "  decided by default of floe.yaml"
        assert explained(capsys, "metadata.name")[0] == "metadata.name: orders"
        assert explained(capsys, "platform.metadata.name")[0] == "platform.metadata.name: tier2"

    def test_what_has_values_beneath_lists_them(self, capsys: pytest.CaptureFixture[str]) -> None:
        lines = explained(capsys, "targets.prod")
        assert lines[0] == "targets.prod.compute: duckdb  (tier2 1.0.0 at ../tier2.yaml:7:51)"
        assert any(line.startswith("targets.prod.config.threads: 8  (") for line in lines)

    def test_machines_get_the_same(self, capsys: pytest.CaptureFixture[str]) -> None:
        document = json.loads("\n".join(explained(capsys, "plugins.compute.config.threads", "--json")))
        assert document["value"] == 4
        assert [origin["default_of"] for origin in document["chain"]] == [None, "compute plugin duckdb"]
        assert document["chain"][0]["line"] == 4

    def test_an_unknown_value_is_a_usage_error_with_a_suggestion(self, capsys: pytest.CaptureFixture[str]) -> None:
        for asked in ("targets.prod.config.thread", "targets.prood.config.threads"):
            assert main(["explain", asked]) == USAGE
            assert "Did you mean targets." in capsys.readouterr().err

    def test_a_code_is_explained_as_before(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert explained(capsys, "FLOE-R033")[0] == explained(capsys, "r033")[0] == "FLOE-R033: Locked value changed"
        assert main(["explain", "FLOE-R999"]) == USAGE


def test_the_product_can_be_named(product: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "plugins.compute", "--product", str(product)]) == 0
    assert main(["explain", "plugins.compute", "--product", "product", "--target", "prod"]) == 0
    assert main(["explain", "plugins.compute", "--product", "elsewhere"]) == REFUSED


def test_every_value_in_the_files_has_an_origin(product: Path) -> None:
    resolved = decided(product)
    for path, (first, *_) in resolved.origins.items():
        assert first.where or first.default_of, path
    written = {"plugins.compute", "plugins.compute.config.threads", "targets.prod.config.threads", "default_target"}
    assert written <= resolved.origins.keys()
    assert all(resolved.origins[path][0].where for path in written)


def test_what_may_be_a_secret_is_never_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = "plugins: {{compute: {{use: duckdb, config: {{secrets: [{{type: s3, secret: {}}}]}}}}}}"
    product = write_product(tmp_path, secrets.format("hunter2"), secrets.format("{secret: LAKE_KEY}"))
    lines = explained(capsys, "plugins.compute.config.secrets", "--product", str(product))
    assert '"secret": {"secret": "LAKE_KEY"}' in lines[0]
    assert "(not shown)" in lines[2]
    assert "hunter2" not in "".join(lines)


def test_a_locked_configuration_is_refused_without_its_line(tmp_path: Path) -> None:
    plugin = "plugins: {{compute: {{use: duckdb, config: {{path: {}}}}}}}"
    product = write_product(tmp_path, plugin.format("a") + "\nlocked: [plugins.compute]", plugin.format("hunter2"))
    problem = refusal(product)
    assert problem.code == "FLOE-R033"
    assert problem.where and problem.where.text is None
    assert "hunter2" not in problem.message


def test_a_waiver_says_who_gave_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waiver = 'policy: required_owner, nodes: ["*"], owner: me, reason: soon, until: "2999-01-01"'
    product = write_product(tmp_path, f"policies: {{required_owner: {{}}, waivers: [{{{waiver}}}]}}", "")
    lines = explained(capsys, "policies.waivers", "--product", str(product))
    assert len(lines) == 1
    assert '"reason": "soon"' in lines[0]
    assert "tier0.yaml:4:" in lines[0]
