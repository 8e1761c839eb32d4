"""The folder in which dbt compiles: the project exactly as it will be sealed, and nothing of the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from floe_compiler.digests import digest
from floe_compiler.errors import FloeError
from floe_compiler.load import DbtProject


@dataclass(frozen=True, slots=True)
class Workspace:
    """A private folder, gone after the compile. `caches` outlives it: dbt's partial parses, by target."""

    root: Path
    caches: Path

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def profiles(self) -> Path:
        return self.root / "profiles"

    def target(self, name: str) -> Path:
        return self.root / "targets" / name

    def partial_parse(self, target: str) -> Path:
        self.caches.mkdir(parents=True, exist_ok=True)
        return self.caches / f"{target}.msgpack"


def lay_out(workspace: Workspace, files: Mapping[str, bytes], profiles: bytes) -> None:
    """Writes project and profile into the workspace.

    A file's modification time is made from its digest: dbt's partial parsing takes an unchanged time for
    unchanged content, and so it is, wherever and whenever the workspace is made.
    """
    folders: set[Path] = set()
    for path, content in files.items():
        file = workspace.project / path
        if file.parent not in folders:
            file.parent.mkdir(parents=True, exist_ok=True)
            folders.add(file.parent)
        file.write_bytes(content)
        moment = _moment_of(content)
        os.utime(file, ns=(moment, moment))
    write_profile(workspace, profiles)


def write_profile(workspace: Workspace, profiles: bytes) -> None:
    """Writes the profile alone, for what dbt does in the project's own folder."""
    workspace.profiles.mkdir(parents=True)
    (workspace.profiles / "profiles.yml").write_bytes(profiles)


@contextmanager
def as_people_see(project: DbtProject) -> Iterator[None]:
    """Gives problems in the workspace's copy of a file the place of the file that people wrote."""
    try:
        yield
    except FloeError as error:
        raise FloeError(map(project.seen, error.problems)) from error


def _moment_of(content: bytes) -> int:
    """Nanoseconds since 1970, in whole microseconds (dbt keeps times as floats), never zero."""
    number = int(digest(content).removeprefix("sha256:")[:12], 16)
    return (1_000_000 + number % (2**31 * 1_000_000)) * 1_000
