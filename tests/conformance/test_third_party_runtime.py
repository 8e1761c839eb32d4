"""A runtime of another distribution is held to the contract by one command, the one that the guide shows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.tools, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
BORROWED = ROOT / "fixtures" / "plugins" / "floe-borrowed"
SUITE = "tests/conformance/test_dbt_runtime_contract.py"
CONTRACT = ("-m", "pytest", "-n", "0", "-m", "tools", SUITE, "--runtime", "borrowed")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution, built and installed by pip into a folder of its own."""
    root = tmp_path_factory.mktemp("borrowed")
    shutil.copytree(BORROWED, root / "source")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation")
    subprocess.run([*pip, "--target", root / "site", root / "source"], check=True)
    return root / "site"


def contract(installed: Path, *more: str) -> subprocess.CompletedProcess[str]:
    quiet = ("-q", "-p", "no:cacheprovider", "-p", "no:warnings")
    environ = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, *CONTRACT, *quiet, *more]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_the_guide_shows_the_command() -> None:
    guide = (ROOT / "docs" / "guides" / "write-a-plugin.md").read_text()
    assert f"python {' '.join(CONTRACT).replace('borrowed', 'mine')}" in guide


def test_a_runtime_that_keeps_the_contract_passes(installed: Path) -> None:
    done = contract(installed)
    assert done.returncode == 0, done.stdout
    assert "borrowed" in contract(installed, "--collect-only").stdout
    assert "local" not in done.stdout


@pytest.mark.parametrize(
    ("forgotten", "test"),
    [
        ("vars", "test_variables_reach_the_models"),
        ("env", "test_env_var_sees_what_the_call_hands_over_and_forgets_it"),
        ("target_path", "test_run_writes_only_where_it_is_told"),
    ],
)
def test_a_runtime_that_drops_an_option_is_found_out(installed: Path, forgotten: str, test: str) -> None:
    config = json.dumps({"forgets": [forgotten]})
    done = contract(installed, "--runtime-config", config, "-k", f"{test} or test_metadata_says_what_runs")
    assert done.returncode == 1, done.stdout
    assert f"FAILED {SUITE}::{test}[" in done.stdout
    assert "1 passed" in done.stdout
