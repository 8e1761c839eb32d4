"""Problems and the errors that carry them: sorted, each once, with the status of the gravest."""

from __future__ import annotations

import pickle

import pytest

from floe_compiler.codes import CODES, USAGE
from floe_compiler.errors import FloeError, Problem, Where, raise_if_any

REFUSED, DAMAGED = "FLOE-L051", "FLOE-V008"


def test_problems_are_sorted_by_place_and_told_once() -> None:
    at = [Where("b.yaml", 1, 1), Where("a.yaml", 10, 1), Where("a.yaml", 9, 2), Where("a.yaml", 9, 1)]
    problems = [Problem(REFUSED, "unknown", where) for where in (*at, *at)]
    told = FloeError(problems).problems
    assert [str(problem.where) for problem in told] == ["a.yaml:9:1", "a.yaml:9:2", "a.yaml:10:1", "b.yaml:1:1"]


def test_the_gravest_problem_gives_the_exit_status() -> None:
    assert FloeError([Problem(REFUSED, "a"), Problem(DAMAGED, "b")]).exit_status == CODES[DAMAGED].exit_status


def test_a_problem_has_a_code_of_the_table() -> None:
    with pytest.raises(ValueError, match="FLOE-Z999"):
        Problem("FLOE-Z999", "nobody knows")


def test_an_error_has_a_problem() -> None:
    with pytest.raises(ValueError, match="needs a problem"):
        FloeError([])


def test_collected_problems_end_a_stage_and_none_do_not() -> None:
    raise_if_any(iter(()))
    with pytest.raises(FloeError, match="FLOE-L051 first; FLOE-L051 second"):
        raise_if_any(Problem(REFUSED, message) for message in ("second", "first"))


def test_an_error_survives_the_way_to_another_process() -> None:
    error = FloeError(Problem(REFUSED, "unknown", Where("a.yaml", 1, 2, "text"), "hint"))
    assert pickle.loads(pickle.dumps(error)).problems == error.problems


def test_a_place_says_what_it_knows() -> None:
    assert [str(Where("a", 3, 4)), str(Where("a", 3)), str(Where("a"))] == ["a:3:4", "a:3", "a"]


def test_a_hidden_place_is_the_same_place() -> None:
    where = Where("a", 3, 4, "password: rye")
    assert where.hidden() == where
    assert where.hidden().text is None


@pytest.mark.parametrize("name", CODES)
def test_a_code_says_what_why_and_what_to_do(name: str) -> None:
    title, exit_status, why, way_out = CODES[name]
    assert exit_status not in (0, USAGE)
    assert not title.endswith(".")
    assert why.endswith(".")
    assert way_out.endswith(".")
