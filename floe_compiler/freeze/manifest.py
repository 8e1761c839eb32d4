"""dbt's manifest.json in normal form: without what differs between two runs over the same project.

Source: the fields of https://schemas.getdbt.com/dbt/manifest/v12.json that dbt fills from the clock, from a
counter or from the machine. All of them are optional there, so the normal form is still a manifest that dbt,
`--state` and other readers load.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from floe_compiler.canonical import NotCanonical, canonical_bytes, parse
from floe_compiler.errors import FloeError, Problem, Where

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
} | {section: frozenset({"created_at", "root_path"}) for section in ("nodes", "functions")}
_SECTIONS_OF_LISTS: Final = "disabled"
_VARYING_ANYWHERE: Final = frozenset({"created_at", "root_path"})


def normal_form(manifest: bytes, target: str) -> dict[str, Any]:
    """The manifest as a JSON value in normal form. Raises FLOE-C206 if the bytes are no manifest."""
    try:
        document = parse(manifest)
        metadata, nodes = document["metadata"], document["nodes"]
    except (NotCanonical, KeyError, TypeError) as error:
        problem = Problem("FLOE-C206", f"the manifest of target `{target}` is not a manifest.json: {error}")
        raise FloeError(problem) from error
    del nodes
    normal = {key: _section(key, value) for key, value in document.items()}
    normal["metadata"] = _without(metadata, VARYING_METADATA)
    return normal


def normal_bytes(manifest: bytes, target: str) -> tuple[bytes, dict[str, Any]]:
    """The canonical bytes of the normal form, and the form itself."""
    normal = normal_form(manifest, target)
    try:
        return canonical_bytes(normal), normal
    except NotCanonical as error:
        problem = Problem(
            "FLOE-F001",
            f"the manifest of target `{target}` holds a value that JSON cannot keep exactly: {error}",
            hint="Look for very large numbers, NaN or infinities in `meta`, `vars` and test arguments.",
        )
        raise FloeError(problem) from error


def volatile_nodes(first: dict[str, Any], second: bytes, target: str) -> Iterator[Problem]:
    """What another invocation at another time made different: one problem for each node and field."""
    other = normal_form(second, target)
    for section, members in first.items():
        if section == "metadata" or not isinstance(members, dict):
            continue
        for unique_id, member in members.items():
            if member != other.get(section, {}).get(unique_id):
                yield _volatile(unique_id, member, other.get(section, {}).get(unique_id))


def _volatile(unique_id: str, first: Any, second: Any) -> Problem:
    fields = sorted(_differing(first, second))
    file = first.get("original_file_path") if isinstance(first, dict) else None
    return Problem(
        "FLOE-F002",
        f"{unique_id}: {', '.join(fields) or 'its presence'} depends on when dbt compiled it",
        Where(str(file)) if file else None,
        "run_started_at and invocation_id differ on every invocation: use them in SQL, which is rendered when "
        "the bundle runs, not in configuration.",
    )


def _differing(first: Any, second: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(first, dict) and isinstance(second, dict):
        for key in first.keys() | second.keys():
            if first.get(key) != second.get(key):
                yield from _differing(first.get(key), second.get(key), f"{prefix}.{key}" if prefix else key)
    elif prefix:
        yield f"`{prefix}`"


def _section(name: str, section: Any) -> Any:
    if name in VARYING_BY_SECTION and isinstance(section, dict):
        varying = VARYING_BY_SECTION[name]
        return {key: _without(member, varying) for key, member in section.items()}
    if name == _SECTIONS_OF_LISTS and isinstance(section, dict):
        return {
            key: [_without(member, _VARYING_ANYWHERE) for member in members]
            for key, members in section.items()
        }
    return section


def _without(member: dict[str, Any], varying: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in member.items() if key not in varying}
