"""How text stands in Cube's YAML: names, SQL, sentences and the file itself.

Cube reads every string of its YAML as a Python f-string, which it turns into a JavaScript template, and takes a file
with `{{` or `{%` anywhere in it for a Jinja template. Source: https://cube.dev/docs/product/data-modeling/syntax
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, count
from typing import Any, Final

import yaml

_ESCAPES: Final = str.maketrans({"\\": r"\\", "{": r"\x7b", "}": r"\x7d", "\r": r"\r"})
_PLAIN: Final = re.compile(r"[A-Za-z_]\w*( \w+)*", re.ASCII)
_COLUMN: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NO_COLUMNS: Final = frozenset({"true", "false", "null", "current_date", "current_time", "current_timestamp"})
_OF_CUBE_AND_JAVASCRIPT: Final = (
    "CUBE SECURITY_CONTEXT FILTER_PARAMS FILTER_GROUP SQL_UTILS case catch const debugger default delete do enum"
    " export extends function instanceof new null super switch this throw true false typeof var void let static"
    " undefined"
)
_RESERVED: Final = frozenset(keyword.kwlist) | frozenset(_OF_CUBE_AND_JAVASCRIPT.split())
_NO_TEXTS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_ENDLESS: Final = 2**31 - 1
"""Columns of a line: none is broken."""
_TYPES: Final[dict[str, str]] = {
    name: kind
    for kind, names in {
        "boolean": "bool boolean",
        "number": "bigdecimal bigint bignumeric byteint dec decimal double float float4 float8 float32 float64 hugeint"
        " int int2 int4 int8 int16 int32 int64 integer number numeric real smallint tinyint ubigint uinteger usmallint"
        " utinyint long short",
        "time": "date datetime timestamp timestamptz timestamp_ltz timestamp_ntz timestamp_tz",
    }.items()
    for name in names.split()
} | {
    "double precision": "number",
    "timestamp with time zone": "time",
    "timestamp without time zone": "time",
}


def literal(text: str) -> str:
    """Text that Cube reads as it is."""
    escaped = text.translate(_ESCAPES)
    # at the end of an f-string Cube's parser takes a backslash and the closing quote for one character
    return escaped.removesuffix(r"\\") + r"\x5c" if text.endswith("\\") else escaped


def column(name: str, quote: str, quoted: bool = False) -> str:
    """A column of the cube's own table."""
    bare = _COLUMN.fullmatch(name) and not quoted
    return "{CUBE}." + (name if bare else literal(f"{quote}{name.replace(quote, quote * 2)}{quote}"))


def expression(sql: str, quote: str) -> str:
    """What stands in an `expr`: a name is a column, as MetricFlow has it; anything else is passed on as written."""
    is_column = _COLUMN.fullmatch(sql) and sql.lower() not in _NO_COLUMNS
    return column(sql, quote) if is_column else literal(sql)


def cube_type(data_type: str) -> str:
    """The type of a dimension. What is not declared is a string, and so is what Cube has no type for."""
    name = "" if data_type.endswith("]") else data_type.partition("(")[0]
    return _TYPES.get(name.strip().lower(), "string")


def distinct(wanted: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Names that Cube takes, each once whatever its capitals, in the order in which they are wanted; where a name is
    taken, the suffix that comes with it is put behind."""
    taken: set[str] = set()
    for name, suffix in wanted:
        longer = _identifier(f"{name}_{suffix}")
        candidates = chain((_identifier(name), longer), (f"{longer}_{n}" for n in count(2)))
        chosen = next(candidate for candidate in candidates if candidate.lower() not in taken)
        taken.add(chosen.lower())
        yield chosen


def _identifier(name: str) -> str:
    safe = re.sub(r"\W", "_", name, flags=re.ASCII)
    if not safe or safe[0].isdigit():
        safe = f"_{safe}"
    return f"{safe}_" if safe in _RESERVED else safe


def model_file(comment: str, document: Mapping[str, Any]) -> bytes:
    """A file of the data model, with the keys in the order in which they are given."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_ENDLESS)
    return f"# {comment}\n{text}".encode()


class _Dumper(yaml.CSafeDumper):
    """PyYAML's in C: the other one takes ten seconds for the files of a thousand wide models."""


def _written(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Without quotes only where YAML 1.1 and 1.2 both read it as that text."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXTS
    style = None if plain else "'" if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _written)
