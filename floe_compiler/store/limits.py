"""How large a bundle may be. What is larger is refused before it is read."""

from __future__ import annotations

from typing import Final

KIB: Final = 1 << 10
MIB: Final = 1 << 20
GIB: Final = 1 << 30

MAX_INDEX: Final = 64 * MIB
MAX_FILE: Final = 2 * GIB
MAX_TOTAL: Final = 8 * GIB
MAX_FILES: Final = 200_000
CHUNK: Final = MIB
"""Bytes read at once: what a file takes of memory while it is checked."""


def in_words(size: int) -> str:
    """A number of bytes for people: `243 bytes`, `14.7 MiB`."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"
