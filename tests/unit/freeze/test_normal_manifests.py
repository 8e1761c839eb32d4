"""dbt's manifest in its one form: what differs between two runs is gone, everything else is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.freeze.volatile import placed_nodes, volatile_nodes
from floe_compiler.manifest import normal_form, normal_manifest

MODEL = "model.loaves.rye"
FILE = "models/rye.sql"


def manifest(model: Any = (), **sections: Any) -> dict[str, Any]:
    """A manifest of one model."""
    node = {"unique_id": MODEL, "original_file_path": FILE, "created_at": 1.5, **dict(model)}
    return {
        "metadata": {"invocation_id": "a", "generated_at": "now", "project_name": "loaves"},
        "nodes": {MODEL: node},
        "macros": {"macro.loaves.m": {"created_at": 1.5, "name": "m"}},
        "parent_map": {MODEL: []},
        "disabled": {"model.loaves.old": [{"created_at": 2.5, "root_path": "/home/ilse"}]},
        **sections,
    }


def content(value: Any) -> bytes:
    return json.dumps(value).encode()


def codes_and_places(raised: pytest.ExceptionInfo[FloeError]) -> list[tuple[str, str]]:
    return [(problem.code, str(problem.where)) for problem in raised.value.problems]


def test_what_varies_between_runs_is_gone_and_the_rest_is_kept() -> None:
    normal = normal_form(content(manifest({"root_path": "/home/ilse", "raw_code": "select 1"})), "dev")
    assert normal["metadata"] == {"project_name": "loaves"}
    assert normal["nodes"] == {MODEL: {"unique_id": MODEL, "original_file_path": FILE, "raw_code": "select 1"}}
    assert normal["macros"] == {"macro.loaves.m": {"name": "m"}}
    assert normal["disabled"] == {"model.loaves.old": [{}]}
    assert normal["parent_map"] == {MODEL: []}


def test_the_order_in_which_threads_found_nodes_and_macros_does_not_matter() -> None:
    ordered = manifest(macros={"macro.loaves.a": {}, "macro.loaves.b": {}})
    turned = manifest(macros={"macro.loaves.b": {}, "macro.loaves.a": {}})
    assert normal_manifest(content(ordered), "dev") == normal_manifest(content(dict(reversed(turned.items()))), "dev")


def test_the_order_within_a_node_is_kept_because_it_is_the_order_of_a_contracts_columns() -> None:
    found, _ = normal_manifest(content(manifest({"columns": {"name": {}, "id": {}}})), "dev")
    assert list(json.loads(found)["nodes"][MODEL]["columns"]) == ["name", "id"]


def test_the_normal_form_of_a_normal_form_is_itself() -> None:
    found, _ = normal_manifest(content(manifest()), "dev")
    assert normal_manifest(found, "dev")[0] == found


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"not JSON",
        b"[]",
        b"null",
        b"{}",
        b'{"metadata": {}}',
        b'{"nodes": {}}',
        b'{"metadata": [], "nodes": {}}',
        b'{"metadata": {}, "nodes": []}',
        b'{"metadata": {}, "nodes": {"a": 1}}',
        b'{"metadata": {}, "nodes": {}, "macros": {"a": null}}',
        b'{"metadata": {}, "nodes": {}, "disabled": {"a": 1}}',
    ],
)
def test_what_is_no_manifest_is_refused(broken: bytes) -> None:
    with pytest.raises(FloeError) as refusal:
        normal_form(broken, "dev")
    assert codes_and_places(refusal) == [("FLOE-C206", "None")]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "9007199254740993", "-9007199254740992"])
def test_a_number_without_an_exact_form_is_told_at_its_model(number: str) -> None:
    text = content(manifest({"meta": {"batch": "here"}})).replace(b'"here"', number.encode())
    with pytest.raises(FloeError) as refusal:
        normal_manifest(text, "dev")
    assert codes_and_places(refusal) == [("FLOE-F001", FILE)]
    assert MODEL in str(refusal.value)


def test_a_number_without_an_exact_form_elsewhere_is_told_too() -> None:
    with pytest.raises(FloeError) as refusal:
        normal_manifest(content(manifest(metadata={"batch": 2**60})), "dev")
    assert codes_and_places(refusal) == [("FLOE-F001", "None")]


def told_between(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    return [p.message for p in volatile_nodes(normal_form(content(first), "dev"), content(second), "dev")]


def test_two_manifests_that_differ_only_in_what_varies_are_one() -> None:
    later = manifest({"created_at": 9.5}, metadata={"project_name": "loaves", "generated_at": "later"})
    assert told_between(manifest(), later) == []


def test_what_another_invocation_made_different_is_told_by_node_and_field() -> None:
    first = manifest({"config": {"meta": {"at": 1}}, "unrendered_config": {"meta": {"at": 1}}, "meta": {"at": 1}})
    second = manifest({"config": {"meta": {"at": 2}}, "unrendered_config": {"meta": {"at": 2}}, "meta": {"at": 2}})
    assert told_between(first, second) == [f"{MODEL} depends on when dbt compiled it: `meta.at`"]


def test_a_node_that_comes_and_goes_is_told_once() -> None:
    gone = manifest(nodes={}, parent_map={}, disabled={MODEL: [{"original_file_path": FILE}]})
    here = manifest(disabled={})
    assert told_between(here, gone) == [f"{MODEL} depends on when dbt compiled it: its presence"]
    assert [message.split(" depends")[0] for message in told_between(gone, here)] == [MODEL]


def test_the_path_of_the_workspace_is_told_by_node_and_field() -> None:
    normal = normal_form(content(manifest({"config": {"meta": {"from": ["/tmp/77-ab/project"]}}})), "dev")
    (problem,) = placed_nodes(normal, {"/tmp/77-ab"})
    assert problem.message == f"{MODEL} depends on where dbt compiled it: `meta.from`"
    assert str(problem.where) == FILE
    assert list(placed_nodes(normal, {"/tmp/78-cd"})) == []
