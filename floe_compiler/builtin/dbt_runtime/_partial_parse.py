"""dbt's partial parse cache, used only where it gives what a full parse would give.

dbt notices changes of most files (the worker refuses the kinds that it tracks badly), of its own version
and of dbt_project.yml. It misses some environment variables, selectors.yml, what `{{ target }}` shows of a
profile beyond the connection, and the adapter's version. So the file kept between two compilations starts
with a digest of those; where it differs, dbt parses in full.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from floe_compiler.builtin.dbt_runtime._engine import distributions
from floe_compiler.builtin.dbt_runtime._invocation import Place
from floe_compiler.canonical import canonical_bytes, digest

MAGIC: Final = b"floe-partial-parse-1"
DBT_NAME: Final = "partial_parse.msgpack"


class PartialParse:
    """The cache of one product and target, in `kept`, for one invocation; None keeps nothing."""

    def __init__(self, kept: Path | None, place: Place, env: Mapping[str, str]) -> None:
        self._kept = kept
        self._used = place.target_path / DBT_NAME
        self._untracked = _digest_of_untracked(place, env) if kept else ""

    def lay_out(self) -> bool:
        """Puts the cache where dbt looks for it; False, and nothing there, when it cannot be used.

        A file that is damaged, of another dbt, or dbt's own without our first line counts as none.
        """
        self._used.unlink(missing_ok=True)
        if self._kept is None:
            return False
        try:
            header, _, content = self._kept.read_bytes().partition(b"\n")
        except OSError:
            return False
        if header != self._header(content):
            return False
        self._used.write_bytes(content)
        return True

    def take_in(self) -> None:
        """Keeps what dbt wrote, in one step. A cache that cannot be kept costs time, nothing else."""
        if self._kept is None:
            return
        with contextlib.suppress(OSError):
            content = self._used.read_bytes()
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._kept.parent, prefix=self._kept.name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(self._header(content) + b"\n" + content)
                Path(temporary).replace(self._kept)
            except OSError:
                Path(temporary).unlink(missing_ok=True)
                raise

    def _header(self, content: bytes) -> bytes:
        return b" ".join((MAGIC, self._untracked.encode(), digest(content).encode()))


def _digest_of_untracked(place: Place, env: Mapping[str, str]) -> str:
    """Every YAML file at the root of the project, profiles.yml, the environment, the engine."""
    paths = [*sorted(place.project_dir.glob("*.y*ml")), place.profiles_dir / "profiles.yml"]
    files = [[path.name, digest(path.read_bytes())] for path in paths if path.is_file()]
    untracked = {"env": dict(env), "files": files, "target": place.target, "engine": distributions()}
    return digest(canonical_bytes(untracked))
