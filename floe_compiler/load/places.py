"""The places of a document's values, and the bounds on how many values there may be.

At most 100,000 values are written; aliases and merges bring in at most as many values and characters in all;
nothing is nested more than 100 deep. Raises FloeError, with that one problem, beyond a bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.load.plain_scalars import Scalar
from floe_compiler.model.documents import Pointer

MAX_VALUES: Final = 100_000
MAX_COPIED: Final = 100_000
MAX_DEPTH: Final = 100


class Placed(NamedTuple):
    """A value, the pointer under which the places of its parts are known, and where it came in."""

    value: Any
    pointer: Pointer
    where: Where


class Places:
    """Where every value of a document stands, and every key, the latter by the pointer of its value."""

    def __init__(self, root: Where) -> None:
        self.values: dict[Pointer, Where] = {(): root}
        self.keys: dict[Pointer, Where] = {}
        self._written = 0
        self._copied = 0

    def write(self, pointer: Pointer, where: Where) -> None:
        """Notes the place of a value that the document spells out."""
        self._written += 1
        if self._written > MAX_VALUES:
            message = f"the document has more than {MAX_VALUES:,} values"
            hint = "No hand-written file is this large; check whether the path names the right one."
            raise FloeError(Problem("FLOE-L032", message, where, hint))
        _check_depth(pointer, where)
        self.values[pointer] = where

    def copy(self, origin: Placed, pointer: Pointer) -> Any:
        """A copy of a value that shares nothing mutable with it; notes the places of its parts."""
        self.spend(origin.where, origin.value)
        copied = _emptied(origin.value)
        pending = [(origin.value, copied, origin.pointer, pointer)]
        while pending:
            source, target, old, new = pending.pop()
            for key, item in _entries(source):
                self.spend(origin.where, key, item)
                part, place = _emptied(item), (*new, step(key))
                self.copy_place((*old, step(key)), place, origin.where)
                pending.append((item, part, (*old, step(key)), place))
                _add(target, key, part)
        return copied

    def copy_place(self, old: Pointer, new: Pointer, where: Where) -> None:
        """Gives a value that an alias at `where` brings in the place of the text that it is made of."""
        _check_depth(new, where)
        self.values[new] = self.values.get(old, where)
        if place := self.keys.get(old):
            self.keys[new] = place

    def spend(self, where: Where, *parts: Any) -> None:
        """Counts what an alias at `where` brings in: a value, or a key, or both."""
        self._copied += 1 + sum(len(part) for part in parts if isinstance(part, str))
        if self._copied > MAX_COPIED:
            message = f"aliases bring in more than {MAX_COPIED:,} values and characters"
            raise FloeError(Problem("FLOE-L029", message, where, "Write out what is meant; repeat less."))


def step(key: Scalar) -> str | int:
    """A key as a part of a pointer."""
    return key if isinstance(key, str | int) else str(key)


def _check_depth(pointer: Pointer, where: Where) -> None:
    if len(pointer) > MAX_DEPTH:
        message = f"values are nested more than {MAX_DEPTH} deep"
        raise FloeError(Problem("FLOE-L031", message, where, "Look for brackets that are never closed."))


def _emptied(value: Any) -> Any:
    """An empty collection of the same kind; everything else as it is."""
    return {} if isinstance(value, dict) else [] if isinstance(value, list) else value


def _entries(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _add(collection: Any, key: Any, value: Any) -> None:
    if isinstance(collection, dict):
        collection[key] = value
    else:
        collection.append(value)
