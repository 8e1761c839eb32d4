"""Dagster itself loads what is rendered for it and runs a bundle: read-only, without floe, asset by asset."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from floe_compiler import load_bundle
from floe_compiler.pipeline import compile_product
from tests.native import CASES, Case, demo_bundle, rendered, subject
from tests.tool_environments import program
from tests.warm import WarmRegistry

pytestmark = [pytest.mark.tools, pytest.mark.timeout(900)]

CODE_LOCATION = Path(__file__).parent.parent / "tools" / "dagster_code_location.py"
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
NOWHERE = "transport: {type: http, url: 'http://127.0.0.1:9'}\n"
NO_EXPORTER = """\
file_format: "1.0"
tracer_provider:
  processors: [{batch: {exporter: {otlp_http: {endpoint: "http://127.0.0.1:9/v1/traces"}}}}]
"""
ASSETS = ("model", "seed", "snapshot")


class Dagster(NamedTuple):
    """Dagster with a home and a run directory of its own, and no floe in sight."""

    home: Path

    @property
    def run_dir(self) -> Path:
        return self.home / "run"

    def start(self, *command: str | Path, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        self.home.mkdir(exist_ok=True)
        (self.home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        own = {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "DAGSTER_HOME": str(self.home),
            "FLOE_RUN_DIR": str(self.run_dir),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_COLOR": "1",
        }
        return subprocess.run(command, cwd=cwd, env={**own, **environ}, capture_output=True, text=True, check=False)

    def ask(self, *arguments: str | Path, **environ: str) -> Any:
        done = self.start(program("dagster", "python"), CODE_LOCATION, *arguments, **environ)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def dagster(tmp_path: Path) -> Dagster:
    return Dagster(tmp_path / "dagster-home")


@pytest.fixture(scope="module")
def demo(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo product's bundle."""
    return demo_bundle(tmp_path_factory.mktemp("demo"), registry)


@pytest.fixture
def mounted(demo: Path) -> list[str | Path]:
    """What starts a command for which the bundle lies on a read-only file system."""
    rootless = [] if os.geteuid() == 0 else ["--map-root-user"]
    prefix: list[str | Path] = ["unshare", "--mount", *rootless, "sh", "-c", READ_ONLY, demo]
    tried = subprocess.run([*prefix, "touch", demo / "x"], capture_output=True, text=True, check=False)
    if "mount" in tried.stderr or tried.returncode == 127:
        pytest.skip(f"no read-only mount can be made here: {tried.stderr}")
    assert "Read-only file system" in tried.stderr
    return prefix


def definitions(bundle: Path) -> Path:
    return bundle / "orchestrator" / "dagster" / "definitions.py"


def manifest_of(bundle: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((bundle / "targets" / "dev" / "manifest.json").read_bytes())
    return manifest


def relations(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] in ASSETS and node["config"]["materialized"] != "ephemeral"
    ]


def test_the_code_location_is_valid(demo: Path, mounted: list[str | Path], dagster: Dagster) -> None:
    command = [program("dagster", "dagster"), "definitions", "validate", "-w", "workspace.yaml"]
    done = dagster.start(*mounted, *command, cwd=definitions(demo).parent)
    assert done.returncode == 0, done.stderr
    assert "Validation successful for code location lost-umbrellas" in done.stderr + done.stdout


def test_every_asset_is_materialised_from_a_read_only_bundle_and_every_check_passes(
    demo: Path, mounted: list[str | Path], dagster: Dagster
) -> None:
    command = [program("dagster", "dagster"), "job", "execute", "-f", "definitions.py", "-j", "lost_umbrellas_build"]
    done = dagster.start(*mounted, *command, cwd=definitions(demo).parent)
    assert done.returncode == 0, done.stderr
    told = dagster.ask("last_run")
    manifest = manifest_of(demo)
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    assert told["success"]
    assert len(told["assets"]) == len(relations(manifest))
    assert Counter(check["passed"] for check in told["checks"].values()) == {True: len(tests)}

    with duckdb.connect(str(dagster.run_dir / "dev.duckdb"), read_only=True) as tables:
        found = tables.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
        assert {f"{node['schema']}.{node['alias']}" for node in relations(manifest)} <= {name for (name,) in found}
        assert tables.execute("select count(*) from bureau.forgetting_index").fetchall() == [(4,)]
    assert load_bundle(demo, store=None).digest == demo.name.replace("-", ":"), "the bundle is as it was"
    _told_in_spans_and_events(dagster.run_dir, manifest, demo.name.replace("-", ":"))


def _told_in_spans_and_events(run_dir: Path, manifest: dict[str, Any], digest: str) -> None:
    """Every relation and every test has a span below that of the command, and a START and a COMPLETE."""
    expected = {node["unique_id"] for node in relations(manifest)}
    expected |= {uid for uid, node in manifest["nodes"].items() if node["resource_type"] == "test"}
    batches = [json.loads(line) for line in (run_dir / "telemetry" / "spans.jsonl").read_text().splitlines()]
    resources = [resource for batch in batches for resource in batch["resourceSpans"]]
    spans = [span for resource in resources for scope in resource["scopeSpans"] for span in scope["spans"]]
    [command] = [span for span in spans if not span.get("parentSpanId")]
    assert command["name"] == "build lost-umbrellas"
    assert expected <= {span["name"] for span in spans if span.get("parentSpanId") == command["spanId"]}
    said = {attribute["key"]: attribute["value"] for attribute in resources[0]["resource"]["attributes"]}
    assert said["floe.bundle.digest"] == {"stringValue": digest}

    events = [json.loads(line) for line in (run_dir / "lineage" / "events.jsonl").read_text().splitlines()]
    states: dict[str, list[str]] = {}
    for event in events:
        states.setdefault(event["job"]["name"], []).append(event["eventType"])
    assert states["lost-umbrellas.dev"] == ["START", "COMPLETE"]
    for unique_id in expected:
        assert states[f"lost-umbrellas.dev.{unique_id}"] == ["START", "COMPLETE"], unique_id
    [built] = [
        event
        for event in events
        if event["job"]["name"] == "lost-umbrellas.dev.model.lost_umbrellas.forgetting_index"
        and event["eventType"] == "COMPLETE"
    ]
    [output] = built["outputs"]
    assert output["name"] == "dev.bureau.forgetting_index"
    assert "verdict" in {field["name"] for field in output["facets"]["schema"]["fields"]}
    assert {"dev.bureau_workshop.int_calendar", "dev.bureau_workshop.int_daily_finds"} <= {
        dataset["name"] for dataset in built["inputs"]
    }


def test_assets_that_were_picked_are_built_with_their_checks_and_no_others(demo: Path, dagster: Dagster) -> None:
    told = dagster.ask("materialise", definitions(demo), "raw/tram_lines", "staging/stg_trams__lines")
    assert told["success"], told["failures"]
    assert told["assets"] == ["raw/tram_lines", "staging/stg_trams__lines"]
    assert {name.partition(":")[0] for name in told["checks"]} <= {"raw/tram_lines", "staging/stg_trams__lines"}
    assert all(check["passed"] for check in told["checks"].values())


def test_the_schedule_ticks_at_six_by_the_clock_on_the_wall_winter_or_summer(demo: Path, dagster: Dagster) -> None:
    ticks = dagster.ask("ticks", definitions(demo), "2026-10-24T00:00:00+00:00", "2")
    assert [tick["utc"] for tick in ticks] == ["2026-10-24T04:00:00+00:00", "2026-10-25T05:00:00+00:00"]
    assert [tick["runs"] for tick in ticks] == [1, 1]


def test_every_configuration_is_one_that_dagster_loads(demo: Path, dagster: Dagster, tmp_path: Path) -> None:
    on = subject(demo)
    folders = sorted((CASES / "orchestrator" / "dagster").iterdir())
    cases = [Case("orchestrator", "dagster", folder.name) for folder in folders]
    files = [_bundle_with(demo, tmp_path / case.name, rendered(case, on)) for case in cases]
    described = dict(zip((case.name for case in cases), dagster.ask("describe", *files), strict=True))

    manifest = manifest_of(demo)
    default = described["default"]
    assert len(default["assets"]) == len(relations(manifest))
    assert {asset["group"] for asset in default["assets"].values()} == {
        *("seeds", "snapshots", "staging", "intermediate", "front_desk", "letters_room", "marts", "models")
    }
    assert default["assets"]["forgetting_index"]["owners"] == ["front-desk@portmerrow.example"]
    assert default["assets"]["raw/clerks"]["owners"] == ["bureau@portmerrow.example"]
    assert default["assets"]["forgetting_index"]["kinds"] == ["dbt", "duckdb"]
    assert "almanac/feasts" in default["assets"]["staging/stg_almanac__feasts"]["deps"]
    assert "almanac/feasts:source_unique_almanac_feasts_feast_name" in default["checks"]
    assert any(check.endswith(":assert_every_find_is_in_the_diary") for check in default["checks"])
    assert default["schedules"] == [["lost_umbrellas_schedule", "0 6 * * *", "Europe/Zurich", "RUNNING"]]

    shared = described["shared-dagster"]
    assert all(key.startswith("port_merrow/umbrellas/") for key in shared["assets"])
    assert shared["schedules"][0][3] == "STOPPED"
    assert {asset["group"] for asset in described["one-group"]["assets"].values()} == {"lost_umbrellas"}


def _bundle_with(demo: Path, folder: Path, files: dict[str, bytes]) -> Path:
    """The bundle with another rendering, as links to what it shares: `describe` runs nothing."""
    target = folder / "orchestrator" / "dagster"
    target.mkdir(parents=True)
    for entry in demo.iterdir():
        if entry.name != "orchestrator":
            (folder / entry.name).symlink_to(entry)
    for path, content in files.items():
        (target / path).write_bytes(content)
    return target / "definitions.py"


@pytest.fixture
def broken_shop(shop: Path, registry: WarmRegistry) -> Path:
    """A bundle in which a model cannot be built and a test does not pass."""
    (shop / "models" / "stock.sql").write_text("select id, name from {{ ref('goods') }} union all select 1, 'twine'")
    (shop / "models" / "wishes.sql").write_text("select no_such_column from {{ ref('goods') }}")
    (shop / "models" / "_more.yml").write_text(
        "version: 2\nmodels:\n  - name: stock\n    columns: [{name: id, data_tests: [unique]}]\n"
    )
    return compile_product(shop, registry=registry).path


def test_a_model_that_fails_fails_the_step_and_a_test_that_fails_is_a_failed_check(
    broken_shop: Path, dagster: Dagster
) -> None:
    told = dagster.ask("materialise", definitions(broken_shop))
    assert not told["success"]
    assert told["assets"] == ["goods", "price_list", "stock"]
    assert told["checks"]["stock:unique_stock_id"] == {"passed": False, "severity": "ERROR"}
    assert told["checks"]["price_list:unique_price_list_id"]["passed"]
    [failure] = told["failures"]
    assert "no_such_column" in failure
    assert "unique_stock_id" in failure


def test_a_bundle_in_which_a_file_was_touched_is_not_run(
    shop: Path, registry: WarmRegistry, dagster: Dagster, tmp_path: Path
) -> None:
    bundle = tmp_path / "touched"
    shutil.copytree(compile_product(shop, registry=registry).path, bundle)
    model = bundle / "project" / "models" / "price_list.sql"
    model.chmod(0o644)
    model.write_text(model.read_text() + "-- a comment, no more\n")
    told = dagster.ask("materialise", definitions(bundle))
    assert not told["success"]
    assert told["failures"] == ["project/models/price_list.sql is not as it was sealed"]
    assert not dagster.run_dir.exists()


def test_receivers_that_are_not_there_change_nothing_in_a_run(
    shop: Path, registry: WarmRegistry, dagster: Dagster, tmp_path: Path
) -> None:
    bundle = tmp_path / "told"
    shutil.copytree(compile_product(shop, registry=registry).path, bundle, copy_function=shutil.copyfile)
    for folder in (bundle, *(path for path in bundle.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    index = json.loads((bundle / "compiled_artifacts.json").read_bytes())
    index["plugins"] |= {key: {"name": "none", "config": {}} for key in ("observability", "lineage")}
    (bundle / "compiled_artifacts.json").write_text(json.dumps(index))
    for key, file, content in (
        ("lineage", "openlineage.yml", NOWHERE),
        ("observability", "otel-sdk.yaml", NO_EXPORTER),
    ):
        (bundle / key / "none").mkdir(parents=True)
        (bundle / key / "none" / file).write_text(content)
    sealed_dbt = bundle / "dbt_runtime" / "local" / "sealed_dbt.py"
    done = dagster.start(program("dagster", "python"), "-B", sealed_dbt, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lineage events were not taken" in done.stderr
    assert "spans were not sent" in done.stderr
    assert len((dagster.run_dir / "lineage" / "events.jsonl").read_text().splitlines()) == 2 * (1 + 4)
    assert len((dagster.run_dir / "telemetry" / "spans.jsonl").read_text().splitlines()) == 1 + 4


@pytest.fixture
def for_another_runtime(demo: Path, tmp_path: Path) -> Iterator[Path]:
    """The demo's bundle with what is rendered where only floe knows how to start the dbt runtime, and a `floe`."""
    on = subject(demo)
    fusion = on.head.plugins["dbt_runtime"].model_copy(update={"name": "fusion"})
    head = on.head.model_copy(update={"plugins": {**on.head.plugins, "dbt_runtime": fusion}})
    files = rendered(Case("orchestrator", "dagster", "default"), on._replace(head=head))
    file = tmp_path / "definitions.py"
    text = files["definitions.py"].decode()
    here = "BUNDLE = Path(__file__).resolve().parents[2]"
    assert here in text
    file.write_text(text.replace(here, f"BUNDLE = Path({str(demo)!r})"))
    scripts = tmp_path / "bin"
    scripts.mkdir()
    floe = scripts / "floe"
    floe.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m floe_compiler "$@"\n')
    floe.chmod(0o755)
    yield file


def test_another_dbt_runtime_is_started_by_floe_run(for_another_runtime: Path, dagster: Dagster) -> None:
    path = f"{for_another_runtime.parent / 'bin'}{os.pathsep}{os.defpath}"
    told = dagster.ask("materialise", for_another_runtime, "raw/tram_lines", "staging/stg_trams__lines", PATH=path)
    assert told["success"], told["failures"]
    assert told["assets"] == ["raw/tram_lines", "staging/stg_trams__lines"]
    assert told["checks"]["staging/stg_trams__lines:unique_stg_trams__lines_line_id"]["passed"]
