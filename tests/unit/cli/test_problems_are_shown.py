"""A problem on a terminal: three lines, the place under a caret, nothing that a terminal would obey."""

from __future__ import annotations

import io
import sys

import pytest

from floe_compiler.cli.show import problem_as_json, problem_as_text, show_problems
from floe_compiler.codes import CODES
from floe_compiler.errors import FloeError, Problem, Where

CODE = "FLOE-L051"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(problem: Problem) -> list[str]:
    return problem_as_text(problem).split("\n")


def test_a_problem_says_what_where_and_what_to_do() -> None:
    where = Where("floe.yaml", 12, 3, "  schdule:")
    assert shown(Problem(CODE, "unknown key `schdule`", where, "Write `schedule`.")) == [
        "FLOE-L051: unknown key `schdule`",
        "  at floe.yaml:12:3",
        "  12 |   schdule:",
        "     |   ^",
        "  Write `schedule`.",
    ]


def test_without_a_hint_of_its_own_it_has_that_of_its_code() -> None:
    assert shown(Problem(CODE, "unknown key"))[-1] == f"  {CODES[CODE].way_out}"


def test_a_line_that_may_hold_a_secret_is_not_shown() -> None:
    text = problem_as_text(Problem(CODE, "a", Where("a.yaml", 1, 1, "password: rye").hidden()))
    assert "a.yaml:1:1" in text
    assert "rye" not in text


@pytest.mark.parametrize(
    ("before", "columns"),
    [("name: ", 6), ("名前: ", 6), ("é: ", 3), ("e\N{COMBINING ACUTE ACCENT}: ", 3)],
    ids=["letters", "wide", "accented", "combining"],
)
def test_the_caret_stands_under_the_character_also_after_wide_ones(before: str, columns: int) -> None:
    *_, caret, _ = shown(Problem(CODE, "a", Where("a.yaml", 1, len(before) + 1, f"{before}here")))
    assert caret == f"    | {' ' * columns}^"


def test_nothing_is_shown_that_a_terminal_obeys() -> None:
    hostile = "a\x1b[2Jb\x9b31mc\u202ed\re"
    text = problem_as_text(Problem(CODE, hostile, Where(hostile, 1, 1, hostile), hostile))
    assert not any(character in text for character in "\x1b\x9b\u202e\r")
    assert r"a\x1b[2Jb\x9b31mc\u202ed\re" in text


def test_the_later_lines_of_a_message_stand_under_its_first() -> None:
    assert shown(Problem(CODE, "dbt says:\nno\n\nreally"))[:4] == ["FLOE-L051: dbt says:", "  no", "", "  really"]


def test_colours_are_for_terminals_whose_users_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    error = FloeError(Problem(CODE, "a", Where("a.yaml", 1, 1)))

    def said(stream: io.StringIO) -> str:
        monkeypatch.setattr(sys, "stderr", stream)
        show_problems(error, as_json=False)
        return stream.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in said(io.StringIO())
    assert "\x1b[" in said(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in said(Terminal())


def test_several_problems_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    show_problems(FloeError([Problem(CODE, "a"), Problem(CODE, "b")]), as_json=False)
    assert capsys.readouterr().err.endswith("\n\n2 problems\n")


def test_machines_are_told_the_same_with_the_place_in_parts() -> None:
    problem = Problem(CODE, "a", Where("a.yaml", 3, 4, "text"))
    assert problem_as_json(problem) == {
        "code": CODE,
        "title": "Unknown key",
        "message": "a",
        "where": {"file": "a.yaml", "line": 3, "column": 4},
        "hint": CODES[CODE].way_out,
    }
    assert problem_as_json(Problem(CODE, "a"))["where"] is None
