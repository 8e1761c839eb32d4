"""What depends on the moment or the place of compiling, and so would be another bundle every time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from floe_compiler.errors import Problem, Where
from floe_compiler.manifest import differing_fields, normal_form, uncompiled

_NO_NODES: Final = frozenset({"metadata", "parent_map", "child_map", "group_map"})
"""Sections that follow from the others."""


def volatile_nodes(first: dict[str, Any], second: bytes, target: str) -> Iterator[Problem]:
    """What another invocation at another time made different: one problem for each node and field."""
    other = uncompiled(normal_form(second, target))
    for section, members in uncompiled(first).items():
        if section in _NO_NODES or not isinstance(members, dict):
            continue
        for unique_id, member in members.items():
            if member != other.get(section, {}).get(unique_id):
                yield _volatile(unique_id, member, other.get(section, {}).get(unique_id))


def placed_nodes(normal: dict[str, Any], paths: Collection[str]) -> Iterator[Problem]:
    """What holds a path of the folder that dbt compiled in, which has a name of its own every time."""
    for members in normal.values():
        for unique_id, member in members.items() if isinstance(members, dict) else ():
            if fields := {_as_written(field) for field in _fields_with(paths, member)}:
                message = f"{unique_id} depends on where dbt compiled it: {_listed(fields)}"
                hint = "Leave paths, `flags` and `invocation_args_dict` out of configurations."
                yield Problem("FLOE-F005", message, _where(member), hint)


def _fields_with(texts: Collection[str], value: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _fields_with(texts, item, f"{prefix}.{key}" if prefix else key)
    elif any(text in str(value) for text in texts):
        yield prefix


def _volatile(unique_id: str, first: Any, second: Any) -> Problem:
    fields = {_as_written(field) for field in differing_fields(first, second)}
    return Problem(
        "FLOE-F002",
        f"{unique_id} depends on when dbt compiled it: {_listed(fields) or 'its presence'}",
        _where(first),
        "The time, the invocation and chance differ every time: use run_started_at, invocation_id and "
        "modules.datetime in SQL, which is rendered when the bundle runs, not in configuration.",
    )


def _as_written(field: str) -> str:
    """dbt repeats a configuration: as written, as rendered, and in part as fields of the node itself."""
    return field.removeprefix("unrendered_").removeprefix("config.")


def _listed(fields: set[str]) -> str:
    return ", ".join(f"`{field}`" for field in sorted(fields))


def _where(member: Any) -> Where | None:
    file = member.get("original_file_path") if isinstance(member, dict) else None
    return Where(str(file)) if file else None
