"""Canonical JSON bytes (RFC 8785): the only module that serialises what is hashed.

`canonical_bytes` refuses what has no single exact form: NaN, infinities, integers beyond 2^53-1, lone
surrogates, keys that are not strings. Two libraries do the work: orjson where its sorted output is already
RFC 8785 (no floating-point numbers, no key outside the Basic Multilingual Plane), rfc8785 everywhere else.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Any, Final

import orjson
import rfc8785

from floe_compiler.digests import digest

__all__ = ["MAX_SAFE_INTEGER", "NotCanonical", "canonical_bytes", "digest", "parse", "parse_canonical"]

MAX_SAFE_INTEGER: Final = 2**53 - 1
_LAST_BMP: Final = "\uffff"
_MAY_HAVE_LOST_DIGITS: Final = re.compile(rb"e(?<=[0-9]e)\+?(?:1[89]|[2-9][0-9]|[0-9]{3})[,}\]]")
"""A number, as orjson writes it, of 10^18 and more: orjson reads an integer beyond 64 bits as such a one."""
_LEAST_PLAIN, _GREATEST_PLAIN = 1e-4, 1e15  # beyond these, orjson and RFC 8785 turn to exponents differently


class NotCanonical(ValueError):
    """The value, or the bytes, have no canonical form; the message says what stands in the way."""


def canonical_bytes(value: Any) -> bytes:
    """The RFC 8785 form of a JSON value. Raises NotCanonical."""
    try:
        match _orjson_can(value):
            case _Form.AS_IT_IS:
                return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
            case _Form.WHOLE_FLOATS_AS_INTEGERS:
                return orjson.dumps(_whole_floats_as_integers(value), option=orjson.OPT_SORT_KEYS)
            case _Form.NOT:
                return rfc8785.dumps(value)
    except (orjson.JSONEncodeError, rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise NotCanonical(str(error)) from error


def ordered_bytes(value: Any) -> bytes:
    """A JSON value in one form that keeps the order of its keys, for documents in which that order has a meaning.

    Refuses, with NotCanonical, what `canonical_bytes` refuses.
    """
    if _orjson_can(value) is _Form.NOT:
        canonical_bytes(value)  # NaN and infinities, which orjson would write as null
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise NotCanonical(str(error)) from error


def ordered_bytes_as_parsed(value: Any) -> bytes | None:
    """What `ordered_bytes` gives, in a third of the time, for a value that `parse` has made.

    None where the value does not tell: it holds a number so large that `parse` may have taken digits from it.
    Refuses, with NotCanonical, what `ordered_bytes` refuses.
    """
    try:
        content = orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError as error:
        raise NotCanonical(str(error)) from error
    return None if _MAY_HAVE_LOST_DIGITS.search(content) else content


def parse(content: bytes) -> Any:
    """The JSON value of UTF-8 bytes. Duplicate keys are not seen here: compare with `canonical_bytes` for that.

    An integer beyond 64 bits loses digits: it becomes the nearest floating-point number.

    Raises NotCanonical for anything that is not JSON.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise NotCanonical(str(error)) from error


def parse_canonical(content: bytes) -> Any:
    """The JSON value of bytes that are exactly its canonical form (so: no duplicate keys, no spare blanks).

    Raises NotCanonical.
    """
    value = parse(content)
    if canonical_bytes(value) != content:
        raise NotCanonical("the bytes are JSON, but not its canonical form (RFC 8785)")
    return value


class _Form(IntEnum):
    AS_IT_IS = 0
    WHOLE_FLOATS_AS_INTEGERS = 1  # 1.0 is written 1
    NOT = 2


def _orjson_can(value: Any) -> _Form:  # noqa: PLR0912 - one branch a JSON type
    """How far orjson's sorted output is RFC 8785 for this value; refuses integers that JSON cannot keep.

    Code point order, which orjson sorts by, is UTF-16 order as long as no key leaves the BMP. Numbers are
    written alike between the magnitudes at which either form turns to exponents.
    """
    form = _Form.AS_IT_IS
    pending = [value]
    while pending:
        item = pending.pop()
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is dict:
            for key in item:
                if type(key) is not str:
                    raise NotCanonical(f"a key is not a string: {key!r}")
                if not key.isascii() and max(key) > _LAST_BMP:
                    form = _Form.NOT
            pending.extend(item.values())
        elif kind is list or kind is tuple:
            pending.extend(item)
        elif kind is int:
            if not -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER:
                raise NotCanonical(f"the integer {item} is beyond ±(2^53-1) and would lose digits")
        elif kind is float:
            if item.is_integer() and abs(item) <= MAX_SAFE_INTEGER:
                form = max(form, _Form.WHOLE_FLOATS_AS_INTEGERS)
            elif not _LEAST_PLAIN <= abs(item) < _GREATEST_PLAIN:
                form = _Form.NOT
        else:
            raise NotCanonical(f"{kind.__name__} has no JSON form")
    return form


def _whole_floats_as_integers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole_floats_as_integers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole_floats_as_integers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
