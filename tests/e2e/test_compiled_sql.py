"""`compiled_sql: best_effort`: a bundle shows the SQL of each node, where it is the same whenever and wherever."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from floe_compiler.builtin.dbt_runtime.fusion import FusionDBTPlugin
from floe_compiler.builtin.dbt_runtime.local import LocalDBTPlugin
from floe_compiler.errors import FloeError
from floe_compiler.pipeline import compile_product, load_bundle, run_bundle
from floe_compiler.plugins.contracts import CancelToken, DBTRuntimePlugin
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.run import RunOptions
from tests.engines import needs_rust_engine

pytestmark = pytest.mark.tools

PLATFORM = """\
apiVersion: floe.dev/v1
kind: PlatformManifest
metadata: {name: mill, version: 1.0.0, owner: platform@mill.example}
plugins: {compute: duckdb, dbt_runtime: RUNTIME}
default_target: dev
compiled_sql: best_effort
targets:
  dev: {compute: duckdb, config: {path: mill.duckdb, schema: dev, settings: {TimeZone: {env: ZONE}}}}
  prod: {compute: duckdb, config: {path: mill.duckdb, schema: prod}}
"""
PRODUCT = """\
apiVersion: floe.dev/v1
kind: DataProduct
metadata: {name: mill, version: 1.0.0}
platform: ../platform.yaml
transforms: [{type: dbt, path: .}]
env: {GRAIN: rye}
"""
FILES = {
    "../platform.yaml": PLATFORM,
    "floe.yaml": PRODUCT,
    "dbt_project.yml": 'name: mill\nversion: "1.0"\nprofile: mill\nmodels: {mill: {+materialized: table}}\n',
    "macros/doubled.sql": "{% macro doubled(x) %}2 * {{ x }}{% endmacro %}",
    "models/grain.sql": "select {{ doubled(21) }} as kilos, '{{ env_var('GRAIN') }}' as kind",
    "models/sieved.sql": "{{ config(materialized='ephemeral') }}select kilos from {{ ref('grain') }}",
    "models/flour.sql": "select kilos from {{ ref('sieved') }}",
    "models/schema.yml": "models: [{name: grain, columns: [{name: kilos, data_tests: [not_null]}]}]\n",
    "analyses/most.sql": "select max(kilos) from {{ ref('grain') }}",
    "tests/none_is_lost.sql": "select * from {{ ref('flour') }} where kilos is null",
    # what differs every time
    "models/when.sql": "select '{{ run_started_at }}' as at",
    "models/day.sql": "select '{{ modules.datetime.datetime.now() }}' as day",
    "models/invocation.sql": "select '{{ invocation_id }}' as id",
    "models/arguments.sql": "select '{{ invocation_args_dict | length }} {{ flags.TARGET_PATH }}' as x",
    # what only a run brings
    "models/zone.sql": "select '{{ (target.settings or {}).get('TimeZone', 'none') | upper }}' as zone",
    # what only the warehouse knows
    "models/asked.sql": "{% set found = run_query('select 1') %}select {{ found.rows[0][0] if execute else 0 }} as one",
    "models/after.sql": "select * from {{ ref('asked') }}",
    "models/grown.sql": "{{ config(materialized='incremental') }}select 1{% if is_incremental() %} limit 0{% endif %}",
}
SAME_EVERY_TIME = {
    "model.mill.grain",
    "model.mill.sieved",
    "model.mill.flour",
    "model.mill.after",
    "test.mill.none_is_lost",
}
VARYING = {f"model.mill.{name}" for name in ("when", "day", "invocation")}
NEEDING_THE_WAREHOUSE = {"model.mill.asked", "model.mill.grown"}
RUNTIMES: dict[str, type[DBTRuntimePlugin]] = {"local": LocalDBTPlugin, "fusion": FusionDBTPlugin}


@pytest.fixture(scope="module", params=["local", pytest.param("fusion", marks=needs_rust_engine)])
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def mill(runtime: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product, compiled for both targets."""
    product = written(tmp_path_factory.mktemp(runtime), runtime)
    compile_product(product, targets=("dev", "prod"))
    return product


def written(root: Path, runtime: str) -> Path:
    product = root / "mill"
    for path, text in FILES.items():
        if runtime == "fusion" and path == "models/arguments.sql":
            continue  # the Rust engine has no such names
        file = product / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("RUNTIME", runtime))
    return product


def nodes(product: Path, target: str = "dev") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        load_bundle(product.parent / "mill" / ".floe" / "bundles" / newest(product)).read(
            f"targets/{target}/manifest.json"
        )
    )["nodes"]
    return found


def newest(product: Path) -> str:
    (only,) = (product / ".floe" / "bundles").iterdir()
    return only.name


def sql(product: Path, target: str = "dev") -> dict[str, str]:
    return {
        unique_id: node["compiled_code"]
        for unique_id, node in nodes(product, target).items()
        if node.get("compiled_code")
    }


def test_sql_that_is_the_same_every_time_is_shown(mill: Path) -> None:
    shown = sql(mill)
    assert shown.keys() >= SAME_EVERY_TIME
    assert any(unique_id.startswith("test.mill.not_null_grain_kilos") for unique_id in shown)
    assert shown["model.mill.grain"].strip() == "select 2 * 21 as kilos, 'rye' as kind"
    assert "__dbt__cte__sieved" in shown["model.mill.flour"]
    assert all(node["compiled"] for unique_id, node in nodes(mill).items() if unique_id in shown)


def test_relations_are_those_of_the_target(mill: Path) -> None:
    for target in ("dev", "prod"):
        assert f'"mill"."{target}"."grain"' in sql(mill, target)["model.mill.flour"]


def test_sql_that_another_time_or_a_run_s_environment_would_change_is_not_shown(mill: Path, runtime: str) -> None:
    assert not sql(mill).keys() & VARYING
    assert "model.mill.zone" in sql(mill, "prod"), "there, nothing of the environment is in it"
    if runtime == "local":  # the Rust engine shows no settings to a model
        assert "model.mill.zone" not in sql(mill)
        assert "model.mill.arguments" not in sql(mill)
    assert not [text for text in sql(mill).values() if "floe-placeholder" in text or str(mill) in text]


def test_sql_that_needs_the_warehouse_is_not_shown_and_nothing_was_connected_to(mill: Path) -> None:
    assert not sql(mill).keys() & NEEDING_THE_WAREHOUSE
    assert [*mill.parent.rglob("*.duckdb*")] == []


def test_the_bundle_is_the_same_wherever_it_is_made(mill: Path, tmp_path: Path) -> None:
    for folder in (mill, mill.parent / "platform.yaml"):
        if folder.is_dir():
            shutil.copytree(folder, tmp_path / "deeper" / folder.name, ignore=shutil.ignore_patterns(".floe"))
        else:
            shutil.copy(folder, tmp_path / "deeper")
    again = compile_product(tmp_path / "deeper" / "mill", targets=("dev", "prod"))
    assert again.digest == newest(mill).replace("-", ":", 1)


def test_a_bundle_with_sql_runs_as_one_without(mill: Path, runtime: str, tmp_path: Path) -> None:
    bundle = load_bundle(mill / ".floe" / "bundles" / newest(mill))
    for target in ("dev", "prod"):
        result = run_bundle(
            bundle, RunOptions(run_dir=tmp_path / target, environ={"ZONE": "UTC"}, target=target)
        ).result
        assert (result.status, [node.message for node in result.failed]) == ("success", [])
    with duckdb.connect(str(tmp_path / "dev" / "mill.duckdb"), read_only=True) as tables:
        assert tables.sql("select kilos from dev.flour").fetchall() == [(42,)]
        assert tables.sql("select zone from dev.zone").fetchall() == [("UTC" if runtime == "local" else "NONE",)]


def test_what_runs_is_compiled_anew(mill: Path, runtime: str, tmp_path: Path) -> None:
    """Sealed SQL is for people: were it wrong, it would change nothing."""
    bundle = mill / ".floe" / "bundles" / newest(mill)
    manifest = json.loads((bundle / "targets" / "prod" / "manifest.json").read_bytes())
    for node in manifest["nodes"].values():
        if node.get("compiled_code"):
            node["compiled_code"] = "select 'stale' as kilos"
    (tmp_path / "stale.json").write_text(json.dumps(manifest))
    plugin = RUNTIMES[runtime]()
    work = tmp_path / "work"
    work.mkdir()
    result = plugin.run_models(
        bundle / "project", bundle / "profiles", "prod", "grain flour", manifest=tmp_path / "stale.json",
        env={"GRAIN": "rye", "ZONE": "UTC"}, target_path=tmp_path / "run", log_path=tmp_path / "logs", working_dir=work,
    )  # fmt: skip
    plugin.close()
    assert result.success
    with duckdb.connect(str(work / "mill.duckdb"), read_only=True) as tables:
        assert tables.sql("select kilos from prod.flour").fetchall() == [(42,)]


@pytest.mark.parametrize("chosen", ["compiled_sql: none\n", ""], ids=["said", "the default"])
def test_without_being_asked_for_no_sql_is_compiled(runtime: str, tmp_path: Path, chosen: str) -> None:
    product = written(tmp_path, runtime)
    platform = tmp_path / "platform.yaml"
    platform.write_text(platform.read_text().replace("compiled_sql: best_effort\n", chosen))
    compile_product(product)
    assert sql(product) == {}


def test_a_credential_in_compiled_sql_is_found(runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A macro can put together what no file has whole."""
    monkeypatch.setenv("MILL_TOKEN", "open-sesame-4711")
    product = written(tmp_path, runtime)
    (product / "models" / "grain.sql").write_text("select '{{ ['open', 'sesame', 4711] | join('-') }}' as kilos")
    with pytest.raises(FloeError) as error:
        compile_product(product)
    assert {problem.code for problem in error.value.problems} == {"FLOE-F010"}
    assert "MILL_TOKEN" in str(error.value)


def test_a_project_that_names_the_clock_in_configuration_is_refused_as_ever(runtime: str, tmp_path: Path) -> None:
    product = written(tmp_path, runtime)
    (product / "models" / "when.sql").write_text(
        "{{ config(alias='w' ~ run_started_at.strftime('%Y')) }}select 1 as id"
    )
    with pytest.raises(FloeError) as error:
        compile_product(product)
    assert {problem.code for problem in error.value.problems} == {"FLOE-F002"}
    assert "compiled_code" not in str(error.value)


@pytest.fixture
def plugin(runtime: str) -> Iterator[DBTRuntimePlugin]:
    made = RUNTIMES[runtime]()
    yield made
    made.close()


def test_compiling_sql_can_be_cancelled_and_timed_out(mill: Path, plugin: DBTRuntimePlugin, tmp_path: Path) -> None:
    bundle = mill / ".floe" / "bundles" / newest(mill)
    places = (bundle / "project", bundle / "profiles", "prod", bundle / "targets" / "prod" / "manifest.json")
    cancelled = CancelToken()
    cancelled.cancel()
    for options, code in (({"cancel": cancelled}, "FLOE-P203"), ({"timeout": 0.0}, "FLOE-P202")):
        with pytest.raises(FloeError) as error:
            plugin.compile_sql(*places, env={"GRAIN": "rye"}, target_path=tmp_path, log_path=tmp_path, **options)
        assert [problem.code for problem in error.value.problems] == [code]


def test_a_runtime_that_cannot_do_it_shows_none(tmp_path: Path) -> None:
    cloud = PluginRegistry().get_plugin("dbt_runtime", "cloud")
    assert isinstance(cloud, DBTRuntimePlugin)
    assert cloud.compile_sql(tmp_path, tmp_path, "dev", tmp_path / "manifest.json") == {}
