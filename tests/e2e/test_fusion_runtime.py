"""The runtime `fusion` with the real Rust engine: a product from its platform's one line to its tables."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fixtures.demo import PRODUCT, QUESTION, copy_products
from floe_compiler.builtin.dbt_runtime import _fusion_engine
from floe_compiler.builtin.dbt_runtime.fusion import FusionConfig, FusionDBTPlugin
from floe_compiler.errors import FloeError
from floe_compiler.model.runs import DBTRunResult
from floe_compiler.model.values import EnvRef
from floe_compiler.pipeline import compile_product, load_bundle, run_bundle
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.run import RunOptions
from tests.engines import needs_rust_engine

pytestmark = needs_rust_engine

PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"
PROFILES = PROJECTS / "profiles"


def switch_to_fusion(platform: Path) -> None:
    """The one line of the platform team."""
    text = platform.read_text()
    assert "dbt_runtime: local" in text
    platform.write_text(text.replace("dbt_runtime: local", "dbt_runtime: fusion"))


def run(product: Path, run_dir: Path, **options: Any) -> DBTRunResult:
    """Compiles, verifies and runs a product, as the command line does."""
    compiled = compile_product(product)
    bundle = load_bundle(compiled.path)
    return run_bundle(bundle, RunOptions(run_dir=run_dir, environ={}, **options)).result


def project(root: Path, **files: str) -> Path:
    """A dbt project; `models__a_sql` is models/a.sql."""
    settings = 'name: tiny\nversion: "1.0"\nprofile: fixture\n'
    for name, text in ({"dbt_project_yml": settings, "models__a_sql": "select 1 as id\n"} | files).items():
        folders, _, suffix = name.replace("__", "/").rpartition("_")
        file = root / f"{folders}.{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


class Bench:
    """A project, and folders of its own for everything that is written."""

    def __init__(self, root: Path, **files: str) -> None:
        self.root = root
        self.project = project(root / "project", **files)
        self.work = root / "work"
        self.work.mkdir()
        self.runtime = FusionDBTPlugin()

    def compile(self, **options: Any) -> Path:
        places = {"target_path": self.root / "out", "log_path": self.root / "logs"}
        return self.runtime.compile_project(self.project, PROFILES, "dev", **(places | options))

    def run(self, **options: Any) -> DBTRunResult:
        places = {"target_path": self.root / "run", "log_path": self.root / "logs", "working_dir": self.work}
        return self.runtime.run_models(self.project, PROFILES, "dev", **(places | options))

    def refusal(self, **options: Any) -> list[tuple[str, str]]:
        with pytest.raises(FloeError) as error:
            self.compile(**options)
        return [(problem.code, str(problem.where)) for problem in error.value.problems]


# -- a product -----------------------------------------------------------------------------------------------


def test_one_line_of_the_platform_switches_a_product_to_the_rust_engine(shop: Path, tmp_path: Path) -> None:
    switch_to_fusion(shop.parent / "platform" / "corner-shop.yaml")
    result = run(shop, tmp_path / "run", command="build")
    assert (result.status, {node.status for node in result.failed}) == ("success", set())
    assert result.engine_version.startswith("2.")
    index = load_bundle(compile_product(shop).path).index
    assert index.plugins["dbt_runtime"].name == "fusion"
    assert index.runtime.requirements == [f"{result.engine}=={result.engine_version}"]
    assert (tmp_path / "run" / "shop.duckdb").is_file()


def test_the_demo_product_builds_whole(tmp_path: Path) -> None:
    product = copy_products(tmp_path) / PRODUCT
    switch_to_fusion(tmp_path / "platform" / "platform-manifest.yaml")
    result = run(product, tmp_path / "run")
    assert result.success
    assert (result.models_run, result.tests_run) == (30, 84)
    assert len({node.unique_id for node in result.nodes}) == len(result.nodes) == 123
    with duckdb.connect(str(tmp_path / "run" / "dev.duckdb"), read_only=True) as connection:
        assert len(connection.sql(QUESTION).fetchall()) == 4


def test_the_bundle_is_the_same_wherever_it_is_made(shop: Path, tmp_path: Path) -> None:
    switch_to_fusion(shop.parent / "platform" / "corner-shop.yaml")
    digests = set()
    for place in ("here", "somewhere/much/deeper"):
        for folder in (shop, shop.parent / "platform"):
            shutil.copytree(folder, tmp_path / place / folder.name, symlinks=True)
        digests.add(compile_product(tmp_path / place / shop.name).digest)
    assert len(digests) == 1


def test_another_engine_than_the_reviewed_one_does_not_run(shop: Path, tmp_path: Path) -> None:
    switch_to_fusion(shop.parent / "platform" / "corner-shop.yaml")
    bundle = load_bundle(compile_product(shop).path)

    class Newer(PluginRegistry):
        def get_runtime(self, *arguments: Any) -> Any:
            runtime = super().get_runtime(*arguments)
            assert isinstance(runtime, FusionDBTPlugin)
            found = runtime._engine()
            runtime._found = _fusion_engine.Engine(found.path, found.name, "2.0.1")
            return runtime

    with pytest.raises(FloeError) as error:
        run_bundle(bundle, RunOptions(run_dir=tmp_path / "run", environ={}), registry=Newer())
    (problem,) = error.value.problems
    assert problem.code == "FLOE-X002"
    assert "2.0.1" in problem.message


def test_another_engine_on_the_path_is_no_unchanged_input(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch_to_fusion(shop.parent / "platform" / "corner-shop.yaml")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert [compile_product(shop).cached for _ in range(2)] == [False, True]
    (tmp_path / "dbtf").write_bytes(bytes(2**21))
    assert not compile_product(shop).cached


@pytest.mark.parametrize("named", ["by its path", "by a variable"])
def test_a_configured_engine_that_is_upgraded_in_place_is_no_unchanged_input(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    engine, other = tmp_path / "engine", tmp_path / "other"
    for script in (engine, other):
        script.write_text(f'#!/bin/sh\nexec "{_fusion_engine.find_engine(None).path}" "$@"\n')
        script.chmod(0o755)
    monkeypatch.setenv("ENGINE", str(engine))
    path = f'"{engine}"' if named == "by its path" else "{env: ENGINE}"
    platform = shop.parent / "platform" / "corner-shop.yaml"
    choice = f"dbt_runtime: {{use: fusion, config: {{path: {path}}}}}"
    platform.write_text(platform.read_text().replace("dbt_runtime: local", choice))
    assert [compile_product(shop).cached for _ in range(2)] == [False, True]
    if named == "by its path":
        engine.write_text(engine.read_text() + "# upgraded\n")
    else:
        monkeypatch.setenv("ENGINE", str(other))
    assert [compile_product(shop).cached for _ in range(2)] == [False, True]


# -- what was reviewed is what runs --------------------------------------------------------------------------


def test_a_model_that_changed_since_it_was_sealed_is_named_and_nothing_runs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, models__b_sql="select * from {{ ref('a') }}\n")
    manifest = bench.compile()
    (bench.project / "models" / "a.sql").write_text("select 2 as id\n")
    with pytest.raises(FloeError) as error:
        bench.run(manifest=manifest)
    (problem,) = error.value.problems
    assert problem.code == "FLOE-P223"
    assert problem.message.startswith("model.tiny.a is not what was sealed: checksum.checksum, raw_code")
    assert [*bench.work.iterdir()] == []


@pytest.mark.parametrize("change", ["added", "removed"])
def test_a_model_that_came_or_went_is_named(tmp_path: Path, change: str) -> None:
    bench = Bench(tmp_path, models__b_sql="select 2 as id\n")
    manifest = bench.compile()
    file = bench.project / "models" / ("c.sql" if change == "added" else "b.sql")
    file.write_text("select 3 as id\n") if change == "added" else file.unlink()
    with pytest.raises(FloeError) as error:
        bench.run(manifest=manifest)
    messages = [problem.message for problem in error.value.problems]
    assert any(message.startswith(f"model.tiny.{file.stem} is not") for message in messages)


def test_variables_that_reach_configuration_are_not_what_was_reviewed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, models__a_sql="{{ config(alias=var('alias', 'a')) }} select {{ var('id', 1) }} as id")
    manifest = bench.compile()
    assert bench.run(manifest=manifest, vars={"id": 2}).success
    with pytest.raises(FloeError) as error:
        bench.run(manifest=manifest, vars={"alias": "b"})
    assert error.value.problems[0].code == "FLOE-P223"


def test_where_a_project_lies_is_no_difference(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    manifest = bench.compile()
    bench.project = bench.project.rename(tmp_path / "elsewhere")
    assert bench.run(manifest=manifest).success


# -- what the engine refuses ---------------------------------------------------------------------------------

REFUSED = {
    "a ref to nothing": ({"models__b_sql": "select *\nfrom {{ ref('nope') }}\n"}, "FLOE-C202", "models/b.sql:2:9"),
    "a source of nothing": (
        {"models__b_sql": "select *\nfrom {{ source('raw', 'nope') }}\n"},
        "FLOE-C202",
        "models/b.sql:2:9",
    ),
    "a model that is disabled": (
        {"models__b_sql": "select * from {{ ref('a') }}\n", "models__a_sql": "{{ config(enabled=false) }} select 1"},
        "FLOE-C202",
        "models/b.sql:1:18",
    ),
    "a variable that is not declared": (
        {"models__b_sql": "select '{{ env_var(\"NOPE\") }}'\n"},
        "FLOE-C203",
        "models/b.sql:1:12",
    ),
    "a secret in a model": (
        {"models__b_sql": "select '{{ env_var(\"DBT_ENV_SECRET_X\") }}'\n"},
        "FLOE-C201",
        "models/b.sql:1:9",
    ),
    "a macro that is not there": ({"models__b_sql": "select {{ nope() }}\n"}, "FLOE-C201", "models/b.sql:1:8"),
    "a generic test that is not there": (
        {"models__s_yml": "models:\n  - name: a\n    data_tests: [nope]\n"},
        "FLOE-C201",
        "models/s.yml:3:17",
    ),
    "models in a circle": (
        {"models__a_sql": "select * from {{ ref('b') }}", "models__b_sql": "select * from {{ ref('a') }}"},
        "FLOE-C201",
        "models/a.sql",
    ),
    "broken YAML": ({"models__s_yml": "models:\n  - name: a\n   description: x\n"}, "FLOE-C201", "models/s.yml:3:4"),
    "a key that nobody knows": (
        {"models__s_yml": "models:\n  - name: a\n    descriptionn: x\n"},
        "FLOE-C230",
        "models/s.yml:3:5",
    ),
    "arguments of a test in the old place": (
        {"models__s_yml": "models:\n  - name: a\n    columns:\n      - name: id\n        data_tests:\n"
         "          - accepted_values:\n              values: [1]\n"},
        "FLOE-C230",
        "models/s.yml:7:23",
    ),
    "packages that are not installed": (
        {"packages_yml": "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.3.0\n"},
        "FLOE-C204",
        "packages.yml",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_a_refusal_has_its_code_its_file_and_its_line(tmp_path: Path, fault: str) -> None:
    files, code, where = REFUSED[fault]
    assert Bench(tmp_path, **files).refusal() == [(code, where)]


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, models__b_sql="{{ ref('x') }}", models__c_sql="{{ ref('y') }}")
    assert [code for code, _ in bench.refusal()] == ["FLOE-C202", "FLOE-C202"]


def test_what_people_read_has_no_backtrace_and_no_wrapping(tmp_path: Path) -> None:
    bench = Bench(tmp_path, models__b_sql="{{ exceptions.raise_compiler_error('in my own words') }}")
    with pytest.raises(FloeError) as error:
        bench.compile()
    (problem,) = error.value.problems
    assert problem.message == "in my own words (dbt1501)"


# -- what the engine sees ------------------------------------------------------------------------------------


def test_hub_packages_need_no_hub_once_they_are_installed(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path,
        packages_yml="packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.3.0\n",
        dbt_packages__dbt_utils__dbt_project_yml="name: dbt_utils\nversion: 1.3.0\n",
        dbt_packages__dbt_utils__models__u_sql="select 1 as id\n",
    )
    assert "model.dbt_utils.u" in json.loads(bench.compile().read_bytes())["nodes"]


def test_a_file_of_variables_beside_the_run_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (bench.work / ".env").write_text("X=1\n")
    with pytest.raises(FloeError) as error:
        bench.run()
    assert error.value.problems[0].code == "FLOE-P224"


def test_the_value_of_a_secret_is_never_shown(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    path = "/nonexistent/{{ env_var('DBT_ENV_SECRET_FOLDER') }}/x.duckdb"
    output = {"type": "duckdb", "path": path, "schema": "main"}
    (profiles / "profiles.yml").write_text(json.dumps({"fixture": {"target": "dev", "outputs": {"dev": output}}}))
    with pytest.raises(FloeError) as error:
        bench.runtime.run_models(
            bench.project, profiles, "dev", working_dir=bench.work, target_path=tmp_path / "run",
            log_path=tmp_path / "logs", env={"DBT_ENV_SECRET_FOLDER": "hushhush"},
        )  # fmt: skip
    (problem, *_) = error.value.problems
    assert problem.code == "FLOE-P207"
    assert "hushhush" not in str(error.value)
    assert "*****" in problem.message
    logs = [file.read_text() for file in (tmp_path / "logs").iterdir()]
    assert any("*****" in text for text in logs)
    assert not any("hushhush" in text for text in logs)


def test_another_time_and_another_invocation_show_what_was_rendered_from_them(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path,
        models__a_sql="{{ config(meta={'year': run_started_at.strftime('%Y'), 'id': invocation_id}) }} select 1 as id",
    )
    first, second = (json.loads(bench.compile(shifted_clock=shifted).read_bytes()) for shifted in (False, True))
    one, other = (manifest["nodes"]["model.tiny.a"]["config"]["meta"] for manifest in (first, second))
    assert one["year"] != other["year"]
    assert one["id"] != other["id"]


# -- a run ---------------------------------------------------------------------------------------------------


def test_a_hook_that_fails_is_a_node_and_what_was_built_stays_built(tmp_path: Path) -> None:
    settings = 'name: tiny\nversion: "1.0"\nprofile: fixture\non-run-end: ["insert into nowhere values (1)"]\n'
    result = Bench(tmp_path, dbt_project_yml=settings).run()
    assert {node.unique_id: node.status for node in result.nodes} == {
        "model.tiny.a": "success",
        "operation.tiny.tiny-on-run-end-0": "error",
    }
    (failed,) = result.failed
    assert "nowhere" in str(failed.message)
    assert (result.success, result.models_run) == (False, 1)


def test_fail_fast_stops_at_the_first_failure(tmp_path: Path) -> None:
    files = {f"models__m{number}_sql": "select * from nowhere\n" for number in range(8)}
    result = Bench(tmp_path, **files).run(fail_fast=True, threads=1)
    assert 1 <= len(result.failed) < 8


def test_a_node_that_is_skipped_never_starts(tmp_path: Path) -> None:
    bench = Bench(tmp_path, models__a_sql="select * from nowhere", models__b_sql="select * from {{ ref('a') }}")
    events: list[Any] = []
    bench.run(on_event=events.append)
    told = [(event.kind, event.unique_id, event.index, event.total) for event in events]
    assert told == [
        ("started", "model.tiny.a", 1, 2),
        ("finished", "model.tiny.a", 1, 2),
        ("finished", "model.tiny.b", 2, 2),
    ]


def test_an_unknown_selector_is_told_in_the_engine_s_words(tmp_path: Path) -> None:
    with pytest.raises(FloeError) as error:
        Bench(tmp_path).run(selector="nope")
    (problem,) = error.value.problems
    assert (problem.code, problem.message[:23]) == ("FLOE-P207", "Unknown selector `nope`")


def test_packages_are_installed_by_the_engine(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path, packages_yml="packages:\n  - local: kit\n", kit__dbt_project_yml="name: kit\nversion: '1'\n"
    )
    bench.runtime.deps(bench.project, PROFILES, "dev", log_path=tmp_path / "logs")
    assert (bench.project / "dbt_packages" / "kit" / "dbt_project.yml").is_file()
    shutil.rmtree(bench.project / "kit")
    with pytest.raises(FloeError) as error:
        bench.runtime.deps(bench.project, PROFILES, "dev", log_path=tmp_path / "logs")
    assert error.value.problems[0].code == "FLOE-C205"


# -- the binary and the driver -------------------------------------------------------------------------------


def program(path: Path, says: str) -> Path:
    """A program that answers every question in the same way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_engine_is_the_first_program_that_proves_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "dbt", "Core:\n  - installed: 1.11.16")
    program(tmp_path / "dbt-core-experimental-parser", "dbt-fusion 2.0.0-preview.77")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = _fusion_engine.find_engine(None)
    assert (found.path.parent, found.name, found.version) == (tmp_path, "dbt-fusion", "2.0.0-preview.77")


def test_where_there_is_no_engine_it_says_what_was_there_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "dbt", "dbt Cloud CLI - 0.40.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_fusion_engine, "NAMES", ("dbtf", "dbt"))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    with pytest.raises(FloeError) as error:
        FusionDBTPlugin().get_runtime_metadata()
    (problem,) = error.value.problems
    assert problem.code == "FLOE-P220"
    assert "dbt Cloud CLI - 0.40.1" in problem.message
    assert "pip install dbt-core-experimental-parser" in str(problem.hint)


@pytest.mark.parametrize("path", ["dbt", None], ids=["by the script that pip made", "by its version"])
def test_dbt_core_1_is_refused_by_its_name(tmp_path: Path, path: str | None) -> None:
    configured = path or str(program(tmp_path / "old-dbt", "Core:\n  - installed: 1.11.16"))
    with pytest.raises(FloeError) as error:
        FusionDBTPlugin(FusionConfig(path=configured)).get_runtime_metadata()
    (problem,) = error.value.problems
    assert problem.code == "FLOE-P221"
    assert "is dbt-core 1." in problem.message


def test_the_binary_may_be_named_by_a_variable(tmp_path: Path) -> None:
    engine = _fusion_engine.find_engine(None)
    config = FusionConfig(path=EnvRef(env="ENGINE"))
    metadata = FusionDBTPlugin(config, {"ENGINE": str(engine.path)}).get_runtime_metadata()
    assert metadata["binary"] == str(engine.path)
    assert metadata["digest"] == engine.digest()
    with pytest.raises(FloeError) as error:
        FusionDBTPlugin(config).get_runtime_metadata()
    assert error.value.problems[0].code == "FLOE-X001"


def test_an_engine_that_crashes_is_told_without_its_backtrace(tmp_path: Path) -> None:
    engine = tmp_path / "dbtf"
    engine.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = --version ]; then echo dbt-fusion 2.0.0-preview.1; exit; fi\n'
        "echo \"thread 'main' panicked at src/main.rs:1:\" >&2\n"
        "echo '   0:     0x55d - <unknown>' >&2\n"
        "kill -SEGV $$\n"
    )
    engine.chmod(0o755)
    bench = Bench(tmp_path)
    bench.runtime = FusionDBTPlugin(FusionConfig(path=str(engine)))
    with pytest.raises(FloeError) as error:
        bench.compile()
    (problem,) = error.value.problems
    assert problem.code == "FLOE-P205"
    assert problem.message.splitlines() == [
        "The Rust engine was killed by SIGSEGV. It last printed:",
        "thread 'main' panicked at src/main.rs:1:",
    ]


def test_without_a_driver_the_engine_is_not_even_started(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.runtime = FusionDBTPlugin(FusionConfig(adbc_driver_path=str(tmp_path)))
    with pytest.raises(FloeError) as error:
        bench.run()
    (problem,) = error.value.problems
    assert problem.code == "FLOE-P222"
    assert "duckdb.toml" in problem.message
