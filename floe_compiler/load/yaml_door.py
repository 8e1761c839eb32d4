"""The only YAML door: bytes of a file in, a document with a place for every value out.

`parse_document` reads floe's own files and refuses whatever two readers could read differently;
`parse_foreign` reads dbt's files as dbt reads them. Both take at most seconds and a few hundred MiB for any
16 MiB of input, and raise nothing but FloeError, with every problem that could be found.

The events come from libyaml, through PyYAML, which every wheel of PyYAML holds; PyYAML's own parser in
Python is too slow to be safe and is not used. libyaml keeps its bounds only as long as it is fed with care:
nesting is counted while events arrive, and directives, of which it compares each with all others, are
refused before it starts.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from floe_compiler import canonical
from floe_compiler.errors import FloeError, Problem, Where, raise_if_any
from floe_compiler.load.document_builder import FOREIGN, STRICT, Dialect, DocumentBuilder
from floe_compiler.load.source_text import SourceText, decoded
from floe_compiler.model.documents import Document

MAX_SIZE: Final = 16 * 1024 * 1024
_OPEN_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


def read_file(path: Path, *, shown_as: str, max_size: int = MAX_SIZE) -> bytes:
    """The bytes of a regular file. `shown_as` is its name in problems.

    Raises FloeError, before it reads a byte, for what is missing, may not be opened, is not a regular file
    or is larger than `max_size`. Waits for nobody: a pipe is refused, not opened for its writer.
    """
    where = Where(shown_as)
    try:
        _check(path.stat(), where, max_size)  # looked at first: opening a device can already act on it
        descriptor = os.open(path, _OPEN_FLAGS)
        with os.fdopen(descriptor, "rb") as file:
            _check(os.fstat(descriptor), where, max_size)
            content = file.read(max_size + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise FloeError(_not_readable(error, where)) from error
    if len(content) > max_size:
        raise FloeError(_too_large(where, max_size))
    return content


def parse_document(content: bytes, *, file: str) -> Document:
    """The document of one of floe's own files. Raises FloeError (FLOE-L010 to L036)."""
    return _parse(content, file, STRICT)


def parse_foreign(content: bytes, *, file: str) -> Document:
    """The document of one of dbt's files, as PyYAML's SafeLoader reads it; dates and times stay text.

    Keys may be numbers, true, false or null, as there; in pointers they are text unless whole numbers.
    Raises FloeError, also for directives, for tags other than YAML's own, for recursive aliases and for what
    would cost too much.
    """
    return _parse(content, file, FOREIGN)


def _parse(content: bytes, file: str, dialect: Dialect) -> Document:
    source = decoded(content, file, bom_allowed=dialect.lenient, refused=dialect.refused)
    if place := source.directive():
        raise FloeError(Problem("FLOE-L022", "a directive stands here", place, "Remove the line."))
    builder = DocumentBuilder(source, dialect)
    try:
        for event in yaml.parse(content, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.YAMLError as error:
        raise FloeError([*builder.problems, _not_yaml(error, source)]) from error
    except FloeError as error:
        raise FloeError([*builder.problems, *error.problems]) from error
    raise_if_any(builder.problems)
    places = builder.places
    return Document(file, builder.value, places.values, places.keys, canonical.digest(content))


def _check(status: os.stat_result, where: Where, max_size: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "not a regular file")
        raise FloeError(Problem("FLOE-L003", f"{where} is {kind}", where, "Name a regular file."))
    if status.st_size > max_size:
        raise FloeError(_too_large(where, max_size))


_KINDS: Final = {
    stat.S_IFDIR: "a directory",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def _not_readable(error: OSError | ValueError, where: Where) -> Problem:
    if isinstance(error, ValueError) or error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return Problem("FLOE-L001", f"{where} does not exist", where, "Correct the path.")
    message = f"{where} cannot be read: {error.strerror}"
    return Problem("FLOE-L002", message, where, "Check the path and its permissions.")


def _too_large(where: Where, max_size: int) -> Problem:
    message = f"{where} is larger than {max_size:,} bytes"
    return Problem("FLOE-L004", message, where, "Check whether the path names the right file.")


class _Syntax(NamedTuple):
    """What to say for a message of libyaml, known by a part of it. `{opened}` is where its context starts."""

    part: str
    message: str
    hint: str


_INDENTATION: Final = "Check the indentation of this line and of the ones above it."
_SYNTAX: Final = (
    _Syntax(
        "mapping values are not allowed",
        "a `:` stands where no key can be",
        "Quote the value if the `:` belongs to it. " + _INDENTATION,
    ),
    _Syntax(
        "character that cannot start any token",
        "no plain value can start with this character",
        "Quote a value that starts with one of @ ` %.",
    ),
    _Syntax(
        "tab",
        "a tab stands where only spaces may",
        "Indent with spaces.",
    ),
    _Syntax(
        "unexpected end of stream",
        "the quotes that open here are never closed",
        "Close the quotes.",
    ),
    _Syntax(
        "did not find expected ','",
        "a comma is missing, or the bracket of {opened} is not closed",
        "Close the bracket; quote a value that holds a comma or a bracket.",
    ),
    _Syntax(
        "did not find expected node content",
        "a value is missing",
        "Look for a comma too many or a bracket that is not closed; quote a value that starts with one.",
    ),
    _Syntax(
        "did not find expected key",
        "this does not go with the mapping around it",
        _INDENTATION + " Within single quotes, write ' twice.",
    ),
    _Syntax(
        "did not find expected '-' indicator",
        "this does not go with the list around it",
        _INDENTATION,
    ),
    _Syntax(
        "block sequence entries are not allowed",
        "a list cannot start here",
        "Start the list on a line of its own. " + _INDENTATION,
    ),
    _Syntax(
        "could not find expected ':'",
        "a key without `:`",
        "Write `key: value`. " + _INDENTATION,
    ),
    _Syntax(
        "did not find expected <document start>",
        "something follows after the end of the value",
        "Quote the whole value, or remove the rest.",
    ),
    _Syntax(
        "unknown escape character",
        "YAML does not know this escape",
        "Write a backslash twice, or use single quotes.",
    ),
    _Syntax(
        "invalid Unicode character escape",
        "this escape is no character",
        "Write the character itself.",
    ),
)


def _not_yaml(error: yaml.YAMLError, source: SourceText) -> Problem:
    """libyaml's message in plain words; what is never closed is shown where it opens."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem("FLOE-L020", f"not YAML: {error}", Where(source.file), "Correct the file.")
    words = error.problem or "not YAML"
    opened, where = source.at(error.context_mark), source.at(error.problem_mark)
    if "end of stream" in words and error.context_mark:
        where = opened
    elif source.character(error.problem_mark) == "\t":
        words = "tab"
    for row in _SYNTAX:
        if row.part in words:
            message = row.message.format(opened=f"line {opened.line}, column {opened.column}")
            return Problem("FLOE-L020", message, where, row.hint)
    return Problem("FLOE-L020", f"not YAML: {words}", where, "Correct this line, or quote the value.")
