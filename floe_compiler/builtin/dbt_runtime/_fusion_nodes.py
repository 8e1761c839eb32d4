"""What became of every node, from the Rust engine's log and its run_results.json.

The log is believed first. When anything fails outside a node, the engine writes `error` for every selected node into
run_results.json, also for those that it built.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from floe_compiler.builtin.dbt_runtime._fusion_process import Line
from floe_compiler.builtin.dbt_runtime._fusion_words import words_of
from floe_compiler.model.runs import EventCallback, NodeResult, RunEvent

SCHEDULE: Final = "Compile Time Schedule\n"
STARTED: Final = frozenset({"NodeExecuting", "LogHookStartLine"})
FINISHED: Final = frozenset({"NodeFinished", "LogHookEndLine"})
HOOK_ENDED: Final = "LogHookEndLine"
SAYS_NOTHING: Final = "Error"
"""The message of a test that failed."""
CANCELLED: Final = "(dbt1404)"
HELD: Final = 0.05
"""Of a node that it skips the engine says that it executes, and skips it in the same millisecond: so for this many
seconds nobody is told that a node has started."""


class Watch:
    """Follows an invocation: passes nodes on that start and finish, keeps what finished and what went wrong."""

    def __init__(self, manifest: Mapping[str, Any], callback: EventCallback | None) -> None:
        self._nodes = {**manifest["nodes"], **manifest["unit_tests"]}
        self._callback = callback
        self._total = 0
        self._order: dict[str, int] = {}
        self._executing: dict[str, Line] = {}
        self._finished: dict[str, NodeResult] = {}
        self._words: dict[str, str] = {}
        self._failed_hook = ""
        self._cancelled: set[str] = set()
        self.errors: list[str] = []
        """What went wrong outside a node, as the engine says it."""

    def __call__(self, line: Line | None) -> None:
        self._tell_started(before=(line.at if line else time.time()) - HELD)
        if line is None or line.materialized == "ephemeral":
            return  # an ephemeral model is part of others, and no node that runs
        if line.level == "error":
            self._error(line)
        elif line.text.startswith(SCHEDULE):
            self._total = sum(self._runs(row) for row in line.text.splitlines())
        elif line.name in STARTED:
            self._executing[line.unique_id] = line
        elif line.name in FINISHED:
            self._finish(line)

    def _runs(self, row: str) -> bool:
        """Whether a row of the schedule is a node that will run."""
        node = self._nodes.get(row.partition("|")[0].strip())
        return node is not None and node["config"].get("materialized") != "ephemeral"

    def _error(self, line: Line) -> None:
        about = line.unique_id or self._failed_hook
        if not about:
            self.errors.append(line.text)
            return
        self._words[about] = words_of(line.text)
        self._failed_hook = ""
        if CANCELLED in line.text:
            self._cancelled.add(about)

    def _finish(self, line: Line) -> None:
        # Of a hook the engine says first that it failed, then why, and then no longer which one.
        self._failed_hook = line.unique_id if line.name == HOOK_ENDED and line.status == "error" else ""
        message = self._words.get(line.unique_id)
        executed = self._executing.pop(line.unique_id, None)
        if line.unique_id in self._cancelled:
            return  # it did not finish
        if executed and line.status != "skipped":
            self._tell("started", executed)
        self._tell("finished", line, message)
        self._finished[line.unique_id] = NodeResult(
            line.unique_id, line.status, line.seconds, message, failures=line.failures
        )

    def _tell_started(self, before: float) -> None:
        for unique_id, line in [*self._executing.items()]:
            if line.at < before:
                self._tell("started", line)
                del self._executing[unique_id]

    def _tell(self, kind: Literal["started", "finished"], line: Line, message: str | None = None) -> None:
        if self._callback is None:
            return
        described = line.unique_id in self._nodes
        index = self._order.setdefault(line.unique_id, len(self._order) + 1) if described and self._total else 0
        status = "started" if kind == "started" else line.status
        self._callback(
            RunEvent(
                kind, line.unique_id, line.resource_type, line.at, status, line.seconds,
                index, self._total if index else 0, message,
                line.failures if kind == "finished" else None,
            )
        )  # fmt: skip

    def nodes(self, run_results: Path, invocation_id: str) -> tuple[NodeResult, ...]:
        """What finished, in that order, with what the manifest and this invocation's run_results.json know of it."""
        results = _results_of(run_results, invocation_id)
        return tuple(self._whole(node, results.get(unique_id, {})) for unique_id, node in self._finished.items())

    def _whole(self, node: NodeResult, result: Mapping[str, Any]) -> NodeResult:
        described = self._nodes.get(node.unique_id, {})
        known = result if result.get("status") == node.status else {}
        rows = known.get("adapter_response", {}).get("rows_affected")
        failures = known.get("failures", node.failures)
        message = self._words.get(node.unique_id) or known.get("message")
        return replace(
            node,
            message=f"The test returned {failures} rows." if message == SAYS_NOTHING else message,
            failures=failures,
            rows=rows if isinstance(rows, int) else None,
            relation=described.get("relation_name"),
            file=described.get("original_file_path"),
        )


def _results_of(path: Path, invocation_id: str) -> dict[str, dict[str, Any]]:
    """The entries of run_results.json by node; none where it is not there or another invocation's."""
    try:
        read = orjson.loads(path.read_bytes())
        if read["metadata"]["invocation_id"] != invocation_id:
            return {}
        return {result["unique_id"]: result for result in read["results"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
