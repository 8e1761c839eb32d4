"""The lazy door: what the unchanged compile does not need, it does not import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from floe_compiler import stages

UNCHANGED = "import sys, floe_compiler.pipeline; print(*sys.modules)"
AHEAD = """
import sys, time
from floe_compiler import stages
stages.load_ahead("freeze", "record")
until = time.monotonic() + 60
while "floe_compiler.provenance" not in sys.modules and time.monotonic() < until:
    time.sleep(0.01)
print("floe_compiler.freeze" in sys.modules, stages.freeze.__name__)
"""


def printed(code: str) -> str:
    return subprocess.run([sys.executable, "-S", "-c", code], check=True, capture_output=True, text=True).stdout


def test_the_unchanged_compile_imports_nothing_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    loaded = printed(UNCHANGED).split()
    assert {"pydantic", "orjson", "yaml", "threading", "floe_compiler.freeze"}.isdisjoint(loaded)


def test_stages_that_are_loaded_ahead_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    assert printed(AHEAD).split() == ["True", "freeze"]


def test_what_cannot_be_loaded_ahead_is_told_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stages._MODULES, "freeze", "floe_compiler.nowhere")
    stages.load_ahead("freeze")
    with pytest.raises(ImportError, match="nowhere"):
        stages.__getattr__("freeze")
