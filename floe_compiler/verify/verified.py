"""VerifiedBundle: the type that executors and diff accept, and that only `verify` makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Final

from floe_compiler.model.bundle import CompiledArtifacts
from floe_compiler.store.listing import INDEX
from floe_compiler.store.paths import folders_of
from floe_compiler.store.writing import refusing_writes

SEAL: Final = object()
"""What `verify` shows to be let in. No other module has business with it."""


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """A bundle that passed every step of `verify`.

    Content is read when it is asked for and compared with its digest once more, so what is used is what was
    verified, even when somebody writes to the disk in between. `checks` says what was verified, step by step.
    """

    digest: str
    index: CompiledArtifacts
    index_bytes: bytes = field(repr=False)
    folder: Path | None
    """The bundle's own folder, for tools that want files; None for a single file: see `materialise`."""
    checks: tuple[str, ...] = field(repr=False, compare=False)
    _read: Callable[[str], bytes] = field(repr=False, compare=False)
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not SEAL:
            raise TypeError("only floe_compiler.verify.verify makes a VerifiedBundle")

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file but the index, sorted."""
        return tuple(artifact.path for artifact in self.index.artifacts)

    def read(self, path: str) -> bytes:
        """The verified bytes of a file. Raises KeyError for a path that the index does not list, and
        FloeError when the bytes are no longer those that were verified."""
        return self.index_bytes if path == INDEX else self._read(path)

    def materialise(self, destination: Path, *prefixes: str) -> None:
        """Writes the verified bytes of the files at or below the prefixes (without any: of every file and
        the index) into a folder that is made if need be. They are ordinary, writable files.

        Raises FLOE-F104, also for a file that is there already.
        """
        chosen = [path for path in (INDEX, *self.paths) if not prefixes or _is_below(path, prefixes)]
        with refusing_writes(destination):
            for folder in ("", *sorted(folders_of(chosen))):
                (destination / folder).mkdir(parents=True, exist_ok=True)
            for path in chosen:
                with (destination / path).open("xb") as file:
                    file.write(self.read(path))


def _is_below(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(prefix.rstrip("/") + "/") for prefix in prefixes)
