"""Being somebody to whom the system refuses things, also where the tests run as root."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from floe_compiler.store.scratch import remove_tree

NOBODY = 65534


@contextmanager
def without_privileges() -> Iterator[Path]:
    """An ordinary user while the block runs, and an empty folder of that user's."""
    folder = Path(tempfile.mkdtemp(prefix="floe-test-"))
    folder.chmod(0o777)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if was_root:
            os.seteuid(0)
        remove_tree(folder)
