"""What a dbt runtime reports: of one invocation (`DBTRunResult`), of one event in it, of its artifacts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

RunStatus = Literal["success", "error", "cancelled", "timeout"]
NodeStatus = Literal["success", "error", "skipped", "pass", "fail", "warn", "partial success", "no-op", "started"]
Command = Literal["run", "build", "test", "seed", "snapshot"]
COMMANDS: Final[tuple[Command, ...]] = ("build", "run", "test", "seed", "snapshot")
FAILED: Final[frozenset[str]] = frozenset({"error", "fail", "runtime error", "partial success"})


@dataclass(frozen=True, slots=True)
class NodeResult:
    """One node of a run. `execution_time` is in seconds; `rows` is None where the adapter does not say."""

    unique_id: str
    status: str
    execution_time: float
    message: str | None = None
    failures: int | None = None
    rows: int | None = None
    relation: str | None = None
    file: str | None = None

    @property
    def failed(self) -> bool:
        return self.status in FAILED


@dataclass(frozen=True, slots=True)
class RunEvent:
    """A node started or finished. `index` counts from 1 to `total`; times are seconds since the epoch, UTC.

    `failures` and `rows` are those of the result, where they are known by then. Of a run elsewhere also `status`: not a
    node, but the run itself is now queued, starting, running or over.
    """

    kind: Literal["started", "finished", "status"]
    unique_id: str
    resource_type: str
    at: float
    status: str
    execution_time: float = 0.0
    index: int = 0
    total: int = 0
    message: str | None = None
    failures: int | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """A run that happened elsewhere."""

    id: str
    url: str
    git_sha: str | None = None


@dataclass(frozen=True, slots=True)
class DBTRunResult:
    """One dbt invocation. `execution_time_seconds` is wall time; counts leave skipped nodes out.

    A node that failed makes `success` false; what kept dbt from running at all is raised, not returned.
    """

    success: bool
    status: RunStatus
    command: str
    models_run: int
    tests_run: int
    execution_time_seconds: float
    nodes: tuple[NodeResult, ...]
    invocation_id: str
    engine: str
    engine_version: str
    artifacts: dict[str, Path] = field(default_factory=dict)
    remote: RemoteRun | None = None

    @property
    def failed(self) -> tuple[NodeResult, ...]:
        return tuple(node for node in self.nodes if node.failed)


EventCallback = Callable[[RunEvent], None]
