"""A child may only tighten. Each row loosens in one way; beside it stands what the same child may say."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from floe_compiler.model.policies import Policies
from floe_compiler.resolve.rules import rule_of
from tests.unit.resolve.products import decided, refusal, refusals, values, write_product


class Row(NamedTuple):
    """What the parent says; what a child says that loosens it, and the code; what a child may say."""

    parent: str
    looser: str
    code: str
    stricter: str


CHECK = "policies: {{checks: {{names: {{name: check_model_names, model_name_pattern: ^stg_, {}}}}}}}"
DEV = "targets: {{dev: {{compute: duckdb, config: {{threads: {}}}}}}}"
ROWS = {
    "an approved plugin is added": Row(
        "approved: {compute: [duckdb, spark]}",
        "approved: {compute: [duckdb, snowflake]}",
        "FLOE-R030",
        "approved: {compute: [duckdb]}",
    ),
    "an approved product is added": Row(
        'approved: {products: ["ord*"]}',
        'approved: {products: ["o*"]}',
        "FLOE-R030",
        "approved: {products: [orders, ordinals]}",
    ),
    "a severity is lowered": Row(
        "policies: {required_owner: {severity: error}}\n",
        "policies: {required_owner: {severity: warn}}\n",
        "FLOE-R031",
        "policies: {required_owner: {severity: error}, required_schedule: {severity: warn}}\n",
    ),
    "a severity that is an error by default is lowered": Row(
        "policies: {max_bundle_size: {bytes: 10}}",
        "policies: {max_bundle_size: {bytes: 10, severity: warn}}",
        "FLOE-R031",
        "policies: {max_bundle_size: {bytes: 10}}",
    ),
    "a limit is raised": Row(
        "policies: {max_bundle_size: {bytes: 10}}",
        "policies: {max_bundle_size: {bytes: 11}}",
        "FLOE-R032",
        "policies: {max_bundle_size: {bytes: 9}}",
    ),
    "a materialization is allowed again": Row(
        "policies: {allowed_materializations: {default: [table, view]}}",
        "policies: {allowed_materializations: {default: [table, ephemeral]}}",
        "FLOE-R032",
        "policies: {allowed_materializations: {default: [table]}}",
    ),
    "a target's materializations grow": Row(
        "policies: {allowed_materializations: {by_target: {dev: [table, view]}}}",
        "policies: {allowed_materializations: {by_target: {dev: [table, ephemeral]}}}",
        "FLOE-R032",
        "policies: {allowed_materializations: {by_target: {dev: [view]}}}",
    ),
    "a target steps around the default list": Row(
        "policies: {allowed_materializations: {default: [table]}}",
        "policies: {allowed_materializations: {by_target: {dev: [view]}}}",
        "FLOE-R032",
        "policies: {allowed_materializations: {by_target: {dev: [table]}}}",
    ),
    "a check is made a warning": Row(
        CHECK.format("severity: error"),
        CHECK.format("severity: warn"),
        "FLOE-R032",
        CHECK.format("severity: error"),
    ),
    "a check is narrowed": Row(
        CHECK.format("severity: warn"),
        CHECK.format("severity: error, include: ^models/marts"),
        "FLOE-R032",
        CHECK.format("severity: error"),
    ),
    "a policy from above is waived": Row(
        "policies: {required_owner: {}}",
        'policies: {waivers: [{policy: required_owner, nodes: ["*"], owner: me, reason: soon, until: "2999-01-01"}]}',
        "FLOE-R032",
        "policies: {required_schedule: {severity: warn}, waivers: [{policy: required_schedule,"
        ' nodes: ["*"], owner: me, reason: soon, until: "2999-01-01"}]}',
    ),
    "a locked plugin is replaced": Row(
        "plugins: {dbt_runtime: local}\nlocked: [plugins.dbt_runtime]",
        "plugins: {dbt_runtime: cloud}",
        "FLOE-R033",
        "plugins: {dbt_runtime: local}",
    ),
    "a locked plugin is configured": Row(
        "plugins: {compute: duckdb}\nlocked: [plugins.compute]",
        "plugins: {compute: {use: duckdb, config: {threads: 9}}}",
        "FLOE-R033",
        "plugins: {compute: duckdb}",
    ),
    "a locked value is changed": Row(
        DEV.format(4) + "\nlocked: [targets.dev.config.threads]",
        DEV.format(5),
        "FLOE-R033",
        DEV.format("4, path: other.duckdb"),
    ),
    "a locked value of all targets is changed for one": Row(
        "plugins: {compute: {use: duckdb, config: {threads: 4}}}\nlocked: [plugins.compute.config.threads]",
        DEV.format(64),
        "FLOE-R033",
        DEV.format(4),
    ),
    "a target is added to those that are locked": Row(
        DEV.format(4) + "\nlocked: [targets]\ndefault_target: dev",
        "targets: {prod: {compute: duckdb}}",
        "FLOE-R033",
        DEV.format(4),
    ),
    "the locked default target is changed": Row(
        "default_target: dev\ntargets: {dev: {compute: duckdb}, prod: {compute: duckdb}}\nlocked: [default_target]",
        "default_target: prod",
        "FLOE-R033",
        "default_target: dev",
    ),
    "compiled SQL that is locked is turned off": Row(
        "compiled_sql: best_effort\nlocked: [compiled_sql]",
        "compiled_sql: none",
        "FLOE-R033",
        "compiled_sql: best_effort",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_loosening_is_refused_and_both_places_are_named(tmp_path: Path, name: str) -> None:
    row = ROWS[name]
    problem = refusal(write_product(tmp_path, row.parent, row.looser))
    assert problem.code == row.code
    assert "tier1.yaml:" in str(problem.where)
    assert "tier0.yaml:" in problem.message
    assert "tier0@acme.example" in str(problem.hint)


@pytest.mark.parametrize("name", ROWS)
def test_a_grandchild_may_not_loosen_either(tmp_path: Path, name: str) -> None:
    row = ROWS[name]
    problem = refusal(write_product(tmp_path, row.parent, "", row.looser))
    assert problem.code == row.code
    assert "tier2.yaml:" in str(problem.where)


@pytest.mark.parametrize("name", ROWS)
def test_tightening_is_what_a_child_is_for(tmp_path: Path, name: str) -> None:
    row = ROWS[name]
    decided(write_product(tmp_path, row.parent, row.stricter))


@pytest.mark.parametrize("name", ROWS)
def test_to_repeat_what_holds_is_no_loosening(tmp_path: Path, name: str) -> None:
    parent = ROWS[name].parent
    decided(write_product(tmp_path, parent, parent))


def test_who_replaces_the_plugin_beneath_a_lock_is_refused_too(tmp_path: Path) -> None:
    parent = DEV.format(4) + "\nlocked: [targets.dev.config.threads]"
    problems = refusals(write_product(tmp_path, parent, "targets: {dev: {compute: elsewhere}}"))
    assert any(p.code == "FLOE-R033" and "`targets.dev.compute`" in p.message for p in problems)


def test_a_lock_holds_for_those_below_and_not_for_its_own_file(tmp_path: Path) -> None:
    parent = (
        "plugins: {compute: {use: duckdb, config: {threads: 4}}}\nlocked: [plugins.compute.config.threads]\n"
        "targets: {dev: {compute: duckdb, config: {threads: 8}}}"
    )
    assert values(decided(write_product(tmp_path, parent, DEV.format(8))), "targets.dev.config.threads")[0] == 8


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("locked: [plugins.dbt_runtime]", "does not say what it is"),
        ("plugins: {dbt_runtime: local}\nlocked: [plugins.dbt_runtim]", "did you mean `plugins.dbt_runtime`?"),
        ("approved: {compute: [duckdb]}\nlocked: [approved.compute]", "needs no lock"),
    ],
)
def test_a_lock_that_holds_nothing_is_refused(tmp_path: Path, body: str, words: str) -> None:
    problem = refusal(write_product(tmp_path, body))
    assert problem.code == "FLOE-R034"
    assert words in problem.message


def test_a_target_that_has_its_own_list_may_keep_it_below_a_default(tmp_path: Path) -> None:
    lists = "policies: {{allowed_materializations: {{{}}}}}"
    decided(
        write_product(
            tmp_path,
            lists.format("by_target: {dev: [table, view]}"),
            lists.format("default: [table]"),
            lists.format("by_target: {dev: [view]}"),
        )
    )


def test_every_loosening_is_reported_at_once(tmp_path: Path) -> None:
    rows = [ROWS["an approved plugin is added"], ROWS["a severity is lowered"], ROWS["a locked plugin is replaced"]]
    parent, child = "\n".join(row.parent for row in rows), "\n".join(row.looser for row in rows)
    assert sorted(p.code for p in refusals(write_product(tmp_path, parent, child))) == sorted(r.code for r in rows)


def test_configuration_belongs_to_its_plugin(tmp_path: Path) -> None:
    """What is configured for one plugin never reaches another, and is there again for who returns to it."""
    resolved = decided(
        write_product(
            tmp_path,
            "plugins: {compute: {use: duckdb, config: {threads: 3}}}",
            "plugins: {compute: {use: elsewhere, config: {host: example}}}",
            "plugins: {compute: duckdb}",
        )
    )
    assert dict(resolved.plugins["compute"].config) == {"threads": 3}
    assert resolved.platform_document.at(("plugins", "compute", "config")) == {"threads": 3}
    assert "plugins.compute.config.host" not in resolved.origins


def test_lists_of_what_is_forbidden_add_up(tmp_path: Path) -> None:
    names = "policies: {{forbidden_packages: {{names: [{}]}}}}"
    resolved = decided(write_product(tmp_path, names.format("a, b"), names.format("b, c")))
    policies = resolved.platform.policies
    assert policies and policies.forbidden_packages
    assert policies.forbidden_packages.names == ["a", "b", "c"]


def test_waivers_add_up_and_keep_their_places(tmp_path: Path) -> None:
    body = (
        "policies:\n  {name}: {{}}\n  waivers:\n"
        '  - {{policy: {name}, nodes: ["*"], owner: me, reason: soon, until: "2999-01-01"}}'
    )
    product = write_product(tmp_path, body.format(name="required_owner"), body.format(name="required_schedule"))
    resolved = decided(product)
    assert resolved.platform.policies
    assert [w.policy for w in resolved.platform.policies.waivers] == ["required_schedule", "required_owner"]
    places = [resolved.platform_document.where(("policies", "waivers", i, "policy")) for i in range(2)]
    assert [Path(place.file).name for place in places] == ["tier1.yaml", "tier0.yaml"]
    assert {place.line for place in places} == {7, 8}


def test_every_field_of_every_policy_has_a_rule() -> None:
    for name, field in Policies.model_fields.items():
        if name in ("checks", "waivers"):
            continue
        (model,) = (m for m in field.annotation.__args__ if m is not type(None))  # type: ignore[union-attr]
        for part in model.model_fields:
            assert rule_of(("policies", name, part, *(["dev"] if part == "by_target" else [])))
