"""The dbt runtime `local`: dbt-core's `dbtRunner`, in a process of its own on this machine.

https://docs.getdbt.com/reference/programmatic-invocations

The process (`_dbt_worker.py`) stays warm between compilations: dbt's import costs seconds, and is paid once. It
sees of this machine's environment only what a call hands it, and writes only where a call says.
"""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Final

import orjson

from floe_compiler.builtin.dbt_runtime import _engine
from floe_compiler.builtin.dbt_runtime._dbt_words import problems_of
from floe_compiler.builtin.dbt_runtime._invocation import Place, option, request
from floe_compiler.builtin.dbt_runtime._partial_parse import PartialParse
from floe_compiler.builtin.dbt_runtime._workers import Answer, EventSink, Patience, WorkerGone, WorkerPool
from floe_compiler.emit import namespaces
from floe_compiler.errors import FloeError, Problem
from floe_compiler.model.runs import COMMANDS, Command, DBTRunResult, EventCallback, NodeResult, RunEvent
from floe_compiler.plugins.contracts import CancelToken, DBTRuntimePlugin, LoadedBy, PluginConfig

ENGINE: Final = "dbt-core"
CLOCK_SHIFT: Final = 400 * 86_400 + 7 * 3_600 + 13 * 60 + 11
"""Another year, month, day, weekday, hour, minute and second."""
MAX_WORKERS: Final = 4
OFFLINE: Final = ("--no-introspect", "--no-populate-cache")
TAKES_FULL_REFRESH: Final = frozenset({"build", "run", "seed"})
TESTS: Final = ("test.", "unit_test.")
MODELS: Final = ("model.",)
NAMING_PACKAGES: Final = ("packages.yml", "dependencies.yml")
SECRET_OF_A_PACKAGE: Final = re.compile(r"env_var\(\s*['\"](DBT_ENV_SECRET_\w+)['\"]")
NOT_NEEDED: Final = "floe-not-needed"
SEALED_PROGRAM: Final = {
    f"sealed_{part}.py": Path(__file__).with_name(f"_sealed_{part}.py")
    for part in ("dbt", "manifest", "telemetry", "spans", "lineage")
} | {"sealed_namespaces.py": Path(namespaces.__file__)}
"""Who runs the bundle with this names the databases as `floe run` does."""
RUN_ARTIFACTS: Final = {"run_results": "run_results.json", "compiled": "compiled", "run": "run"}


def _ignore(event: dict[str, Any]) -> None:
    """For commands whose nodes nobody watches."""


class LocalDBTPlugin(DBTRuntimePlugin):
    """Runs dbt-core on this machine."""

    summary: ClassVar[str] = "dbt-core, in a process of its own on this machine"
    loaded_by: ClassVar[tuple[LoadedBy, ...]] = (
        LoadedBy("sealed_*.py", "Python, beside dbt", "python sealed_dbt.py build", "tool"),
    )

    def __init__(self, config: PluginConfig | None = None, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(config, environ)
        self._workers = WorkerPool(min(MAX_WORKERS, os.cpu_count() or 1))

    def warm_up(self) -> None:
        """Has a worker import dbt while the caller does something else. Returns at once."""
        _engine.version()
        self._workers.warm_up()

    def compile_project(
        self,
        project_dir: Path,
        profiles_dir: Path,
        target: str,
        *,
        env: Mapping[str, str] | None = None,
        target_path: Path | None = None,
        log_path: Path | None = None,
        partial_parse_file: Path | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
        shifted_clock: bool = False,
        source_dir: Path | None = None,
    ) -> Path:
        """`dbt parse`. With `shifted_clock`, a full parse in another year, into `target_path`/shifted: what
        differs between the two manifests, in normal form, was rendered from the clock or the invocation."""
        place = Place.of(project_dir, profiles_dir, target, target_path, log_path)
        if shifted_clock:
            place, partial_parse_file = place.below("shifted"), None
        written = place.fresh("manifest.json")
        partial = PartialParse(partial_parse_file, place, env or {})
        reusing = partial.lay_out()
        args = ["parse", *place.args(), "--write-json", f"--{'' if reusing else 'no-'}partial-parse"]
        answer = self._ask(
            request(args, place, _whole(env, place), clock_shift=CLOCK_SHIFT if shifted_clock else 0),
            Patience(cancel, timeout),
        )
        _refuse_unfinished(answer, "parsed the project", timeout)
        _refuse_error(answer, place)
        if not written.is_file():
            raise FloeError(Problem("FLOE-P205", "dbt ended without an error and without a manifest.json."))
        partial.take_in()
        return written

    def compile_sql(
        self,
        project_dir: Path,
        profiles_dir: Path,
        target: str,
        manifest: Path,
        *,
        env: Mapping[str, str] | None = None,
        target_path: Path | None = None,
        log_path: Path | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
        shifted_clock: bool = False,
    ) -> Mapping[str, str]:
        """`dbt compile`, from the manifest, in one thread: so that no node is another's, whatever dbt does first."""
        place = Place.of(project_dir, profiles_dir, target, target_path, log_path)
        place = place.below("shifted") if shifted_clock else place
        written = place.fresh("compiled_sql.json")
        args = ["compile", *place.args(), *OFFLINE, "--no-write-json", "--no-partial-parse", "--threads", "1"]
        asked = request(
            args,
            place,
            _whole(env, place),
            clock_shift=CLOCK_SHIFT if shifted_clock else 0,
            manifest=manifest.absolute(),
            compiled_sql=written,
        )
        answer = self._ask(asked, Patience(cancel, timeout))
        _refuse_unfinished(answer, "compiled the SQL", timeout)
        if "error" in (answer.done or {}):
            _refuse_error(answer, place)
        sql: dict[str, str] = orjson.loads(written.read_bytes())
        return sql

    def run_models(
        self,
        project_dir: Path,
        profiles_dir: Path,
        target: str,
        select: str | None = None,
        *,
        command: Command = "run",
        manifest: Path | None = None,
        exclude: str | None = None,
        selector: str | None = None,
        full_refresh: bool = False,
        fail_fast: bool = False,
        vars: Mapping[str, Any] | None = None,
        threads: int | None = None,
        env: Mapping[str, str] | None = None,
        working_dir: Path | None = None,
        target_path: Path | None = None,
        log_path: Path | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
        on_event: EventCallback | None = None,
        sealed_dir: Path | None = None,
    ) -> DBTRunResult:
        """`dbt run|build|test|seed|snapshot`. Without `working_dir`, relative paths start at `project_dir`.

        A run that is cancelled or times out returns the nodes that had finished by then.
        """
        if full_refresh and command not in TAKES_FULL_REFRESH:
            raise FloeError(Problem("FLOE-P204", f"`dbt {command}` knows no full refresh."))
        place = Place.of(project_dir, profiles_dir, target, target_path, log_path)
        args = [command, *place.args(), "--no-write-json", "--no-partial-parse"]
        args += option("--select", select) + option("--exclude", exclude) + option("--selector", selector)
        args += ["--full-refresh"] * full_refresh + ["--fail-fast"] * fail_fast
        args += ["--vars", orjson.dumps(dict(vars)).decode()] if vars else []
        args += ["--threads", str(threads)] if threads is not None else []
        asked = request(
            args,
            place,
            _whole(env, place),
            cwd=(working_dir or project_dir).absolute(),
            manifest=manifest.absolute() if manifest else None,
            run_results=place.fresh("run_results.json"),
        )
        events = _Events(on_event)
        started = time.monotonic()
        answer = self._ask(asked, Patience(cancel, timeout), events)
        return _run_result(command, answer, events, place, time.monotonic() - started)

    def deps(
        self,
        project_dir: Path,
        profiles_dir: Path,
        target: str,
        *,
        env: Mapping[str, str] | None = None,
        log_path: Path | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
    ) -> None:
        """`dbt deps`: installs the packages that packages.yml or dependencies.yml names into `project_dir`.

        Raises FloeError FLOE-C205.
        """
        place = Place.of(project_dir, profiles_dir, target, None, log_path)
        asked = request(["deps", *place.args(target_path=False)], place, env or {})
        answer = self._ask(asked, Patience(cancel, timeout))
        _refuse_unfinished(answer, "installed the packages", timeout)
        _refuse_error(answer, place, code="FLOE-C205")

    def supports_parallel_execution(self) -> bool:
        """Yes: every call has a worker to itself, one for each processor, at most four; more calls wait."""
        return True

    def get_runtime_metadata(self) -> dict[str, Any]:
        return {
            "type": "local",
            "engine": ENGINE,
            "version": _engine.version(),
            "adapters": _engine.adapters(),
            "python": platform.python_version(),
            "isolation": "process",
        }

    def requirements(self, adapter_packages: Iterable[str]) -> tuple[str, ...]:
        """dbt-core and the adapters, as they are installed here."""
        needed = sorted({_engine.DISTRIBUTION, *adapter_packages})
        return tuple(f"{name}=={_engine.installed(name)}" for name in needed)

    def sealed_files(self) -> Mapping[str, bytes]:
        """dbt for this bundle alone, as a program that needs nothing of floe: what orchestrators start."""
        return {name: source.read_bytes() for name, source in SEALED_PROGRAM.items()}

    def close(self) -> None:
        self._workers.close()

    def _ask(self, asked: dict[str, Any], patience: Patience, on_event: EventSink = _ignore) -> Answer:
        _engine.version()
        try:
            return self._ask_one(asked, patience, on_event)
        except WorkerGone:
            return self._ask(asked, patience, on_event)

    def _ask_one(self, asked: dict[str, Any], patience: Patience, on_event: EventSink) -> Answer:
        # A run leaves more behind than dbt knows how to close: dbt-duckdb keeps the database open, and its lock;
        # others keep sessions and tokens. All that ends with the process.
        with self._workers.borrow(patience, once=asked["args"][0] in COMMANDS) as worker:
            if worker is None:
                return Answer(None, patience.over())
            env = worker.environ(asked["env"])
            return worker.ask({**asked, "environ": env, "cwd": asked["cwd"] or str(worker.scratch)}, patience, on_event)


class _Events:
    """Passes events on to the caller, and keeps what finished for the result of a run that is cut short."""

    def __init__(self, callback: EventCallback | None) -> None:
        self._callback = callback
        self.finished: list[NodeResult] = []

    def __call__(self, raw: dict[str, Any]) -> None:
        event = RunEvent(**raw)
        if event.kind == "finished":
            self.finished.append(NodeResult(event.unique_id, event.status, event.execution_time, message=event.message))
        if self._callback:
            self._callback(event)


def _whole(env: Mapping[str, str] | None, place: Place) -> dict[str, str]:
    """What `env_var()` sees where nothing is installed: dbt reads at every start where packages come from, and would
    miss the secrets that only `dbt deps` needs. No model can see them."""
    naming = [place.project_dir / name for name in NAMING_PACKAGES]
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in naming if file.is_file()]
    names = SECRET_OF_A_PACKAGE.findall("\n".join(texts))
    return {**dict.fromkeys(names, NOT_NEEDED), **(env or {})}


def _run_result(command: Command, answer: Answer, events: _Events, place: Place, seconds: float) -> DBTRunResult:
    done = answer.done or {}
    if answer.ending is None and "nodes" not in done:
        _refuse_error(answer, place)
    nodes = tuple(NodeResult(**raw) for raw in done["nodes"]) if "nodes" in done else tuple(events.finished)
    success = answer.ending is None and bool(done.get("success"))
    return DBTRunResult(
        success=success,
        status=answer.ending or ("success" if success else "error"),
        command=command,
        models_run=_ran(nodes, MODELS),
        tests_run=_ran(nodes, TESTS),
        execution_time_seconds=seconds,
        nodes=nodes,
        invocation_id=done.get("invocation_id", ""),
        engine=ENGINE,
        engine_version=_engine.version(),
        artifacts={
            name: place.target_path / file
            for name, file in RUN_ARTIFACTS.items()
            if (place.target_path / file).exists()
        },
    )


def _ran(nodes: tuple[NodeResult, ...], prefixes: tuple[str, ...]) -> int:
    return sum(node.unique_id.startswith(prefixes) and node.status != "skipped" for node in nodes)


def _refuse_unfinished(answer: Answer, what: str, timeout: float | None) -> None:
    """Ends a call whose answer is needed whole."""
    match answer.ending:
        case "cancelled":
            raise FloeError(Problem("FLOE-P203", f"Cancelled before dbt had {what}."))
        case "timeout":
            raise FloeError(Problem("FLOE-P202", f"dbt had not {what} after {timeout:g} seconds."))


def _refuse_error(answer: Answer, place: Place, code: str | None = None) -> None:
    """Raises what dbt refused as FloeError; `code` stands for whatever code dbt's words would get."""
    done = answer.done or {}
    if "error" in done:
        problems = problems_of(done["error"], place)
        raise FloeError([replace(problem, code=code) for problem in problems] if code else problems)
    if not done.get("success"):
        raise FloeError(Problem(code or "FLOE-P205", "dbt failed and gave no reason."))
