"""The stage itself: normal manifests, canonical index, schema, and the proof that it reads back."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from floe_compiler.canonical import canonical_bytes, parse_canonical
from floe_compiler.digests import digest
from floe_compiler.errors import FloeError, Problem, raise_if_any
from floe_compiler.freeze.leaks import leak_problems
from floe_compiler.freeze.schema import check_schema
from floe_compiler.freeze.volatile import placed_nodes, volatile_nodes
from floe_compiler.model.bundle import SCHEMA_VERSION, Artifact, CompiledArtifacts
from floe_compiler.model.frozen import FrozenBundle
from floe_compiler.model.policy_report import REPORT
from floe_compiler.store.listing import INDEX, PROFILES_FILE, PROJECT, Listed, list_problems, manifest_path

if TYPE_CHECKING:
    from floe_compiler.compile import CompiledParts

_MEDIA_TYPES: Final = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".md": "text/markdown",
    ".py": "text/x-python",
    ".sql": "application/sql",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def freeze(parts: CompiledParts, schema: Any, environ: Mapping[str, str]) -> FrozenBundle:
    """Seals the parts. `schema` is the published one; `environ` is compared with, so that no credential of it
    is sealed. Raises FloeError:
    FLOE-F001 not representable, F002 and F005 volatile, F003 path not portable, F004 does not match its schema,
    F010 and F011 secrets."""
    with parts.resolved.project.as_people_see():
        raise_if_any(_varying(parts))
    files = dict(sorted(_files(parts)))
    raise_if_any(_unusable_paths(files, parts))
    index_bytes = canonical_bytes(_index(parts, files))
    raise_if_any(leak_problems({**files, INDEX: index_bytes}, PROJECT, parts.resolved, environ))
    return _read_back(index_bytes, files, schema)


def _varying(parts: CompiledParts) -> Iterator[Problem]:
    """What would be another manifest at another time, or in another place."""
    for target, manifest in parts.manifests.items():
        if target in parts.second_manifests:
            yield from volatile_nodes(manifest.value, parts.second_manifests[target], target)
        if any(path.encode() in manifest.content for path in parts.made_in):
            yield from placed_nodes(manifest.value, parts.made_in)


def _files(parts: CompiledParts) -> Iterator[tuple[str, bytes]]:
    for path, content in parts.resolved.project.files.items():
        yield f"{PROJECT}/{path}", content
    yield PROFILES_FILE, parts.profiles
    for target, manifest in parts.manifests.items():
        yield manifest_path(target), manifest.content
    yield from parts.native_files.items()
    yield REPORT, parts.policy_report.written()


def _index(parts: CompiledParts, files: Mapping[str, bytes]) -> dict[str, Any]:
    artifacts = [
        Artifact(path=path, media_type=_media_type(path), size=len(content), digest=digest(content))
        for path, content in files.items()
    ]
    try:
        return CompiledArtifacts(**dict(parts.head), schema_version=SCHEMA_VERSION, artifacts=artifacts).plain()
    except ValidationError as error:
        raise FloeError(
            Problem("FLOE-F004", f"`{'.'.join(map(str, fault['loc']))}` cannot be in the index: {fault['msg']}")
            for fault in error.errors()
        ) from error


def _read_back(index_bytes: bytes, files: Mapping[str, bytes], schema: Any) -> FrozenBundle:
    """Believes nothing: the bytes that will be published must parse, match the schema and tell the same files."""
    value = parse_canonical(index_bytes)
    check_schema(value, schema)
    index = CompiledArtifacts.model_validate(value)
    return FrozenBundle(digest(index_bytes), index, index_bytes, files)


def _unusable_paths(files: Mapping[str, bytes], parts: CompiledParts) -> Iterator[Problem]:
    """What `verify` would refuse of the list of files, at the file that people can rename."""
    for problem in list_problems([Listed(path, len(content), "") for path, content in files.items()]):
        path = problem.where.file if problem.where else ""
        own = path.removeprefix(f"{PROJECT}/")
        where = parts.resolved.project.where(own) if own != path else problem.where
        yield Problem("FLOE-F003", problem.message.replace(f"{PROJECT}/", ""), where, "Rename the file.")


def _media_type(path: str) -> str:
    return _MEDIA_TYPES.get(posixpath.splitext(path)[1].lower(), "application/octet-stream")
