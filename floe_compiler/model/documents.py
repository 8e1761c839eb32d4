"""A document: the plain value of a file, and the place of everything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from floe_compiler.errors import Where

Pointer = tuple[str | int, ...]
"""The way from the root of a document to a value in it: keys and list indexes. The root is `()`."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says. `digest` is that of its bytes.

    `value` is made of dict, list, str, int, float, bool and None; no two parts of it share a dict or a list.
    What an alias brought in stands in `places` where its text stands; the alias itself, where the `*` is.
    """

    file: str
    value: Any
    places: Mapping[Pointer, Where]
    keys: Mapping[Pointer, Where]
    digest: str

    def at(self, pointer: Sequence[str | int]) -> Any:
        """The value itself; None when there is none."""
        value = self.value
        for step in pointer:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    def where(self, pointer: Sequence[str | int]) -> Where:
        """The place of a value; of what is nearest above it when the document has no such value."""
        known = tuple(pointer)
        while known not in self.places:
            known = known[:-1]
        return self.places[known]

    def where_key(self, pointer: Sequence[str | int]) -> Where:
        """The place of the key under which a value stands; without a key, the place of the value."""
        return self.keys.get(tuple(pointer)) or self.where(pointer)
