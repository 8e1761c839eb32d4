"""Texts without their meaning: blanks, words, and the calls of Jinja functions that stand in them.

No SQL is parsed here, and nothing is decided by what a text means. A word that is found may stand in a comment or a
string; a name that Jinja puts together out of parts is not found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_QUOTES: Final = ("'", '"')


def collapsed(text: str) -> str:
    """The text with every run of blanks as one, which is what dbt's newer engine makes a model's checksum from."""
    return " ".join(text.split())


def mentions_word(text: str, word: str) -> bool:
    """Whether a name stands in a text by itself, in capitals or not."""
    text, word = text.casefold(), word.casefold()
    return bool(word) and any(_stands_alone(text, at, len(word)) for at in _places(text, word))


def with_word_replaced(text: str, word: str, replacement: str) -> str:
    """The text with another name wherever the name stands by itself."""
    parts: list[str] = []
    done = 0
    for at in _places(text, word):
        if _stands_alone(text, at, len(word)):
            parts += [text[done:at], replacement]
            done = at + len(word)
    return "".join([*parts, text[done:]])


def calls_with(text: str, function: str, argument: str) -> bool:
    """Whether Jinja in the text calls `function('argument'`, with either kind of quotes and any blanks."""
    quoted = tuple(quote + argument + quote for quote in _QUOTES)
    for at in _places(text, argument):
        before = text[: at - 1].rstrip() if at else ""
        if text[at - 1 : at + len(argument) + 1] in quoted and before.endswith("("):
            call = before[:-1].rstrip()
            if call.endswith(function) and _stands_alone(call, len(call) - len(function), len(function)):
                return True
    return False


def without_config(text: str) -> str:
    """The text without its `{{ config(...) }}` calls, which dbt has read into the node's configuration."""
    parts: list[str] = []
    done = 0
    for at in _places(text, "{{"):
        call = text[at + 2 :].lstrip("-").lstrip()
        if at >= done and call.startswith("config") and call.removeprefix("config").lstrip().startswith("("):
            parts.append(text[done:at])
            done = _end_of_expression(text, at + 2)
    return "".join([*parts, text[done:]])


def _end_of_expression(text: str, start: int) -> int:
    """Where a Jinja expression that starts there ends, after its `}}`; braces in quotes do not count."""
    quote = ""
    depth = 0
    at = start
    while at < len(text):
        letter = text[at]
        if quote:
            at += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        elif letter == "{":
            depth += 1
        elif letter == "}" and depth:
            depth -= 1
        elif text.startswith("}}", at):
            return at + 2
        at += 1
    return len(text)


def first_difference(old: str, new: str) -> int:
    """The number of the first line of `new`, from 1, that differs from `old` in more than blanks."""
    before = [collapsed(line) for line in old.splitlines()]
    lines = new.splitlines()
    for number, line in enumerate(lines):
        if number >= len(before) or before[number] != collapsed(line):
            return number + 1
    return max(len(lines), 1)


def _places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


def _stands_alone(text: str, at: int, length: int) -> bool:
    return not _of_a_name(text[at - 1 : at]) and not _of_a_name(text[at + length : at + length + 1])


def _of_a_name(letter: str) -> bool:
    return letter.isalnum() or letter == "_"
