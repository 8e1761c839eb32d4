"""Every fault in `fixtures/broken` is refused: in exactly these words, with this status, and nothing published."""

from __future__ import annotations

import pytest

from floe_compiler.codes import CODES
from tests.refusals import CODE, FOLDERS, CannotBeMade, Outcome, outcome_of, read_case
from tests.warm import WarmRegistry


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: str(folder.name))
def refusal(request: pytest.FixtureRequest, registry: WarmRegistry) -> Outcome:
    try:
        return outcome_of(read_case(request.param), registry)
    except CannotBeMade as reason:
        pytest.skip(str(reason))


def test_a_refusal_says_exactly_what_was_reviewed(refusal: Outcome) -> None:
    assert refusal.said == refusal.case.expected.read_text("utf-8")


def test_a_refusal_has_its_code_and_its_exit_status(refusal: Outcome) -> None:
    assert refusal.case.code in CODE.findall(refusal.said)
    assert refusal.status == refusal.case.status


def test_a_refusal_publishes_nothing_and_leaves_nothing_behind(refusal: Outcome) -> None:
    if not refusal.case.publishes and not refusal.case.call:
        assert refusal.after == refusal.before


def test_a_refusal_shows_no_traceback(refusal: Outcome) -> None:
    assert "Traceback" not in refusal.said + refusal.printed


def test_a_refusal_tells_machines_the_same(refusal: Outcome) -> None:
    if refusal.codes is not None:
        assert refusal.codes == tuple(line.split(":")[0] for line in refusal.said.splitlines() if CODE.match(line))


def test_every_code_has_a_fault_that_produces_it() -> None:
    produced = {read_case(folder).code for folder in FOLDERS}
    assert sorted(CODES.keys() - produced) == []
    assert sorted(produced - CODES.keys()) == []
