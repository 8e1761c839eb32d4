"""dbt, Iceberg, OpenTelemetry, OpenLineage and Kubernetes: nothing switches them off or replaces them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.resolve.products import BUILDS, decided, refusal, refusals, write_product

PLATFORM = {
    "table_format: delta": ("Apache Iceberg", "ADR-0018", "`catalog`"),
    "plugins: {table_format: hudi}": ("Apache Iceberg", "ADR-0018", "`storage`"),
    "plugins: {catalog: delta}": ("Apache Iceberg", "ADR-0018", "`catalog`"),
    "plugins: {catalog: {use: polaris, config: {table_format: delta}}}": ("Apache Iceberg", "ADR-0018", "`catalog`"),
    "targets: {dev: {compute: duckdb, table_format: delta}}": ("Apache Iceberg", "ADR-0018", "`catalog`"),
    "enforced: {table_format: delta}": ("Apache Iceberg", "ADR-0018", "`catalog`"),
    "iceberg: {enabled: false}": ("Apache Iceberg", "ADR-0018", "`catalog`"),
    "lineage: none": ("OpenLineage", "ADR-0018", "`lineage`"),
    "plugins: {lineage: none}": ("OpenLineage", "ADR-0018", "`lineage`"),
    "plugins: {lineage: null}": ("OpenLineage", "ADR-0018", "`lineage`"),
    "plugins: {lineage: false}": ("OpenLineage", "ADR-0018", "`lineage`"),
    "plugins: {lineage: {use: none}}": ("OpenLineage", "ADR-0018", "`lineage`"),
    "plugins: {lineage: {use: file, config: {enabled: false}}}": ("OpenLineage", "ADR-0018", "`lineage`"),
    "openlineage: false": ("OpenLineage", "ADR-0018", "`lineage`"),
    "plugins: {observability: disabled}": ("OpenTelemetry", "ADR-0018", "`observability`"),
    "tracing: zipkin": ("OpenTelemetry", "ADR-0018", "`observability`"),
    "deployment: docker-compose": ("Kubernetes", "ADR-0018", "`orchestrator`"),
    "kubernetes: {enabled: false}": ("Kubernetes", "ADR-0018", "`orchestrator`"),
    "deployment: {type: nomad}": ("Kubernetes", "ADR-0018", "`orchestrator`"),
    "sql_framework: sqlmesh": ("dbt", "ADR-0009", "`dbt_runtime`"),
    "plugins: {dbt_runtime: sqlmesh}": ("dbt", "ADR-0009", "`dbt_runtime`"),
    "dbt: false": ("dbt", "ADR-0009", "`dbt_runtime`"),
}


@pytest.mark.parametrize("body", PLATFORM)
def test_a_platform_cannot_cross_the_line(tmp_path: Path, body: str) -> None:
    standard, record, pluggable = PLATFORM[body]
    problem = refusal(write_product(tmp_path, body))
    assert problem.code == "FLOE-R020"
    assert f"{standard} is enforced" in problem.message
    assert record in problem.message
    assert pluggable in str(problem.hint)


def test_a_tier_above_cannot_cross_it_either(tmp_path: Path) -> None:
    assert refusal(write_product(tmp_path, "table_format: delta", "")).code == "FLOE-R020"


@pytest.mark.parametrize("line", ["table_format: delta", "lineage: none", "kubernetes: off-premises"])
def test_a_product_cannot_cross_it(tmp_path: Path, line: str) -> None:
    assert refusal(write_product(tmp_path, "", floe=f"{BUILDS}\n{line}")).code == "FLOE-R020"


def test_a_transform_cannot_bring_its_own_table_format(tmp_path: Path) -> None:
    floe = "transforms: [{type: dbt, path: ., table_format: delta}]"
    assert refusal(write_product(tmp_path, "", floe=floe)).code == "FLOE-R020"


def test_a_transform_of_another_framework_is_told_who_decided(tmp_path: Path) -> None:
    problem = refusal(write_product(tmp_path, "", floe="transforms: [{type: sqlmesh, path: .}]"))
    assert problem.code == "FLOE-R002"
    assert "ADR-0009" in str(problem.hint)
    assert "`dbt_runtime`" in str(problem.hint)


def test_other_problems_are_reported_beside_it(tmp_path: Path) -> None:
    codes = [p.code for p in refusals(write_product(tmp_path, "table_format: delta\nplugns: {}"))]
    assert codes == ["FLOE-R020", "FLOE-L051"]


def test_names_that_people_give_are_not_taken_for_standards(tmp_path: Path) -> None:
    platform = (
        "targets: {delta: {compute: duckdb}}\napproved: {products: [orders, hudi]}\n"
        "plugins: {compute: {use: duckdb, config: {settings: {tracing: zipkin}}}}"
    )
    decided(write_product(tmp_path, platform, floe=f"{BUILDS}\nenv: {{DELTA: none}}"))


def test_to_name_a_standard_is_no_breach_but_no_key_either(tmp_path: Path) -> None:
    assert refusal(write_product(tmp_path, "table_format: iceberg")).code == "FLOE-L051"
