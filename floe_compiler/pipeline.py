"""The spine of floe, one line a stage.

load -> resolve -> compile -> freeze -> publish          verify -> (inspect | diff | run)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from floe_compiler import stages
from floe_compiler.published import schema
from floe_compiler.recall import (
    Outside,
    Request,
    key,
    last_outside,
    recall,
    recall_result,
    remember,
    remember_result,
)
from floe_compiler.sources import STORE_FOLDER
from floe_compiler.store.layout import Store, prepare
from floe_compiler.store.refs import resolve_digest, write_ref
from floe_compiler.store.scratch import scratch_folder

if TYPE_CHECKING:
    from floe_compiler.compile import CompiledParts
    from floe_compiler.compile.plugins import ConfiguredPlugins
    from floe_compiler.errors import Problem
    from floe_compiler.load import Documents
    from floe_compiler.model.change_set import ChangeSet
    from floe_compiler.plugins.registry import PluginRegistry
    from floe_compiler.resolve import ResolvedProduct
    from floe_compiler.run import RunOptions, RunReport
    from floe_compiler.verify import VerifiedBundle

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A published bundle. `cached` says that nothing had to be done for it."""

    digest: str
    path: Path
    cached: bool

    @property
    def policy_report(self) -> Path:
        """What the policies found: JSON, sealed with the bundle."""
        return self.path / "reports" / "policy.json"


def compile_product(
    product: Path,
    *,
    targets: Sequence[str] = (),
    store: Store | None = None,
    registry: PluginRegistry | None = None,
    install_packages: bool = False,
    anew: bool = False,
    named: bool = True,
    progress: Progress = lambda stage: None,
    warn: Callable[[Problem], object] = lambda problem: None,
) -> Compiled:
    """Compiles and publishes the product in a folder (or by its floe.yaml). Raises FloeError.

    Without `targets`, the platform's default target is compiled; without `store`, into `.floe/` beside floe.yaml.
    `anew` compiles even where nothing changed that floe can see. Unless `named`, the product's name in the store goes
    on to stand for the bundle that it stood for: this one is only looked at. `warn` is told of a damaged bundle in the
    store (FLOE-F105), which is set aside and made again.
    """
    store = store or store_of(product)
    request = Request(product, tuple(targets))
    today = datetime.now(UTC).date()
    if not (anew or install_packages) and (known := recall(store, request, today)):
        if named:
            write_ref(store, known.name, known.digest)
        return Compiled(known.digest, store.bundle(known.digest), cached=True)

    registry = registry or stages.PluginRegistry()
    if install_packages:
        progress("dbt installs packages")
        _install_packages(product, targets, store, registry)
    progress("Loading")
    documents = stages.load(product, store)
    resolved = stages.resolve(documents, registry.names(), targets)

    outside = last_outside(store, request)
    inputs = request.targets, documents.digests, documents.project.digests
    digest = None if anew else recall_result(store, key(*inputs, outside), today)
    cached = digest is not None
    if digest is None:
        parts, digest = _seal(documents, resolved, store, registry, today, progress, warn)
        outside = Outside(*parts.outside)
        remember_result(store, key(*inputs, outside), digest, parts.policy_report.holds_until)
    if named:
        remember(store, request, documents.plan._replace(outside=outside))
        write_ref(store, documents.name, digest)
    return Compiled(digest, store.bundle(digest), cached)


def _seal(
    documents: Documents,
    resolved: ResolvedProduct,
    store: Store,
    registry: PluginRegistry,
    today: date,
    progress: Progress,
    warn: Callable[[Problem], object],
) -> tuple[CompiledParts, str]:
    """compile -> freeze -> publish: what a result that is known spares. The parts, and the digest of the bundle."""
    prepare(store)
    with scratch_folder(store.tmp) as scratch:
        workspace = stages.Workspace(scratch, store.cache / "dbt" / documents.name)
        parts = stages.compile(resolved, registry, workspace, os.environ, progress, today)
    progress("Freezing")
    frozen = stages.freeze(parts, schema("compiled-artifacts"), os.environ)
    progress("Publishing")
    stages.publish(store, frozen, warn)
    stages.record(store, documents, frozen.digest)
    return parts, frozen.digest


def validate_product(
    product: Path,
    *,
    targets: Sequence[str] = (),
    store: Store | None = None,
    registry: PluginRegistry | None = None,
) -> None:
    """Checks everything that needs no dbt. Raises FloeError."""
    decide_product(product, targets=targets, store=store, registry=registry, whole=False)


def decide_product(
    product: Path,
    *,
    targets: Sequence[str] = (),
    store: Store | None = None,
    registry: PluginRegistry | None = None,
    whole: bool = True,
) -> tuple[ResolvedProduct, ConfiguredPlugins]:
    """Every choice of a compile that needs no dbt, made and checked. Unless the `whole` is wanted, plugins with which
    nothing can be wrong are not among those that come back. Raises FloeError."""
    registry = registry or stages.PluginRegistry()
    store = store or store_of(product)
    documents = stages.load(product, store)
    resolved = stages.resolve(documents, registry.names(), targets)
    return resolved, stages.check(resolved, registry, store.cache / "checks", whole=whole)


def load_bundle(bundle: str | Path, *, store: Store | None = None) -> VerifiedBundle:
    """The bundle in a folder or a single file, or by digest or ref in a store, verified. Raises FloeError."""
    if os.path.lexists(bundle):  # a link that leads nowhere is no name in a store either
        return stages.verify(Path(bundle))
    store = store or store_of(Path())
    digest = resolve_digest(store, str(bundle))
    return stages.verify(store.bundle(digest), digest)


def diff_bundles(
    old: VerifiedBundle, new: VerifiedBundle, *, product: Path | None = None, today: date | None = None
) -> ChangeSet:
    """What runs differently when `new` takes the place of `old`. Raises FloeError.

    Findings that are acknowledged in `.floe/acknowledged.yaml` of the product, and not longer ago than it allows, are
    marked so.
    """
    known = stages.acknowledgements_of(product, today or datetime.now(UTC).date()) if product else stages.NONE
    return stages.diff(old, new, known)


def run_bundle(bundle: VerifiedBundle, options: RunOptions, *, registry: PluginRegistry | None = None) -> RunReport:
    """Has the bundle's dbt runtime execute it as it stands. Raises FloeError; a failed node is in the report."""
    return stages.run(bundle, options, registry or stages.PluginRegistry())


def store_of(product: Path) -> Store:
    """The store of a product when none is named: `.floe/` beside its floe.yaml."""
    beside = product.parent if os.path.isfile(product) else product  # noqa: PTH113 - as above
    return Store(beside / STORE_FOLDER)


def _install_packages(product: Path, targets: Sequence[str], store: Store, registry: PluginRegistry) -> None:
    """Has dbt install what the project's package files name, into the project: it has to be loaded anew."""
    resolved = stages.resolve(stages.load(product, store), registry.names(), targets)
    prepare(store)
    with scratch_folder(store.tmp) as scratch:
        stages.install(resolved, registry, stages.Workspace(scratch, store.cache), os.environ)


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
        stages.export_folder(bundle, out)
        return out
    assert archive is not None  # noqa: S101 - one of the two was given
    stages.export_archive(bundle, archive)
    return archive
