"""The single-file form of a bundle: an uncompressed ustar that has one byte form only.

The index comes first, then the other files sorted by path: mode 0444, owner 0:0 without names, time 0. Each
is padded to a block; two blocks of zeros end the archive and nothing follows them (no padding to a 10 KiB
record). So every byte follows from the index and the content, and reading is comparing: nothing in an
archive is believed, and no library extracts it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tarfile import BLOCKSIZE, USTAR_FORMAT, TarInfo
from typing import TYPE_CHECKING, Final, NamedTuple

from floe_compiler.digests import digest, digest_of
from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.store.integrity import differs, index_too_large, regular_file
from floe_compiler.store.limits import CHUNK, MAX_INDEX
from floe_compiler.store.listing import INDEX, Listed
from floe_compiler.store.paths import shown

if TYPE_CHECKING:
    from floe_compiler.model.frozen import FrozenBundle

_END: Final = bytes(2 * BLOCKSIZE)
_SIZE_FIELD: Final = slice(124, 135)
_OCTAL: Final = re.compile(rb"[0-7]+")


def archive_bytes(bundle: FrozenBundle) -> Iterator[bytes]:
    """The archive, piece by piece."""
    for path, content in [(INDEX, bundle.index_bytes), *sorted(bundle.files.items())]:
        yield _header(path, len(content))
        yield content
        yield bytes(_padding(len(content)))
    yield _END


@dataclass(frozen=True, slots=True)
class Archive:
    """A bundle as a single file."""

    location: Path

    def index_bytes(self) -> bytes:
        """The index as the archive holds it. Raises FLOE-V001, V009, V011, V014 or V015."""
        with _opened(self.location) as (descriptor, _):
            header = os.pread(descriptor, BLOCKSIZE, 0)
            size = _size_in(header)
            if size is None:
                message = f"{self.location} is neither a bundle's folder nor its archive"
                raise FloeError(Problem("FLOE-V001", message, Where(str(self.location))))
            if size > MAX_INDEX:
                raise index_too_large(size)
            if header != _header(INDEX, size):
                raise FloeError(_damaged(INDEX, "its header is not the one that floe writes"))
            content = os.pread(descriptor, size, BLOCKSIZE)
        if len(content) < size:
            raise FloeError(_damaged(INDEX, "the archive ends in it"))
        return content

    def files(self, index_bytes: bytes, listed: Sequence[Listed]) -> ArchiveFiles:
        """The other files, each at the place that follows from what stands before it."""
        index = _Member(Listed(INDEX, len(index_bytes), digest(index_bytes)), BLOCKSIZE)
        members = [index]
        for file in listed:
            members.append(_Member(file, members[-1].next_header + BLOCKSIZE))
        return ArchiveFiles(self.location, {member.file.path: member for member in members})


@dataclass(frozen=True, slots=True)
class ArchiveFiles:
    """What an archive holds beside its index."""

    path: Path
    members: Mapping[str, _Member]

    def problems(self) -> list[Problem]:
        """Every byte that is not what floe writes for this index, by the file that it belongs to."""
        *_, last = self.members.values()
        expected = last.next_header + len(_END)
        with _opened(self.path) as (descriptor, size):
            if size != expected:
                return [_damaged(INDEX, f"the archive has {size} bytes; with this index it has {expected}")]
            return [*self._member_problems(descriptor), *_end_problems(descriptor, last.next_header)]

    def read(self, path: str) -> bytes:
        """The bytes of a listed file, if they are still those that the index lists. Raises FloeError."""
        member = self.members[path]
        with _opened(self.path) as (descriptor, _):
            content = b"".join(_chunks(descriptor, member))
        if digest(content) != member.file.digest:
            raise FloeError(differs(member.file, member.file.size))
        return content

    def _member_problems(self, descriptor: int) -> Iterator[Problem]:
        for path, member in self.members.items():
            header = os.pread(descriptor, BLOCKSIZE, member.start - BLOCKSIZE)
            if header != _header(path, member.file.size):
                yield _damaged(path, "its header is not the one that floe writes")
            if digest_of(_chunks(descriptor, member)) != member.file.digest:
                yield differs(member.file, member.file.size)
            if any(os.pread(descriptor, member.next_header - member.end, member.end)):
                yield _damaged(path, "its padding is not all zeros")


class _Member(NamedTuple):
    """A file and where its content starts in the archive."""

    file: Listed
    start: int

    @property
    def end(self) -> int:
        return self.start + self.file.size

    @property
    def next_header(self) -> int:
        return self.end + _padding(self.file.size)


def _header(path: str, size: int) -> bytes:
    """The header block of a file: all but its path, size and checksum is fixed."""
    member = TarInfo(path)
    member.size = size
    member.mode = 0o444
    return member.tobuf(USTAR_FORMAT)


def _padding(size: int) -> int:
    return -size % BLOCKSIZE


def _size_in(header: bytes) -> int | None:
    """The size that the first header claims for the index; None when this is no archive of ours at all."""
    if len(header) < BLOCKSIZE or not header.startswith(INDEX.encode()):
        return None
    digits = header[_SIZE_FIELD]
    return int(digits, 8) if _OCTAL.fullmatch(digits) else 0  # no index is empty


def _chunks(descriptor: int, member: _Member) -> Iterator[bytes]:
    at = member.start
    while at < member.end and (chunk := os.pread(descriptor, min(CHUNK, member.end - at), at)):
        at += len(chunk)
        yield chunk


def _end_problems(descriptor: int, start: int) -> Iterator[Problem]:
    if os.pread(descriptor, len(_END), start) != _END:
        yield _damaged(INDEX, "the archive does not end in two blocks of zeros")


def _damaged(path: str, what: str) -> Problem:
    return Problem("FLOE-V011", f"{shown(path)}: {what}", Where(shown(path)))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, int]]:
    try:
        with regular_file(path.parent, path.name) as opened:
            yield opened
    except FileNotFoundError:
        raise FloeError(Problem("FLOE-V001", f"{path} is not there", Where(str(path)))) from None
