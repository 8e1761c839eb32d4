"""The folder in which dbt compiles: the project exactly as it will be sealed, and nothing of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from floe_compiler.store.writing import refusing_writes


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
        with refusing_writes(self.caches):
            self.caches.mkdir(parents=True, exist_ok=True)
        return self.caches / f"{target}.msgpack"


def lay_out(workspace: Workspace, files: Mapping[str, bytes], profiles: bytes) -> None:
    """Writes project and profile into the workspace."""
    folders: set[Path] = set()
    for path, content in files.items():
        file = workspace.project / path
        if file.parent not in folders:
            file.parent.mkdir(parents=True, exist_ok=True)
            folders.add(file.parent)
        file.write_bytes(content)
    write_profile(workspace, profiles)


def write_profile(workspace: Workspace, profiles: bytes) -> None:
    """Writes the profile alone, for what dbt does in the project's own folder."""
    workspace.profiles.mkdir(parents=True)
    (workspace.profiles / "profiles.yml").write_bytes(profiles)
