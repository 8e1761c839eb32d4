"""Whole processes, from start to end: how long they take, and how much memory they and their children hold."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

SAMPLING: Final = 0.02
_NOT_HANDED_ON: Final = ("DBT_", "FLOE_", "PYTHON")


class Call(NamedTuple):
    """A command line and the folder that it is run in."""

    arguments: tuple[str, ...]
    folder: Path


class Failed(Exception):
    """A measured command did not succeed, so its figure would say nothing."""


def seconds(call: Call) -> float:
    """The wall time of a call. Raises Failed with what it printed."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = _start(call, output.fileno())
        process.wait()
        took = time.perf_counter() - started
        _require_success(process, call, output.fileno())
    return took


def peak_memory(call: Call) -> int:
    """The largest sum, over time, of the memory of a call's processes, in bytes. Raises Failed.

    Linux's proportional set size: a page that two processes share is counted once.
    """
    peak = 0
    with tempfile.TemporaryFile() as output:
        process = _start(call, output.fileno())
        while process.poll() is None:
            peak = max(peak, sum(_memory(pid) for pid in _family(process.pid)))
            time.sleep(SAMPLING)
        _require_success(process, call, output.fileno())
    return peak


def _start(call: Call, output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        call.arguments,
        cwd=call.folder,
        env=_environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """What both see alike: nothing that steers dbt, floe or Python, and telemetry off."""
    kept = {name: value for name, value in ours.items() if not name.startswith(_NOT_HANDED_ON)}
    return {**kept, "DO_NOT_TRACK": "1"}


def _require_success(process: subprocess.Popen[bytes], call: Call, output: int) -> None:
    if process.returncode:
        os.lseek(output, 0, os.SEEK_SET)
        printed = os.read(output, 100_000).decode(errors="replace")
        raise Failed(f"{' '.join(call.arguments)} ended with {process.returncode}:\n{printed}")


def _family(pid: int) -> Iterator[int]:
    """A process and all that it started, as far as they live."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _text(children).split():
            yield from _family(int(child))


def _memory(pid: int) -> int:
    for line in _text(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError:  # the process has ended
        return ""
