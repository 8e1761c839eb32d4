"""YAML in a bundle, read without trust: values for a comparison, and the lines on which names stand.

A bundle may come from anywhere, and YAML can cost far more than its size: what is large, deeply nested or repeats
itself through aliases is not read, and is compared as text. Nothing here recurses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

import yaml

from floe_compiler.canonical import MAX_SAFE_INTEGER

_LARGEST: Final = 4 * 1024 * 1024
_DEEPEST: Final = 60
_CLOSING: Final = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


@dataclass(slots=True)
class Entry:
    """A value of a YAML document and its line; a scalar has `text`, a mapping `keys`, a list `items`."""

    line: int
    text: str | None = None
    keys: dict[str, tuple[int, Entry]] = field(default_factory=dict)
    items: list[Entry] = field(default_factory=list)

    def named(self, name: str) -> tuple[int, Entry] | None:
        """What stands under a key, or the item of a list that has this name or version."""
        if name in self.keys:
            return self.keys[name]
        for item in self.items:
            title = item.keys.get("name") or item.keys.get("v")
            if title and title[1].text == name:
                return title[0], item
        return None


def values(content: bytes) -> list[Any] | None:
    """The documents of a file as JSON values, dates as text; None for what is no YAML or cannot be read safely."""
    if tree(content) is None:
        return None
    try:
        return [_json(document) for document in yaml.load_all(content, Loader=_Plain)]
    except (yaml.YAMLError, ValueError):
        return None


def tree(content: bytes) -> Entry | None:
    """The first document with the lines of its keys and values; None for what is no YAML or cannot be read safely."""
    if len(content) > _LARGEST or any(line.startswith(b"%") for line in content.splitlines()):
        return None
    root = Entry(1)
    opened: list[tuple[Entry, list[tuple[str, int]]]] = [(root, [])]
    try:
        for event in yaml.parse(content, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.AliasEvent) or len(opened) > _DEEPEST:
                return None
            _take(event, opened)
    except (yaml.YAMLError, UnicodeDecodeError):
        return None
    return root.items[0] if root.items else root


def _json(value: Any) -> Any:
    """The value with everything as text that JSON cannot keep. What is read here is never nested deeply."""
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, int):
        return value if abs(value) <= MAX_SAFE_INTEGER else str(value)
    return value if value is None or isinstance(value, str) else str(value)


def line_of(entry: Entry | None, *names: str) -> int | None:
    """The line on which the last of the names stands, each looked for within the one before it; None without it."""
    line: int | None = None
    for name in names:
        found = entry.named(name) if entry else None
        if found is None:
            return None
        line, entry = found
    return line


def _take(event: yaml.Event, opened: list[tuple[Entry, list[tuple[str, int]]]]) -> None:
    if isinstance(event, _CLOSING):
        opened.pop()
    elif isinstance(event, yaml.ScalarEvent | yaml.MappingStartEvent | yaml.SequenceStartEvent):
        entry = Entry(
            event.start_mark.line + 1 if event.start_mark else 1,
            event.value if isinstance(event, yaml.ScalarEvent) else None,
        )
        owner, waiting = opened[-1]
        if isinstance(event, yaml.ScalarEvent) and owner.text == _MAPPING and not waiting:
            waiting.append((event.value, entry.line))
        else:
            _attach(owner, waiting, entry)
            if not isinstance(event, yaml.ScalarEvent):
                entry.text = _MAPPING if isinstance(event, yaml.MappingStartEvent) else None
                opened.append((entry, []))


def _attach(owner: Entry, waiting: list[tuple[str, int]], entry: Entry) -> None:
    if owner.text != _MAPPING:
        owner.items.append(entry)
    elif waiting:
        key, line = waiting.pop()
        owner.keys[key] = (line, entry)
    else:
        waiting.append(("?", entry.line))  # a key that is no scalar


_MAPPING: Final = "\0mapping"
"""Marks a mapping while it is read; no text in YAML holds a NUL."""


class _Plain(yaml.CSafeLoader):
    """PyYAML's safe loader, which leaves dates and times as text."""


_Plain.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
