"""What every format keeps: it says what changed, nothing in a project is obeyed, and its cost grows with its size."""

from __future__ import annotations

import time

import pytest

from floe_compiler import stages
from floe_compiler.diff.render.formats import FORMATS
from tests.change_sets import HOSTILE, change_set, hostile, large, report

ALL = pytest.mark.parametrize("name", FORMATS)


@ALL
def test_a_format_is_the_same_for_the_same_change_set(name: str) -> None:
    assert stages.renderer(name)(report()) == stages.renderer(name)(report())


@ALL
def test_a_format_ends_its_last_line(name: str) -> None:
    assert stages.renderer(name)(report()).endswith("\n")


@ALL
def test_a_format_names_what_changed(name: str) -> None:
    written = stages.renderer(name)(report())
    assert "loaves" in written
    assert "bakery" in written


@ALL
def test_a_format_says_when_there_is_nothing(name: str) -> None:
    written = stages.renderer(name)(
        report(change_set([], change_set().graph.model_copy(update={"nodes": (), "edges": ()})))
    )
    assert '"findings": []' in written or "othing will run differently" in written or '"results": []' in written


@ALL
def test_no_format_hands_on_what_a_terminal_obeys(name: str) -> None:
    written = stages.renderer(name)(report(hostile()))
    assert "\x1b" not in written
    if name != "json":  # data: whoever shows it decides
        assert "\u202e" not in written


@ALL
def test_the_cost_of_a_format_grows_with_its_size(name: str) -> None:
    render = stages.renderer(name)
    small, big = large(200, 200), large(1_000, 1_000)
    render(report(small))
    assert _seconds(render, big) < 5 * 4 * max(_seconds(render, small), 0.01)


def _seconds(render: object, changes: object) -> float:
    started = time.process_time()
    render(report(changes))  # type: ignore[operator, arg-type]
    return time.process_time() - started


def test_the_hostile_name_is_hostile() -> None:
    assert "\x1b" in HOSTILE
    assert "</script>" in HOSTILE
