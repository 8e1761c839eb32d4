"""Files in the run directory that run after run is added to."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOM: Final = 16 * 2**20


def with_room(path: Path) -> Path:
    """The file to append to, in a folder that is there; one that has grown large steps back, and replaces the last
    that did."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and path.stat().st_size > ROOM:
        path.replace(path.with_suffix(f".1{path.suffix}"))
    return path
