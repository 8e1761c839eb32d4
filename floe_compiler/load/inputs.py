"""The stage itself: from a path to every document that a compile rests on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from pydantic import BaseModel

from floe_compiler.errors import FloeError, Problem, raise_if_any
from floe_compiler.load.checked import checked
from floe_compiler.load.documents import Document
from floe_compiler.load.project import DbtProject, load_project
from floe_compiler.load.yaml_door import parse_document, read_file
from floe_compiler.model.inputs import DataProduct, PlatformManifest

PRODUCT_FILE: Final = "floe.yaml"
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[M]):
    """A model, and the document that it was read from: the one for values, the other for places."""

    model: M
    document: Document
    path: Path


@dataclass(frozen=True, slots=True)
class Documents:
    """All inputs as read. `platform` is the product's platform manifest."""

    product: Loaded[DataProduct]
    platform: Loaded[PlatformManifest]
    project: DbtProject

    @property
    def name(self) -> str:
        """The product's name."""
        return self.product.model.metadata.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """The files that people wrote, absolute: the product first, then the platform."""
        return tuple(str(loaded.path.resolve()) for loaded in (self.product, self.platform))

    @property
    def names(self) -> tuple[str, ...]:
        """The same files as people see them."""
        return tuple(loaded.document.file for loaded in (self.product, self.platform))

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of the same files, in the same order."""
        return tuple(loaded.document.digest for loaded in (self.product, self.platform))


def load(product: Path) -> Documents:
    """Reads a product by its folder or its floe.yaml. Raises FloeError with every problem found."""
    file = product / PRODUCT_FILE if product.is_dir() else product
    loaded = _read(file, DataProduct)
    problems: list[Problem] = []
    platform = _attempt(lambda: _read(_beside(file, loaded.model.platform), PlatformManifest), problems)
    project = _attempt(lambda: _project(loaded), problems)
    raise_if_any(problems)
    assert platform and project  # noqa: S101 - each failed attempt has left a problem
    return Documents(loaded, platform, project)


def _read(file: Path, model: type[M]) -> Loaded[M]:
    shown = shown_as(file)
    document = parse_document(read_file(file, shown_as=shown), file=shown)
    return Loaded(checked(model, document), document, file)


def _project(product: Loaded[DataProduct]) -> DbtProject:
    transforms = product.model.transforms
    folders = [os.path.normpath(_beside(product.path, t.path)) for t in transforms]
    raise_if_any(
        Problem(
            "FLOE-R003",
            f"this transform is of another dbt project (`{transforms[i].path}`) than the first (`{transforms[0].path}`)",
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


def _beside(file: Path, relative: str) -> Path:
    return file.parent / relative


def shown_as(path: Path) -> str:
    """The path as people would type it from where they stand; messages never need more."""
    relative = os.path.relpath(path)
    return (str(path) if relative.startswith(os.path.join("..", "..", "..")) else relative).replace(
        os.sep, "/"
    )
