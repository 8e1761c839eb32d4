"""Durable writes: whatever is renamed into view was written and synced before.

Plain system calls, since a bundle has a thousand files. `refusing_writes` turns what the system refuses into
a problem; below it, everything raises OSError.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.store.scratch import scratch_folder

SEALED_FILE: Final = 0o444
OCCUPIED: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})
"""Why a folder is not renamed to a name: something has it already."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


@contextmanager
def refusing_writes(place: Path) -> Iterator[None]:
    """Turns an OSError into FLOE-F104, naming the file that the system refused, or else `place`."""
    try:
        yield
    except OSError as error:
        path = str(error.filename or place)
        problem = Problem("FLOE-F104", f"cannot write {path}: {error.strerror}", Where(path))
        raise FloeError(problem) from error


def write_file(path: str, chunks: Iterable[bytes], *, sealed: bool = False) -> None:
    """A new file, written and not yet synced. Refuses to follow or replace what is there."""
    descriptor = os.open(path, _NEW, 0o666)
    try:
        for chunk in chunks:
            _write_all(descriptor, chunk)
        if sealed:
            os.fchmod(descriptor, SEALED_FILE)
    except OSError as error:
        error.filename = path  # a refused write() does not say of what
        raise
    finally:
        os.close(descriptor)


def replace_file(target: Path, content: bytes, tmp: Path) -> None:
    """Puts the content in the place of `target` in one step: whoever reads sees the old or the new, whole."""
    with scratch_folder(tmp) as scratch:
        write_file(str(scratch / "new"), (content,))
        sync(str(scratch / "new"))
        (scratch / "new").replace(target)
        sync(str(target.parent))


def sync(path: str) -> None:
    """Makes a file's content durable, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        error.filename = path  # as above
        raise
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    """os.write may take less than it is given, and then has to be asked again."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
