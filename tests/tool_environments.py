"""The environments of tools that want one of their own: `tests/tools/<name>.in` says what is in each.

`make test-tools` installs `tests/tools/<name>.lock` into `.venv-<name>`; `make lock` makes the lock. A tool from npm
has `tests/tools/<name>/package.json` and its lock instead, and is installed into `.npm-<name>`.
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


def node_folder(environment: str) -> Path:
    """The folder whose `node_modules` a tool from npm is installed in, for a test that is marked `tools`."""
    path = ROOT / f".npm-{environment}"
    if not (path / ".installed").exists():
        pytest.fail(f"{path} is missing: `make test-tools` installs it")
    return path
