"""What a plain (unquoted) scalar means: exactly one thing in our own files, what dbt reads in dbt's files.

Strict: the part of the core schema of YAML 1.2.2 (section 10.3.2) that YAML 1.1 reads alike, and that JSON
writes: `true`, `false`, `null`, `~`, nothing, whole numbers, numbers with a point or a signed exponent.
Everything else is text, except what the two YAML versions read differently: that is refused, because nobody
can tell what its author meant. A number is refused unless it prints back as it is written: `1.10` is a
version, not 1.1. Dates are text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from yaml.constructor import SafeConstructor
from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from floe_compiler.canonical import MAX_SAFE_INTEGER

Scalar = str | int | float | bool | None


class Unclear(NamedTuple):
    """Why a plain scalar is refused. `reason` follows the scalar in a sentence."""

    code: str
    reason: str
    hint: str


class _Reading(NamedTuple):
    """Plain scalars that are not read alike everywhere; `instead` is the way out when text is not meant."""

    pattern: str
    code: str
    reason: str
    instead: str = ""


_TOO_LARGE: Final = "FLOE-L033"
_NOT_FINITE: Final = "FLOE-L034"
_LOSES_DIGITS: Final = "FLOE-L035"
_AMBIGUOUS: Final = "FLOE-L036"

_WORDS: Final[dict[str, Scalar]] = {"": None, "~": None, "null": None, "true": True, "false": False}
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<float>(?:\.[0-9]+)?(?:[eE][-+][0-9]+)?)")
_MAY_BE_A_READING: Final = re.compile(r"[-+.0-9=<yYnNtTfFoOI]")
_READINGS: Final = {
    "boolean": _Reading(
        r"(?i:y|yes|n|no|on|off|true|false)",
        _AMBIGUOUS,
        "is true or false to YAML 1.1 and text to YAML 1.2",
        "write true or false",
    ),
    "null": _Reading("Null|NULL", _AMBIGUOUS, "is nothing to some readers and text to others", "write null"),
    "infinite": _Reading(
        r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|[-+]?Infinity|NaN",
        _NOT_FINITE,
        "is not a number that JSON can hold",
    ),
    "octal": _Reading(
        r"[-+]?0[0-9_]+(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?",
        _AMBIGUOUS,
        "starts with 0: YAML 1.1 counts it in eights, YAML 1.2 in tens",
        "leave the leading 0 out",
    ),
    "radix": _Reading(
        r"[-+]?0(?:o[0-7_]+|x[0-9A-Fa-f_]+|b[01_]+)",
        _AMBIGUOUS,
        "is a number to some readers and text to others",
        "write the number in tens",
    ),
    "sexagesimal": _Reading(
        r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?",
        _AMBIGUOUS,
        "is a number counted in sixties to YAML 1.1 and text to YAML 1.2",
    ),
    "underscore": _Reading(
        r"(?=[^_]+_)[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?",
        _AMBIGUOUS,
        "is a number to YAML 1.1 and text to YAML 1.2",
        "write the number without `_`",
    ),
    "sign": _Reading(
        r"\+[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?",
        _AMBIGUOUS,
        "is a number to some readers and text to others",
        "leave the `+` out",
    ),
    "point": _Reading(
        r"[-+]?(?:\.[0-9][0-9_]*|[0-9]+\.)(?:[eE][-+]?[0-9]+)?",
        _AMBIGUOUS,
        "is a number to some readers and text to others",
        "write digits on both sides of the point",
    ),
    "exponent": _Reading(
        r"-?[0-9]+(?:\.[0-9]+)?[eE][0-9]+",
        _AMBIGUOUS,
        "is text to YAML 1.1 and a number to YAML 1.2",
        "write the number out",
    ),
    "marker": _Reading("<<|=", _AMBIGUOUS, "has a meaning of its own in YAML 1.1"),
}
_READING: Final = re.compile("|".join(f"(?P<{name}>{row.pattern})" for name, row in _READINGS.items()))

_LONGEST_NUMBER: Final = 100
_NUMERIC: Final = re.compile(r"[-+]?\.?[0-9][-+0-9_.:xobA-Fa-f]*")
_PADDED_EXPONENT: Final = re.compile(r"(?<=e[-+])0+(?=[0-9])")


def strict_meaning(text: str) -> Scalar | Unclear:
    """The one meaning of a plain scalar in our own files, or why it has none."""
    if text in _WORDS:
        return _WORDS[text]
    if not _MAY_BE_A_READING.match(text):
        return text
    if len(text) > _LONGEST_NUMBER:
        return _too_large(text) if _NUMERIC.fullmatch(text) else text
    if number := _NUMBER.fullmatch(text):
        return _float(text) if number["float"] else _integer(text)
    if reading := _READING.fullmatch(text):
        return _unclear(text, _READINGS[reading.lastgroup or ""])
    return text


def foreign_meaning(text: str) -> Scalar | Unclear:
    """The meaning of a plain scalar by PyYAML's SafeLoader, with which dbt reads. Dates stay text."""
    if len(text) > _LONGEST_NUMBER:
        # PyYAML would take quadratic time to build some of these numbers.
        return _too_large(text) if _NUMERIC.fullmatch(text) else text
    tag = foreign_tag(text)
    construct = _CONSTRUCTED.get(tag)
    if construct is None:
        return text
    try:
        meaning: Scalar = construct(ScalarNode(tag, text))
    except ValueError:  # PyYAML's patterns let `0b_` through
        return Unclear(_AMBIGUOUS, "looks like a number but is none", quoted(text))
    return meaning


def foreign_tag(text: str) -> str:
    """The tag that PyYAML resolves a plain scalar to; what is too long for a number or a word is text."""
    if len(text) > _LONGEST_NUMBER:
        return Resolver.DEFAULT_SCALAR_TAG
    tag: str = _RESOLVER.resolve(ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return tag


_RESOLVER: Final = Resolver()
_CONSTRUCTOR: Final = SafeConstructor()
_CONSTRUCTED: Final[dict[str, Callable[[ScalarNode], Any]]] = {
    "tag:yaml.org,2002:null": _CONSTRUCTOR.construct_yaml_null,
    "tag:yaml.org,2002:bool": _CONSTRUCTOR.construct_yaml_bool,
    "tag:yaml.org,2002:int": _CONSTRUCTOR.construct_yaml_int,
    "tag:yaml.org,2002:float": _CONSTRUCTOR.construct_yaml_float,
}


def _integer(text: str) -> int | Unclear:
    number = int(text)
    if abs(number) > MAX_SAFE_INTEGER:
        return _too_large(text)
    return number if str(number) == text else _loses_digits(text, str(number))


def _float(text: str) -> float | Unclear:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        return Unclear(_NOT_FINITE, "is larger than any number that JSON can hold", quoted(text))
    printed = repr(number)
    same = _PADDED_EXPONENT.sub("", text.lower()) == _PADDED_EXPONENT.sub("", printed)
    return number if same else _loses_digits(text, printed)


def _too_large(text: str) -> Unclear:
    return Unclear(_TOO_LARGE, "is a number beyond ±(2^53-1), which JSON does not keep exactly", quoted(text))


def _loses_digits(text: str, printed: str) -> Unclear:
    hint = f"{quoted(text, 'text, such as a version,')[:-1]}; if not, write {printed}."
    return Unclear(_LOSES_DIGITS, f"is read as the number {printed}", hint)


def _unclear(text: str, reading: _Reading) -> Unclear:
    hint = quoted(text)
    if reading.instead:
        hint = f"{hint[:-1]}; if not, {reading.instead}."
    return Unclear(reading.code, reading.reason, hint)


def quoted(text: str, meant: str = "text") -> str:
    """The advice to quote, with the scalar as it would then stand."""
    shown = text if len(text) <= _LONGEST_NUMBER else text[:20] + "…"
    return f'Quote it if {meant} is meant: "{shown}".'
