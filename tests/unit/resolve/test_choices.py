"""Plugins, targets and products: chosen, approved, and with something to build."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.resolve.products import BUILDS, decided, refusal, refusals, write_product

TWO_TARGETS = "targets: {dev: {compute: duckdb}, prod: {compute: duckdb, config: {path: prod.duckdb}}}"


def test_targets_name_their_compute_and_its_configuration(tmp_path: Path) -> None:
    resolved = decided(write_product(tmp_path, TWO_TARGETS), ["prod", "dev"])
    assert [(t.name, t.compute.name, dict(t.compute.config)) for t in resolved.targets] == [
        ("dev", "duckdb", {}),
        ("prod", "duckdb", {"path": "prod.duckdb"}),
    ]


def test_without_targets_there_is_one_with_the_platforms_compute(tmp_path: Path) -> None:
    resolved = decided(write_product(tmp_path, "plugins: {compute: {use: duckdb, config: {threads: 2}}}"))
    assert [(t.name, dict(t.compute.config)) for t in resolved.targets] == [("dev", {"threads": 2})]
    assert str(resolved.origins["default_target"][0]) == "default of a platform with one target"


def test_several_targets_need_a_default(tmp_path: Path) -> None:
    assert refusal(write_product(tmp_path, TWO_TARGETS)).code == "FLOE-R012"


def test_a_default_target_from_another_tier_is_refused_where_it_was_said(tmp_path: Path) -> None:
    problem = refusal(write_product(tmp_path, "default_target: prood", TWO_TARGETS))
    assert problem.code == "FLOE-R011"
    assert "did you mean `prod`?" in problem.message
    assert "tier0.yaml" in str(problem.where)


@pytest.mark.parametrize(
    ("chosen", "at"),
    [
        ("plugins: {compute: duckdb}", "`plugins.compute` is `duckdb`"),
        ("targets: {dev: {compute: duckdb}}", "`targets.dev.compute` is `duckdb`"),
        ("", "`plugins.compute` is by default `duckdb`"),
    ],
)
def test_an_unapproved_plugin_is_refused_and_both_places_are_named(tmp_path: Path, chosen: str, at: str) -> None:
    problem = refusal(write_product(tmp_path, "approved: {compute: [snowflake]}", chosen))
    assert problem.code == "FLOE-R021"
    assert at in problem.message
    assert "tier0.yaml:4:" in problem.message
    assert "tier1.yaml" in str(problem.where) or not chosen


def test_an_unapproved_compute_of_a_transform_is_refused(tmp_path: Path) -> None:
    transforms = "transforms: [{type: dbt, path: ., compute: duckdb}, {type: dbt, path: .}]"
    platform = "approved: {compute: [snowflake]}"
    problems = refusals(write_product(tmp_path, platform, floe=transforms))
    assert {p.message.split(" is ")[0] for p in problems} == {"`plugins.compute`", "`transforms.0.compute`"}


@pytest.mark.parametrize("plugin_type", ["dbt_runtime", "data_quality"])
def test_a_list_with_nothing_in_it_approves_nothing(tmp_path: Path, plugin_type: str) -> None:
    problem = refusal(write_product(tmp_path, f"approved: {{{plugin_type}: []}}"))
    assert (problem.code, "Approved by tier0 1.0.0: none" in str(problem.hint)) == ("FLOE-R021", True)


def test_a_default_that_nothing_uses_need_not_be_approved(tmp_path: Path) -> None:
    platform = "approved: {compute: [another]}\ntargets: {dev: {compute: another}}"
    assert [p.code for p in refusals(write_product(tmp_path, platform))] == ["FLOE-R010"]


@pytest.mark.parametrize(("approved", "allowed"), [("orders", True), ("ord*", True), ('"*"', True), ("order", False)])
def test_products_are_approved_by_name_or_by_its_beginning(tmp_path: Path, approved: str, allowed: bool) -> None:
    product = write_product(tmp_path, f"approved: {{products: [invoices, {approved}]}}", "")
    if allowed:
        decided(product)
    else:
        problem = refusal(product)
        assert problem.code == "FLOE-R022"
        assert "floe.yaml:3:" in str(problem.where)
        assert "tier0.yaml:4:" in problem.message


def test_a_target_on_which_nothing_is_built_is_refused(tmp_path: Path) -> None:
    transforms = "transforms: [{type: dbt, path: ., compute: snowflake}]"
    product = write_product(tmp_path, "targets: {dev: {compute: duckdb}}", floe=transforms)
    assert "FLOE-R014" in [p.code for p in refusals(product)]
    decided(write_product(tmp_path, "targets: {dev: {compute: duckdb}}", floe=BUILDS))


def test_no_sql_is_compiled_unless_a_tier_asks_for_it_and_the_nearest_decides(tmp_path: Path) -> None:
    silent = decided(write_product(tmp_path / "silent", "plugins: {compute: duckdb}"))
    assert silent.platform.compiled_sql == "none"
    assert str(silent.origins["compiled_sql"][0]) == "default of compiled_sql"
    asked = decided(write_product(tmp_path / "asked", "compiled_sql: none", "compiled_sql: best_effort"))
    assert asked.platform.compiled_sql == "best_effort"
    assert [origin.value for origin in asked.origins["compiled_sql"]] == ["best_effort", "none"]
    assert "tier1.yaml:" in str(asked.origins["compiled_sql"][0])


@pytest.mark.parametrize(("said", "code"), [("off", "FLOE-L036"), ("always", "FLOE-L054")])
def test_another_word_for_compiled_sql_is_refused(tmp_path: Path, said: str, code: str) -> None:
    problem = refusal(write_product(tmp_path, f"compiled_sql: {said}"))
    assert (problem.code, str(problem.where).endswith(":4:15")) == (code, True)
