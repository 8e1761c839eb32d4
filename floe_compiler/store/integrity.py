"""The folder form of a bundle, and the one check of a folder against its digest.

`check_folder` is all that a compile needs to trust a stored bundle again, and `verify` uses the same parts.
It loads no JSON schema, no models and no fast JSON library: nothing here may import anything heavy.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from floe_compiler.digests import digest, digest_of
from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.store.limits import CHUNK, MAX_FILES, MAX_INDEX, in_words
from floe_compiler.store.listing import INDEX, Listed, list_problems
from floe_compiler.store.paths import folders_of, shown

# A link is refused by the system itself; a pipe without a writer does not block.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Folder:
    """A bundle as a folder of files."""

    location: Path

    def index_bytes(self) -> bytes:
        """The index as it lies there. Raises FLOE-V001, V009, V014 or V015."""
        if not _is_folder(self.location):
            raise FloeError(Problem("FLOE-V001", f"{self.location} is not a folder", Where(str(self.location))))
        try:
            with regular_file(self.location, INDEX) as (descriptor, size):
                if size > MAX_INDEX:
                    raise index_too_large(size)
                return b"".join(chunks(descriptor, size))
        except FileNotFoundError:
            message = f"{self.location} holds no {INDEX}"
            raise FloeError(Problem("FLOE-V001", message, Where(str(self.location)))) from None

    def files(self, index_bytes: bytes, listed: Sequence[Listed]) -> FolderFiles:
        """The other files, each under its own name."""
        del index_bytes  # it lies in a file of its own
        return FolderFiles(self.location, {file.path: file for file in listed})


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """What a folder holds beside its index."""

    root: Path
    listed: Mapping[str, Listed]

    def problems(self) -> list[Problem]:
        """Whatever lies there that the index does not list, and whatever is not as it lists it."""
        present, problems = _tree(self.root, self.listed)
        for path in present:
            problems.extend(self._content_problems(self.listed[path]))
        return problems

    def read(self, path: str) -> bytes:
        """The bytes of a listed file, if they are still those that the index lists. Raises FloeError."""
        file = self.listed[path]
        try:
            with regular_file(self.root, path) as (descriptor, size):
                content = b"".join(chunks(descriptor, file.size)) if size == file.size else b""
        except FileNotFoundError:
            raise FloeError(missing(path)) from None
        if size != file.size or digest(content) != file.digest:
            raise FloeError(differs(file, size))
        return content

    def _content_problems(self, file: Listed) -> Iterator[Problem]:
        try:
            with regular_file(self.root, file.path) as (descriptor, size):
                if size != file.size or digest_of(chunks(descriptor, size)) != file.digest:
                    yield differs(file, size)
        except FileNotFoundError:
            yield missing(file.path)
        except FloeError as error:
            yield from error.problems


def check_folder(folder: Path, expected: str) -> list[Problem]:
    """Everything that keeps the folder from being the bundle of the expected digest; nothing when it is.

    The index is hashed first and believed afterwards; then the tree, the sizes and every file's content.
    """
    form = Folder(folder)
    try:
        index_bytes = form.index_bytes()
        if problem := digest_problem(index_bytes, expected):
            return [problem]
        listed = _listed_in(index_bytes)
    except FloeError as error:
        return list(error.problems)
    return [*list_problems(listed)] or form.files(index_bytes, listed).problems()


def digest_problem(index_bytes: bytes, expected: str) -> Problem | None:
    """FLOE-V012 when the bundle is another than the one asked for."""
    found = digest(index_bytes)
    if found == expected:
        return None
    return Problem("FLOE-V012", f"this is bundle {found}, not {shown(expected)}", Where(INDEX))


@contextmanager
def regular_file(root: Path, path: str) -> Iterator[tuple[int, int]]:
    """A regular file below `root`, open for reading, and its size.

    Raises FileNotFoundError; FLOE-V009 for a link, pipe, device, socket or folder, without reading from it;
    FLOE-V015 when the system refuses to read.
    """
    try:
        descriptor = os.open(f"{root}/{path}", _READ)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise FloeError(_not_regular(path))
            yield descriptor, status.st_size
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a link; a socket
            raise FloeError(_not_regular(path)) from None
        raise FloeError(unreadable(path, error)) from error


def chunks(descriptor: int, size: int) -> Iterator[bytes]:
    """The content of a file that had this size when it was opened: never more, less if it shrank."""
    while size > 0 and (chunk := os.read(descriptor, min(size, CHUNK))):
        size -= len(chunk)
        yield chunk


def index_too_large(size: int) -> FloeError:
    message = f"{INDEX} has {in_words(size)}; the cap is {in_words(MAX_INDEX)}"
    return FloeError(Problem("FLOE-V014", message, Where(INDEX)))


def missing(path: str) -> Problem:
    return Problem("FLOE-V006", f"{shown(path)} is listed and is not there", Where(shown(path)))


def differs(file: Listed, size: int) -> Problem:
    what = f"has {size} bytes, {file.size} were sealed" if size != file.size else "is not what was sealed"
    return Problem("FLOE-V008", f"{shown(file.path)} {what}", Where(shown(file.path)))


def _not_regular(path: str) -> Problem:
    return Problem("FLOE-V009", f"{shown(path)} is not a regular file", Where(shown(path)))


def unreadable(path: str, error: OSError) -> Problem:
    return Problem("FLOE-V015", f"cannot read {shown(path)}: {error.strerror}", Where(shown(path)))


def _is_folder(path: Path) -> bool:
    """Whether it is a folder itself, not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _listed_in(index_bytes: bytes) -> list[Listed]:
    """The files that an index lists, its digest known to be right: whoever sealed it had checked the rest."""
    try:
        artifacts = json.loads(index_bytes)["artifacts"]
        return [Listed(str(a["path"]), int(a["size"]), str(a["digest"])) for a in artifacts]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise FloeError(Problem("FLOE-V005", f"{INDEX} lists no files", Where(INDEX))) from None


def _tree(root: Path, wanted: Mapping[str, Listed]) -> tuple[set[str], list[Problem]]:
    """The listed files that are there as regular files, and whatever else is there or is not."""
    folders = folders_of(wanted)
    regular: set[str] = set()
    refused: set[str] = {INDEX}
    problems: list[Problem] = []
    pending = [""]
    while pending and len(problems) <= MAX_FILES:
        prefix = pending.pop()
        for path, kind in _entries(root, prefix, problems):
            if kind == "folder" and path in folders:
                pending.append(path + "/")
            elif kind == "file" and path in wanted:
                regular.add(path)
            elif problem := _misplaced(path, kind, wanted):
                refused.add(path)
                problems.append(problem)
    problems.extend(missing(path) for path in wanted.keys() - regular - refused)
    return regular, problems


def _entries(root: Path, prefix: str, problems: list[Problem]) -> list[tuple[str, str]]:
    """Path and kind of everything in one folder; a folder that cannot be read is a problem."""
    try:
        with os.scandir(f"{root}/{prefix}") as entries:
            return [(prefix + entry.name, _kind(entry)) for entry in entries]
    except OSError as error:
        problems.append(unreadable(prefix or ".", error))
        return []


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "special file"


def _misplaced(path: str, kind: str, wanted: Mapping[str, Listed]) -> Problem | None:
    if path == INDEX:
        return None  # `index_bytes` has judged it
    where = Where(shown(path))
    if kind in {"link", "special file"}:
        return Problem("FLOE-V009", f"{shown(path)} is a {kind}", where)
    if path in wanted:
        return Problem("FLOE-V009", f"{shown(path)} is a folder where a file was sealed", where)
    return Problem("FLOE-V007", f"{shown(path)} is a {kind} that the index does not list", where)
