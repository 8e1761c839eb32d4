"""The spine of floe, one line a stage.

load -> resolve -> compile -> freeze -> publish          verify -> (inspect | diff | run)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from floe_compiler import stages
from floe_compiler.provenance import record
from floe_compiler.recall import Plan, Request, key, recall, recall_result, remember
from floe_compiler.store.export import export_archive, export_folder
from floe_compiler.store.layout import Store, prepare
from floe_compiler.store.publish import publish
from floe_compiler.store.refs import resolve_digest, write_ref
from floe_compiler.store.scratch import scratch_folder

if TYPE_CHECKING:
    from floe_compiler.plugins.registry import PluginRegistry
    from floe_compiler.run import RunOptions, RunReport
    from floe_compiler.verify import VerifiedBundle

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A published bundle. `cached` says that nothing had to be done for it."""

    digest: str
    path: Path
    cached: bool


def compile_product(
    product: Path,
    *,
    targets: Sequence[str] = (),
    store: Store | None = None,
    registry: PluginRegistry | None = None,
    install_packages: bool = False,
    progress: Progress = lambda stage: None,
) -> Compiled:
    """Compiles and publishes the product in a folder (or by its floe.yaml). Raises FloeError.

    Without `targets`, the platform's default target is compiled; without `store`, into `.floe/` beside floe.yaml.
    """
    store = store or store_of(product)
    request = Request(product, tuple(targets))
    if not install_packages and (known := recall(store, request)):
        return Compiled(known, store.bundle(known), cached=True)

    registry = registry or stages.PluginRegistry()
    progress("Loading")
    documents = stages.load(product)
    resolved = stages.resolve(documents, registry.names(), targets)
    plan = Plan(documents.inputs, str(documents.project.directory.resolve()), documents.project.layout)
    inputs_key = key(request.targets, documents.digests, documents.project.digests)

    known = None if install_packages else recall_result(store, inputs_key)
    if known is None:
        prepare(store)
        with scratch_folder(store.tmp) as scratch:
            workspace = stages.Workspace(scratch, store.cache / "dbt" / documents.name)
            parts = stages.compile(resolved, registry, workspace, os.environ, progress)
        progress("Freezing")
        frozen = stages.freeze(parts)
        progress("Publishing")
        publish(store, frozen)
        record(store, documents, frozen.digest)
    digest = known or frozen.digest
    remember(store, request, plan, inputs_key, digest)
    write_ref(store, documents.name, digest)
    return Compiled(digest, store.bundle(digest), cached=known is not None)


def validate_product(
    product: Path, *, targets: Sequence[str] = (), registry: PluginRegistry | None = None
) -> None:
    """Checks everything that needs no dbt. Raises FloeError."""
    registry = registry or stages.PluginRegistry()
    documents = stages.load(product)
    resolved = stages.resolve(documents, registry.names(), targets)
    stages.configure(resolved, registry)


def load_bundle(bundle: str | Path, *, store: Store | None = None) -> VerifiedBundle:
    """The bundle in a folder or a single file, or by digest or ref in a store, verified. Raises FloeError."""
    if Path(bundle).exists():
        return stages.verify(Path(bundle))
    store = store or store_of(Path())
    digest = resolve_digest(store, str(bundle))
    return stages.verify(store.bundle(digest), digest)


def run_bundle(
    bundle: VerifiedBundle, options: RunOptions, *, registry: PluginRegistry | None = None
) -> RunReport:
    """Has the bundle's dbt runtime execute it as it stands. Raises FloeError; a failed node is in the report."""
    return stages.run(bundle, options, registry or stages.PluginRegistry())


def store_of(product: Path) -> Store:
    """The store of a product when none is named: `.floe/` beside its floe.yaml."""
    return Store((product.parent if product.is_file() else product) / ".floe")


def export_bundle(compiled: Compiled, *, out: Path | None = None, archive: Path | None = None) -> Path:
    """Writes a published bundle to a new or empty folder, or to a single file, and returns where it lies.

    Raises FloeError: FLOE-F10x when the destination cannot be used, FLOE-V0xx when the store's copy is damaged.
    """
    if out is None and archive is None:
        return compiled.path
    verified = stages.verify(compiled.path, compiled.digest)
    bundle = stages.FrozenBundle(
        verified.digest,
        verified.index,
        verified.index_bytes,
        {path: verified.read(path) for path in verified.paths},
    )
    if out is not None:
        export_folder(bundle, out)
        return out
    assert archive is not None  # noqa: S101 - one of the two was given
    export_archive(bundle, archive)
    return archive
