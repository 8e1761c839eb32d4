"""The lazy door: what the unchanged compile does not need, it does not import."""

from __future__ import annotations

import subprocess
import sys

import pytest

UNCHANGED = "import sys, floe_compiler.pipeline; print(*sys.modules)"


def printed(code: str) -> str:
    return subprocess.run([sys.executable, "-S", "-c", code], check=True, capture_output=True, text=True).stdout


def test_the_unchanged_compile_imports_nothing_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    loaded = printed(UNCHANGED).split()
    assert {"pydantic", "orjson", "yaml", "threading", "floe_compiler.freeze"}.isdisjoint(loaded)
