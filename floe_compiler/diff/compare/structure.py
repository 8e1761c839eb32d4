"""Two JSON values side by side: where they differ, leaf by leaf."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

ABSENT: Final = None
"""What stands for a value that one side does not have."""


def leaves(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The dotted path of every difference, with what was there before and after; None where nothing was.

    Mappings are compared key by key. A list is one value, unless it is as long as the other and both hold mappings.
    """
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys(), key=str):
            yield from leaves(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}" if path else str(key))
    elif _comparable(old) and _comparable(new) and len(old) == len(new):
        for position, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from leaves(before, after, f"{path}[{position}]")
    else:
        yield path, old, new


def _comparable(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict | list) for item in value)
