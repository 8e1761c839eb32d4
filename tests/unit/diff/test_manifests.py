"""Facts of manifests that dbt makes only with other versions, or that a compile in the corpus cannot show."""

from __future__ import annotations

from typing import Any

from floe_compiler import diff_bundles
from floe_compiler.model.change_set import Finding
from tests.resealed import Resealed

BURNS = "model.beacons.stg_burns"
MINUTES = "macro.beacons.minutes"


def findings(old: Resealed, new: Resealed) -> tuple[Finding, ...]:
    return diff_bundles(old.bundle, new.bundle).findings


def rules(old: Resealed, new: Resealed) -> list[str]:
    return [finding.rule for finding in findings(old, new)]


def compiled(code: str, **nodes: dict[str, Any]) -> Any:
    """A change that gives the model compiled SQL, and other fields besides."""

    def change(manifest: Any) -> None:
        manifest["nodes"][BURNS].update(compiled=True, compiled_code=code)
        for section, members in nodes.items():
            for name, fields in members.items():
                manifest[section][name].update(fields)

    return change


def test_other_sql_that_compiles_to_the_same_is_safe(beacons: Resealed) -> None:
    edited = {BURNS: {"raw_code": "{% set one = 1 %}select {{ one }}"}}
    one, other = (
        beacons.with_manifest(compiled("select 1")),
        beacons.with_manifest(compiled("select\n  1", nodes=edited)),
    )
    assert rules(one, other) == ["sql-same-compiled"]
    assert rules(one, beacons.with_manifest(compiled("select 2", nodes=edited))) == ["sql-changed-exposed"]


def test_a_macro_that_leaves_compiled_sql_as_it_was_is_safe(beacons: Resealed) -> None:
    edited = {MINUTES: {"macro_sql": "{% macro minutes(from, until) %}{# why #}x{% endmacro %}"}}
    one = beacons.with_manifest(compiled("select 1"))
    (same,) = findings(one, beacons.with_manifest(compiled("select 1", macros=edited)))
    assert (same.rule, same.affected[0].compiled, same.impact.models) == ("macro-same-compiled", "same", ())
    (different,) = findings(one, beacons.with_manifest(compiled("select 2", macros=edited)))
    assert (different.rule, different.affected[0].compiled) == ("macro-changed-exposed", "different")
    (unknown,) = findings(beacons, beacons.with_manifest(compiled("select 2", macros=edited)))
    assert (unknown.rule, unknown.affected[0].compiled) == ("macro-changed-exposed", "not_known")


def test_other_compiled_sql_that_nothing_explains_is_told(beacons: Resealed) -> None:
    one, other = (beacons.with_manifest(compiled(f"select {n}")) for n in (1, 2))
    assert rules(one, other) == ["compiled-sql-changed"]


def test_a_description_does_not_hide_that_compiled_sql_changed(beacons: Resealed) -> None:
    described = {BURNS: {"description": "All burns."}}
    one = beacons.with_manifest(compiled("select 1"))
    assert rules(one, beacons.with_manifest(compiled("select 2", nodes=described))) == [
        "compiled-sql-changed",
        "description-changed",
    ]


def test_sql_of_an_ephemeral_model_is_told_once(beacons: Resealed) -> None:
    def change(word: str) -> Any:
        def edit(manifest: Any) -> None:
            manifest["nodes"][BURNS]["config"]["materialized"] = "ephemeral"
            manifest["nodes"][BURNS]["raw_code"] = f"select '{word}'"
            manifest["nodes"]["model.beacons.lamp_log"]["compiled_code"] = f"with burns as (select '{word}') select 1"

        return edit

    found = findings(beacons.with_manifest(change("one")), beacons.with_manifest(change("two")))
    assert [(finding.rule, finding.object.id) for finding in found] == [("sql-changed-exposed", BURNS)]


def test_compiled_sql_on_one_side_only_is_no_change(beacons: Resealed) -> None:
    assert rules(beacons, beacons.with_manifest(compiled("select 1"))) == []


def test_a_field_that_no_rule_knows_is_unknown(beacons: Resealed) -> None:
    def change(manifest: Any) -> None:
        manifest["nodes"][BURNS]["lantern"] = "green"
        manifest["sources"]["source.beacons.harbour.burns"]["lantern"] = "red"
        manifest["nodes"]["model.beacons.lamp_report.v2"]["columns"]["lamp_id"]["lantern"] = "white"

    found = findings(beacons, beacons.with_manifest(change))
    assert {(f.rule, f.level, f.field) for f in found} == {
        ("field-changed", "unknown", "lantern"),
        ("column-changed", "unknown", "columns.lamp_id.lantern"),
    }


def test_a_type_in_other_capitals_is_the_same_type(beacons: Resealed) -> None:
    def change(manifest: Any) -> None:
        manifest["nodes"]["model.beacons.lamp_report.v2"]["columns"]["burnt_hours"]["data_type"] = "DOUBLE"

    assert rules(beacons, beacons.with_manifest(change)) == ["contract-column-respelled"]


def test_another_dbt_is_told_where_no_requirement_names_it(beacons: Resealed) -> None:
    other = beacons.with_manifest(lambda manifest: manifest["metadata"].update(dbt_version="1.12.0"))
    assert rules(beacons, other) == ["dbt-version-changed"]


def test_macros_of_dbt_itself_come_with_its_version(beacons: Resealed) -> None:
    def change(manifest: Any) -> None:
        manifest["macros"]["macro.dbt.test_not_null"]["macro_sql"] = "{% test not_null() %}other{% endtest %}"

    assert rules(beacons, beacons.with_manifest(change)) == []


def test_python_instead_of_sql_is_told(beacons: Resealed) -> None:
    def change(manifest: Any) -> None:
        manifest["nodes"]["model.beacons.days"].update(language="python")

    assert rules(beacons, beacons.with_manifest(change)) == ["language-changed"]


def test_a_materialization_macro_reaches_the_nodes_that_it_builds(beacons: Resealed) -> None:
    name = "macro.beacons.materialization_incremental_duckdb"
    macro = {"name": "materialization_incremental_duckdb", "package_name": "beacons", "resource_type": "macro",
             "unique_id": name, "original_file_path": "macros/mine.sql", "depends_on": {"macros": []}}  # fmt: skip
    one, other = (
        beacons.with_manifest(
            lambda manifest, word=word: manifest["macros"].update({name: {**macro, "macro_sql": word}})
        )
        for word in ("one", "other")
    )
    (found,) = findings(one, other)
    assert [item.node.id for item in found.affected] == ["model.beacons.lamp_log"]


def test_the_list_of_packages_alone_is_a_note(beacons: Resealed) -> None:
    other = beacons.replacing("project/packages.yml", "local_packages/tides", "./local_packages/tides")
    assert rules(beacons, other) == ["package-note-changed"]


def test_the_graph_has_what_changed_what_is_hit_and_what_is_read(beacons: Resealed) -> None:
    def change(manifest: Any) -> None:
        manifest["nodes"]["model.beacons.lamp_report.v2"]["raw_code"] += " -- and so on"

    graph = diff_bundles(beacons.bundle, beacons.with_manifest(change).bundle).graph
    assert {node.id: (node.state, node.level) for node in graph.nodes} == {
        "model.beacons.lamp_report.v2": ("changed", "risky"),
        "model.beacons.brightest": ("impacted", None),
        "exposure.beacons.harbour_board": ("impacted", None),
        "model.beacons.lamp_log": ("unchanged", None),
        "model.beacons.stg_lamps": ("unchanged", None),
    }
    assert ("model.beacons.lamp_log", "model.beacons.lamp_report.v2") in {(e.source, e.to) for e in graph.edges}


def test_a_variable_that_leaves_compiled_sql_as_it_was_is_safe(beacons: Resealed) -> None:
    def change(manifest: Any) -> None:
        manifest["nodes"]["model.beacons.brightest"].update(compiled_code="select 1")

    one = beacons.with_manifest(change)
    other = one.replacing("project/dbt_project.yml", "bright_after: 10", "bright_after: 10.0001")
    assert rules(one, other) == ["var-same-compiled"]
