"""Runs of dbt Cloud's jobs: started once, followed to their end, stopped when nobody waits for them any more.

https://docs.getdbt.com/dbt-cloud/api-v2, operations Trigger Job Run, List Runs, Retrieve Run, Cancel Run and
Retrieve Run Artifact. A request for a run is never repeated once it may have been heard: it carries a mark,
and the job's runs are searched for it instead.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from floe_compiler.builtin.dbt_runtime._cloud_answers import Run, Step, read_object, read_run, read_runs
from floe_compiler.builtin.dbt_runtime._cloud_http import Interrupted, Lost, Pace, Wire, sleep
from floe_compiler.builtin.dbt_runtime._workers import Ending, Patience
from floe_compiler.errors import FloeError, Problem

Watch = Callable[[Run], None]

PAGE: Final = 100
MAX_ARTIFACT: Final = 1024 * 2**20
ARTIFACT_SECONDS: Final = 900.0
PATIENT: Final = Patience(None, None)
"""For what must be known even when the caller waits no longer; the retry limit bounds it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is asked to do. `steps` are dbt commands; without `schema`, the job's own holds."""

    job: int
    why: str
    git_sha: str
    target: str
    schema: str | None
    steps: tuple[str, ...]
    threads: int | None
    seconds: float

    def only_first_step(self) -> Order:
        """The same, but for what comes after the first step."""
        return replace(self, steps=self.steps[:1], why=f"{self.why}, first to see that nothing changed")

    def body(self, mark: str) -> dict[str, Any]:
        """The request. The job's own extra step (docs) is left out, and dbt Cloud itself ends a run whose
        starter has died."""
        overrides = {"schema_override": self.schema, "threads_override": self.threads}
        return {
            "cause": f"floe: {self.why} [{mark}]",
            "git_sha": self.git_sha,
            "target_name_override": self.target,
            "steps_override": list(self.steps),
            "generate_docs_override": False,
            "timeout_seconds_override": max(1, round(self.seconds)),
            **{key: value for key, value in overrides.items() if value is not None},
        }


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that is over. `ending` is set where floe ended it."""

    run: Run
    url: str
    ending: Ending | None = None

    def step(self, command: str) -> Step:
        """The step that ran a command of the order. Raises FLOE-P253."""
        for step in reversed(self.run.steps):
            if command in step.name:
                return step
        names = "; ".join(step.name for step in self.run.steps) or "none"
        message = f"run {self.run.id} has no step `{command}` among these: {names}"
        raise FloeError(Problem("FLOE-P253", message, hint=f"Look at {self.url}"))

    @property
    def failed_step(self) -> Step | None:
        return next((step for step in self.run.steps if step.failed), None)


class Account:
    """An account of dbt Cloud, reached with one token."""

    def __init__(self, address: str, account: int, token: str, agent: str, pace: Pace) -> None:
        self._pages = f"{address}/deploy/{account}"
        self._pace = pace
        self._wire = Wire(f"{address}/api/v2/accounts/{account}/", token, agent, pace)

    def __enter__(self) -> Account:
        return self

    def __exit__(self, *ended_by: object) -> None:
        self._wire.close()

    def url(self, run: Run) -> str:
        """The page on which people look at a run."""
        project = f"/projects/{run.project_id}" if run.project_id else ""
        return f"{self._pages}{project}/runs/{run.id}/"

    def carry_out(self, order: Order, patience: Patience, watch: Watch) -> Ended:
        """Starts a run and stays until it is over; stops it when patience is. `watch` sees it at every look.

        Raises FloeError: FLOE-P24x; Interrupted, when patience was over before anything was asked for.
        """
        run = self._start(order, patience)
        watch(run)
        ending: Ending | None = None
        try:
            run = self._follow(run, patience, watch)
        except Interrupted as interrupted:
            run = self._stop(run)
            watch(run)
            ending = interrupted.ending if run.state == "cancelled" else None
        except FloeError as error:
            going_on = f"Run {run.id} may still be going on: {self.url(run)}"
            raise FloeError([replace(problem, hint=going_on) for problem in error.problems]) from error
        return Ended(self._look(run, PATIENT, steps=True), self.url(run), ending)

    def artifact(self, ended: Ended, step: Step, name: str) -> bytes:
        """A JSON file that a step left. Raises FLOE-P249 where there is none."""
        try:
            return self._wire.ask(
                "GET",
                f"runs/{ended.run.id}/artifacts/{name}",
                read_object,
                PATIENT,
                params={"step": step.index},
                limit=MAX_ARTIFACT,
                seconds=ARTIFACT_SECONDS,
            )
        except FloeError as error:
            if all(problem.code == "FLOE-P244" for problem in error.problems):
                message = f"run {ended.run.id} has no {name} of its step {step.index}: {step.name}"
                raise FloeError(Problem("FLOE-P249", message, hint=f"Look at {ended.url}")) from error
            raise

    def _start(self, order: Order, patience: Patience) -> Run:
        mark = f"floe-{uuid.uuid4().hex}"
        sleep(0, patience)
        try:
            return self._wire.ask(
                "POST", f"jobs/{order.job}/run/", read_run, patience, repeatable=False, body=order.body(mark)
            )
        except Lost as lost:
            if found := self._marked(order.job, mark):
                return found
            message = f"the answer to the request for a run of job {order.job} was lost ({lost})"
            hint = f"Look for [{mark}] among the job's runs in dbt Cloud; it was not asked for again."
            raise FloeError(Problem("FLOE-P247", message, hint=hint)) from lost

    def _marked(self, job: int, mark: str) -> Run | None:
        """The run with the mark, searched for as long as a lost request may take to become a run."""
        settling = Patience(None, self._pace.retry_for)
        newest: dict[str, str | int] = {
            "job_definition_id": job,
            "order_by": "-id",
            "limit": PAGE,
            "include_related": "trigger",
        }
        try:
            for pause in self._pace.polls():
                for run in self._wire.ask("GET", "runs/", read_runs, settling, params=newest):
                    if run.trigger and mark in (run.trigger.cause or ""):
                        return run
                sleep(pause, settling)
        except (Interrupted, FloeError):
            pass  # not found, or not to be found out: the same to the caller
        return None

    def _follow(self, run: Run, patience: Patience, watch: Watch) -> Run:
        for pause in self._pace.polls():
            if run.over:
                break
            sleep(pause, patience)
            run = self._look(run, patience)
            watch(run)
        return run

    def _look(self, run: Run, patience: Patience, *, steps: bool = False) -> Run:
        params: dict[str, str | int] | None = {"include_related": "run_steps"} if steps else None
        return self._wire.ask("GET", f"runs/{run.id}/", read_run, patience, params=params)

    def _stop(self, run: Run) -> Run:
        """Cancels a run, and waits until it is over. Raises FLOE-P251 when it does not end."""
        grace = Patience(None, self._pace.retry_for)
        trouble = "it has not ended"
        try:
            self._wire.ask("POST", f"runs/{run.id}/cancel/", read_run, grace)
        except FloeError as error:
            trouble = error.problems[0].message  # it may have ended by itself: that is looked at next
        except Interrupted:
            pass
        try:
            return self._follow(self._look(run, grace), grace, lambda seen: None)
        except Interrupted:
            pass
        except FloeError as error:
            trouble = error.problems[0].message
        message = f"run {run.id} could not be stopped: {trouble}"
        raise FloeError(Problem("FLOE-P251", message, hint=f"Cancel it there: {self.url(run)}"))
