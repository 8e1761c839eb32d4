"""The state behind the double's API: jobs, and runs that go from queued to an end, one state a look."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.doubles.dbt_cloud.faults import Fault
from tests.doubles.dbt_cloud.workshop import Artifacts, Outcome, StepFailed, Workshop

TOKEN: Final = "dbtc_9f8e7d6c5b4a_never_shown"
READ_ONLY_TOKEN: Final = "dbtc_0a1b2c3d4e5f_may_only_look"
ACCOUNT: Final = 17
PROJECT: Final = 230
JOBS: Final = {"dev": 4101, "prod": 4102}
QUEUED, STARTING, RUNNING, SUCCESS, ERROR, CANCELLED = 1, 2, 3, 10, 20, 30
NAMES: Final = {1: "Queued", 2: "Starting", 3: "Running", 10: "Success", 20: "Error", 30: "Cancelled"}
Spoil = Callable[[bytes], bytes]


@dataclass
class StepRecord:
    """A step of a run, with the artifacts that it left."""

    name: str
    status: int
    logs: str
    artifacts: Artifacts = field(default_factory=dict)


@dataclass
class RunRecord:
    """A run, and the request that it answers."""

    id: int
    job: int
    asked: dict[str, Any]
    status: int = QUEUED
    git_sha: str | None = None
    steps: list[StepRecord] = field(default_factory=list)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def over(self) -> bool:
        return self.status >= SUCCESS

    def plain(self, related: set[str]) -> dict[str, Any]:
        """The run as the API shows it: without the fields that are null in it."""
        shown: dict[str, Any] = {
            "id": self.id,
            "trigger_id": self.id + 1000,
            "account_id": ACCOUNT,
            "project_id": PROJECT,
            "job_definition_id": self.job,
            "job_id": self.job,
            "status": self.status,
            "status_humanized": NAMES[self.status],
            "in_progress": not self.over,
            "is_running": self.status == RUNNING,
            "is_complete": self.over,
            "is_success": self.status == SUCCESS,
            "is_error": self.status == ERROR,
            "is_cancelled": self.status == CANCELLED,
            "created_at": self.created_at.isoformat(),
            "updated_at": self.created_at.isoformat(),
            "href": f"https://cloud.getdbt.com/deploy/{ACCOUNT}/projects/{PROJECT}/runs/{self.id}/",
        }
        if self.git_sha:
            shown["git_sha"] = self.git_sha
        if "trigger" in related:
            overrides = {key: value for key, value in self.asked.items() if key.endswith("_override")}
            shown["trigger"] = {
                "cause": self.asked["cause"],
                "job_definition_id": self.job,
                "git_sha": self.asked["git_sha"],
                "cause_category": "api",
                **overrides,
            }
        if "run_steps" in related:
            shown["run_steps"] = [
                {
                    "run_id": self.id,
                    "account_id": ACCOUNT,
                    "index": index,
                    "name": step.name,
                    "status": step.status,
                    "logs": step.logs,
                }
                for index, step in enumerate(self.steps, 1)
            ]
        return shown


class DbtCloud:
    """An account with a job for each target, bound to one repository.

    What a test may ask for: `faults` in answers; runs that stay in a state (`stays_at`), cannot be stopped
    (`deaf_to_cancelling`), are cancelled by somebody (`cancelled_there`), check out `other_commit`, or fail at a
    command step (`failing_logs`, `fails_only`); artifacts that are `spoiled` or `lost`; something to happen
    `when_looked_at`; answers with `nulls`, as real
    ones have them and the published document has not. `mismatches` collects what of all exchanges did not match
    that document.
    """

    def __init__(self, repository: Path, workshop: Workshop) -> None:
        self.runs: dict[int, RunRecord] = {}
        self.requests: list[str] = []
        self.faults: list[Fault] = []
        self.mismatches: list[str] = []
        self.stays_at: int | None = None
        self.cancelled_there = False
        self.nulls = False
        self.deaf_to_cancelling = False
        self.other_commit: str | None = None
        self.failing_logs: str | None = None
        self.spoiled: dict[str, Spoil] = {}
        self.lost: set[str] = set()
        self.fails_only = "Invoke dbt"
        self.calls_steps = "Invoke dbt with `{}`"
        self.when_looked_at: Callable[[RunRecord], None] = lambda run: None
        self.workshop = workshop
        self._repository = repository
        self._lock = threading.RLock()

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """One request at a time changes the state."""
        with self._lock:
            yield

    @property
    def triggered(self) -> list[tuple[str, ...]]:
        """The commands of every run that was started, in order."""
        return [tuple(run.asked["steps_override"]) for run in self.runs.values()]

    @property
    def purposes(self) -> list[tuple[str, ...]]:
        """What every run was started for: its cause, without the mark that is different each time, and commands."""
        return [
            (re.sub(r" \[floe-\w+\]$", "", run.asked["cause"]), *run.asked["steps_override"])
            for run in self.runs.values()
        ]

    def trigger(self, job: int, asked: dict[str, Any]) -> RunRecord:
        run = RunRecord(id=90_000 + len(self.runs), job=job, asked=asked)
        self.runs[run.id] = run
        return run

    def look(self, run: RunRecord) -> RunRecord:
        """A look at a run: it is one state further than at the last."""
        self.when_looked_at(run)
        if not run.over and run.status != self.stays_at:
            if run.status == RUNNING:
                self._carry_out(run)
            else:
                run.status += 1
        return run

    def cancel(self, run: RunRecord) -> RunRecord:
        if not run.over and not self.deaf_to_cancelling:
            run.status = CANCELLED
        return run

    def artifact(self, run: RunRecord, step: int | None, name: str) -> bytes | None:
        """An artifact of a step, by default of the last one."""
        if not run.steps or name in self.lost:
            return None
        index = len(run.steps) if step is None else step
        if not 1 <= index <= len(run.steps):
            return None
        content = run.steps[index - 1].artifacts.get(name)
        return self.spoiled.get(name, bytes)(content) if content is not None else None

    def _carry_out(self, run: RunRecord) -> None:
        if self.cancelled_there:
            run.status = CANCELLED
            return
        run.status = ERROR
        asked = run.asked
        try:
            commit = self.other_commit or asked["git_sha"]
            checkout = self._in_step(run, "Clone git repository", lambda: self._check_out(commit))
            run.git_sha = commit
            self._in_step(run, "Create profile from connection Warehouse", lambda: None)
            self._in_step(run, "Install packages with `dbt deps`", lambda: None)
            for command in asked["steps_override"]:
                self._command(run, checkout, command)
        except StepFailed:
            return
        run.status = SUCCESS

    def _check_out(self, commit: str) -> Path:
        return self.workshop.check_out(self._repository, commit)

    def _in_step(self, run: RunRecord, name: str, work: Callable[[], Any]) -> Any:
        try:
            self._fail_if_asked(name)
            done = work()
        except StepFailed as failed:
            run.steps.append(StepRecord(name, ERROR, failed.logs))
            raise
        run.steps.append(StepRecord(name, SUCCESS, "done"))
        return done

    def _fail_if_asked(self, step: str) -> None:
        if self.failing_logs is not None and step.startswith(self.fails_only):
            raise StepFailed(self.failing_logs)

    def _command(self, run: RunRecord, checkout: Path, command: str) -> None:
        name = self.calls_steps.format(command)
        try:
            outcome = self._invoke(run, checkout, command)
        except StepFailed as failed:
            run.steps.append(StepRecord(name, ERROR, failed.logs, failed.artifacts))
            raise
        run.steps.append(StepRecord(name, SUCCESS, outcome.logs, outcome.artifacts))

    def _invoke(self, run: RunRecord, checkout: Path, command: str) -> Outcome:
        self._fail_if_asked(f"Invoke dbt with `{command}`")
        asked = run.asked
        return self.workshop.invoke(checkout, asked["target_name_override"], asked["schema_override"], command)
