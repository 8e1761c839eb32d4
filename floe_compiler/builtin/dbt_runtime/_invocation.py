"""Where a dbt invocation reads and writes, and the arguments that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from floe_compiler.errors import FloeError, Problem


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one invocation, all absolute. dbt writes below the last two only."""

    project_dir: Path
    profiles_dir: Path
    target: str
    target_path: Path
    log_path: Path

    @classmethod
    def of(
        cls,
        project_dir: Path,
        profiles_dir: Path,
        target: str,
        target_path: Path | None,
        log_path: Path | None,
    ) -> Place:
        """dbt's own defaults where nothing is said: `target` and `logs` in the project."""
        project = project_dir.absolute()
        return cls(
            project_dir=project,
            profiles_dir=profiles_dir.absolute(),
            target=target,
            target_path=(target_path or project / "target").absolute(),
            log_path=(log_path or project / "logs").absolute(),
        )

    def below(self, folder: str) -> Place:
        """The same project with an output folder of its own."""
        return replace(self, target_path=self.target_path / folder)

    def fresh(self, name: str) -> Path:
        """The path of an output that is not there yet: what an earlier invocation left is removed."""
        path = self.target_path / name
        try:
            self.target_path.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
        except OSError as error:
            raise FloeError(Problem("FLOE-F104", f"dbt's output cannot be written: {error}")) from error
        return path

    def args(self, *, target_path: bool = True) -> list[str]:
        """What every command is told, so that no DBT_ variable and no flag of the project decides it."""
        return [
            *("--project-dir", str(self.project_dir)),
            *("--profiles-dir", str(self.profiles_dir)),
            *("--target", self.target),
            *(("--target-path", str(self.target_path)) if target_path else ()),
            *("--log-path", str(self.log_path)),
            *("--log-level", "none"),
            *("--log-level-file", "debug"),
            *("--log-format-file", "text"),
            "--no-use-colors",
            "--no-use-colors-file",
            "--no-send-anonymous-usage-stats",
        ]


def request(
    args: list[str],
    place: Place,
    env: Mapping[str, str],
    *,
    clock_shift: int = 0,
    cwd: Path | None = None,
    manifest: Path | None = None,
    run_results: Path | None = None,
    compiled_sql: Path | None = None,
) -> dict[str, Any]:
    """A request as the worker reads it, but for its environment and its default directory."""
    return {
        "args": args,
        "env": dict(env),
        "project_dir": str(place.project_dir),
        "clock_shift": clock_shift,
        "cwd": str(cwd) if cwd else None,
        "manifest": str(manifest) if manifest else None,
        "run_results": str(run_results) if run_results else None,
        "compiled_sql": str(compiled_sql) if compiled_sql else None,
    }


def option(name: str, value: str | None) -> list[str]:
    """A selection for dbt's command line; one that would be read as an option is refused (P204)."""
    if value is None:
        return []
    if value.lstrip().startswith("-"):
        raise FloeError(Problem("FLOE-P204", f"`{name} {value}`: a selection cannot begin with a dash."))
    return [name, value]
