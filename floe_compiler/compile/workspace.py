"""The folder in which dbt compiles: the project exactly as it will be sealed, and nothing of the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from floe_compiler.digests import digest


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
    workspace.profiles.mkdir(parents=True)
    (workspace.profiles / "profiles.yml").write_bytes(profiles)


def _moment_of(content: bytes) -> int:
    """Nanoseconds since 1970, in whole microseconds (dbt keeps times as floats), never zero."""
    number = int(digest(content).removeprefix("sha256:")[:12], 16)
    return (1_000_000 + number % (2**31 * 1_000_000)) * 1_000
