"""A fact in one line of plain text, and values at a length that people read."""

from __future__ import annotations

from typing import Any, Final

from pydantic import JsonValue

from floe_compiler.canonical import canonical_bytes
from floe_compiler.diff.compare.facts import Fact

LONGEST_TEXT: Final = 20_000
"""Characters of a value that a finding shows; SQL is rarely longer."""
_LONGEST_IN_LINE: Final = 60
_CUT: Final = "\n… (cut)"


def summary(fact: Fact) -> str:
    """`model orders: materialized: view → table`."""
    if fact.aspect == "files.follow":
        return f"files of {fact.thing.name}: rendered anew"
    thing = f"{fact.thing.kind.replace('_', ' ')} {fact.thing.name}"
    if fact.field is None:
        return f"{thing}: {_whole(fact)}"
    before, after = _in_line(fact.before), _in_line(fact.after)
    if fact.change in ("added", "removed"):
        return f"{thing}: {fact.field} {fact.change}"
    return f"{thing}: {fact.field}: {before} → {after}" if before and after else f"{thing}: {fact.field} changed"


def shortened(value: JsonValue) -> JsonValue:
    """The value with its long texts cut."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + _CUT
    if isinstance(value, list):
        return [shortened(item) for item in value]
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    return value


def _whole(fact: Fact) -> str:
    before, after = _in_line(fact.before), _in_line(fact.after)
    if fact.change in ("renamed", "moved"):
        return f"{fact.change}: {before} → {after}"
    return f"{before} → {after}" if fact.change == "changed" and before and after else fact.change


def _in_line(value: Any) -> str | None:
    """A value that fits in a line; None for those that do not."""
    if value is None:
        return "unset"
    text = value if isinstance(value, str) else canonical_bytes(value).decode()
    return text if len(text) <= _LONGEST_IN_LINE and "\n" not in text else None
