"""The course of a run: every node starts once and ends once, whatever the runtime says of it and when.

A node that ends without having started was skipped, or its runtime tells of nodes at the end only. One that started
and never ended was aborted together with the run.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from floe_compiler.emit.hiding import Hiding
from floe_compiler.model.runs import FAILED, NodeResult, RunEvent, RunStatus

State = Literal["complete", "fail", "abort"]
SKIPPED: Final = "skipped"
ABORTED: Final = "aborted"
RUN_STATES: Final[dict[RunStatus, State]] = {
    "success": "complete",
    "error": "fail",
    "cancelled": "abort",
    "timeout": "abort",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a node ended. `status` is dbt's word, or `aborted`; times are seconds since the epoch."""

    unique_id: str
    status: str
    started_at: float
    at: float
    message: str | None = None
    failures: int | None = None
    rows: int | None = None

    @property
    def state(self) -> State:
        if self.status in FAILED:
            return "fail"
        return "abort" if self.status in {SKIPPED, ABORTED} else "complete"


@dataclass(frozen=True, slots=True)
class Run:
    """How the run ended."""

    status: RunStatus
    message: str | None = None
    invocation_id: str | None = None

    @property
    def state(self) -> State:
        return RUN_STATES[self.status]


class Witness(Protocol):
    """Who is told. Every node that ends has started; nothing here waits for anybody."""

    def node_started(self, unique_id: str, at: float) -> None: ...

    def node_ended(self, outcome: Outcome) -> None: ...

    def run_ended(self, run: Run, counts: dict[str, int], at: float) -> None: ...


class Course:
    """Follows a run for its witnesses."""

    def __init__(self, witnesses: tuple[Witness, ...], hiding: Hiding) -> None:
        self._witnesses = witnesses
        self._hiding = hiding
        self._started: dict[str, float] = {}
        self._ended: dict[str, Outcome] = {}

    def hear(self, event: RunEvent) -> None:
        """What a runtime says of a node; of the run itself it says nothing that the end would not."""
        if event.kind == "started":
            self._start(event.unique_id, event.at)
        elif event.kind == "finished":
            self._end(event, event.unique_id, event.at)

    def settle(self, nodes: Iterable[NodeResult]) -> None:
        """The nodes of the result that nothing was heard of."""
        for node in nodes:
            self._end(node, node.unique_id, time.time())

    def end(self, run: Run, at: float) -> None:
        """The end of the run, and of everything that had started."""
        for unique_id in [*self._started.keys() - self._ended.keys()]:
            self._tell(Outcome(unique_id, ABORTED, self._started[unique_id], at, run.message or run.status))
        counts: dict[str, int] = {}
        for outcome in self._ended.values():
            counts[outcome.status] = counts.get(outcome.status, 0) + 1
        for witness in self._witnesses:
            witness.run_ended(run, counts, at)

    def _start(self, unique_id: str, at: float) -> None:
        if unique_id not in self._started:
            self._started[unique_id] = at
            for witness in self._witnesses:
                witness.node_started(unique_id, at)

    def _end(self, node: RunEvent | NodeResult, unique_id: str, at: float) -> None:
        if unique_id in self._ended:
            return
        self._start(unique_id, at - node.execution_time)
        message = None if node.message is None else self._hiding(node.message)
        started_at = min(self._started[unique_id], at)
        self._tell(Outcome(unique_id, node.status, started_at, at, message, node.failures, node.rows))

    def _tell(self, outcome: Outcome) -> None:
        self._ended[outcome.unique_id] = outcome
        for witness in self._witnesses:
            witness.node_ended(outcome)
