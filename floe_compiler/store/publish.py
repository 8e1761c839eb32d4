"""Publishing: a frozen bundle becomes a read-only folder in the store, in one step.

A kill at any moment leaves the store with the bundle or without it, never with a part of it. Any number of
processes may publish at once, the same bundle or others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from floe_compiler.errors import Problem, Where
from floe_compiler.store.integrity import check_folder
from floe_compiler.store.layout import Store, prepare
from floe_compiler.store.listing import INDEX
from floe_compiler.store.scratch import locked, scratch_folder
from floe_compiler.store.tree import SEALED_FOLDER, write_tree
from floe_compiler.store.writing import OCCUPIED, refusing_writes, sync

if TYPE_CHECKING:
    from floe_compiler.model.frozen import FrozenBundle


def publish(store: Store, bundle: FrozenBundle, warn: Callable[[Problem], object] = lambda damage: None) -> Path:
    """The bundle's folder in the store, written now or found intact.

    A folder of that name that is not this bundle is moved to quarantine/ and replaced; `warn` is told, with
    FLOE-F105. Raises FLOE-F104 when the system refuses a write, FLOE-F106 when the store is none.
    """
    prepare(store)
    target = store.bundle(bundle.digest)
    with refusing_writes(store.root):
        if not target.exists() or check_folder(target, bundle.digest):
            with scratch_folder(store.tmp) as scratch:
                ours = scratch / "bundle"
                write_tree(ours, {**bundle.files, INDEX: bundle.index_bytes}, sealed=True)
                while not (_moved(ours, target) or _is_in_place(store, bundle.digest, warn)):
                    pass  # what had the name was set aside, by us or by another process
        with suppress(PermissionError):  # another user's; that it is read-only is a courtesy
            target.chmod(SEALED_FOLDER)
        sync(str(store.bundles))
    return target


def _moved(ours: Path, target: Path) -> bool:
    """Whether our folder is in place now; not, when something has that name already."""
    try:
        ours.rename(target)
    except OSError as error:
        if error.errno in OCCUPIED:
            return False
        raise
    return True


def _is_in_place(store: Store, digest: str, warn: Callable[[Problem], object]) -> bool:
    """Whether what has the bundle's name is the bundle; if it is not, it is moved to quarantine/ and told.

    One process at a time looks and moves: else the second would set aside what the first had repaired. For the
    same reason nothing is moved when nothing was there to look at: a good one may come at any moment.
    """
    target = store.bundle(digest)
    with locked(store.quarantine):
        if not os.path.lexists(target):
            return False
        problems = check_folder(target, digest)
        if not problems:
            return True
        aside = store.quarantine / f"{target.name}.{os.urandom(4).hex()}"
        if not target.is_symlink() and target.is_dir():
            target.chmod(0o755)  # only root may move a read-only folder
        target.rename(aside)
    message = f"{target.name} was damaged and lies in {aside} now: {problems[0].message}"
    warn(Problem("FLOE-F105", message, Where(str(aside))))
    return False
