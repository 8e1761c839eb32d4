"""The dbt runtime `local` beyond the contract: its process, its cache, its words, and runs from what was sealed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from floe_compiler.builtin.dbt_runtime import _workers
from floe_compiler.builtin.dbt_runtime.local import LocalDBTPlugin
from floe_compiler.errors import FloeError, Problem
from floe_compiler.model.runs import DBTRunResult, RunEvent
from floe_compiler.plugins.contracts import CancelToken

pytestmark = pytest.mark.tools

PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"
REFUSED = sorted((PROJECTS / "refused").iterdir())
SEALED_MANIFEST = Path(_workers.__file__).with_name("_sealed_manifest.py")
Workers = Callable[[], set[int]]
VARIES = {"created_at", "root_path"}
VARYING_METADATA = {
    "generated_at",
    "invocation_id",
    "invocation_started_at",
    "run_started_at",
    "user_id",
    "env",
}


@pytest.fixture(scope="module")
def local() -> Iterator[LocalDBTPlugin]:
    plugin = LocalDBTPlugin()
    yield plugin
    plugin.close()


class Bench:
    """Copies of a project and of the profiles, which a test may edit, and the folders around them."""

    def __init__(self, root: Path, project: str, local: LocalDBTPlugin) -> None:
        self.root = root
        self.local = local
        self.project = root / "project"
        self.profiles = root / "profiles"
        self.work = root / "work"
        self.work.mkdir()
        shutil.copytree(PROJECTS / project, self.project)
        shutil.copytree(PROJECTS / "profiles", self.profiles)

    def compile(self, target: str = "dev", **options: Any) -> Path:
        places = {"target_path": self.root / "out", "log_path": self.root / "logs"} | options
        return self.local.compile_project(self.project, self.profiles, target, **places)

    def run(self, select: str | None = None, target: str = "dev", **options: Any) -> DBTRunResult:
        places = {
            "target_path": self.root / "run",
            "log_path": self.root / "logs",
            "working_dir": self.work,
        } | options
        return self.local.run_models(self.project, self.profiles, target, select, **places)

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.project / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def write(self, file: str, text: str) -> None:
        (self.project / file).parent.mkdir(parents=True, exist_ok=True)
        (self.project / file).write_text(text)

    def log(self) -> str:
        return (self.root / "logs" / "dbt.log").read_text()


@pytest.fixture
def bench(tmp_path: Path, local: LocalDBTPlugin) -> Callable[[str], Bench]:
    return lambda project: Bench(tmp_path, project, local)


def problems(call: Callable[[], object]) -> tuple[Problem, ...]:
    with pytest.raises(FloeError) as error:
        call()
    return error.value.problems


def normal(manifest: Path) -> Any:
    """The manifest without what differs between two compilations of one project."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if key not in VARIES}
        return [strip(item) for item in value] if isinstance(value, list) else value

    document = strip(json.loads(manifest.read_bytes()))
    for key in VARYING_METADATA:
        document["metadata"].pop(key, None)
    return document


def sealed(bench: Bench) -> Path:
    """What a bundle keeps of the manifest: the normal form, its sections sorted.

    Inside a node the order stays: the columns of a contract are created in it.
    """
    manifest = normal(bench.compile())
    sections = {key: dict(sorted(section.items())) for key, section in sorted(manifest.items())}
    path = bench.root / "sealed.json"
    path.write_text(json.dumps(sections))
    return path


def dbt_processes() -> set[int]:
    """The dbt processes that this process has started and that still live."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if b"_dbt_worker.py" in command and int(parent) == os.getpid():
                found.add(int(entry.name))
    return found


def the_only(workers: Workers) -> int:
    assert eventually(lambda: bool(workers()))
    (pid,) = workers()
    return pid


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def eventually(happens: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


# -- what dbt refuses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_every_refusal_names_its_place_in_dbt_s_words(bench: Callable[[str], Bench], case: Path) -> None:
    found = problems(bench(f"refused/{case.name}").compile)
    expected = json.loads((case / "expected.json").read_text())
    assert [(p.code, p.where and str(p.where)) for p in found] == [(e["code"], e["where"]) for e in expected]
    for problem, wanted in zip(found, expected, strict=True):
        assert wanted["message"] in problem.message
        assert "\x1b" not in problem.message
        assert "Traceback" not in problem.message
        assert "Error\n" not in problem.message
        assert str(Path("/tmp")) not in problem.message
        if problem.where and problem.where.line:
            lines = (PROJECTS / "refused" / case.name / problem.where.file).read_text().splitlines()
            assert problem.where.text == lines[problem.where.line - 1]


def test_an_adapter_that_is_not_installed_is_named(bench: Callable[[str], Bench]) -> None:
    (problem,) = problems(lambda: bench("failing").compile("absent"))
    assert problem.code == "FLOE-P206"
    assert problem.hint == "Install the adapter of this compute: pip install dbt-snowflake."


def test_an_unreachable_warehouse_is_not_the_project_s_fault(bench: Callable[[str], Bench]) -> None:
    failing = bench("failing")
    manifest = failing.compile("unreachable")
    (problem,) = problems(lambda: failing.run(target="unreachable", manifest=manifest))
    assert problem.code == "FLOE-P207"
    assert "/nonexistent/folder" in problem.message


def test_an_unknown_selector_is_not_the_project_s_fault(bench: Callable[[str], Bench]) -> None:
    failing = bench("failing")
    manifest = failing.compile()
    (problem,) = problems(lambda: failing.run(selector="nightly", manifest=manifest))
    assert problem.code == "FLOE-P207"
    assert "nightly" in problem.message


def test_what_a_project_prints_disturbs_nothing(bench: Callable[[str], Bench]) -> None:
    failing = bench("failing")
    failing.write(
        "models/flour.sql", "{{ print('{\"done\": {}}') }}{{ log('x' * 100000, info=true) }}select 1 as kilos"
    )
    assert failing.run("flour", manifest=failing.compile()).success


# -- from a sealed manifest ----------------------------------------------------------------------------------


def test_a_build_from_the_sealed_manifest_is_dbt_s_own_build(bench: Callable[[str], Bench], tmp_path: Path) -> None:
    orchard = bench("orchard")
    manifest = sealed(orchard)
    results = []
    for name, options in (("sealed", {"manifest": manifest}), ("plain", {})):
        (tmp_path / name).mkdir()
        result = orchard.run(command="build", working_dir=tmp_path / name, **options)
        assert result.success, result.failed
        facts = {
            node.unique_id: (node.status, node.failures, node.rows, node.relation, node.file, node.message)
            for node in result.nodes
        }
        with duckdb.connect(tmp_path / name / "fixture.duckdb") as database:
            tables = ("yield_by_kind", "picks", "income", "graph_size", "rungs", "weather")
            rows = [sorted(database.execute(f"select * from {table}").fetchall()) for table in tables]
        results.append((facts, rows, result.models_run, result.tests_run))
    assert results[0] == results[1]
    kinds = {unique_id.partition(".")[0] for unique_id in results[0][0]}
    assert kinds == {"model", "test", "unit_test", "seed", "snapshot", "operation", "exposure", "saved_query"}


def test_a_second_build_is_incremental(bench: Callable[[str], Bench]) -> None:
    orchard = bench("orchard")
    manifest = sealed(orchard)
    orchard.run(command="build", manifest=manifest)
    orchard.edit("seeds/harvest.csv", "4,2024-10-12,9.5", "4,2024-10-12,9.5\n4,2024-10-13,7.5\n4,2023-01-01,1.0")
    assert orchard.run("harvest", command="seed", manifest=manifest).success
    assert orchard.run("picks", manifest=manifest).success
    with duckdb.connect(orchard.work / "fixture.duckdb") as database:
        assert database.execute("select count(*) from picks").fetchone() == (6,)
    assert orchard.run("picks", full_refresh=True, manifest=manifest).success
    with duckdb.connect(orchard.work / "fixture.duckdb") as database:
        assert database.execute("select count(*) from picks").fetchone() == (7,)


RESTORE = """
import importlib.util, json, sys
from argparse import Namespace
from pathlib import Path
spec = importlib.util.spec_from_file_location("session", sys.argv[1])
session = sys.modules["session"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(session)
from dbt.flags import set_flags

NOT_IN_MANIFEST_JSON = {"config_call_dict", "unrendered_config_call_dict", "batch", "defer_relation", "_event_status"}

def graph(manifest):
    sections = json.loads(json.dumps(manifest.flat_graph, default=str))
    for section in sections.values():
        for node in section.values():
            for name in NOT_IN_MANIFEST_JSON:
                node.pop(name, None)
    return sections

manifest = session.restore(Path(sys.argv[2]), Path(sys.argv[3]))
given = graph(manifest)
manifest.build_flat_graph()
assert given == graph(manifest), "another graph"
set_flags(Namespace(SEND_ANONYMOUS_USAGE_STATS=False))
manifest.write(sys.argv[4])
"""


def test_the_restored_manifest_is_the_sealed_one(bench: Callable[[str], Bench], tmp_path: Path) -> None:
    orchard = bench("orchard")
    manifest = sealed(orchard)
    written = tmp_path / "written.json"
    subprocess.run(
        [sys.executable, "-c", RESTORE, SEALED_MANIFEST, manifest, orchard.project, written], check=True, cwd=tmp_path
    )
    before, after = normal(manifest), normal(written)
    assert after.keys() == before.keys()
    for key in before.keys() - {"metadata"}:
        assert after[key] == before[key], key


def test_a_run_lets_go_of_the_database(bench: Callable[[str], Bench]) -> None:
    failing = bench("failing")
    failing.run("flour", manifest=failing.compile())
    duckdb.connect(failing.work / "fixture.duckdb").close()


def test_a_damaged_manifest_is_a_crash_in_one_line(bench: Callable[[str], Bench], tmp_path: Path) -> None:
    (tmp_path / "damaged.json").write_text('{"metadata": {}}')
    (problem,) = problems(lambda: bench("failing").run(manifest=tmp_path / "damaged.json"))
    assert problem.code == "FLOE-P205"
    assert "KeyError: 'project_name'" in problem.message
    assert "Traceback" not in problem.message


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody can write below the folder: not an ordinary user, and not root where mounts are allowed."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    mounted = os.geteuid() == 0 and all(
        subprocess.run(["mount", *options, folder], check=False, capture_output=True).returncode == 0
        for options in (["--bind", folder], ["-o", "remount,ro,bind"])
    )
    if os.access(folder, os.W_OK) and not mounted:
        pytest.skip("root can write everywhere, and may not mount")
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)


def test_a_project_on_a_read_only_file_system_compiles_and_runs(bench: Callable[[str], Bench]) -> None:
    orchard = bench("orchard")
    with read_only(orchard.project), read_only(orchard.profiles):
        manifest = orchard.compile()
        assert orchard.run(command="build", manifest=manifest).success


# -- the cache of partial parses -----------------------------------------------------------------------------

Edit = Callable[[Bench], None]
EDITS: dict[str, Edit] = {
    "nothing": lambda b: None,
    "a model's text": lambda b: b.edit("models/income.sql", "y.kilos * p", "y.kilos*p"),
    "a model's ref": lambda b: b.edit("models/income.sql", "v=2", "v=1"),
    "a model's alias": lambda b: b.write("models/price_v1.sql", "{{ config(alias='p') }} select 1 as kind"),
    "the alias of a semantic model's model": lambda b: b.edit("models/picks.sql", "config(", "config(alias='p', "),
    "a description": lambda b: b.edit("models/models.yml", "{name: unit}", "{name: unit, description: per}"),
    "a test": lambda b: b.edit("models/models.yml", "kilos: 30", "kilos: 31"),
    "a source": lambda b: b.edit("models/models.yml", "identifier: runs", "identifier: run"),
    "a unit test": lambda b: b.edit("models/unit_tests.yml", "model: yield_by_kind", "model: income"),
    "a disabled unit test": lambda b: b.edit(
        "models/unit_tests.yml", "    given:", "    config: {enabled: false}\n    given:"
    ),
    "a variable of the project": lambda b: b.edit("dbt_project.yml", "season: 2024", "season: 2040"),
    "a selector": lambda b: b.edit("selectors.yml", "name: fruit", "name: produce"),
    "a macro": lambda b: b.edit("macros/run_log.sql", "insert into", "INSERT INTO"),
    "a package's macro": lambda b: b.edit("bought/ladder/macros/units.sql", "1000", "1001"),
    "a macro called by generate_schema_name": lambda b: b.edit("macros/where.sql", "near", "far"),
    "a large seed": lambda b: b.write("seeds/large.csv", "id,text\n" + "2,bbbbbbbbbbbbbbb\n" * 70_000),
    "a fixture": lambda b: b.edit("tests/fixtures/two_trees.csv", "pear", "plum"),
    "a new model": lambda b: b.write("models/rungs.sql", "{{ config(alias='own') }} select 1 as id"),
    "a lost model": lambda b: (b.project / "models" / "graph_size.sql").unlink(),
    "the profile": lambda b: (b.profiles / "profiles.yml").write_text(
        (b.profiles / "profiles.yml").read_text().replace("schema: main, threads: 2", "schema: best, threads: 3")
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_a_partial_parse_gives_what_a_full_one_gives(bench: Callable[[str], Bench], edit: Edit) -> None:
    orchard = bench("orchard")
    kept = orchard.root / "kept"
    orchard.write("macros/where.sql", "{% macro where() %}near{% endmacro %}")
    orchard.write(
        "macros/schema.sql", "{% macro generate_schema_name(name, node) %}{{ context['where']() }}{% endmacro %}"
    )
    orchard.write("seeds/large.csv", "id,text\n" + "1,aaaaaaaaaaaaaaa\n" * 70_000)
    orchard.write("models/target.sql", "{{ config(meta={'threads': target.threads}) }} select 1 as id")
    orchard.compile(partial_parse_file=kept)
    edit(orchard)
    for path in orchard.project.rglob("*.yml"):
        os.utime(path, (1, 1))
    assert normal(orchard.compile(partial_parse_file=kept)) == normal(orchard.compile())


def test_going_back_to_an_earlier_yaml_is_seen(bench: Callable[[str], Bench]) -> None:
    orchard = bench("orchard")
    kept = orchard.root / "kept"
    seen = []
    for old, new in (("kilos: 30", "kilos: 30"), ("kilos: 30", "kilos: 31"), ("kilos: 31", "kilos: 30")):
        orchard.edit("models/models.yml", old, new)
        stamp = 30 if new.endswith("30") else 31
        os.utime(orchard.project / "models" / "models.yml", (stamp, stamp))
        seen.append(normal(orchard.compile(partial_parse_file=kept)))
    assert seen[0] == seen[2] != seen[1]


def test_environment_and_target_are_part_of_the_cache(bench: Callable[[str], Bench]) -> None:
    shop = bench("refused/env-in-model")
    shop.write("macros/region.sql", "{% macro region() %}{{ return(env_var('REGION')) }}{% endmacro %}")
    shop.write("models/orders.sql", "{{ config(alias=region()) }} select '{{ target.name }}' as id")
    kept = shop.root / "kept"
    seen = [
        normal(shop.compile(target, partial_parse_file=kept, env={"REGION": region}))["nodes"]["model.shop.orders"]
        for target, region in (("dev", "eu"), ("dev", "us"), ("other", "us"))
    ]
    assert [(node["schema"], node["alias"]) for node in seen] == [("main", "eu"), ("main", "us"), ("other", "us")]


def test_the_cache_is_used_while_nothing_changes(bench: Callable[[str], Bench]) -> None:
    orchard = bench("orchard")
    kept = orchard.root / "kept"
    orchard.compile(partial_parse_file=kept)
    (orchard.root / "logs" / "dbt.log").unlink()
    orchard.compile(partial_parse_file=kept)
    assert "Partial parsing enabled, no changes found, skipping parsing" in orchard.log()


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "dbt's own", "folder"])
def test_a_cache_that_cannot_be_used_costs_time_only(bench: Callable[[str], Bench], damage: str) -> None:
    failing = bench("failing")
    kept = failing.root / "kept"
    expected = normal(failing.compile(partial_parse_file=kept))
    content = bytearray(kept.read_bytes())
    kept.unlink()
    match damage:
        case "empty":
            kept.touch()
        case "cut":
            kept.write_bytes(content[: len(content) // 2])
        case "flipped":
            content[len(content) // 2] ^= 1
            kept.write_bytes(content)
        case "dbt's own":
            kept.write_bytes(content.partition(b"\n")[2])
        case "folder":
            kept.mkdir()
    assert normal(failing.compile(partial_parse_file=kept)) == expected


def test_a_refused_project_leaves_the_cache_as_it_was(bench: Callable[[str], Bench]) -> None:
    failing = bench("failing")
    kept = failing.root / "kept"
    failing.compile(partial_parse_file=kept)
    before = kept.read_bytes()
    failing.write("models/bread.sql", "select * from {{ ref('butter') }}")
    problems(lambda: failing.compile(partial_parse_file=kept))
    assert kept.read_bytes() == before


# -- the clock -----------------------------------------------------------------------------------------------


def test_a_shifted_clock_changes_what_was_rendered_from_the_clock(bench: Callable[[str], Bench]) -> None:
    almanac = bench("clock")
    now, later = almanac.compile(), almanac.compile(shifted_clock=True)
    assert now != later
    seen = [
        {name.rpartition(".")[2]: node["meta"]["seen"] for name, node in normal(path)["nodes"].items()}
        for path in (now, later)
    ]
    assert {name for name in seen[0] if seen[0][name] == seen[1][name]} == {"plain"}
    back = normal(almanac.compile())["nodes"]["model.almanac.year"]["meta"]["seen"]
    assert back == seen[0]["year"]


def test_a_shifted_clock_changes_nothing_else(bench: Callable[[str], Bench]) -> None:
    orchard = bench("orchard")
    kept = orchard.root / "kept"
    now = normal(orchard.compile(partial_parse_file=kept))
    before = kept.read_bytes()
    assert normal(orchard.compile(partial_parse_file=kept, shifted_clock=True)) == now
    assert kept.read_bytes() == before


# -- packages ------------------------------------------------------------------------------------------------


def test_deps_installs_a_local_package(bench: Callable[[str], Bench]) -> None:
    shop = bench("refused/env-in-model")
    shop.write("models/orders.sql", "select {{ ladder.grams_per_kilo() }} as grams")
    shop.write("packages.yml", f"packages:\n  - local: {PROJECTS}/orchard/bought/ladder\n")
    assert [problem.code for problem in problems(shop.compile)] == ["FLOE-C204"]
    shop.local.deps(shop.project, shop.profiles, "dev", log_path=shop.root / "logs")
    assert "model.ladder.rungs" in normal(shop.compile())["nodes"]


def test_deps_says_why_it_failed(bench: Callable[[str], Bench]) -> None:
    shop = bench("refused/env-in-model")
    shop.write("packages.yml", "packages:\n  - local: nowhere/at/all\n")
    (problem,) = problems(lambda: shop.local.deps(shop.project, shop.profiles, "dev", log_path=shop.root / "logs"))
    assert problem.code == "FLOE-C205"
    assert "nowhere/at/all" in problem.message


# -- the process ---------------------------------------------------------------------------------------------


@pytest.fixture
def workers() -> Workers:
    """Counts the dbt processes that came since: other tests' plugins may keep theirs warm meanwhile."""
    others = dbt_processes()
    return lambda: dbt_processes() - others


@pytest.fixture
def fresh(workers: Workers) -> Iterator[LocalDBTPlugin]:
    """A plugin of a test's own, which leaves no process behind."""
    plugin = LocalDBTPlugin()
    yield plugin
    plugin.close()
    assert workers() == set()


def test_warming_up_takes_no_time_and_saves_the_import(fresh: LocalDBTPlugin, workers: Workers, tmp_path: Path) -> None:
    started = time.monotonic()
    fresh.warm_up()
    assert time.monotonic() - started < 1
    pid = the_only(workers)
    fresh.warm_up()
    Bench(tmp_path, "failing", fresh).compile()
    assert workers() == {pid}


def test_the_process_is_out_of_the_terminal_s_reach(fresh: LocalDBTPlugin, workers: Workers) -> None:
    fresh.warm_up()
    pid = the_only(workers)
    assert os.getsid(pid) == os.getpgid(pid) == pid


@pytest.mark.parametrize("project", ["slow", "slow_parse"])
def test_cancelling_ends_the_process_soon(
    fresh: LocalDBTPlugin, workers: Workers, tmp_path: Path, project: str
) -> None:
    slow = Bench(tmp_path, project, fresh)
    cancel = CancelToken()
    cancelled_at = 0.0

    def cancel_now(event: RunEvent | None = None) -> None:
        nonlocal cancelled_at
        if event is None or event.unique_id == "model.glacier.drip":
            cancelled_at = time.monotonic()
            cancel.cancel()

    if project == "slow":
        manifest = slow.compile()
        assert slow.run(manifest=manifest, cancel=cancel, on_event=cancel_now).status == "cancelled"
    else:
        threading.Timer(5, cancel_now).start()
        assert [problem.code for problem in problems(lambda: slow.compile(cancel=cancel))] == ["FLOE-P203"]
    assert time.monotonic() - cancelled_at < 10
    assert workers() == set()


def test_a_token_that_is_set_already_starts_nothing_lasting(
    fresh: LocalDBTPlugin, workers: Workers, tmp_path: Path
) -> None:
    cancel = CancelToken()
    cancel.cancel()
    failing = Bench(tmp_path, "failing", fresh)
    assert [problem.code for problem in problems(lambda: failing.compile(cancel=cancel))] == ["FLOE-P203"]
    assert failing.run(cancel=cancel).status == "cancelled"
    assert workers() == set()


def test_a_process_that_is_killed_is_reported_and_replaced(
    fresh: LocalDBTPlugin, workers: Workers, tmp_path: Path
) -> None:
    slow = Bench(tmp_path, "slow", fresh)
    manifest = slow.compile()

    def kill(event: RunEvent) -> None:
        if event.unique_id == "model.glacier.drip":
            pid = the_only(workers)
            os.kill(pid, signal.SIGKILL)

    (problem,) = problems(lambda: slow.run(manifest=manifest, on_event=kill))
    assert problem.code == "FLOE-P205"
    assert "was killed by SIGKILL" in problem.message
    assert slow.run("quick", manifest=manifest).success


def test_an_idle_process_that_died_is_replaced(fresh: LocalDBTPlugin, workers: Workers, tmp_path: Path) -> None:
    failing = Bench(tmp_path, "failing", fresh)
    failing.compile()
    pid = the_only(workers)
    os.kill(pid, signal.SIGKILL)
    assert failing.compile().is_file()


ORPHAN = """
import sys, time
from floe_compiler.builtin.dbt_runtime import _workers
worker = _workers.Worker()
print(worker.pid, worker.scratch, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("age", [0.3, 6.0], ids=["while it imports", "while it waits"])
def test_a_process_does_not_outlive_its_parent(age: float) -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True, cwd=root) as parent:
        assert parent.stdout is not None
        pid, scratch = parent.stdout.readline().split()
        time.sleep(age)
        parent.kill()
        assert eventually(lambda: not Path(scratch).exists())

        assert eventually(lambda: gone(int(pid)))


def test_a_process_that_cannot_start_says_what_it_printed(
    fresh: LocalDBTPlugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program.py"
    program.write_text("import sys\nprint('\\x1b[31mout of order\\x1b[0m')\nsys.exit(3)\n")
    monkeypatch.setattr(_workers, "PROGRAM", program)
    (problem,) = problems(Bench(tmp_path, "failing", fresh).compile)
    assert problem.code == "FLOE-P201"
    assert problem.message.endswith("ended with exit status 3 before dbt was loaded. It last printed:\nout of order")


def test_an_environment_without_dbt_is_named(
    fresh: LocalDBTPlugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(Path(sys.base_prefix) / "bin" / "python3"))
    (problem,) = problems(Bench(tmp_path, "failing", fresh).compile)
    assert problem.code == "FLOE-P206"
    assert "No module named 'dbt'" in problem.message


def test_metadata_lists_the_adapters_without_importing_dbt() -> None:
    script = (
        "import sys; from floe_compiler.builtin.dbt_runtime.local import LocalDBTPlugin;"
        "print(LocalDBTPlugin().get_runtime_metadata()['adapters']);"
        "assert not {'dbt.cli', 'dbt.version'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert "'dbt-duckdb': '1." in done.stdout
