"""Grows a document from the events of a YAML parser: without recursion, with the place of every value.

The problems of a document are collected; one after which reading on makes no sense ends it at once. How large
and how deep a document may be, `places` decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NoReturn

import yaml

from floe_compiler.canonical import MAX_SAFE_INTEGER
from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.load.places import Placed, Places, step
from floe_compiler.load.plain_scalars import (
    Scalar,
    Unclear,
    foreign_meaning,
    foreign_tag,
    quoted,
    strict_meaning,
)
from floe_compiler.load.source_text import (
    FOREIGN_TEXT,
    MAX_REPORTED,
    STRICT_TEXT,
    STRICT_VALUE,
    SourceText,
    hidden_character,
    hidden_in_name,
    visible,
)
from floe_compiler.model.documents import Pointer

_MERGE_KEY: Final = "<<"
_TAG: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a document is read.

    A `lenient` reader takes what dbt takes: repeated keys (the last one counts), keys that are not text,
    merge keys, YAML's own tags where they change nothing, a byte order mark.
    """

    lenient: bool
    meaning: Callable[[str], Scalar | Unclear]
    refused: re.Pattern[str]


STRICT: Final = Dialect(lenient=False, meaning=strict_meaning, refused=STRICT_TEXT)
FOREIGN: Final = Dialect(lenient=True, meaning=foreign_meaning, refused=FOREIGN_TEXT)


class _Awaited(Enum):
    """What a mapping waits for when it has no key whose value is to come."""

    KEY = 1
    MERGED = 2


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet. `key` and `next` are those of a mapping's value to come."""

    value: dict[Scalar, Any] | list[Any]
    pointer: Pointer
    key: Scalar | _Awaited = _Awaited.KEY
    next: Pointer = ()
    merged: list[Placed] = field(default_factory=list)


class DocumentBuilder:
    """Takes the events of one document, in order; then `value` and `places` are complete.

    What is wrong is in `problems`, and the value is only good when there are none. Raises FloeError, with the
    problems that are not there, where reading has to end.
    """

    def __init__(self, source: SourceText, dialect: Dialect) -> None:
        self.value: Any = None
        self.places = Places(source.at_index(0))
        self.problems: list[Problem] = []
        self._source = source
        self._dialect = dialect
        self._stack: list[_Open] = []
        self._anchors: dict[str, Placed] = {}
        self._documents = 0
        self._takers: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.DocumentStartEvent: self._start_document,
            yaml.DocumentEndEvent: self._end_document,
            yaml.ScalarEvent: self._take_scalar,
            yaml.AliasEvent: self._take_alias,
            yaml.SequenceStartEvent: self._start_list,
            yaml.MappingStartEvent: self._start_mapping,
            yaml.SequenceEndEvent: self._end_collection,
            yaml.MappingEndEvent: self._end_collection,
        }

    def take(self, event: yaml.Event) -> None:
        """Adds what the event says."""
        if taker := self._takers.get(type(event)):
            taker(event)

    def _refuse(self, code: str, message: str, where: Where, hint: str) -> None:
        self._note(Problem(code, message, where, hint))

    def _note(self, problem: Problem) -> None:
        """Collects a problem; the twentieth is enough."""
        self.problems.append(problem)
        if len(self.problems) == MAX_REPORTED:
            raise FloeError(self.problems)

    # Events

    def _start_document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            self._end_at_second_document(self._source.at(event.start_mark))

    def _end_document(self, event: yaml.DocumentEndEvent) -> None:
        # The parser takes quadratic time for many directives: it must not see those of a second document.
        if place := self._source.directive_after(event.end_mark):
            self._end_at_second_document(place)

    def _end_at_second_document(self, where: Where) -> NoReturn:
        hint = "Remove the `---` or `...`, or move what follows to a file of its own."
        raise FloeError(Problem("FLOE-L021", "a second document starts here", where, hint))

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        where = self._source.at(event.start_mark)
        if self._awaits_key():
            key = self._key_meaning(event, where)
            self._take_key(key, where)
            self._remember(event.anchor, Placed(None if isinstance(key, _Awaited) else key, (), where))
        else:
            value = self._meaning(event, where)
            self._remember(event.anchor, Placed(value, self._put(value, where), where))

    def _take_alias(self, event: yaml.AliasEvent) -> None:
        where = self._source.at(event.start_mark)
        origin = self._anchored(event.anchor or "", where)
        if self._awaits_key():
            self._take_key(self._key_again(origin), where)
        else:
            self._put(self.places.copy(origin, self._next_pointer()) if origin else None, where)

    def _start_list(self, event: yaml.SequenceStartEvent) -> None:
        self._start_collection(event, [], "seq")

    def _start_mapping(self, event: yaml.MappingStartEvent) -> None:
        self._start_collection(event, {}, "map")

    def _start_collection(
        self, event: yaml.CollectionStartEvent, value: dict[Scalar, Any] | list[Any], kind: str
    ) -> None:
        where = self._source.at(event.start_mark)
        if event.tag not in self._harmless_tags(_TAG + kind):
            self._refuse_tag(event.tag, where)
        if self._awaits_key():
            self._take_key(self._sound_key(value, where), where)
            pointer = self._next_pointer()
            self.places.write(pointer, where)
        else:
            pointer = self._put(value, where)
        self._remember(event.anchor, Placed(value, pointer, where))
        self._stack.append(_Open(value, pointer))

    def _end_collection(self, _: yaml.CollectionEndEvent) -> None:
        ended = self._stack.pop()
        if ended.merged and isinstance(ended.value, dict):
            self._merge(ended.value, ended)

    # Where a value goes

    def _awaits_key(self) -> bool:
        if not self._stack:
            return False
        parent = self._stack[-1]
        return parent.key is _Awaited.KEY and isinstance(parent.value, dict)

    def _next_pointer(self) -> Pointer:
        """The pointer of the value that comes next."""
        if not self._stack:
            return ()
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            return (*parent.pointer, len(parent.value))
        return parent.next

    def _put(self, value: Any, where: Where) -> Pointer:
        """Puts a value where the open collection wants it, and returns its pointer."""
        pointer = self._next_pointer()
        self.places.write(pointer, where)
        if not self._stack:
            self.value = value
            return pointer
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif isinstance(parent.key, _Awaited):
            parent.merged.append(Placed(value, pointer, where))
        else:
            parent.value[parent.key] = value
        parent.key = _Awaited.KEY
        return pointer

    # Keys

    def _key_meaning(self, event: yaml.ScalarEvent, where: Where) -> Scalar | _Awaited:
        """The key that a scalar stands for; a made-up one when it is refused."""
        plain = event.implicit[0]
        if plain and event.value == _MERGE_KEY:
            if self._dialect.lenient:
                return _Awaited.MERGED
            hint = "Write the keys out, or give the mapping an alias as a whole."
            self._refuse("FLOE-L026", "merge keys are not read in this file", where, hint)
            return self._refused_key()
        if self._dialect.lenient:
            return self._sound_key(self._meaning(event, where), where)
        if event.tag is not None:
            self._refuse_tag(event.tag, where)
            return self._refused_key()
        if plain and not isinstance(strict_meaning(event.value), str):
            message = f"the key `{visible(event.value)}` is not text" if event.value else "a key is missing"
            self._refuse("FLOE-L025", message, where, quoted(event.value))
            return self._refused_key()
        return self._sound_key(event.value, where)

    def _sound_key(self, key: Any, where: Where) -> Scalar:
        """The key itself if a mapping may have it; else a made-up one, and a problem."""
        if isinstance(key, dict | list):
            self._refuse("FLOE-L025", "a list or a mapping stands as a key", where, "Write a text as the key.")
            return self._refused_key()
        if isinstance(key, str):
            if not self._dialect.lenient and (character := hidden_in_name(key)):
                self._note(hidden_character(character, where, inside=f"the key `{visible(key)}`"))
            return key
        if not self._dialect.lenient:
            self._refuse("FLOE-L025", f"the key is {key!r}, not text", where, "Write a text as the key.")
            return self._refused_key()
        if isinstance(key, int) and abs(key) > MAX_SAFE_INTEGER:  # they can be chosen to collide
            self._refuse("FLOE-L033", "a key is a number beyond ±(2^53-1)", where, "Quote it.")
            return self._refused_key()
        sound: Scalar = key
        return sound

    def _key_again(self, origin: Placed | None) -> Scalar:
        """The key that an alias stands for."""
        if origin is None:
            return self._refused_key()
        self.places.spend(origin.where, origin.value)
        return self._sound_key(origin.value, origin.where)

    def _refused_key(self) -> str:
        """A key that no other has, so that reading can go on."""
        return f"\0{len(self.problems)}"

    def _take_key(self, key: Scalar | _Awaited, where: Where) -> None:
        parent = self._stack[-1]
        parent.key = key
        if isinstance(key, _Awaited):
            parent.next = (*parent.pointer, _MERGE_KEY)
            return
        pointer = parent.next = (*parent.pointer, step(key))
        first = self.places.keys.setdefault(pointer, where)
        if self._dialect.lenient:
            self.places.keys[pointer] = where
        elif first is not where:
            message = f"the key `{visible(str(key))}` stands here and in {_line_and_column(first)}"
            self._refuse("FLOE-L024", message, where, f"Remove one of the two; the other is {first}.")

    # Scalars

    def _meaning(self, event: yaml.ScalarEvent, where: Where) -> Scalar:
        """The value of a scalar; None when it is refused."""
        if event.tag not in self._harmless_tags():
            return self._tagged(event, where)
        if not event.implicit[0]:
            return self._text(event, where)
        return self._clear(self._dialect.meaning(event.value), event, where)

    def _clear(self, meaning: Scalar | Unclear, event: yaml.ScalarEvent, where: Where) -> Scalar:
        if isinstance(meaning, Unclear):
            message = f"`{visible(event.value)}` {meaning.reason}"
            self._refuse(meaning.code, message, where, meaning.hint)
            return None
        return meaning

    def _text(self, event: yaml.ScalarEvent, where: Where) -> str:
        if event.style == '"' and not self._dialect.lenient and (found := STRICT_VALUE.search(event.value)):
            self._note(hidden_character(found[0], where, inside="the text"))
        return event.value

    def _tagged(self, event: yaml.ScalarEvent, where: Where) -> Scalar:
        """The value of a scalar with a tag: refused, unless it is YAML's own and changes nothing for dbt."""
        if self._dialect.lenient and event.tag == _TAG + "str":
            return event.value
        if self._dialect.lenient and event.tag == foreign_tag(event.value):
            return self._clear(self._dialect.meaning(event.value), event, where)
        self._refuse_tag(event.tag, where)
        return None

    def _harmless_tags(self, *more: str) -> tuple[str | None, ...]:
        return (None, "!", *more) if self._dialect.lenient else (None,)

    def _refuse_tag(self, tag: str | None, where: Where) -> None:
        shown = visible((tag or "").replace(_TAG, "!!"))
        hint = "Remove the tag; quote what is text."
        self._refuse("FLOE-L023", f"the tag `{shown}` is refused", where, hint)

    # Anchors, aliases and merges

    def _remember(self, anchor: str | None, placed: Placed) -> None:
        if anchor is None:
            return
        first = self._anchors.setdefault(anchor, placed)
        if first is not placed:
            message = f"the anchor `&{visible(anchor)}` stands here and in {_line_and_column(first.where)}"
            self._refuse("FLOE-L030", message, placed.where, "Give each anchor a name of its own.")

    def _anchored(self, anchor: str, where: Where) -> Placed | None:
        """What an alias stands for; None when it is refused."""
        placed = self._anchors.get(anchor)
        if placed is None:
            message = f"the alias `*{visible(anchor)}` has no anchor before it"
            self._refuse("FLOE-L027", message, where, 'An alias repeats what an `&` names; quote text: "*".')
        elif any(collection.value is placed.value for collection in self._stack):
            message = f"the alias `*{visible(anchor)}` stands inside of what it repeats"
            self._refuse("FLOE-L028", message, where, "Write out what is meant.")
        else:
            return placed._replace(where=where)
        return None

    def _merge(self, mapping: dict[Scalar, Any], ended: _Open) -> None:
        """Adds what merge keys bring in: never over a key of the mapping itself.

        The last merge key counts most; in a list of mappings, the first mapping. That is how PyYAML reads it.
        """
        chosen: dict[Scalar, Placed] = {}
        for merged in ended.merged:
            for source in self._mappings(merged):
                for key, value in source.value.items():
                    chosen[key] = Placed(value, (*source.pointer, step(key)), source.where)
        for key, origin in chosen.items():
            if key not in mapping:
                pointer = (*ended.pointer, step(key))
                self.places.spend(origin.where, key)
                self.places.copy_place(origin.pointer, pointer, origin.where)
                mapping[key] = self.places.copy(origin, pointer)

    def _mappings(self, merged: Placed) -> Iterator[Placed]:
        """The mappings that the value of a merge key holds, the one that counts most last."""
        parts = [merged]
        if isinstance(merged.value, list):
            parts = [
                Placed(part, (*merged.pointer, index), merged.where)
                for index, part in reversed(list(enumerate(merged.value)))
            ]
        for part in parts:
            if isinstance(part.value, dict):
                yield part
            else:
                hint = "Merge mappings only: `<<: *name`, or a list of such."
                self._refuse("FLOE-L026", "what is merged is not a mapping", part.where, hint)


def _line_and_column(where: Where) -> str:
    return f"line {where.line}, column {where.column}"
