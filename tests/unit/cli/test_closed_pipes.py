"""`floe … | head -1`: whoever has read enough goes away, and that changes neither what is done nor its status."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.bundles import make_bundle, on_disk

FLOE = [sys.executable, "-m", "floe_compiler"]


def end_of(arguments: Sequence[str], *, closed: str) -> tuple[int, str]:
    """Runs floe with stdout, stderr or both leading into a pipe that nobody reads: its status, and the rest."""
    reader, writer = os.pipe()
    os.close(reader)
    streams = {name: writer if name in closed else subprocess.PIPE for name in ("stdout", "stderr")}
    process = subprocess.Popen([*FLOE, *arguments], **streams)
    os.close(writer)
    out, err = process.communicate()
    return process.returncode, ((out or b"") + (err or b"")).decode()


@pytest.mark.parametrize("closed", ["stdout", "stderr", "stdout and stderr"])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["verify", "bundle"], 0),
        (["inspect", "bundle", "--json"], 0),
        (["verify", "nothing"], 5),
        (["verify", "nothing", "--json"], 5),
        (["--help"], 0),
        ([], 2),
        (["nonsense"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_the_status_is_the_same_when_nobody_listens(
    arguments: list[str], status: int, closed: str, tmp_path: Path
) -> None:
    on_disk(make_bundle(), tmp_path / "bundle")
    found, rest = end_of([str(tmp_path / a) if a in ("bundle", "nothing") else a for a in arguments], closed=closed)
    assert found == status
    assert "Traceback" not in rest
    assert "Exception ignored" not in rest
