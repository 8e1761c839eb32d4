"""The stage itself: normal manifests, canonical index, schema, and the proof that it reads back."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from floe_compiler.canonical import canonical_bytes, parse_canonical
from floe_compiler.compile import CompiledParts
from floe_compiler.digests import digest
from floe_compiler.errors import FloeError, Problem, Where, raise_if_any
from floe_compiler.freeze.manifest import normal_bytes, volatile_nodes
from floe_compiler.freeze.schema import check_schema
from floe_compiler.model.bundle import (
    INDEX,
    SCHEMA_VERSION,
    Artifact,
    CompiledArtifacts,
    Environment,
    Owner,
    PlatformInfo,
    ProductInfo,
    Runtime,
    Schedule,
    Target,
    Transform,
)
from floe_compiler.model.frozen import FrozenBundle

PROJECT: Final = "project"
PROFILES: Final = "profiles"
_MEDIA_TYPES: Final = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".md": "text/markdown",
    ".py": "text/x-python",
    ".sql": "application/sql",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def freeze(parts: CompiledParts) -> FrozenBundle:
    """Seals the parts. Raises FloeError: FLOE-F001 not representable, F002 volatile, F003 path not portable,
    F004 does not match its schema."""
    manifests: dict[str, bytes] = {}
    nodes: dict[str, int] = {}
    problems: list[Problem] = []
    for target, manifest in parts.manifests.items():
        manifests[target], normal = normal_bytes(manifest, target)
        nodes[target] = len(normal["nodes"])
        if target in parts.second_manifests:
            found = volatile_nodes(normal, parts.second_manifests[target], target)
            problems.extend(_in_project(problem, parts) for problem in found)
    raise_if_any(problems)
    files = dict(sorted(_files(parts, manifests)))
    index = _index(parts, nodes, files)
    return _read_back(canonical_bytes(index), files)


def manifest_path(target: str) -> str:
    """Where a target's manifest lies in a bundle."""
    return f"targets/{target}/manifest.json"


def _files(parts: CompiledParts, manifests: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for path, content in parts.resolved.project.files.items():
        yield f"{PROJECT}/{path}", content
    yield f"{PROFILES}/profiles.yml", parts.profiles
    for target, manifest in manifests.items():
        yield manifest_path(target), manifest


def _index(parts: CompiledParts, nodes: Mapping[str, int], files: Mapping[str, bytes]) -> dict[str, Any]:
    product, platform = parts.resolved.product, parts.resolved.platform
    owner = product.owner
    schedule = product.schedule
    try:
        return CompiledArtifacts(
            schema_version=SCHEMA_VERSION,
            product=ProductInfo(
                name=product.metadata.name,
                version=product.metadata.version,
                description=product.metadata.description,
                owner=Owner(name=owner.name, email=owner.email) if owner else None,
            ),
            platform=PlatformInfo(
                name=platform.metadata.name,
                version=platform.metadata.version,
                owner=platform.metadata.owner,
            ),
            plugins=dict(parts.plugins),
            targets={
                target.name: Target(
                    compute=parts.computes[target.name],
                    manifest=manifest_path(target.name),
                    nodes=nodes[target.name],
                )
                for target in parts.resolved.targets
            },
            transforms=[Transform(select=t.select, compute=t.compute) for t in product.transforms],
            schedule=Schedule(cron=schedule.cron, timezone=schedule.timezone) if schedule else None,
            dependencies=[],
            environment=Environment(
                constants=dict(product.env), variables=sorted(parts.variables), secrets=sorted(parts.secrets)
            ),
            runtime=Runtime(
                profile=parts.resolved.project.profile,
                project=PROJECT,
                profiles=PROFILES,
                requirements=list(parts.requirements),
            ),
            artifacts=[
                Artifact(path=path, media_type=_media_type(path), size=len(content), digest=digest(content))
                for path, content in files.items()
            ],
        ).plain()
    except ValidationError as error:
        raise FloeError(
            Problem(
                "FLOE-F003",
                f"`{detail['input']}` cannot be part of a bundle: {detail['msg']}",
                Where(str(detail["input"])),
                "Shorten or rename it: 240 portable ASCII characters at most.",
            )
            for detail in error.errors()
        ) from error


def _read_back(index_bytes: bytes, files: Mapping[str, bytes]) -> FrozenBundle:
    """Believes nothing: the bytes that will be published must parse, match the schema and tell the same files."""
    value = parse_canonical(index_bytes)
    check_schema(value)
    index = CompiledArtifacts.model_validate(value)
    folded = {path.lower() for path in files}
    if len(folded) != len(files) or INDEX in folded:
        clash = sorted(p for p in files if sum(p.lower() == q.lower() for q in files) > 1)
        message = f"these files differ only in case: {', '.join(clash)}"
        raise FloeError(
            Problem("FLOE-F003", message, hint="Rename one: some file systems keep only one of them.")
        )
    return FrozenBundle(digest(index_bytes), index, index_bytes, files)


def _in_project(problem: Problem, parts: CompiledParts) -> Problem:
    if problem.where is None:
        return problem
    where = parts.resolved.project.where(problem.where.file)
    return Problem(problem.code, problem.message, where, problem.hint)


def _media_type(path: str) -> str:
    return _MEDIA_TYPES.get(posixpath.splitext(path)[1].lower(), "application/octet-stream")
