"""No document, however hostile, takes more than seconds and half a gigabyte, or ends without a code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.load.hostile_documents import HOSTILE, doors

SCRIPT = Path(__file__).with_name("hostile_documents.py")
ROOT = SCRIPT.parents[3]
SECONDS, MEGABYTES = 5, 512


@pytest.fixture(scope="module")
def reports() -> dict[str, list[dict[str, Any]]]:
    command = [sys.executable, str(SCRIPT), str(SECONDS), str(MEGABYTES)]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in HOSTILE}
    for line in done.stdout.splitlines():
        report = json.loads(line)
        found[report["name"]].append(report)
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_read_or_refused_within_the_bounds(
    name: str, reports: dict[str, list[dict[str, Any]]]
) -> None:
    assert [report.get("died") for report in reports[name]] == [None for _ in doors(name)]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("brackets", "FLOE-L031"),
        ("many_keys", "FLOE-L032"),
        ("many_aliases", "FLOE-L029"),
        ("aliases_of_aliases", "FLOE-L029"),
        ("many_directives", "FLOE-L022"),
        ("many_directives_after_a_document", "FLOE-L021"),
        ("one_number", "FLOE-L033"),
    ],
)
def test_a_bound_has_a_code_of_its_own(name: str, code: str, reports: dict[str, list[dict[str, Any]]]) -> None:
    assert [report["codes"] for report in reports[name]] == [[code] for _ in doors(name)]
