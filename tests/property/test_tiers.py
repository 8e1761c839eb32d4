"""The laws of merging tiers, over whatever platform manifests may say."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_compiler.load.loaded import as_model
from floe_compiler.model.inputs import PlatformManifest
from floe_compiler.resolve.rules import covers, rule_of
from floe_compiler.resolve.tiers import Tier, merge, tier_of
from floe_compiler.resolve.tightening import loosenings

some = settings(max_examples=100, deadline=None)
severity = st.sampled_from(["warn", "error"])
computes = st.sampled_from(["duckdb", "spark", "snowflake"])
names = st.sampled_from(["sales", "sales-eu", "sales-*", "s*", "*", "rail", "rail-*"])
materializations = st.lists(st.sampled_from(["table", "view", "incremental"]), unique=True)
config = st.dictionaries(st.sampled_from(["threads", "path", "schema"]), st.integers(0, 2))


def partly(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings with any of these keys."""
    return st.fixed_dictionaries({}, optional=fields)


plugin = computes | st.fixed_dictionaries({"use": computes, "config": config})
check = st.fixed_dictionaries(
    {"name": st.sampled_from(["check_a", "check_b"])}, optional={"severity": severity, "include": st.just("x")}
)
policies = partly(
    required_owner=partly(severity=severity),
    max_bundle_size=st.fixed_dictionaries({"bytes": st.integers(1, 3)}, optional={"severity": severity}),
    forbidden_packages=st.fixed_dictionaries({"names": st.lists(st.sampled_from("abc"), unique=True)}),
    allowed_materializations=partly(
        default=materializations, by_target=st.dictionaries(st.sampled_from(["dev", "prod"]), materializations)
    ),
    checks=st.dictionaries(st.sampled_from(["one", "two"]), check),
)
waivers = st.lists(
    st.fixed_dictionaries(
        {
            "policy": st.sampled_from(["one", "required_owner"]),
            "nodes": st.just(["*"]),
            "owner": st.just("me"),
            "reason": st.just("soon"),
            "until": st.just("2999-01-01"),
        }
    ),
    max_size=1,
)
bodies = partly(
    plugins=partly(compute=plugin, storage=plugin),
    targets=st.dictionaries(
        st.sampled_from(["dev", "prod"]), st.fixed_dictionaries({"compute": computes}, optional={"config": config})
    ),
    default_target=st.sampled_from(["dev", "prod"]),
    deployment=partly(
        image=st.sampled_from(["one", "two"]),
        suspend=st.booleans(),
        resources=partly(limits=partly(cpu=st.integers(1, 3), memory=st.sampled_from(["1Gi", "2Gi"]))),
    ),
    compiled_sql=st.sampled_from(["none", "best_effort"]),
    approved=partly(compute=st.lists(computes, unique=True), products=st.lists(names, unique=True)),
    policies=policies,
    locked=st.lists(
        st.sampled_from(
            [
                "plugins.compute",
                "plugins.compute.config.threads",
                "targets.dev",
                "targets",
                "default_target",
                "compiled_sql",
                "approved",
            ]
        ),
        unique=True,
    ),
)


def tier(name: str, body: dict[str, Any]) -> Tier:
    """A tier as it would be read from a file; JSON is YAML."""
    head = {"apiVersion": "floe.dev/v1", "kind": "PlatformManifest"}
    metadata = {"name": name, "version": "1.0.0", "owner": "x"}
    content = json.dumps({**head, "metadata": metadata, **body}, indent=1).encode()
    return tier_of(as_model(content, Path(f"{name}.yaml"), PlatformManifest))


@st.composite
def with_waivers(draw: st.DrawFn) -> dict[str, Any]:
    body = draw(bodies)
    body.setdefault("policies", {})["waivers"] = draw(waivers)
    return body


@given(with_waivers(), with_waivers(), with_waivers())
@some
def test_merging_is_associative(one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]) -> None:
    a, b, c = tier("a", one), tier("b", two), tier("c", three)
    left, right = merge(merge(a, b), c), merge(a, merge(b, c))
    assert left == right
    assert set(loosenings(left)) == set(loosenings(right))


@given(bodies, bodies)
@some
def test_merging_never_loosens_whatever_the_child_says(one: dict[str, Any], two: dict[str, Any]) -> None:
    parent = tier("parent", one)
    merged = merge(parent, tier("child", two))
    for key, cell in parent.cells.items():
        assert rule_of(key.path).loosens(cell.value, merged.cells[key].value) is None


@given(bodies, bodies)
@some
def test_a_locked_value_is_the_same_in_every_tier_that_is_accepted(one: dict[str, Any], two: dict[str, Any]) -> None:
    parent, child = tier("parent", one), tier("child", two)
    merged = merge(parent, child)
    if any(problem.code in ("FLOE-R033", "FLOE-R034") for problem in loosenings(merged)):
        return
    for lock in parent.locks:
        for key, cell in merged.cells.items():
            if f"{key}.".startswith(f"{lock.path}."):
                assert cell.value == parent.cells[key].value


@given(bodies, bodies)
@some
def test_whatever_is_approved_by_the_child_is_approved_by_the_parent(one: dict[str, Any], two: dict[str, Any]) -> None:
    parent, child = tier("parent", one), tier("child", two)
    merged = merge(parent, child)
    for key, cell in parent.cells.items():
        if key.path[0] == "approved":
            for name in ("sales", "sales-eu", "rail", "rail-x", "duckdb", "spark", "snowflake", "other"):
                assert not covers(merged.cells[key].value, name) or covers(cell.value, name)


@given(bodies)
@some
def test_a_child_that_says_nothing_changes_nothing(body: dict[str, Any]) -> None:
    parent = tier("parent", body)
    merged = merge(parent, tier("child", {}))
    changed = {key for key, cell in merged.cells.items() if cell.value != parent.cells[key].value}
    assert {key.path[0] for key in changed} == {"metadata"}


@given(bodies)
@some
def test_a_child_that_repeats_its_parent_is_never_refused_for_it(body: dict[str, Any]) -> None:
    body = {**body, "locked": []}
    parent = tier("parent", body)
    assert not list(loosenings(merge(parent, tier("child", body))))


@given(bodies, bodies, bodies)
@some
def test_a_refusal_stays_whatever_is_extended_further(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    a, b, c = tier("a", one), tier("b", two), tier("c", three)
    assert set(loosenings(merge(a, b))) <= set(loosenings(merge(merge(a, b), c)))


@given(bodies)
@some
def test_the_order_of_keys_means_nothing(body: dict[str, Any]) -> None:
    turned = dict(reversed(body.items()))
    values = [{key: cell.value for key, cell in tier("a", each).cells.items()} for each in (body, turned)]
    assert values[0] == values[1]


lists = st.lists(names, unique=True)
a_check = check.map(lambda value: {"severity": "error", **value})
SAID = {
    ("plugins", "compute"): computes,
    ("deployment", "image"): st.sampled_from(["one", "two"]),
    ("deployment", "resources", "limits", "cpu"): st.integers(1, 3),
    ("approved", "products"): lists,
    ("policies", "required_owner", "severity"): severity,
    ("policies", "max_bundle_size", "bytes"): st.integers(1, 5),
    ("policies", "forbidden_packages", "names"): lists,
    ("policies", "allowed_materializations", "default"): lists,
    ("policies", "checks", "one"): a_check,
}
RULES = pytest.mark.parametrize("path", SAID, ids=".".join)


@RULES
@given(data=st.data())
@some
def test_every_rule_is_associative(path: tuple[str, ...], data: st.DataObject) -> None:
    combine = rule_of(path).combine
    a, b, c = (data.draw(SAID[path]) for _ in range(3))
    assert combine(combine(a, b), c) == combine(a, combine(b, c))


@RULES
@given(data=st.data())
@some
def test_no_rule_loosens_whatever_the_child_says(path: tuple[str, ...], data: st.DataObject) -> None:
    rule = rule_of(path)
    parent, child = data.draw(SAID[path]), data.draw(SAID[path])
    assert rule.loosens(parent, rule.combine(parent, child)) is None


@RULES
@given(data=st.data())
@some
def test_not_to_loosen_is_transitive(path: tuple[str, ...], data: st.DataObject) -> None:
    """So it is enough to hold every statement against the next one above."""
    loosens = rule_of(path).loosens
    a, b, c = (data.draw(SAID[path]) for _ in range(3))
    assert loosens(a, b) or loosens(b, c) or loosens(a, c) is None


@given(lists, lists)
@some
def test_lists_of_beginnings_meet_in_what_both_cover(one: list[str], two: list[str]) -> None:
    both = rule_of(("approved", "products")).combine(one, two)
    for name in ("sales", "sales-eu", "sales-eu-west", "s", "salt", "rail", "rail-x", "x"):
        assert covers(both, name) == (covers(one, name) and covers(two, name))
    assert not any(covers([a], b) or covers([b], a) for a, b in combinations(both, 2))
