"""The benchmarks' machinery works. What it measures is a matter of the machine, and asserted nowhere."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.benchmarks.figures import FIGURES, plain, table
from tests.benchmarks.measurements import LARGE, ROUNDS, Measurements, measure
from tests.benchmarks.processes import Call, Failed, peak_memory, seconds
from tests.benchmarks.project import generate

MIB = 2**20
HOLDING_MEMORY = "import time; held = b'x' * (64 * 2**20); time.sleep(0.3)"
IN_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDING_MEMORY!r}], check=True)"

pytestmark = pytest.mark.tools


def python(code: str, folder: Path) -> Call:
    return Call((sys.executable, "-c", code), folder)


def test_a_project_of_one_size_is_always_the_same(tmp_path: Path) -> None:
    first, second = generate(tmp_path / "first", 100), generate(tmp_path / "second", 100)
    contents = [
        {file.relative_to(project.folder): file.read_bytes() for file in project.folder.rglob("*") if file.is_file()}
        for project in (first, second)
    ]
    assert contents[0] == contents[1]


def test_models_refer_to_earlier_models_and_have_two_tests_each(tmp_path: Path) -> None:
    project = generate(tmp_path / "project", 100)
    names = [model.name for model in project.models]
    for number, model in enumerate(project.models):
        assert set(model.parents) <= set(names[:number])
    described = "".join(file.read_text() for file in project.dbt.rglob("*.yml"))
    assert described.count("data_tests: [unique, not_null]") == 100
    assert len(list(project.dbt.rglob("models/**/*.yml"))) >= 100 / 20


def test_memory_of_children_counts(tmp_path: Path) -> None:
    assert peak_memory(python(HOLDING_MEMORY, tmp_path)) > 64 * MIB
    assert peak_memory(python(IN_A_CHILD, tmp_path)) > 64 * MIB


def test_a_call_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="no such thing"):
        seconds(python("raise SystemExit('no such thing')", tmp_path))


def test_targets_are_judged_on_large_projects_only() -> None:
    slow = {figure.beside: [1.0] for figure in FIGURES} | {figure.floe: [100.0] for figure in FIGURES}
    assert {figure.reached(Measurements(10, slow)) for figure in FIGURES} == {None}
    assert {figure.reached(Measurements(LARGE, slow)) for figure in FIGURES} == {False}


def test_floe_and_dbt_are_measured_side_by_side_and_tabled(tmp_path: Path) -> None:
    unchanged = next(round_ for round_ in ROUNDS if round_.name == "unchanged")
    steps: list[str] = []
    found = measure(generate(tmp_path / "project", 10), [unchanged._replace(repetitions=1)], steps.append)
    assert steps == ["10 models, unchanged, 1 of 1"]
    assert all(len(samples) == 1 and samples[0] > 0 for samples in found.samples.values())

    reports = json.loads(json.dumps(plain(found)))["figures"]
    lines = table(found).splitlines()
    assert [report["floe"] for report in reports] == [
        "floe compile, unchanged",
        "floe compile, unchanged",
        "floe verify",
        "floe inspect",
    ]
    assert lines[0] == "10 models, 20 tests"
    assert [line.partition("  ")[0] for line in lines[2:]] == [report["floe"] for report in reports]
