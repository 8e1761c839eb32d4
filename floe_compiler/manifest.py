"""dbt's manifest.json in normal form: without what differs between two runs over the same project.

Source: the fields of https://schemas.getdbt.com/dbt/manifest/v12.json that dbt fills from the clock, from a
counter or from the machine. All of them are optional there, so the normal form is still a manifest that dbt,
`--state` and other readers load.

Nodes, macros and the like are sorted by their ids, which dbt writes in the order in which its threads found them.
Within each, dbt's order stays: a contracted table gets its columns in the order of `columns`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from floe_compiler.canonical import NotCanonical, canonical_bytes, ordered_bytes, parse
from floe_compiler.errors import FloeError, Problem, Where

PRIVATE: Final = "private"
"""The `access` of a model that only its own group may read."""
VARYING_METADATA: Final = frozenset(
    {"env", "generated_at", "invocation_id", "invocation_started_at", "run_started_at", "user_id"}
)
VARYING_BY_SECTION: Final[dict[str, frozenset[str]]] = {
    section: frozenset({"created_at"})
    for section in (
        "sources",
        "macros",
        "metrics",
        "saved_queries",
        "semantic_models",
        "unit_tests",
        "exposures",
    )
} | {section: frozenset({"created_at", "generated_sql_file", "root_path"}) for section in ("nodes", "functions")}
_SECTIONS_OF_LISTS: Final = "disabled"
_VARYING_ANYWHERE: Final = frozenset({"created_at", "generated_sql_file", "root_path"})


class NormalManifest(NamedTuple):
    """A manifest in normal form: the bytes that are sealed, and the JSON value that they say."""

    content: bytes
    value: dict[str, Any]


def normal_form(manifest: bytes, target: str) -> dict[str, Any]:
    """The manifest as a JSON value in normal form. Raises FLOE-C206 if the bytes are no manifest."""
    try:
        normal: dict[str, Any] = _parsed(manifest)
        for name, section in normal.items():
            _remove_varying(name, section)
        _remove(normal["metadata"], VARYING_METADATA)
        normal["nodes"].items()
        normal = {name: _sorted(section) for name, section in sorted(normal.items())}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        problem = Problem("FLOE-C206", f"the manifest of target `{target}` is not a manifest.json: {reason}")
        raise FloeError(problem) from error
    return normal


def normal_manifest(manifest: bytes, target: str) -> NormalManifest:
    """The normal form of what dbt wrote. Raises FLOE-C206; FLOE-F001 at every member that holds a value without
    an exact form."""
    normal = normal_form(manifest, target)
    try:
        return NormalManifest(ordered_bytes(normal), normal)
    except NotCanonical as error:
        raise FloeError([*_inexact_members(normal)] or [_inexact(f"target `{target}`", str(error), None)]) from error


def differing_members(first: dict[str, Any], second: dict[str, Any]) -> dict[str, set[str]]:
    """Everything in which two manifests differ: for each node, source, macro and so on, the fields.

    A section that holds no such members goes by its own name: `metadata`.
    """
    found: dict[str, set[str]] = {}
    for section in first.keys() | second.keys():
        before, after = first.get(section), second.get(section)
        if before == after:
            continue
        if section == "metadata" or not (isinstance(before, dict) and isinstance(after, dict)):
            found[section] = set(differing_fields(before, after)) or {"its presence"}
            continue
        for name in before.keys() | after.keys():
            if before.get(name) != after.get(name):
                fields = set(differing_fields(before.get(name), after.get(name)))
                absent = name not in before or name not in after
                found.setdefault(name, set()).update(fields or {"its presence" if absent else section})
    return found


def differing_fields(first: Any, second: Any, prefix: str = "") -> Iterator[str]:
    """The dotted names of the fields in which two members of a manifest differ; none when one of them is absent."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in first.keys() | second.keys():
            if first.get(key) != second.get(key):
                yield from differing_fields(first.get(key), second.get(key), f"{prefix}.{key}" if prefix else key)
    elif prefix:
        yield prefix


def _parsed(manifest: bytes) -> Any:
    """The JSON value. Python's reader takes NaN, so that what holds it can be named."""
    try:
        return parse(manifest)
    except NotCanonical:
        return json.loads(manifest)


def _inexact_members(normal: dict[str, Any]) -> Iterator[Problem]:
    for members in normal.values():
        for name, member in members.items() if isinstance(members, dict) else ():
            try:
                canonical_bytes(member)
            except NotCanonical as error:
                file = member.get("original_file_path") if isinstance(member, dict) else None
                yield _inexact(name, str(error), Where(str(file)) if file else None)


def _inexact(what: str, reason: str, where: Where | None) -> Problem:
    hint = "Look for very large numbers, NaN and infinities in `meta`, `vars` and test arguments."
    return Problem("FLOE-F001", f"{what} holds a value that JSON cannot keep exactly: {reason}", where, hint)


def _sorted(section: Any) -> Any:
    return dict(sorted(section.items())) if isinstance(section, dict) else section


def _remove_varying(name: str, section: Any) -> None:
    """In place: nobody else holds what was just parsed, and a copy of a large manifest takes as long as reading it."""
    if name in VARYING_BY_SECTION and isinstance(section, dict):
        for member in section.values():
            _remove(member, VARYING_BY_SECTION[name])
    elif name == _SECTIONS_OF_LISTS and isinstance(section, dict):
        for members in section.values():
            for member in members:
                _remove(member, _VARYING_ANYWHERE)


def _remove(member: dict[str, Any], varying: frozenset[str]) -> None:
    for field in varying:
        member.pop(field, None)
