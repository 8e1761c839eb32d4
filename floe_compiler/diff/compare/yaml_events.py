"""YAML in a bundle, read without trust: values for a comparison, and the lines on which names stand.

A bundle may come from anywhere, and YAML can cost far more than its size: what is large, deeply nested, or grows too
far through its aliases is not read, and is compared as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

import yaml

from floe_compiler.canonical import MAX_SAFE_INTEGER

_LARGEST: Final = 4 * 1024 * 1024
_DEEPEST: Final = 60
_MOST: Final = 200_000
"""Values of a document with its aliases written out."""
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
    reader = _Reader()
    try:
        for event in yaml.parse(content, Loader=yaml.CSafeLoader):
            if not reader.take(event):
                return None
    except (yaml.YAMLError, UnicodeDecodeError):
        return None
    return reader.root.items[0] if reader.root.items else reader.root


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


def texts(entry: Entry) -> Iterator[str]:
    """Every text in an entry, without keys."""
    pending = [entry]
    while pending:
        found = pending.pop()
        if found.text is not None and found.text != _MAPPING:
            yield found.text
        pending.extend(inner for _, inner in found.keys.values())
        pending.extend(found.items)


def within(entry: Entry | None, *names: str) -> Entry | None:
    """What the names lead to, each within the one before it."""
    for name in names:
        found = entry.named(name) if entry else None
        if found is None:
            return None
        _, entry = found
    return entry


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read: how much is in it with its aliases written out, and how deep."""

    entry: Entry
    anchor: str | None = None
    size: int = 1
    height: int = 1
    key: tuple[str, int] | None = None


class _Reader:
    """Builds entries from events. Aliases lead to the entry of their anchor, and count for all that it holds."""

    def __init__(self) -> None:
        self.root = Entry(1)
        self._opened = [_Open(self.root)]
        self._anchors: dict[str, tuple[Entry, int, int]] = {}

    def take(self, event: yaml.Event) -> bool:
        """Whether what was read so far is safe to read."""
        if isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(event.anchor or "")
            return known is not None and self._attach(*known)
        if isinstance(event, yaml.ScalarEvent):
            entry = Entry(_line(event), event.value)
            if event.anchor:
                self._anchors[event.anchor] = (entry, 1, 1)
            return self._attach(entry, 1, 1)
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            entry = Entry(_line(event), _MAPPING if isinstance(event, yaml.MappingStartEvent) else None)
            self._opened.append(_Open(entry, event.anchor))
            return len(self._opened) <= _DEEPEST
        if isinstance(event, _CLOSING):
            done = self._opened.pop()
            if done.anchor:
                self._anchors[done.anchor] = (done.entry, done.size, done.height)
            return self._attach(done.entry, done.size, done.height)
        return True

    def _attach(self, entry: Entry, size: int, height: int) -> bool:
        """Puts a value where it belongs. In a mapping, every other one is a key."""
        owner = self._opened[-1]
        owner.size += size
        owner.height = max(owner.height, height + 1)
        if owner.entry.text != _MAPPING:
            owner.entry.items.append(entry)
        elif owner.key is None:
            owner.key = (entry.text or "?", entry.line)
        else:
            key, line = owner.key
            owner.entry.keys[key] = (line, entry)
            owner.key = None
        return owner.size <= _MOST and owner.height <= _DEEPEST


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


_MAPPING: Final = "\0mapping"
"""Marks a mapping while it is read; no text in YAML holds a NUL."""


class _Plain(yaml.CSafeLoader):
    """PyYAML's safe loader, which leaves dates and times as text."""


_Plain.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
