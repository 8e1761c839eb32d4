"""Which paths a bundle may hold: those that unpack to the same tree on every file system that floe runs on.

Letters that some system refuses, two names that differ only in case, a file where a folder must be, `..`, and
what the single-file form cannot hold are refused: once, when the bundle is frozen, and whenever it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from floe_compiler.errors import Problem, Where

MAX_PATH: Final = 240
_NAME: Final = 100  # ustar's field for the last part of a path,
_PREFIX: Final = 155  # and that for what stands before it
_PORTABLE = re.compile(r"[A-Za-z0-9_ !#$%&'()+,.;=@\[\]^{}~-]+(/[A-Za-z0-9_ !#$%&'()+,.;=@\[\]^{}~-]+)*")


def path_problems(paths: Sequence[str], index: str) -> Iterator[Problem]:
    """What is wrong with the paths that an index lists, `index` being its own."""
    for path in paths:
        fault = path_fault(path)
        if fault:
            yield Problem("FLOE-V010", f"{shown(path)} {fault}", Where(shown(path)))
    yield from _order_problems(paths, index)
    yield from _collisions([*paths, index])


def path_fault(path: str) -> str | None:
    """What keeps a single path out of a bundle, as the end of a sentence; None when nothing does."""
    if not _PORTABLE.fullmatch(path):
        return "is not a relative path of portable ASCII names"
    if any(part in {".", ".."} for part in path.split("/")):
        return "has a `.` or `..` in it"
    if len(path) > MAX_PATH or not _fits_in_archive(path):
        return f"is too long: {MAX_PATH} characters at most, {_NAME} in its last name"
    return None


def folders_of(paths: Iterable[str]) -> set[str]:
    """Every folder that holds one of the paths, or a folder that does; without the root."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def shown(text: str) -> str:
    """A name from the disk as it may be printed: whatever a terminal could obey is escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _fits_in_archive(path: str) -> bool:
    if len(path) <= _NAME:
        return True
    slashes = (at for at, letter in enumerate(path) if letter == "/")
    return any(at <= _PREFIX and len(path) - at - 1 <= _NAME for at in slashes)


def _order_problems(paths: Sequence[str], index: str) -> Iterator[Problem]:
    if index in paths:
        yield Problem("FLOE-V013", "the index lists itself", Where(index))
    for before, after in pairwise(paths):
        if before == after:
            yield Problem("FLOE-V013", f"{shown(after)} is listed twice", Where(shown(after)))
        elif before > after:
            yield Problem("FLOE-V013", f"{shown(after)} is listed out of order", Where(shown(after)))


def _collisions(paths: Iterable[str]) -> Iterator[Problem]:
    """Pairs that are one name where case does not count, and files that are also folders."""
    files = set(paths)
    folders = folders_of(files)
    for path in files & folders:
        yield Problem("FLOE-V010", f"{shown(path)} is both a file and a folder", Where(shown(path)))
    seen: dict[str, str] = {}
    for path in sorted(files | folders):
        other = seen.setdefault(path.lower(), path)
        if other != path:
            message = f"{shown(path)} differs from {shown(other)} only in case"
            yield Problem("FLOE-V010", message, Where(shown(path)))
