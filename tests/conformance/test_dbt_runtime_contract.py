"""What every dbt runtime promises, asked of each with the real engine on real projects.

`--runtime NAME` asks one that another distribution brings: see docs/guides/write-a-plugin.md.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.model.runs import DBTRunResult, RunEvent
from floe_compiler.plugins.contracts import CancelToken, DBTRuntimePlugin
from floe_compiler.plugins.registry import PluginRegistry
from tests.doubles.dbt_cloud.anywhere import Anywhere
from tests.doubles.dbt_cloud.platform import TOKEN
from tests.engines import needs_rust_engine
from tests.warm import WarmRegistry

pytestmark = pytest.mark.tools

PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"
PROFILES = PROJECTS / "profiles"
BUILT_IN = {"local": 8.0, "fusion": 3.0, "cloud": 60.0}
"""The runtimes of floe, and in how many seconds each has surely built a small model, but not a large one."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Once for each built-in runtime, or for the one that the command line names."""
    if "runtime" in metafunc.fixturenames:
        asked = metafunc.config.getoption("--runtime")
        built_in = ["local", pytest.param("fusion", marks=needs_rust_engine), "cloud"]
        metafunc.parametrize("runtime", [asked] if asked else built_in, indirect=True, scope="module")


@pytest.fixture(scope="module")
def name(runtime: DBTRuntimePlugin) -> str:
    """What it calls itself."""
    return str(runtime.get_runtime_metadata()["type"])


@pytest.fixture(scope="module")
def runtime(
    request: pytest.FixtureRequest, registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DBTRuntimePlugin]:
    asked = request.config.getoption("--runtime")
    with ExitStack() as stack:
        config, environ = json.loads(request.config.getoption("--runtime-config")) if asked else {}, dict(os.environ)
        if request.param == "cloud" and not asked:
            dbt_cloud = Anywhere(tmp_path_factory.mktemp("cloud"), registry.get_runtime("local", {}, {}))
            config, environ = stack.enter_context(dbt_cloud.configured()), {"DBT_CLOUD_TOKEN": TOKEN}
            stack.enter_context(mock.patch.object(Bench, "push", staticmethod(dbt_cloud.push)))
        plugin = PluginRegistry().get_runtime(request.param, config, environ)
        yield plugin
        plugin.close()


@pytest.fixture
def here(runtime: DBTRuntimePlugin) -> DBTRuntimePlugin:
    """A runtime that runs dbt on this machine. What one elsewhere does with variables and folders is its own matter,
    and what its nodes do, it tells when it can."""
    if not runtime.reads_profile:
        pytest.skip("it runs elsewhere")
    return runtime


class Bench:
    """A copy of a fixture project, and an output folder beside it."""

    def __init__(self, root: Path, project: str) -> None:
        self.root = root
        self.project = root / "project"
        self.out = root / "out"
        shutil.copytree(PROJECTS / project, self.project)
        self.push(self.project)

    @staticmethod
    def push(project: Path) -> None:
        """Brings a project to where a runtime that runs elsewhere finds it."""

    def compile(self, runtime: DBTRuntimePlugin, **options: Any) -> Path:
        places = {"target_path": self.out, "log_path": self.root / "logs"} | options
        self.push(self.project)
        return runtime.compile_project(self.project, PROFILES, "dev", **places)

    def run(self, runtime: DBTRuntimePlugin, select: str | None = None, **options: Any) -> DBTRunResult:
        work = self.root / "work"
        work.mkdir(exist_ok=True)
        places = {"target_path": self.root / "run", "log_path": self.root / "logs"}
        places |= ({"working_dir": work} if runtime.reads_profile else {}) | options
        self.push(self.project)
        return runtime.run_models(self.project, PROFILES, "dev", select, **places)


def listing(*folders: Path) -> list[tuple[str, int, int]]:
    """Every path below the folders with its size and time stamp."""
    paths = sorted(path for folder in folders for path in folder.rglob("*"))
    return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]


def only_problem(error: pytest.ExceptionInfo[FloeError]) -> tuple[str, str, str]:
    (problem,) = error.value.problems
    return problem.code, str(problem.where), problem.message


def statuses(result: DBTRunResult) -> dict[str, str]:
    return {node.unique_id: node.status for node in result.nodes}


FAILING = {
    "model.bakery.flour": "success",
    "model.bakery.dough": "error",
    "model.bakery.bread": "skipped",
}


# -- compile -------------------------------------------------------------------------------------------------


def test_compile_returns_the_manifest_of_the_project(runtime: DBTRuntimePlugin, tmp_path: Path) -> None:
    manifest = json.loads(Bench(tmp_path, "failing").compile(runtime).read_bytes())
    assert manifest["metadata"]["project_name"] == "bakery"
    assert {name for name in manifest["nodes"] if name.startswith("model.")} == set(FAILING)


def test_compile_writes_only_where_it_is_told(runtime: DBTRuntimePlugin, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "failing")
    before = listing(bench.project, PROFILES)
    bench.compile(runtime)
    assert listing(bench.project, PROFILES) == before


def test_compile_refuses_a_broken_ref_with_its_file(runtime: DBTRuntimePlugin, tmp_path: Path) -> None:
    with pytest.raises(FloeError) as error:
        Bench(tmp_path, "refused/missing-ref").compile(runtime)
    code, where, message = only_problem(error)
    assert (code, where) == ("FLOE-C202", "models/revenue.sql:3:9")
    assert "customers" in message
    assert error.value.problems[0].where.text == "join {{ ref('customers') }} using (id)"


def test_a_refused_project_leaves_no_manifest_of_an_earlier_compile(runtime: DBTRuntimePlugin, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "failing")
    manifest = bench.compile(runtime)
    (bench.project / "models" / "bread.sql").write_text("select * from {{ ref('butter') }}")
    with pytest.raises(FloeError):
        bench.compile(runtime)
    assert not manifest.exists()


@pytest.mark.parametrize("hiding_place", ["environment", "project", "working directory"])
def test_env_var_sees_nothing_of_this_machine(
    runtime: DBTRuntimePlugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hiding_place: str
) -> None:
    bench = Bench(tmp_path, "refused/env-in-model")
    monkeypatch.chdir(tmp_path)
    if hiding_place == "environment":
        monkeypatch.setenv("REGION", "eu")
    else:
        folder = bench.project if hiding_place == "project" else tmp_path
        (folder / ".env").write_text("REGION=eu\n")
    with pytest.raises(FloeError) as error:
        bench.compile(runtime)
    assert only_problem(error)[:2] == ("FLOE-C203", "models/orders.sql:2:7")


def test_env_var_sees_what_the_call_hands_over_and_forgets_it(here: DBTRuntimePlugin, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "refused/env-in-model")
    (bench.project / "models" / "orders.sql").write_text("{{ config(alias=env_var('REGION')) }} select 1 as id")

    def alias(env: Mapping[str, str]) -> str:
        manifest = json.loads(bench.compile(here, env=env).read_bytes())
        return str(manifest["nodes"]["model.shop.orders"]["alias"])

    assert [alias({"REGION": region}) for region in ("eu", "us")] == ["eu", "us"]
    with pytest.raises(FloeError) as error:
        alias({})
    assert only_problem(error)[0] == "FLOE-C203"


@pytest.mark.parametrize("name", ["PATH", "HOME", "PWD", "USER"])
def test_even_the_runtime_s_own_variables_are_hidden(runtime: DBTRuntimePlugin, tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path, "refused/env-in-model")
    model = bench.project / "models" / "orders.sql"
    model.write_text(f"{{{{ config(alias=env_var('{name}', 'hidden')) }}}} select 1 as id")
    manifest = json.loads(bench.compile(runtime).read_bytes())
    assert manifest["nodes"]["model.shop.orders"]["alias"] == "hidden"


# -- compiled SQL --------------------------------------------------------------------------------------------


def test_sql_is_compiled_offline_and_written_where_it_is_told(runtime: DBTRuntimePlugin, tmp_path: Path) -> None:
    """Or not at all: a runtime may have none to show."""
    bench = Bench(tmp_path, "failing")
    manifest = bench.compile(runtime)
    before = listing(bench.project, PROFILES)
    places = {"target_path": tmp_path / "sql", "log_path": tmp_path / "logs"}
    sql = runtime.compile_sql(bench.project, PROFILES, "dev", manifest, **places)
    assert listing(bench.project, PROFILES) == before
    assert [*tmp_path.rglob("*.duckdb")] == [], "nothing was connected to"
    if sql:
        assert 'from "fixture"."main"."flour"' in sql["model.bakery.dough"]


# -- run -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sealed", [True, False], ids=["from a manifest", "from the project"])
def test_run_reports_every_node(runtime: DBTRuntimePlugin, tmp_path: Path, sealed: bool) -> None:
    bench = Bench(tmp_path, "failing")
    result = bench.run(runtime, manifest=bench.compile(runtime) if sealed else None)
    assert statuses(result) == FAILING
    assert (result.success, result.status, result.models_run, result.tests_run) == (False, "error", 2, 0)
    (failed,) = result.failed
    assert failed.file == "models/dough.sql"
    assert "two" in str(failed.message)


def test_run_of_a_selection_succeeds_and_builds_its_tables(here: DBTRuntimePlugin, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "failing")
    result = bench.run(here, "flour", manifest=bench.compile(here))
    assert statuses(result) == {"model.bakery.flour": "success"}
    assert result.success
    assert (tmp_path / "work" / "fixture.duckdb").is_file()


def test_a_failing_test_is_a_failure(runtime: DBTRuntimePlugin, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "failing")
    result = bench.run(runtime, "flour", command="build", manifest=bench.compile(runtime))
    assert (result.success, result.models_run, result.tests_run) == (False, 1, 1)
    assert [(node.status, node.failures) for node in result.failed] == [("fail", 1)]


def test_run_writes_only_where_it_is_told(runtime: DBTRuntimePlugin, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "failing")
    manifest = bench.compile(runtime)
    before = listing(bench.project, PROFILES, bench.out)
    bench.run(runtime, command="build", manifest=manifest)
    assert listing(bench.project, PROFILES, bench.out) == before


def test_results_are_those_of_this_run(runtime: DBTRuntimePlugin, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "failing")
    manifest = bench.compile(runtime)
    first, second = (bench.run(runtime, select, manifest=manifest) for select in ("flour", "dough"))
    assert set(statuses(second)) == {"model.bakery.dough"}
    assert first.invocation_id != second.invocation_id
    written = json.loads(second.artifacts["run_results"].read_bytes())
    assert written["metadata"]["invocation_id"] == second.invocation_id
    assert [node["unique_id"] for node in written["results"]] == ["model.bakery.dough"]


def test_events_come_in_the_caller_s_thread_one_pair_for_each_node_that_runs(
    here: DBTRuntimePlugin, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, "failing")
    events: list[RunEvent] = []
    threads: set[int] = set()

    def on_event(event: RunEvent) -> None:
        events.append(event)
        threads.add(threading.get_ident())

    bench.run(here, manifest=bench.compile(here), on_event=on_event)
    assert threads == {threading.get_ident()}
    assert [event.unique_id for event in events if event.kind == "started"] == [
        "model.bakery.flour",
        "model.bakery.dough",
    ]
    assert {event.unique_id: event.status for event in events if event.kind == "finished"} == FAILING
    assert {(event.index, event.total) for event in events} == {(1, 3), (2, 3), (3, 3)}


def test_an_error_in_the_caller_s_callback_reaches_the_caller(here: DBTRuntimePlugin, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "failing")

    def on_event(event: RunEvent) -> None:
        raise LookupError(event.unique_id)

    manifest = bench.compile(here)
    with pytest.raises(LookupError):
        bench.run(here, manifest=manifest, on_event=on_event)
    assert bench.run(here, "flour", manifest=manifest).success


@pytest.mark.parametrize("options", [{"select": "--full-refresh"}, {"exclude": "-x"}, {"selector": " --vars"}])
def test_a_selection_cannot_smuggle_an_option(
    runtime: DBTRuntimePlugin, tmp_path: Path, options: dict[str, str]
) -> None:
    with pytest.raises(FloeError) as error:
        Bench(tmp_path, "failing").run(runtime, **options)
    assert only_problem(error)[0] == "FLOE-P204"


@pytest.mark.parametrize("command", ["test", "snapshot"])
def test_an_option_that_a_command_does_not_know_is_refused(
    runtime: DBTRuntimePlugin, tmp_path: Path, command: str
) -> None:
    with pytest.raises(FloeError) as error:
        Bench(tmp_path, "failing").run(runtime, command=command, full_refresh=True)
    assert only_problem(error)[0] == "FLOE-P204"


def test_variables_reach_the_models(runtime: DBTRuntimePlugin, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "failing")
    model = bench.project / "models" / "flour.sql"
    model.write_text("select {{ var('kilos', 1) }} as kilos")
    options = {"command": "build", "manifest": bench.compile(runtime), "exclude": "dough bread"}
    assert not bench.run(runtime, **options).success
    assert bench.run(runtime, vars={"kilos": 2}, **options).success


# -- time, threads, metadata ---------------------------------------------------------------------------------


def test_a_cancelled_compile_raises(here: DBTRuntimePlugin, tmp_path: Path) -> None:
    cancel = CancelToken()
    threading.Timer(1.0, cancel.cancel).start()
    with pytest.raises(FloeError) as error:
        Bench(tmp_path, "slow_parse").compile(here, cancel=cancel)
    assert only_problem(error)[0] == "FLOE-P203"


def test_a_compile_that_takes_too_long_raises(here: DBTRuntimePlugin, tmp_path: Path) -> None:
    with pytest.raises(FloeError) as error:
        Bench(tmp_path, "slow_parse").compile(here, timeout=1.0)
    assert only_problem(error)[0] == "FLOE-P202"


def test_a_cancelled_run_returns_what_was_done(here: DBTRuntimePlugin, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "slow")
    cancel = CancelToken()

    def cancel_at_the_second(event: RunEvent) -> None:
        if event.kind == "started" and event.unique_id == "model.glacier.drip":
            cancel.cancel()

    result = bench.run(here, manifest=bench.compile(here), cancel=cancel, on_event=cancel_at_the_second)
    assert (result.success, result.status, result.models_run) == (False, "cancelled", 1)
    assert statuses(result)["model.glacier.quick"] == "success"


def test_a_run_that_takes_too_long_returns_what_was_done(
    here: DBTRuntimePlugin, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, "slow")
    manifest = bench.compile(here)
    seconds: float = BUILT_IN.get(name, request.config.getoption("--runtime-seconds"))
    result = bench.run(here, manifest=manifest, timeout=seconds)
    assert (result.success, result.status) == (False, "timeout")
    assert statuses(result)["model.glacier.quick"] == "success"


def test_eight_threads_at_once_get_eight_right_answers(here: DBTRuntimePlugin, tmp_path: Path) -> None:
    if not here.supports_parallel_execution():
        pytest.skip("one call at a time")

    def alias(number: int) -> str:
        (tmp_path / str(number)).mkdir()
        bench = Bench(tmp_path / str(number), "refused/env-in-model")
        model = bench.project / "models" / "orders.sql"
        model.write_text("{{ config(alias=env_var('REGION')) }} select 1 as id")
        manifest = json.loads(bench.compile(here, env={"REGION": f"r{number}"}).read_bytes())
        return str(manifest["nodes"]["model.shop.orders"]["alias"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(alias, range(8))) == [f"r{number}" for number in range(8)]


def test_metadata_says_what_runs(runtime: DBTRuntimePlugin, request: pytest.FixtureRequest) -> None:
    metadata = runtime.get_runtime_metadata()
    assert metadata["type"] == request.node.callspec.params["runtime"]
    assert all(isinstance(metadata[key], str) for key in ("type", "engine", "version"))
    assert json.loads(json.dumps(metadata)) == metadata


def test_a_closed_runtime_can_be_used_again(runtime: DBTRuntimePlugin, tmp_path: Path) -> None:
    runtime.close()
    assert Bench(tmp_path, "failing").compile(runtime).is_file()


def test_nothing_of_this_process_is_changed(runtime: DBTRuntimePlugin, tmp_path: Path) -> None:
    before = (dict(os.environ), Path.cwd(), threading.active_count())
    Bench(tmp_path, "failing").compile(runtime)
    assert (dict(os.environ), Path.cwd(), threading.active_count()) == before
