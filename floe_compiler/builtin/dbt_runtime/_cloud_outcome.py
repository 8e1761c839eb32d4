"""What became of a run in dbt Cloud: its manifest, its nodes, or why dbt did not get to them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from floe_compiler.builtin.dbt_runtime._cloud_answers import (
    Run,
    RunResults,
    State,
    Step,
    Unreadable,
    read_run_results,
)
from floe_compiler.builtin.dbt_runtime._cloud_manifest import engine_of
from floe_compiler.builtin.dbt_runtime._cloud_runs import Account, Ended, Order
from floe_compiler.builtin.dbt_runtime._dbt_words import ANSI
from floe_compiler.builtin.dbt_runtime._dbt_words import problems_of as problems_of_core
from floe_compiler.builtin.dbt_runtime._fusion_words import Seen
from floe_compiler.builtin.dbt_runtime._fusion_words import problems_of as problems_of_rust
from floe_compiler.builtin.dbt_runtime._invocation import Place
from floe_compiler.errors import FloeError, Problem, raise_if_any
from floe_compiler.manifest import differing_members, normal_form, uncompiled
from floe_compiler.model.runs import Command, DBTRunResult, EventCallback, NodeResult, RemoteRun, RunEvent, RunStatus
from floe_compiler.store.writing import refusing_writes

CORE_FAILED: Final = re.compile(r"Encountered an error:\n(?P<words>.*)\Z", re.DOTALL)
RUST_FAILED: Final = re.compile(r"^\[error\] (\[\w+ \(dbt\d{4}\)\]: .*?)(?=\n\[|\n\n|\Z)", re.DOTALL | re.MULTILINE)
STAMP: Final = re.compile(r"^\d\d:\d\d:\d\d(?:\.\d+)? {1,2}", re.MULTILINE)
TAIL_LINES: Final = 10
MAX_NAMED: Final = 20
MODELS: Final = ("model.",)
TESTS: Final = ("test.", "unit_test.")


def manifest_of(account: Account, ended: Ended, order: Order, place: Place) -> bytes:
    """What dbt parsed: the manifest.json of the order's first step, of the order's commit.

    Raises FloeError: FLOE-C2xx in dbt's words, FLOE-C254 for another commit, FLOE-P249, FLOE-P252, FLOE-P253.
    """
    parsing = order.steps[0]
    if ended.run.state == "error" and not _got_past(ended, parsing):
        raise FloeError(problems_of_failure(ended, parsing, place))
    if ended.run.git_sha != order.git_sha:
        found = f"checked out {ended.run.git_sha}" if ended.run.git_sha else "does not say what it checked out"
        message = f"run {ended.run.id} was to run {order.git_sha} and {found}"
        raise FloeError(Problem("FLOE-C254", message, hint=f"Look at {ended.url}"))
    return account.artifact(ended, ended.step(parsing), "manifest.json")


def keep_logs(ended: Ended, place: Place) -> None:
    """Writes what the steps printed, one after the other. Raises FLOE-F104."""
    with refusing_writes(place.log_path):
        place.log_path.mkdir(parents=True, exist_ok=True)
        text = "".join(f"== {step.index} {step.name}\n{_plain(step)}\n" for step in ended.run.steps)
        (place.log_path / f"run-{ended.run.id}.log").write_text(f"{ended.url}\n{text}", encoding="utf-8")


class Told:
    """Tells the caller how a run stands, whenever that has changed."""

    def __init__(self, on_event: EventCallback | None) -> None:
        self._on_event = on_event
        self._last: tuple[int, State] | None = None

    def __call__(self, run: Run) -> None:
        if self._on_event and (run.id, run.state) != self._last:
            self._last = (run.id, run.state)
            self._on_event(RunEvent("status", f"run {run.id}", "run", time.time(), run.state))


@dataclass(frozen=True)
class Report:
    """What is reported of the runs of one command. `sealed` is the reviewed manifest, in normal form."""

    command: Command
    order: Order
    place: Place
    sealed: Mapping[str, Any] | None
    on_event: EventCallback | None
    started: float

    def unfinished(self, ended: Ended) -> DBTRunResult | None:
        """The result of a run that was cancelled, here or in dbt Cloud, or that took too long; else None."""
        keep_logs(ended, self.place)
        if ended.ending or ended.run.state == "cancelled":
            return self.result(ended.ending or "cancelled", ended)
        return None

    def finished(self, account: Account, ended: Ended) -> DBTRunResult:
        """The result of a run that came to its end, if it ran what was reviewed. Raises FloeError."""
        fresh = manifest_of(account, ended, self.order, self.place)
        described = self.compare(fresh, f"It was run, and its result is not accepted: {ended.url}")
        running = self.order.steps[-1]
        if ended.run.state == "error" and ended.failed_step is None:
            raise FloeError(problems_of_failure(ended, running, self.place))
        try:
            content = account.artifact(ended, ended.step(running), "run_results.json")
            ran = read_run_results(content)
        except Unreadable as error:
            raise FloeError(Problem("FLOE-P248", f"run_results.json of run {ended.run.id}: {error}")) from error
        except FloeError as error:
            if ended.run.state == "error":
                raise FloeError(problems_of_failure(ended, running, self.place)) from error
            raise
        self._write({"manifest.json": fresh, "run_results.json": content})
        if self.on_event:
            tell_nodes(ran, self.on_event)
        success = ended.run.state == "success"
        return self.result("success" if success else "error", ended, ran, described)

    def compare(self, fresh: bytes, hint: str) -> dict[str, Any]:
        """The fresh manifest in normal form, which is the sealed one. Raises FLOE-P254 naming what differs."""
        found = normal_form(fresh, self.order.target)
        sealed = found if self.sealed is None else dict(self.sealed)
        differing = sorted(differing_members(uncompiled(sealed), uncompiled(found)).items())
        problems = [
            Problem("FLOE-P254", f"{member} is not what was sealed: {', '.join(sorted(fields))}.", hint=hint)
            for member, fields in differing[:MAX_NAMED]
        ]
        if len(differing) > MAX_NAMED:
            problems.append(Problem("FLOE-P254", f"So are {len(differing) - MAX_NAMED} more parts.", hint=hint))
        raise_if_any(problems)
        return found

    def result(
        self,
        status: RunStatus,
        ended: Ended | None = None,
        ran: RunResults | None = None,
        manifest: Mapping[str, Any] | None = None,
    ) -> DBTRunResult:
        nodes = nodes_of(ran, manifest or {}) if ran else ()
        version = ran.metadata.dbt_version if ran else ""
        return DBTRunResult(
            success=status == "success",
            status=status,
            command=self.command,
            models_run=_ran(nodes, MODELS),
            tests_run=_ran(nodes, TESTS),
            execution_time_seconds=time.monotonic() - self.started,
            nodes=nodes,
            invocation_id=(ran.metadata.invocation_id or "") if ran else "",
            engine=engine_of(version) if version else "",
            engine_version=version,
            artifacts={"run_results": self.place.target_path / "run_results.json"} if ran else {},
            remote=RemoteRun(str(ended.run.id), ended.url, ended.run.git_sha) if ended else None,
        )

    def _write(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            self.place.fresh(name).write_bytes(content)


def nodes_of(ran: RunResults, manifest: Mapping[str, Any]) -> tuple[NodeResult, ...]:
    """The results in the order of run_results.json, each with its file."""
    described = {**manifest.get("nodes", {}), **manifest.get("unit_tests", {})}
    return tuple(node.result(described.get(node.unique_id, {}).get("original_file_path")) for node in ran.results)


def tell_nodes(ran: RunResults, on_event: EventCallback) -> None:
    """What finished, told at the end: dbt Cloud says nothing of nodes while a run goes on."""
    for index, node in enumerate(ran.results, 1):
        on_event(
            RunEvent(
                kind="finished",
                unique_id=node.unique_id,
                resource_type=node.unique_id.partition(".")[0],
                at=node.completed_at.timestamp() if node.completed_at else time.time(),
                status=node.status,
                execution_time=node.execution_time,
                index=index,
                total=len(ran.results),
                message=node.message,
                failures=node.failures,
                rows=node.rows,
            )
        )


def problems_of_failure(ended: Ended, command: str, place: Place) -> Iterator[Problem]:
    """Why a run failed: in dbt's words where dbt failed at the command, else in dbt Cloud's.

    dbt's refusal of the project is FLOE-C2xx at its place in it, a failure of anything else FLOE-P252.
    """
    step = ended.failed_step
    if step is None or command not in step.name:
        what = f"step {step.index}, {step.name}: {_tail(step)}" if step else ended.run.status_message
        message = f"run {ended.run.id} failed in dbt Cloud: {what or 'dbt Cloud gives no reason'}"
        yield Problem("FLOE-P252", message, hint=f"Look at {ended.url}")
        return
    logs = _plain(step)
    if words := CORE_FAILED.search(logs):
        yield from problems_of_core(_as_core_says(words["words"]), place)
    elif errors := RUST_FAILED.findall(logs):
        yield from problems_of_rust(errors, Seen(place, place.project_dir, place.project_dir), "FLOE-C201")
    else:
        yield Problem("FLOE-P207", f"{step.name} failed in dbt Cloud: {_tail(step)}", hint=f"Look at {ended.url}")


def _got_past(ended: Ended, command: str) -> bool:
    """Whether a command of a failed run did not fail itself: a later one did."""
    names = [step.name for step in ended.run.steps if not step.failed]
    return any(command in name for name in names)


def _as_core_says(words: str) -> dict[str, Any]:
    """dbt-core's words from a log, in the form of an error that is caught: the log does not name its class."""
    return {"types": ["DbtBaseException"], "message": words, "node": {}, "file": "", "package": "", "events": []}


def _plain(step: Step) -> str:
    return STAMP.sub("", ANSI.sub("", step.logs or "")).strip()


def _tail(step: Step) -> str:
    return "\n".join(_plain(step).splitlines()[-TAIL_LINES:]) or "it left no log"


def _ran(nodes: tuple[NodeResult, ...], prefixes: tuple[str, ...]) -> int:
    return sum(node.unique_id.startswith(prefixes) and node.status != "skipped" for node in nodes)
