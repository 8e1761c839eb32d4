"""What people see of problems: three lines each, the offending line under a caret; or JSON for machines."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Final

from floe_compiler.codes import CODES
from floe_compiler.errors import FloeError, Problem

_BOLD, _RED, _DIM, _PLAIN = ("\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m")
_MARGIN: Final = "  "


def show_problems(error: FloeError, *, as_json: bool) -> None:
    """Every problem to stderr; or, for machines, one document to stdout."""
    if as_json:
        json.dump(
            {"problems": [problem_as_json(problem) for problem in error.problems]}, sys.stdout, indent=2
        )
        print()
        return
    colour = sys.stderr.isatty()
    print("\n\n".join(problem_as_text(problem, colour=colour) for problem in error.problems), file=sys.stderr)
    if len(error.problems) > 1:
        print(f"\n{len(error.problems)} problems", file=sys.stderr)


def problem_as_text(problem: Problem, *, colour: bool = False) -> str:
    """What is wrong, where, and what to do."""
    code, place = problem.code, str(problem.where) if problem.where else ""
    if colour:
        code, place = f"{_BOLD}{_RED}{code}{_PLAIN}", f"{_DIM}{place}{_PLAIN}"
    lines = [f"{code}: {problem.message}"]
    if problem.where:
        lines.append(f"{_MARGIN}at {place}")
        lines.extend(_excerpt(problem))
    lines.append(f"{_MARGIN}{problem.hint or CODES[problem.code].way_out}")
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
    lines = [f"{_MARGIN}{number} | {where.text}"]
    if where.column and where.column <= len(where.text) + 1:
        lines.append(f"{_MARGIN}{' ' * len(number)} | {' ' * (where.column - 1)}^")
    return lines
