"""Tiers: what platform manifests say, value by value, and how one tier is merged onto another.

A tier is one platform manifest, or several that were merged: the two are the same type, so that it makes no
difference which of three tiers are merged first. Every value keeps all that was said of it and where.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from floe_compiler.plugins.types import TYPES
from floe_compiler.resolve.rules import Path, rule_of

if TYPE_CHECKING:
    from floe_compiler.errors import Where
    from floe_compiler.load import Loaded
    from floe_compiler.model.documents import Pointer
    from floe_compiler.model.inputs import PlatformManifest, PluginChoice, TargetChoice


class Key(NamedTuple):
    """Which value is meant. `plugin` is set for a configuration: it belongs to a plugin, and holds again for
    whoever chooses that plugin again, even when a tier in between has chosen another."""

    path: Path
    plugin: str = ""

    def __str__(self) -> str:
        return ".".join(self.path)


def choice_of(key: Key) -> Key:
    """Where the plugin is chosen whose configuration the key is of."""
    above = key.path[:2]
    return Key((*above, "compute") if above[0] == "targets" else above)


class Author(NamedTuple):
    """A platform manifest as messages name it."""

    name: str
    version: str
    owner: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Statement:
    """What one platform manifest says of one value."""

    value: Any
    where: Where
    author: Author


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, and every statement that it came from, the nearest first."""

    value: Any
    said: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Lock:
    """A path that no tier below may change: what the locking manifest says of it, and beneath it, holds."""

    path: str
    where: Where
    author: Author


@dataclass(frozen=True, slots=True)
class Tier:
    """What one or more platform manifests say. `files` are theirs, the nearest first; `waivers` belong to
    policies of whichever manifest, so they are kept apart."""

    files: tuple[str, ...]
    cells: Mapping[Key, Cell]
    waivers: tuple[Statement, ...]
    locks: tuple[Lock, ...]

    def is_above(self, one: Where, other: Where) -> bool:
        """Whether the manifest of the first place is extended, directly or not, by that of the second."""
        return self.files.index(one.file) > self.files.index(other.file)

    def said_by(self, author_at: Where) -> dict[Key, Any]:
        """What the one manifest that the place lies in says."""
        return {
            key: statement.value
            for key, cell in self.cells.items()
            for statement in cell.said
            if statement.where.file == author_at.file
        }


def merge(parent: Tier, child: Tier) -> Tier:
    """The child on top of its parent. Associative; whether the child may say what it says, `tightening` judges."""
    cells = dict(parent.cells)
    for key, cell in child.cells.items():
        above = parent.cells.get(key)
        cells[key] = _merged(key, above, cell) if above else cell
    return Tier(
        files=child.files + parent.files,
        cells=cells,
        waivers=child.waivers + parent.waivers,
        locks=child.locks + parent.locks,
    )


def _merged(key: Key, parent: Cell, child: Cell) -> Cell:
    return Cell(rule_of(key.path).combine(parent.value, child.value), child.said + parent.said)


def tier_of(loaded: Loaded[PlatformManifest]) -> Tier:
    """A platform manifest by itself."""
    model, document = loaded.model, loaded.document
    author = Author(model.metadata.name, model.metadata.version, model.metadata.owner)
    cells = {}
    for key, value, pointer in _values(model):
        where = document.where_key(pointer) if key.plugin else document.where(pointer)
        cells[key] = Cell(value, (Statement(value, where, author),))
    waivers = model.policies.waivers if model.policies else []
    return Tier(
        files=(document.file,),
        cells=cells,
        waivers=tuple(
            Statement(waiver, document.where(("policies", "waivers", i)), author) for i, waiver in enumerate(waivers)
        ),
        locks=tuple(Lock(path, document.where(("locked", i)), author) for i, path in enumerate(model.locked)),
    )


def _values(model: PlatformManifest) -> Iterator[tuple[Key, Any, Pointer]]:
    """Every value that the manifest gives, with the pointer at which it stands."""
    for name in ("name", "version", "owner"):
        yield Key(("metadata", name)), getattr(model.metadata, name), ("metadata", name)
    if model.default_target is not None:
        yield Key(("default_target",)), model.default_target, ("default_target",)
    if "compiled_sql" in model.model_fields_set:
        yield Key(("compiled_sql",)), model.compiled_sql, ("compiled_sql",)
    for row in TYPES:
        if choice := getattr(model.plugins, row.key):
            yield from _plugin(("plugins", row.key), choice)
    for name, target in model.targets.items():
        yield from _target(("targets", name), target)
    yield from _said(("deployment",), model.deployment)
    for name in type(model.approved).model_fields:
        approved = getattr(model.approved, name)
        if approved is not None:
            yield Key(("approved", name)), approved, ("approved", name)
    yield from _policies(model)


def _plugin(path: Path, choice: str | PluginChoice) -> Iterator[tuple[Key, Any, Pointer]]:
    if isinstance(choice, str):
        yield Key(path), choice, path
        return
    yield Key(path), choice.use, (*path, "use")
    for name, value in choice.config.items():
        yield Key((*path, "config", name), choice.use), value, (*path, "config", name)


def _target(path: Path, target: TargetChoice) -> Iterator[tuple[Key, Any, Pointer]]:
    yield Key((*path, "compute")), target.compute, (*path, "compute")
    for name, value in target.config.items():
        yield Key((*path, "config", name), target.compute), value, (*path, "config", name)


def _said(path: Path, model: BaseModel) -> Iterator[tuple[Key, Any, Pointer]]:
    """The values that are written, mappings key by key; what is left out is left to a tier above, or to the default."""
    for name in sorted(model.model_fields_set):
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _said((*path, name), value)
        elif value is not None:
            yield Key((*path, name)), value, (*path, name)


def _policies(model: PlatformManifest) -> Iterator[tuple[Key, Any, Pointer]]:
    """A policy's fields one by one, defaults included: `required_owner: {}` says `error`. A check is one value."""
    if model.policies is None:
        return
    for name, policy in model.policies.model_dump(exclude={"waivers"}, exclude_none=True).items():
        for field, value in policy.items():
            entries = value.items() if field == "by_target" else [(None, value)]
            for entry, item in entries:
                path: Path = ("policies", name, field) if entry is None else ("policies", name, field, entry)
                yield Key(path), item, path
