"""Ctrl-C and SIGTERM, as a user or a scheduler sends them: floe ends, dbt ends with it, nothing is half done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from floe_compiler.pipeline import compile_product
from tests.warm import WarmRegistry

SOUND = Path(__file__).parents[2] / "fixtures" / "broken" / "sound"
ENDLESS = "select count(*) as crumbs from range(1000000000000) as r(n) where n % 7 = 3\n"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    shutil.copytree(SOUND, tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture(autouse=True)
def heard() -> None:
    """Ctrl-C reaches the children, also where the tests run in the background of a shell that ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def floe(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "floe_compiler", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_dbt(pid: int) -> bool:
    return b"_dbt_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()


def ended_in(run_dir: Path) -> dict[str, str]:
    """The type of the last lineage event of every node; of the run itself, under no name."""
    file = run_dir / "lineage" / "events.jsonl"
    lines = file.read_text("utf-8").splitlines(keepends=True) if file.exists() else []
    events = [json.loads(line) for line in lines if line.endswith("\n")]
    return {event["job"]["name"].removeprefix("loaves.dev").lstrip("."): event["eventType"] for event in events}


def wait_until(happened: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("after", [0.0, 1.0], ids="after {} s".format)
def test_ctrl_c_ends_a_compile_with_its_dbt_and_publishes_nothing(work: Path, after: float) -> None:
    process = floe("compile", "product", cwd=work)
    wait_until(lambda: children_of(process.pid))
    (dbt,) = children_of(process.pid)
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "floe: interrupted\n")
    assert list((work / "product" / ".floe" / "bundles").iterdir()) == []
    wait_until(lambda: is_gone(dbt), 15)
    assert list((work / "product" / ".floe" / "tmp").iterdir()) == []


def test_a_terminated_compile_takes_its_dbt_along_and_the_next_one_cleans_up(
    work: Path, registry: WarmRegistry
) -> None:
    process = floe("compile", "product", cwd=work)
    wait_until(lambda: children_of(process.pid))
    (dbt,) = children_of(process.pid)
    process.terminate()
    process.communicate(timeout=30)
    wait_until(lambda: is_gone(dbt), 15)
    assert compile_product(work / "product", registry=registry).path.is_dir()
    assert list((work / "product" / ".floe" / "tmp").iterdir()) == []


def test_ctrl_c_in_a_run_has_dbt_stop_and_reports_what_was_done(work: Path, registry: WarmRegistry) -> None:
    (work / "product" / "models" / "leftovers.sql").write_text("{{ config(materialized='table') }}\n" + ENDLESS)
    compile_product(work / "product", registry=registry)
    process = floe("run", "loaves", cwd=work / "product")
    runs = work / "product" / ".floe" / "runs"
    wait_until(lambda: "model.loaves.leftovers" in ended_in(runs / "loaves" / "dev"))
    (dbt,) = filter(is_dbt, children_of(process.pid))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Stopping dbt" in err
    assert "FLOE-X004" in err
    assert "Traceback" not in err
    wait_until(lambda: is_gone(dbt), 15)
    assert (runs / "loaves" / "dev" / "report.json").is_file()
    ended = ended_in(runs / "loaves" / "dev")
    assert ended[""] == "ABORT"
    assert ended["model.loaves.leftovers"] in {"ABORT", "FAIL"}, "dbt may have had the time to say that it failed"
    assert "START" not in ended.values(), "nothing is left started"


@pytest.mark.tools
def test_a_run_that_is_killed_is_told_to_its_end(work: Path, registry: WarmRegistry) -> None:
    (work / "product" / "models" / "leftovers.sql").write_text("{{ config(materialized='table') }}\n" + ENDLESS)
    compile_product(work / "product", registry=registry)
    process = floe("run", "loaves", cwd=work / "product")
    run_dir = work / "product" / ".floe" / "runs" / "loaves" / "dev"
    wait_until(lambda: "model.loaves.leftovers" in ended_in(run_dir))
    children = children_of(process.pid)
    process.kill()
    process.communicate(timeout=60)
    for child in children:
        wait_until(lambda child=child: is_gone(child), 30)
    ended = ended_in(run_dir)
    assert ended[""] == ended["model.loaves.leftovers"] == "ABORT"
    assert len((run_dir / "telemetry" / "spans.jsonl").read_text("utf-8").splitlines()) == len(ended)
