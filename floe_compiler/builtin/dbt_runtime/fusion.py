"""The dbt runtime `fusion`: dbt's Rust engine, a binary that is started anew for every command.

https://docs.getdbt.com/docs/fusion/about-fusion

The engine takes no manifest: it parses in every command. So a run parses first, compares with what was sealed, and
goes on only when they are equal. It sees of this machine's environment what a call hands it and the few variables of
`_fusion_process`; it writes only where a call says, and reaches nothing but the database.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import orjson
from pydantic import Field

from floe_compiler.builtin.dbt_runtime._dbt_words import Sources
from floe_compiler.builtin.dbt_runtime._fusion_call import (
    Call,
    Errors,
    Manifest,
    compiled,
    cut_short,
    parsed,
    ran,
    run_result,
    section_of,
)
from floe_compiler.builtin.dbt_runtime._fusion_driver import DRIVERS, driver_environment, no_driver
from floe_compiler.builtin.dbt_runtime._fusion_engine import Engine, find_engine
from floe_compiler.builtin.dbt_runtime._fusion_process import (
    MAY_BE_LEFT_OUT,
    OWN_VARIABLES,
    scratch_folder,
    whole_environment,
)
from floe_compiler.builtin.dbt_runtime._fusion_view import view_of
from floe_compiler.builtin.dbt_runtime._invocation import Place, option
from floe_compiler.builtin.dbt_runtime._workers import Patience
from floe_compiler.errors import FloeError, Problem, raise_if_any
from floe_compiler.manifest import differing_members, normal_form, uncompiled
from floe_compiler.model.runs import Command, DBTRunResult, EventCallback
from floe_compiler.model.values import EnvRef
from floe_compiler.plugins.contracts import CancelToken, DBTRuntimePlugin, PluginConfig
from floe_compiler.store.writing import refusing_writes

CLOCK_SHIFT: Final = timedelta(days=400, hours=7, minutes=13, seconds=11)
"""Another year, month, day, weekday, hour, minute and second."""
FAR_EAST: Final = "FLOE-13:47"
"""A time zone, as POSIX writes one."""
TAKES_FULL_REFRESH: Final = frozenset({"build", "run", "seed"})
MAX_NAMED: Final = 20


class FusionConfig(PluginConfig):
    """Which binary, and where database drivers are. Both are found by themselves where pip installed them."""

    path: Annotated[
        Annotated[str, Field(pattern=r"^(/.+|[^/]+)$")] | EnvRef | None,
        Field(description="The engine's binary: an absolute path, or a name on the PATH."),
    ] = None
    adbc_driver_path: Annotated[
        Annotated[str, Field(pattern=r"^/")] | EnvRef | None,
        Field(description="A folder of ADBC driver manifests (`duckdb.toml`), or the library of the driver itself."),
    ] = None


class FusionDBTPlugin(DBTRuntimePlugin):
    """Runs dbt's Rust engine on this machine."""

    summary: ClassVar[str] = "dbt's Rust engine, a process for every command"
    config_model: ClassVar[type[PluginConfig]] = FusionConfig

    def __init__(self, config: PluginConfig | None = None, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(config, environ)
        self._found: Engine | None = None

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
        """The engine's `parse`. `partial_parse_file` is neither read nor written: the engine is faster without one.

        `shifted_clock` moves `run_started_at`, and `modules.datetime` by a time zone only: what a project renders
        from the year that it finds there goes unnoticed here, and is refused when it runs (FLOE-P223). Raises
        FLOE-P204 where the engine's clock cannot be moved at all.
        """
        place = Place.of(project_dir, profiles_dir, target, target_path, log_path)
        written = (place.below("shifted") if shifted_clock else place).fresh("manifest.json")
        clock = _shifted_clock() if shifted_clock else {}
        environ = whole_environment(env or {}, clock, _left_out(place, env or {}))
        with scratch_folder() as scratch:
            content = parsed(self._call(place, environ, Patience(cancel, timeout), scratch))
        if isinstance(content, str):
            raise FloeError(cut_short(content, "parsed the project", timeout))
        if shifted_clock and clock["DBT_RUN_STARTED_AT"].encode() not in content:
            raise FloeError(Problem("FLOE-P204", f"The clock of {self._engine().version} cannot be shifted."))
        with refusing_writes(written):
            written.write_bytes(content)
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
        """The engine's `compile` of the project, without analysing SQL and without a driver.

        Of `manifest` only the adapter is read. `shifted_clock` moves what it moves in `compile_project`.
        """
        place = Place.of(project_dir, profiles_dir, target, target_path, log_path)
        adapter = section_of(manifest.read_bytes(), "metadata")["adapter_type"]
        left_out = _left_out(place, env or {})
        with scratch_folder() as scratch:
            more = {**no_driver(adapter, scratch), **(_shifted_clock() if shifted_clock else {})}
            environ = whole_environment(env or {}, more, left_out)
            sql = compiled(self._call(place, environ, Patience(cancel, timeout), scratch))
        if isinstance(sql, str):
            raise FloeError(cut_short(sql, "compiled the SQL", timeout))
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
        """Parses, compares with `manifest`, runs. Without `working_dir`, relative paths start at `project_dir`.

        A run that is cancelled or times out returns the nodes that had finished by then. Raises FloeError: FLOE-P223
        when what would run is not what was sealed, FLOE-P222 without a driver, FLOE-P224 where a `.env` would be read.
        """
        if full_refresh and command not in TAKES_FULL_REFRESH:
            raise FloeError(Problem("FLOE-P204", f"`dbt {command}` knows no full refresh."))
        place = Place.of(project_dir, profiles_dir, target, target_path, log_path)
        given = ["--vars", orjson.dumps(dict(vars)).decode()] if vars else []
        args = [*given, *option("--select", select), *option("--exclude", exclude), *option("--selector", selector)]
        args += ["--full-refresh"] * full_refresh + ["--fail-fast"] * fail_fast
        args += ["--threads", str(threads)] if threads is not None else []
        cwd = (working_dir or project_dir).absolute()
        _refuse_dotenv(cwd)
        started = time.monotonic()
        left_out = _left_out(place, env or {})
        with scratch_folder() as scratch:
            parsing = self._call(place, whole_environment(env or {}, {}, left_out), Patience(cancel, timeout), scratch)
            content = parsed(parsing, *given)
            if isinstance(content, str):
                return run_result(parsing, command, content, (), "", started)
            fresh = normal_form(content, target)
            if manifest is not None:
                _refuse_differences(normal_form(manifest.read_bytes(), target), fresh)
            driver = driver_environment(fresh["metadata"]["adapter_type"], self._driver_path(), scratch)
            more = {**driver, "HOME": str(scratch / "home")}
            call = replace(parsing, place=place, cwd=cwd, environ=whole_environment(env or {}, more, left_out))
            return ran(call, command, args, fresh, on_event, started)

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
        """The engine's `deps`: the only command for which it has git and the network. Raises FloeError FLOE-C205."""
        with scratch_folder() as scratch:
            place = Place.of(project_dir, profiles_dir, target, scratch / "target", log_path)
            # For git, which is found on the PATH and must not meet anybody's settings.
            environ = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(scratch / "home"), **(env or {})}
            call = Call(
                engine=self._engine(),
                place=place,
                project=place.project_dir,
                cwd=scratch / "work",
                logs=scratch / "logs",
                environ=environ,
                patience=Patience(cancel, timeout),
            )
            errors = Errors()
            ended = call.start(errors, "deps")
        if ended.ending:
            raise FloeError(cut_short(ended.ending, "installed the packages", timeout))
        if ended.status:
            raise FloeError(replace(problem, code="FLOE-C205") for problem in call.problems(errors.texts, ended))

    def supports_parallel_execution(self) -> bool:
        """Yes: every call is a process of its own."""
        return True

    def requirements(self, adapter_packages: Iterable[str]) -> tuple[str, ...]:
        """The engine alone: its adapters are built in. Raises FloeError: FLOE-P220, FLOE-P221."""
        engine = self._engine()
        return (f"{engine.name}=={engine.version}",)

    def installed(self, name: str) -> str | None:
        """The engine's version under the name that it gives itself."""
        engine = self._engine()
        return engine.version if name == engine.name else None

    def watched_files(self) -> tuple[Path, ...]:
        """The binary, wherever it is: it may be upgraded in place."""
        return (self._engine().path,)

    def get_runtime_metadata(self) -> dict[str, Any]:
        engine = self._engine()
        return {
            "type": "fusion",
            "engine": engine.name,
            "version": engine.version,
            "binary": str(engine.path),
            "digest": engine.digest(),
            "adapters": dict.fromkeys(DRIVERS, engine.version),
            "isolation": "process",
        }

    def _call(self, place: Place, environ: Mapping[str, str], patience: Patience, scratch: Path) -> Call:
        """A call that runs and writes in the private folder."""
        private = replace(place, target_path=scratch / "target")
        project = view_of(place.project_dir, scratch)
        return Call(self._engine(), private, project, scratch / "work", scratch / "logs", environ, patience)

    def _engine(self) -> Engine:
        if self._found is None:
            assert isinstance(self.config, FusionConfig)  # noqa: S101 - the registry pairs plugin and model
            self._found = find_engine(self._value(self.config.path))
        return self._found

    def _driver_path(self) -> Path | None:
        assert isinstance(self.config, FusionConfig)  # noqa: S101 - the registry pairs plugin and model
        configured = self._value(self.config.adbc_driver_path)
        return Path(configured) if configured else None

    def _value(self, configured: str | EnvRef | None) -> str | None:
        if not isinstance(configured, EnvRef):
            return configured
        if configured.env not in self.environ:
            hint = "The configuration of `dbt_runtime: fusion` in the platform manifest names it."
            raise FloeError(Problem("FLOE-X001", f"the environment variable {configured.env} is not set", hint=hint))
        return self.environ[configured.env]


def _shifted_clock() -> dict[str, str]:
    """The variables by which the engine takes another time for the present."""
    moment = (datetime.now(UTC) + CLOCK_SHIFT).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"DBT_RUN_STARTED_AT": moment, "TZ": FAR_EAST}


def _left_out(place: Place, env: Mapping[str, str]) -> frozenset[str]:
    """The variables of the engine's process that the project asks for. dbt-core hides its own from `env_var()`, the
    engine does not: so it gets none of these. Raises FloeError FLOE-C231 for one that it cannot do without."""
    sources = Sources(place)
    asking = [file for file in sources.all() if b"env_var" in file.read_bytes()]
    places = {name: sources.matches(asking, re.compile(rf"env_var\(\s*['\"]{name}['\"]")) for name in OWN_VARIABLES}
    raise_if_any(
        Problem("FLOE-C231", f"The variable {name} is the Rust engine's own.", where, "Use another name.")
        for name in OWN_VARIABLES - MAY_BE_LEFT_OUT
        for where in [*places[name], *([None] if name in env else [])]
    )
    return frozenset(name for name, found in places.items() if found)


def _refuse_dotenv(cwd: Path) -> None:
    if (cwd / ".env").exists():
        message = f"The Rust engine would read variables from {cwd / '.env'}."
        raise FloeError(Problem("FLOE-P224", message, hint="Remove it, or choose another run directory."))


def _refuse_differences(sealed: Manifest, fresh: Manifest) -> None:
    """What was reviewed is what runs: one problem for each node that is not the same, up to a limit."""
    differing = sorted(differing_members(uncompiled(sealed), uncompiled(fresh)).items())
    problems = [
        Problem(
            "FLOE-P223",
            f"{member} is not what was sealed: {', '.join(sorted(fields))}.",
            hint="The Rust engine parses again before it runs; here it found something else. Nothing was run.",
        )
        for member, fields in differing[:MAX_NAMED]
    ]
    if len(differing) > MAX_NAMED:
        problems.append(Problem("FLOE-P223", f"So are {len(differing) - MAX_NAMED} more nodes, tests and other parts."))
    raise_if_any(problems)
