"""What people see of problems: three lines each, the offending line under a caret; or JSON for machines."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
import unicodedata
from typing import Final

from floe_compiler.codes import CODES
from floe_compiler.errors import FloeError, Problem

_BOLD, _RED, _DIM, _PLAIN = ("\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m")
_MARGIN: Final = "  "
_OBEYED: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that a terminal obeys. Files, and tools that read files, may put them into messages."""


def show_problems(error: FloeError, *, as_json: bool) -> None:
    """Every problem to stderr; or, for machines, one document to stdout."""
    if as_json:
        json.dump({"problems": [problem_as_json(problem) for problem in error.problems]}, sys.stdout, indent=2)
        print()
        return
    colour = wants_colour()
    print("\n\n".join(problem_as_text(problem, colour=colour) for problem in error.problems), file=sys.stderr)
    if len(error.problems) > 1:
        print(f"\n{len(error.problems)} problems", file=sys.stderr)


def show_warning(problem: Problem) -> None:
    """A problem that ends nothing, to stderr."""
    print(f"Warning: {problem_as_text(problem, colour=wants_colour())}", file=sys.stderr)


def wants_colour() -> bool:
    """Whether stderr is a terminal, and its user has not asked for plain text (https://no-color.org)."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def problem_as_text(problem: Problem, *, colour: bool = False) -> str:
    """What is wrong, where, and what to do."""
    code = f"{_BOLD}{_RED}{problem.code}{_PLAIN}" if colour else problem.code
    lines = [f"{code}: {_harmless(problem.message)}"]
    if problem.where:
        place = _harmless(str(problem.where))
        lines.append(f"{_MARGIN}at {_DIM}{place}{_PLAIN}" if colour else f"{_MARGIN}at {place}")
        lines.extend(_excerpt(problem))
    lines.append(_MARGIN + _harmless(problem.hint or CODES[problem.code].way_out))
    return "\n".join(lines)


def problem_as_json(problem: Problem) -> dict[str, object]:
    """The same for machines; `where` is null for a problem without a place."""
    where = problem.where
    return {
        "code": problem.code,
        "title": CODES[problem.code].title,
        "message": problem.message,
        "where": where and {"file": where.file, "line": where.line or None, "column": where.column or None},
        "hint": problem.hint or CODES[problem.code].way_out,
    }


def show_bug(error: Exception) -> None:
    """The one case in which a traceback is shown: a bug in floe."""
    traceback.print_exception(error)
    print("\nThis is a bug in floe: please report it with the lines above.", file=sys.stderr)


def _excerpt(problem: Problem) -> list[str]:
    where = problem.where
    if where is None or where.text is None or not where.text.strip():
        return []
    number = str(where.line)
    text = _OBEYED.sub("\N{REPLACEMENT CHARACTER}", where.text)
    lines = [f"{_MARGIN}{number} | {text}"]
    if where.column and where.column <= len(text) + 1:
        lines.append(f"{_MARGIN}{' ' * len(number)} | {' ' * _cells(text[: where.column - 1])}^")
    return lines


def _harmless(text: str) -> str:
    """The text with everything that a terminal obeys written out; later lines are set under the first."""
    written = _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text.replace("\t", " "))
    return re.sub(r"\n(?=[^\n])", "\n" + _MARGIN, written)


def _cells(text: str) -> int:
    """How many columns of a terminal a text takes: two for a wide character, none for a combining one."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
