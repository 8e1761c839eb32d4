"""Which models Cube gets, what they are called there, and what is said of what it does not get."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from floe_compiler.builtin.semantic_layer._cube_text import model_file
from floe_compiler.builtin.semantic_layer.cube import CubeConfig, CubeSemanticLayer
from floe_compiler.model.bundle import BundleHead
from tests.bundles import index_value

HEAD = BundleHead.model_validate({key: value for key, value in index_value().items() if key in BundleHead.model_fields})


def model(name: str, *, folder: str = "marts", **fields: Any) -> dict[str, Any]:
    """A model as dbt writes it, so far as it matters here."""
    return {
        "unique_id": f"model.shop.{name}",
        "resource_type": "model",
        "name": name,
        "package_name": "shop",
        "fqn": ["shop", folder, name],
        "relation_name": f'"db"."s"."{name}"',
        "columns": {},
        **fields,
    }


def columns(*names: str, **types: str) -> dict[str, Any]:
    return {name: {"name": name, "data_type": types.get(name)} for name in (*names, *types)}


def semantic(name: str, of: str, **fields: Any) -> dict[str, Any]:
    return {"unique_id": f"semantic_model.shop.{name}", "name": name, "depends_on": {"nodes": [of]}, **fields}


def metric(name: str, kind: str = "simple", **type_params: Any) -> dict[str, Any]:
    return {"unique_id": f"metric.shop.{name}", "name": name, "type": kind, "type_params": type_params}


def manifest(*nodes: dict[str, Any], **sections: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "metadata": {"adapter_type": "duckdb"},
        "nodes": {node["unique_id"]: node for node in nodes},
        **{name: {item["unique_id"]: item for item in items} for name, items in sections.items()},
    }


def rendered(on: dict[str, Any], **config: Any) -> dict[str, Any]:
    """The cubes and views by name; the environment file as text."""
    files = CubeSemanticLayer().render(CubeConfig.model_validate(config), HEAD, {"dev": on})
    documents = {path: yaml.safe_load(content) for path, content in files.items() if path.endswith(".yml")}
    return {
        **{
            entry["name"]: entry
            for document in documents.values()
            for entries in document.values()
            for entry in entries
        },
        "cube.env": files["cube.env"].decode(),
    }


def names(members: list[dict[str, Any]]) -> list[str]:
    return [member["name"] for member in members]


@pytest.mark.parametrize(
    ("config", "chosen"),
    [
        ({}, {"open", "shown"}),
        ({"access": ["private", "public", "protected"]}, {"open", "shown", "hidden"}),
        ({"access": ["public"]}, {"open"}),
        ({"folders": ["staging"]}, {"raw"}),
        ({"folders": [], "tags": ["nightly"]}, {"raw", "open"}),
        ({"folders": [], "tags": []}, set()),
    ],
)
def test_models_are_chosen_by_folder_tag_and_access(config: dict[str, Any], chosen: set[str]) -> None:
    on = manifest(
        model("open", access="public", tags=["nightly"]),
        model("shown", access="protected"),
        model("hidden", access="private"),
        model("raw", folder="staging", tags=["nightly"]),
        model("nowhere", relation_name=None),
        {**model("loaded"), "resource_type": "seed"},
    )
    assert rendered(on, **config).keys() - {"cube.env"} == chosen


def test_a_semantic_model_brings_its_model_from_any_folder_even_a_seed() -> None:
    seed = {**model("rates", folder="x"), "unique_id": "seed.shop.rates", "resource_type": "seed"}
    on = manifest(
        model("orders", folder="staging"),
        seed,
        semantic_models=[semantic("sales", "model.shop.orders"), semantic("rates", "seed.shop.rates")],
    )
    assert rendered(on).keys() == {"cube.env", "orders", "sales", "rates", "rates_view"}


def test_only_public_models_are_public_cubes() -> None:
    found = rendered(manifest(model("open", access="public"), model("shown", access="protected")))
    assert (found["open"]["public"], found["shown"]["public"]) == (True, False)


def test_versions_and_several_meanings_of_one_model_are_cubes_of_their_own() -> None:
    on = manifest(
        {**model("league", version=1), "unique_id": "model.shop.league.v1"},
        {**model("league", version=2), "unique_id": "model.shop.league.v2"},
        model("orders"),
        semantic_models=[semantic("sales", "model.shop.orders"), semantic("returns", "model.shop.orders")],
    )
    cubes = [name for name, entry in rendered(on).items() if "sql_table" in entry]
    assert cubes == ["league_v1", "league_v2", "orders_returns", "orders_sales"]


def test_every_name_is_a_name_in_cube_and_given_once() -> None:
    on = manifest(model("order-lines", columns=columns("count", "a b", "a-b", "A_B", "1st", "from", "größe")))
    cube = rendered(on)["order_lines"]
    assert names(cube["measures"]) == ["count"]
    assert names(cube["dimensions"]) == ["_1st", "A_B", "a_b_column", "a_b_column_2", "count_column", "from_", "gr__e"]
    told = {row["name"]: row["meta"]["dbt"]["column"] for row in cube["dimensions"] if "meta" in row}
    assert told == {
        "_1st": "1st",
        "a_b_column": "a b",
        "a_b_column_2": "a-b",
        "count_column": "count",
        "from_": "from",
        "gr__e": "größe",
    }


def test_a_metric_keeps_its_name_and_the_measure_and_the_column_give_way() -> None:
    on = manifest(
        model("orders", columns=columns("total")),
        semantic_models=[
            semantic("sales", "model.shop.orders", measures=[{"name": "total", "agg": "sum", "expr": "total"}])
        ],
        metrics=[
            {
                **metric("total", measure={"name": "total"}),
                "filter": {"where_filters": [{"where_sql_template": "state = 'paid'"}]},
            }
        ],
    )
    cube = rendered(on)["orders"]
    measures = {row["name"]: row.get("filters") for row in cube["measures"]}
    assert measures == {"total": [{"sql": "state = 'paid'"}], "total_measure": None}
    assert names(cube["dimensions"]) == ["total_column"]


@pytest.mark.parametrize(
    ("data_type", "kind"),
    [
        ("integer", "number"),
        ("DECIMAL(10, 2)", "number"),
        ("double precision", "number"),
        ("timestamp with time zone", "time"),
        ("TIMESTAMP_NTZ(9)", "time"),
        ("date", "time"),
        ("bool", "boolean"),
        ("varchar(20)", "string"),
        ("integer[]", "string"),
        ("decimal(4, 2)[3]", "string"),
        ("struct<a int>", "string"),
        ("geography", "string"),
        (None, "string"),
    ],
)
def test_types_follow_the_declared_data_type(data_type: str | None, kind: str) -> None:
    on = manifest(model("orders", columns={"x": {"name": "x", "data_type": data_type}}))
    assert [row["type"] for row in rendered(on)["orders"]["dimensions"]] == [kind]


def test_a_key_is_declared_or_unique_and_never_null() -> None:
    def tested(name: str, column: str, **config: str) -> dict[str, Any]:
        return {
            "unique_id": f"test.shop.{name}_{column}",
            "resource_type": "test",
            "attached_node": "model.shop.orders",
            "column_name": column,
            "test_metadata": {"name": name},
            "config": config,
        }

    on = manifest(
        model("orders", columns=columns("id", "mail", "part")),
        tested("unique", "id"),
        tested("not_null", "id"),
        tested("unique", "mail"),
        tested("unique", "part", where="x"),
        tested("not_null", "part"),
    )
    keys = [row["name"] for row in rendered(on)["orders"]["dimensions"] if row.get("primary_key")]
    assert keys == ["id"], "mail may be null, and part is not unique everywhere"


def test_what_is_not_joined_says_why() -> None:
    entity = {"name": "customer", "type": "foreign", "expr": "customer_id"}
    on = manifest(
        model("orders"),
        model("customers"),
        model("history"),
        semantic_models=[
            semantic("orders", "model.shop.orders", entities=[entity]),
            semantic("customers", "model.shop.customers", entities=[{"name": "customer", "type": "primary"}]),
            semantic(
                "history",
                "model.shop.history",
                entities=[{"name": "customer", "type": "unique"}],
                dimensions=[
                    {"name": "since", "type": "time", "type_params": {"validity_params": {"is_start": True}}},
                ],
            ),
        ],
    )
    cube = rendered(on)["orders"]
    assert "joins" not in cube
    assert {row["join"]: row["why"].split(":")[0] for row in cube["meta"]["dbt"]["not_expressed"]} == {
        "customer to customers": "nothing tells the rows of its model apart",
        "customer to history": "which row it leads to depends on the time",
    }


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ Dimension('order__nothing') }} = 1", "`order__nothing` is no dimension or entity of a chosen model"),
        ("{{ Dimension('shop__town') }} = 1", "no chosen model is joined on `shop`"),
        ("{{ Dimension('a__b__c') }} = 1", "`a__b__c` is more than one join away"),
        ("{{ Dimension('order__day', entity_path=['x']) }} = 1", "it filters through a path of entities"),
        ("{{ TimeDimension('order__day', 'month') }} = 1", "it filters by month, and the dimension is by day"),
        ("{{ Metric('total', group_by=['order']) }} = 1", "it filters by a metric"),
        ("{{ Dimension() }} = 1", "its filter: "),
        ("{{ Dimension('order__day').grain('month') }} = 1", "its filter: "),
        ("{{ 1 / 0 }}", "its filter: "),
        ("{{ nothing }}", "its filter: "),
        ("{% broken", "its filter: "),
    ],
)
def test_a_filter_that_cannot_be_said_is_told(template: str, why: str) -> None:
    day = {"name": "day", "type": "time", "type_params": {"time_granularity": "day"}}
    on = manifest(
        model("orders"),
        semantic_models=[
            semantic(
                "orders",
                "model.shop.orders",
                entities=[{"name": "order", "type": "primary"}],
                dimensions=[day],
                measures=[{"name": "total", "agg": "sum"}],
            )
        ],
        metrics=[
            metric("total", measure={"name": "total"}),
            {
                **metric("some", measure={"name": "total"}),
                "filter": {"where_filters": [{"where_sql_template": template}]},
            },
        ],
        saved_queries=[
            {
                "unique_id": "saved_query.shop.q",
                "name": "q",
                "query_params": {"metrics": ["total"], "group_by": [template.partition("}}")[0].strip("{ ")]},
            }
        ],
    )
    found = rendered(on)
    missing = found["orders"]["meta"]["dbt"]["not_expressed"]
    assert "q" in found or [row for row in missing if row.get("saved_query") == "q"], "the query is here or there"
    assert [row["why"][: len(why)] for row in missing if row.get("metric") == "some"] == [why]


@pytest.mark.parametrize(
    ("adapter", "config", "database"),
    [
        ("snowflake", {}, "snowflake"),
        ("databricks", {}, "databricks-jdbc"),
        ("postgres", {"database": "crate"}, "crate"),
    ],
)
def test_the_kind_of_database_is_that_of_dbt_s_adapter(adapter: str, config: dict[str, Any], database: str) -> None:
    on = manifest(model("orders"))
    on["metadata"]["adapter_type"] = adapter
    assert f"CUBEJS_DB_TYPE={database}\n" in rendered(on, **config)["cube.env"]


def test_a_manifest_without_any_section_gives_no_model() -> None:
    assert rendered(manifest()).keys() == {"cube.env"}


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["yes", "Null", "1e3", "0o7", "2026-01-01", "- a", "a: b", "# a", "", " ", "~", "\x85", "\u2028", "'", '"', "\\"]
)
SCALARS = TEXTS | st.booleans()
KEYS = st.sampled_from(["name", "sql", "meta", "cubes", "primary_key"])
DOCUMENTS = st.recursive(
    st.dictionaries(KEYS, SCALARS),
    lambda inner: st.dictionaries(KEYS, SCALARS | inner | st.lists(SCALARS | inner, max_size=3)),
    max_leaves=6,
)


@given(DOCUMENTS.filter(bool))
def test_a_file_reads_as_what_was_written(document: dict[str, Any]) -> None:
    assert yaml.safe_load(model_file("a comment", document)) == document
