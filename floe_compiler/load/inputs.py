"""The stage itself: from a path to every document that a compile rests on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from floe_compiler.errors import FloeError, Problem, Where, raise_if_any
from floe_compiler.load.loaded import Loaded, read_model, shown_as
from floe_compiler.load.project import DbtProject, load_project
from floe_compiler.load.schedule import schedule_problems
from floe_compiler.load.tiers import Tiers, load_tiers
from floe_compiler.model.inputs import DataProduct, PlatformManifest
from floe_compiler.recall import Plan
from floe_compiler.store.layout import Store

if TYPE_CHECKING:
    from floe_compiler.load.dependencies import LoadedDependency

PRODUCT_FILE: Final = "floe.yaml"


@dataclass(frozen=True, slots=True)
class Documents:
    """All inputs as read. `tiers` are the platform manifests, the product's own first."""

    product: Loaded[DataProduct]
    tiers: Tiers
    dependencies: tuple[LoadedDependency, ...]
    project: DbtProject

    @property
    def platform(self) -> Loaded[PlatformManifest]:
        """The platform manifest that the product names, without what it extends."""
        return self.tiers[0]

    @property
    def name(self) -> str:
        """The product's name."""
        return self.product.model.metadata.name

    @property
    def plan(self) -> Plan:
        """Where all of it lies, so that it can be recognised without being understood."""
        return Plan(self.name, self.inputs, str(self.project.directory.resolve()), self.project.layout)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The files outside of the dbt project, absolute: the product, its tiers, its dependencies."""
        return tuple(str(file.path.resolve()) for file in self._files())

    @property
    def names(self) -> tuple[str, ...]:
        """The same files as people see them."""
        return tuple(file.shown_as for file in self._files())

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of the same files, in the same order."""
        return tuple(file.digest for file in self._files())

    def _files(self) -> Iterator[_File]:
        yield _file(self.product)
        yield from map(_file, self.tiers)
        for dependency in self.dependencies:
            yield _File(dependency.file, shown_as(dependency.file), dependency.file_digest)


class _File(NamedTuple):
    path: Path
    shown_as: str
    digest: str


def _file(loaded: Loaded[Any]) -> _File:
    return _File(loaded.path, loaded.document.file, loaded.document.digest)


def load(product: Path, store: Store) -> Documents:
    """Reads a product by its folder or its floe.yaml; `store` is where bundles named by digest lie. Raises
    FloeError with every problem found."""
    loaded = read_model(product_file(product), DataProduct)
    problems = list(_schedule_problems(loaded))
    tiers = _attempt(lambda: load_tiers(loaded), problems)
    dependencies = _attempt(lambda: _dependencies(loaded, store), problems)
    project = _attempt(lambda: _project(loaded), problems)
    raise_if_any(problems)
    assert tiers and project and dependencies is not None  # noqa: S101 - each failed attempt has left a problem
    return Documents(loaded, tiers, dependencies, project)


def product_file(product: Path) -> Path:
    """The floe.yaml that is meant. Raises FLOE-L001 for a folder without one."""
    if not os.path.isdir(product):  # noqa: PTH112 - Path.is_dir raises where a folder above is closed
        return product
    file = product / PRODUCT_FILE
    if not os.path.lexists(file):
        folder = shown_as(product)
        what = f"there is no {PRODUCT_FILE} in {'this folder' if folder == '.' else f'`{folder}`'}"
        hint = f"Name the folder of a product, or its {PRODUCT_FILE}."
        raise FloeError(Problem("FLOE-L001", what, Where(shown_as(file)), hint))
    return file


def _schedule_problems(product: Loaded[DataProduct]) -> Iterator[Problem]:
    if product.model.schedule:
        yield from schedule_problems(product.model.schedule, product.document)


def _dependencies(product: Loaded[DataProduct], store: Store) -> tuple[LoadedDependency, ...]:
    if not product.model.dependencies:
        return ()
    from floe_compiler.load.dependencies import load_dependencies  # noqa: PLC0415 - dear, and few have any

    return load_dependencies(product, store)


def _project(product: Loaded[DataProduct]) -> DbtProject:
    transforms = product.model.transforms
    folders = [os.path.normpath(product.path.parent / t.path) for t in transforms]
    raise_if_any(
        Problem(
            "FLOE-R003",
            f"this transform is of another dbt project (`{transforms[i].path}`) than the first: `{transforms[0].path}`",
            product.document.where(("transforms", i, "path")),
            "One product is one dbt project. Make two products and let one name the other under `dependencies`.",
        )
        for i, folder in enumerate(folders)
        if folder != folders[0]
    )
    directory = Path(folders[0])
    return load_project(directory, shown_as(directory), product.document.where(("transforms", 0, "path")))


T = TypeVar("T")


def _attempt(read: Callable[[], T], problems: list[Problem]) -> T | None:
    try:
        return read()
    except FloeError as error:
        problems.extend(error.problems)
        return None
