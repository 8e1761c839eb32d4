"""What a manifest means, whichever engine wrote it; and in what the manifests of two engines still differ.

`one_form` brings a manifest to the form in which they are compared:

- Members of dbt's own packages are left out: every engine brings its own macros.
- What is null, false, empty or dbt's default is as good as not written.
- Lists whose order says nothing are sorted, and repetitions dropped.

`DIFFERENCES` is what is left, and closed: a difference without a row fails the test, and so does a row without a
difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

SECTIONS: Final = (
    "nodes",
    "sources",
    "macros",
    "docs",
    "exposures",
    "metrics",
    "groups",
    "semantic_models",
    "saved_queries",
    "unit_tests",
)
DBT_S_OWN: Final = ("dbt", "dbt_duckdb")
UNORDERED: Final = frozenset({"macros", "metrics", "nodes", "refs", "sources", "tags"})
DEFAULTS: Final[dict[str, Any]] = {
    "alias_types": True,
    "delimiter": ",",
    "enabled": True,
    "lookback": 1,
    "on_configuration_change": "apply",
    "on_schema_change": "ignore",
    "show": True,
    "warn_unenforced": True,
    "warn_unsupported": True,
}


class Difference(NamedTuple):
    """Fields in which the engines differ, as globs over `<kind>.<field>`, parts of them included, and why."""

    fields: tuple[str, ...]
    why: str


DIFFERENCES: Final = (
    Difference(
        ("metric missing", "semantic_model missing", "saved_query missing", "exposure.depends_on.nodes"),
        "semantic models in the older YAML: the Rust engine says so (dbt1157) and leaves them out",
    ),
    Difference(("model.contract.checksum",), "dbt-core also digests what a contract covers"),
    Difference(
        ("*.checksum",),
        "dbt-core digests a file's stripped text, the Rust engine its text with blanks collapsed, and no test's",
    ),
    Difference(("*.depends_on.nodes_with_ref_location",), "the Rust engine notes where each ref() stands"),
    Difference(
        ("*.depends_on.macros",),
        "which macros a node uses: dbt-core finds them by name in the text, the Rust engine as they are called",
    ),
    Difference(("*.static_analysis", "source.config.schema_origin"), "how far the Rust engine analyses SQL"),
    Difference(("*.quoting",), "the Rust engine writes the adapter's quoting at every node"),
    Difference(("*.unrendered_config",), "configuration before it is rendered, which `--state` compares"),
    Difference(
        ("model.columns.*.meta", "model.columns.*.tags", "source.columns.*.meta"),
        "the Rust engine hands the tags and `meta` of a model or source on to its columns",
    ),
    Difference(("*.doc_blocks",), "dbt-core notes which docs blocks a description is made of"),
    Difference(("model.deprecation_date",), "a date, or midnight of that date"),
    Difference(("model.primary_key",), "the Rust engine infers it from tests, too"),
    Difference(
        ("source.relation_name",),
        "dbt-duckdb's `external_location`: dbt-core applies it when it parses, the Rust engine when it runs",
    ),
    Difference(
        ("source.source_meta", "group.config"), "`meta` in a second place, and what dbt-core configures a group with"
    ),
    Difference(("*.patch_path", "snapshot.path"), "how the YAML file of a node is spelled"),
    Difference(
        ("test.config.alias", "test.config.severity", "test.raw_code", "test.refs"),
        "a test's shortened name, the case of its severity, its configuration as text, a version as text",
    ),
    Difference(
        tuple(
            f"unit_test.{field}"
            for field in ("alias", "contract", "database", "language", "refs", "tested_node_unique_id")
        ),
        "to the Rust engine a unit test is a node",
    ),
    Difference(("unit_test.given", "unit_test.expect"), "rows of fixture files: dbt-core reads them when it parses"),
    Difference(
        tuple(
            f"analysis.{field}" for field in ("fqn", "relation_name", "materialized", "config.materialized", "*meta")
        ),
        "to the Rust engine an analysis is a model that is not built, and takes no `meta`",
    ),
    Difference(("operation.config", "operation.tags", "operation.index"), "hooks: only dbt-core configures them"),
    Difference(("seed.config.materialized",), "dbt-core writes that a seed is a seed"),
)


def one_form(manifest: dict[str, Any]) -> dict[str, Any]:
    """Everything that the project and its packages own, by unique id."""
    members = {
        unique_id: member
        for section in SECTIONS
        for unique_id, member in (manifest.get(section) or {}).items()
        if member.get("package_name") not in DBT_S_OWN
    }
    return {unique_id: _plain(member) for unique_id, member in members.items()}


def differing(first: dict[str, Any], second: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Member and `<kind>.<field>` of everything in which two manifests in one form differ."""
    for unique_id in sorted(first.keys() | second.keys()):
        kind = unique_id.partition(".")[0]
        if unique_id in first and unique_id in second:
            yield from ((unique_id, field) for field in _fields(first[unique_id], second[unique_id], kind))
        else:
            yield unique_id, f"{kind} missing"


def row_of(field: str) -> Difference | None:
    """The row of the table that covers a field, or one that it is a part of."""
    names = field.split(".")
    wholes = [".".join(names[:length]) for length in range(len(names), 0, -1)]
    for row in DIFFERENCES:
        if any(fnmatchcase(whole, glob) for whole in wholes for glob in row.fields):
            return row
    return None


def _plain(value: Any, key: str = "") -> Any:
    match value:
        case dict():
            plain = {name: _plain(item, name) for name, item in value.items()}
            return {name: item for name, item in plain.items() if item and DEFAULTS.get(name) != item}
        case list() if key in UNORDERED:
            return sorted({json.dumps(_plain(item), sort_keys=True) for item in value})
        case list():
            return [_plain(item) for item in value]
        case _:
            return value


def _fields(first: Any, second: Any, path: str) -> Iterator[str]:
    if isinstance(first or second, dict) and isinstance(second or first, dict):
        first, second = first or {}, second or {}
        for key in sorted(first.keys() | second.keys()):
            yield from _fields(first.get(key), second.get(key), f"{path}.{key}")
    elif first != second:
        yield path
