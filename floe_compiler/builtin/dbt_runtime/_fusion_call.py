"""One call of the runtime, as commands of the Rust engine: what they are told, what comes of them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final

from floe_compiler.builtin.dbt_runtime._fusion_engine import Engine
from floe_compiler.builtin.dbt_runtime._fusion_nodes import Watch
from floe_compiler.builtin.dbt_runtime._fusion_process import Ended, Line, hand_over, hide_secrets, invoke
from floe_compiler.builtin.dbt_runtime._fusion_words import HEADER, Seen, problems_of
from floe_compiler.builtin.dbt_runtime._invocation import Place
from floe_compiler.builtin.dbt_runtime._workers import Ending, Patience
from floe_compiler.canonical import parse
from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.model.runs import Command, DBTRunResult, EventCallback, NodeResult, RunStatus

RUN_ARTIFACTS: Final = {"run_results": "run_results.json", "compiled": "compiled", "run": "run"}

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation of the engine, but for the command. `project` is what it takes for the project, `cwd` where it
    runs, `logs` where it logs in private, `environ` all of its environment."""

    engine: Engine
    place: Place
    project: Path
    cwd: Path
    logs: Path
    environ: Mapping[str, str]
    patience: Patience

    @property
    def seen(self) -> Seen:
        return Seen(self.place, self.project, self.cwd)

    def start(self, on_line: Callable[[Line | None], None], name: str, *args: str) -> Ended:
        """Runs a command of the engine to its end. Raises FloeError: FLOE-P201, FLOE-F104."""
        try:
            return invoke(self._command(name, *args), self.environ, self.cwd, self.patience, on_line)
        finally:
            hand_over(self.logs, self.place.log_path, self.environ)

    def problems(self, errors: list[str], ended: Ended, otherwise: str = "FLOE-C201") -> list[Problem]:
        """What the engine refused, in its words or under `otherwise`; of an engine that crashed, how."""
        texts = errors or ([ended.printed] if HEADER.search(ended.printed) else [])
        if texts and ended.status >= 0:
            return problems_of(texts, self.seen, otherwise)
        return [Problem("FLOE-P205", ended.words)]

    def _command(self, name: str, *more: str) -> list[str]:
        """Everything is said, so that no variable and no flag of the project decides it."""
        return [
            *(str(self.engine.path), name),
            *("--project-dir", str(self.project)),
            *("--profiles-dir", str(self.place.profiles_dir)),
            *("--target", self.place.target),
            *("--target-path", str(self.place.target_path)),
            *("--log-path", str(self.logs)),
            *("--log-format", "json"),
            "--write-json",
            "--no-send-anonymous-usage-stats",
            "--no-version-check",
            *more,
        ]


def parsed(call: Call, *args: str) -> bytes | Ending:
    """The manifest.json that the engine writes for the call; or how the command was cut short.

    Raises FloeError: FLOE-C2xx when the project is refused. The engine's own `parse` lets a cycle pass.
    """
    errors = Errors()
    ended = call.start(errors, "parse", *args)
    if ended.ending:
        return ended.ending
    if ended.status:
        raise FloeError(call.problems(errors.texts, ended))
    try:
        content = (call.place.target_path / "manifest.json").read_bytes()
    except FileNotFoundError:
        message = "The Rust engine ended without an error and without a manifest.json."
        raise FloeError(Problem("FLOE-P205", message)) from None
    _refuse_cycle(content, call.place)
    return content


def compiled(call: Call) -> dict[str, str] | Ending:
    """The SQL that the engine makes of nodes, by unique id, or how it was cut short. It ends with an error when a node
    has none, and has written the others. Raises FloeError: FLOE-P2xx, FLOE-C2xx without a result."""
    errors = Errors()
    ended = call.start(errors, "compile", "--static-analysis", "off")
    if ended.ending:
        return ended.ending
    try:
        nodes = parse((call.place.target_path / "manifest.json").read_bytes())["nodes"]
    except FileNotFoundError:
        raise FloeError(call.problems(errors.texts, ended)) from None
    return {unique_id: node["compiled_code"] for unique_id, node in nodes.items() if node.get("compiled_code")}


def ran(
    call: Call,
    command: Command,
    args: list[str],
    manifest: Manifest,
    on_event: EventCallback | None,
    started: float,
) -> DBTRunResult:
    """Has the engine run nodes; `manifest` is in normal form, `started` on the monotonic clock. A failure outside of
    the nodes raises FloeError: FLOE-P2xx."""
    run_results = call.place.fresh("run_results.json")
    invocation_id = str(uuid.uuid4())
    watch = Watch(manifest, on_event)
    ended = call.start(watch, command, "--show", "schedule", "--invocation-id", invocation_id, *args)
    hide_secrets(run_results, call.environ)
    nodes = watch.nodes(run_results, invocation_id)
    if ended.ending is None and ended.status and not any(node.failed for node in nodes):
        raise FloeError(call.problems(watch.errors, ended, "FLOE-P207"))
    status: RunStatus = ended.ending or ("error" if ended.status else "success")
    return run_result(call, command, status, nodes, invocation_id, started)


def run_result(
    call: Call,
    command: Command,
    status: RunStatus,
    nodes: tuple[NodeResult, ...],
    invocation_id: str,
    started: float,
) -> DBTRunResult:
    ran = [node.unique_id.partition(".")[0] for node in nodes if node.status != "skipped"]
    places = {name: call.place.target_path / file for name, file in RUN_ARTIFACTS.items()}
    return DBTRunResult(
        success=status == "success",
        status=status,
        command=command,
        models_run=ran.count("model"),
        tests_run=ran.count("test") + ran.count("unit_test"),
        execution_time_seconds=time.monotonic() - started,
        nodes=nodes,
        invocation_id=invocation_id,
        engine=call.engine.name,
        engine_version=call.engine.version,
        artifacts={name: path for name, path in places.items() if path.exists()},
    )


def cut_short(ending: Ending, what: str, timeout: float | None) -> Problem:
    if ending == "cancelled":
        return Problem("FLOE-P203", f"Cancelled before the Rust engine had {what}.")
    return Problem("FLOE-P202", f"The Rust engine had not {what} after {timeout:g} seconds.")


class Errors:
    """Keeps every error of a command that does not run nodes."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, line: Line | None) -> None:
        if line and line.level == "error":
            self.texts.append(line.text)


def _refuse_cycle(content: bytes, place: Place) -> None:
    try:
        TopologicalSorter(section_of(content, "parent_map")).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        file = parse(content)["nodes"].get(cycle[0], {}).get("original_file_path")
        where = Where(file) if file and (place.project_dir / file).is_file() else None
        message = f"Found a cycle: {' --> '.join(reversed(cycle))}"
        raise FloeError(Problem("FLOE-C201", message, where)) from None
    except (ValueError, KeyError, TypeError) as error:
        raise FloeError(
            Problem("FLOE-C206", f"The Rust engine wrote something else than a manifest: {error}")
        ) from error


def section_of(manifest: bytes, name: str) -> Any:
    """One section of a manifest, for a hundredth of what reading all of it costs.

    The bytes of a key and its colon are in no string, where a quotation mark has a backslash before it. Where they
    are there twice, a configuration has such a key, too, and all is read.
    """
    key = f'"{name}":'.encode()
    _, found, rest = manifest.partition(key)
    if not found or key in rest:
        return parse(manifest)[name]
    return json.JSONDecoder().raw_decode(rest.decode().lstrip())[0]
