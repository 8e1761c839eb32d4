"""The environments of tools that want one of their own: `tests/tools/<name>.in` says what is in each.

`make test-tools` installs `tests/tools/<name>.lock` into `.venv-<name>`; `make lock` makes the lock.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def program(environment: str, name: str) -> Path:
    """A program of a tool's environment, for a test that is marked `tools`."""
    path = ROOT / f".venv-{environment}" / "bin" / name
    if not path.exists():
        pytest.fail(f"{path} is missing: `make test-tools` installs it")
    return path
