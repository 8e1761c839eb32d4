"""Small sealed bundles for tests: real in every respect but what they would run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from floe_compiler.canonical import canonical_bytes, digest
from floe_compiler.errors import FloeError
from floe_compiler.model.bundle import CompiledArtifacts
from floe_compiler.model.frozen import FrozenBundle
from floe_compiler.store.export import export_folder
from floe_compiler.store.listing import INDEX

MANIFEST = "targets/dev/manifest.json"
PROFILES = "profiles/profiles.yml"
FILES: dict[str, bytes] = {
    PROFILES: b"orders: {target: dev}\n",
    "project/dbt_project.yml": b"name: orders\n",
    "project/models/orders.sql": b"select 1 as id\n",
    "project/models/staging/stg_orders.sql": b"select 1 as id, 'open' as state\n",
    "reports/empty.json": b"",
    MANIFEST: b'{"nodes":{}}',
}


def index_value(files: Mapping[str, bytes] = FILES) -> dict[str, Any]:
    """The JSON value of an index that lists these files, to be spoiled by a test."""
    plugin = {"distribution": "floe-compiler", "version": "1", "config": {"threads": 4, "password": None}}
    return {
        "schema_version": "1.0",
        "kind": "CompiledArtifacts",
        "product": {"name": "orders", "version": "1.0.0"},
        "platform": {"name": "acme", "version": "1.4.0", "owner": "platform@acme.example"},
        "enforced": {
            "sql_framework": "dbt",
            "table_format": "iceberg",
            "tracing": "opentelemetry",
            "lineage": "openlineage",
            "deployment": "kubernetes",
        },
        "plugins": {"compute": {"name": "duckdb", **plugin}},
        "targets": {"dev": {"compute": {"name": "duckdb", **plugin}, "manifest": MANIFEST, "nodes": 2}},
        "transforms": [{"type": "dbt"}],
        "dependencies": [],
        "environment": {"constants": {}, "variables": [], "secrets": []},
        "runtime": {
            "profile": "orders",
            "project": "project",
            "profiles": "profiles",
            "requirements": ["dbt-core==1.11.16"],
        },
        "artifacts": [
            {"path": path, "media_type": "text/plain", "size": len(content), "digest": digest(content)}
            for path, content in sorted(files.items())
        ],
    }


def make_bundle(files: Mapping[str, bytes] = FILES) -> FrozenBundle:
    """A sealed bundle of these files; those of FILES that other fields of the index name are added."""
    whole = {**{path: FILES[path] for path in (MANIFEST, PROFILES, "project/dbt_project.yml")}, **files}
    value = index_value(whole)
    index_bytes = canonical_bytes(value)
    return FrozenBundle(digest(index_bytes), CompiledArtifacts.model_validate(value), index_bytes, whole)


def on_disk(bundle: FrozenBundle, folder: Path) -> Path:
    """The bundle as a folder that a test may spoil."""
    export_folder(bundle, folder)
    return folder


def reseal(folder: Path, value: Any) -> None:
    """Another index in the place of the sealed one: canonical, and nothing else about it need be right."""
    (folder / INDEX).write_bytes(canonical_bytes(value))


def codes_of(error: FloeError) -> list[str]:
    """The codes of what was found, in the order in which it is reported."""
    return [problem.code for problem in error.problems]
