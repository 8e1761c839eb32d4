"""Folders that belong to a living process: what a dead one left behind is removed by whoever comes next.

The lock is on the folder itself and the system frees it when its holder dies, however it dies. So nothing
has to be guessed from ages or process numbers.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def scratch_folder(parent: Path, prefix: str = "") -> Iterator[Path]:
    """A new folder in `parent`, locked while the block runs and removed after it with all that is left in it.

    First sweeps what dead processes left in `parent` under the same prefix. Raises OSError.
    """
    sweep(parent, prefix)
    folder, lock = _claim(parent, prefix)
    try:
        yield folder
    finally:
        with suppress(OSError):  # the next sweep will do
            remove_tree(folder)
        os.close(lock)


def sweep(parent: Path, prefix: str = "") -> None:
    """Removes the scratch folders of dead processes; those of living ones are locked and stay."""
    with os.scandir(parent) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(prefix)]
    for name in names:
        with suppress(OSError):  # not a folder, held by a living process, or gone by now
            lock = os.open(parent / name, _FOLDER)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(parent / name)
            finally:
                os.close(lock)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Waits for the only lock on the folder and holds it while the block runs."""
    lock = os.open(folder, _FOLDER)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def remove_tree(folder: Path) -> None:
    """Removes a folder and all in it, read-only folders too; follows no link. Raises OSError."""
    folder.chmod(0o700)
    with os.scandir(folder) as entries:
        found = [(Path(entry.path), entry.is_dir(follow_symlinks=False)) for entry in entries]
    for path, is_folder in found:
        if is_folder:
            remove_tree(path)
        else:
            path.unlink()
    folder.rmdir()


def _claim(parent: Path, prefix: str) -> tuple[Path, int]:
    """A new folder and the lock on it. Between making and locking it a sweep may take it: then, another."""
    while True:
        folder = parent / f"{prefix}{os.getpid()}-{os.urandom(6).hex()}"
        folder.mkdir()
        with suppress(FileNotFoundError):
            lock = os.open(folder, _FOLDER)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)
