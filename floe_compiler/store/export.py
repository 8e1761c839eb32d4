"""Writing a bundle outside the store: as a folder (`--out`) or as a single file (`--archive`).

Both are written beside their destination and renamed into place, so that nobody sees a half-written one, and
nothing that is there is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.store.archive import archive_bytes
from floe_compiler.store.listing import INDEX
from floe_compiler.store.scratch import scratch_folder
from floe_compiler.store.tree import write_tree
from floe_compiler.store.writing import OCCUPIED, refusing_writes, sync, write_file

if TYPE_CHECKING:
    from floe_compiler.model.frozen import FrozenBundle


def export_folder(bundle: FrozenBundle, out: Path) -> None:
    """The bundle as an ordinary folder, writable so that `rm -r` works on it.

    `out` must not exist or be empty (FLOE-F101), and be no link, not even one that leads nowhere (FLOE-F102).
    """
    out = out.absolute()
    _refuse_link(out)
    with refusing_writes(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise _not_empty(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(out.parent, _beside(out)) as scratch:
            write_tree(scratch / "bundle", {**bundle.files, INDEX: bundle.index_bytes}, sealed=False)
            try:
                (scratch / "bundle").rename(out)
            except OSError as error:
                if error.errno in OCCUPIED:
                    raise _not_empty(out) from None
                error.filename = str(out)
                raise
            sync(str(out.parent))


def export_archive(bundle: FrozenBundle, file: Path) -> None:
    """The bundle as a single file.

    `file` must not exist, unless it is this very archive already (FLOE-F103), and be no link (FLOE-F102).
    """
    file = file.absolute()
    _refuse_link(file)
    with refusing_writes(file):
        if file.exists():
            if file.is_file() and _has_content(file, archive_bytes(bundle)):
                return
            raise FloeError(Problem("FLOE-F103", f"{file} is there and is something else", Where(str(file))))
        file.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(file.parent, _beside(file)) as scratch:
            write_file(str(scratch / "archive"), archive_bytes(bundle))
            sync(str(scratch / "archive"))
            (scratch / "archive").replace(file)
            sync(str(file.parent))


def _beside(destination: Path) -> str:
    return f".{destination.name}.floe-"


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise FloeError(Problem("FLOE-F102", f"{path} is a link", Where(str(path))))


def _not_empty(out: Path) -> FloeError:
    return FloeError(Problem("FLOE-F101", f"{out} is there and is not an empty folder", Where(str(out))))


def _has_content(file: Path, expected: Iterable[bytes]) -> bool:
    with file.open("rb") as stream:
        return all(stream.read(len(piece)) == piece for piece in expected) and not stream.read(1)
