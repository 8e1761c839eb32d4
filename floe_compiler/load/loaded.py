"""One input file as read: its model for values, its document for places."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from pydantic import BaseModel

from floe_compiler.errors import FloeError, Problem
from floe_compiler.load.enforced import breaches
from floe_compiler.load.yaml_door import parse_document, read_file
from floe_compiler.model.checked import checked
from floe_compiler.model.documents import Document

M = TypeVar("M", bound=BaseModel)
_FAR_ABOVE: Final = "../../../"


@dataclass(frozen=True, slots=True)
class Loaded(Generic[M]):
    """A model, and the document that it was read from: the one for values, the other for places."""

    model: M
    document: Document
    path: Path


def read_model(file: Path, model: type[M]) -> Loaded[M]:
    """Reads one of floe's own files. Raises FloeError: FLOE-L0xx, FLOE-R001, R002, and R020 for what would
    replace an enforced standard."""
    shown = shown_as(file)
    return as_model(read_file(file, shown_as=shown), file, model)


def as_model(content: bytes, file: Path, model: type[M]) -> Loaded[M]:
    """The same, of bytes that were read before."""
    document = parse_document(content, file=shown_as(file))
    refused = list(breaches(document))
    try:
        loaded = checked(model, document)
    except FloeError as error:
        raise FloeError([*refused, *_elsewhere(error.problems, refused)]) from None
    if refused:
        raise FloeError(refused)
    return Loaded(loaded, document, file)


def shown_as(path: Path) -> str:
    """The path as people would type it from where they stand; messages never need more."""
    relative = os.path.relpath(path).replace(os.sep, "/")
    return path.as_posix() if relative.startswith(_FAR_ABOVE) else relative


def _elsewhere(problems: tuple[Problem, ...], said: list[Problem]) -> list[Problem]:
    """Without those that only say again, less well, what was said of the same line."""
    lines = {(p.where.file, p.where.line) for p in said if p.where}
    return [p for p in problems if p.where is None or (p.where.file, p.where.line) not in lines]
