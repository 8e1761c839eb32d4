"""What runs is what was sealed, and nothing is written but the run directory."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import duckdb
import pytest

from floe_compiler.cli.main import main
from floe_compiler.pipeline import compile_product
from tests.warm import WarmRegistry

ERROR = 2
"""OpenTelemetry's number for it, in a span's status."""
CONTRACT = """
version: 2
models:
  - name: shelf
    config: {materialized: table, contract: {enforced: true}}
    columns:
      - {name: name, data_type: varchar}
      - {name: price, data_type: varchar}
      - {name: id, data_type: integer}
"""


@pytest.fixture
def stocked(shop: Path) -> Path:
    """The corner shop with a contracted table whose columns are not in the order of the alphabet."""
    (shop / "models" / "shelf.sql").write_text("select name, price, id from {{ ref('price_list') }}")
    (shop / "models" / "_shelf.yml").write_text(CONTRACT)
    return shop


def test_a_bundle_runs_read_only_and_its_tables_have_the_columns_of_their_contract_in_its_order(
    stocked: Path, registry: WarmRegistry, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bundle = compile_product(stocked, registry=registry).path
    before = _state_of(bundle)
    run_dir = tmp_path / "run"
    assert main(["run", str(bundle), "--run-dir", str(run_dir), "--json"]) == 0
    assert _state_of(bundle) == before
    with duckdb.connect(str(run_dir / "shop.duckdb"), read_only=True) as tables:
        columns = [column[0] for column in tables.execute("describe shop.shop.shelf").fetchall()]
        assert columns == ["name", "price", "id"]
        assert tables.execute("select price from shop.shop.shelf where name = 'twine'").fetchall() == [("1.35 EUR",)]
    assert not (run_dir / "shop.duckdb.wal").exists(), "the database was closed"
    assert (run_dir / "report.json").is_file()
    assert capfd.readouterr().out.startswith('{"schema_version"')


def test_an_archive_runs_as_the_folder_does_and_a_node_that_fails_is_named(
    stocked: Path, registry: WarmRegistry, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (stocked / "models" / "price_list.sql").write_text("select id, name, price from {{ ref('goods') }} where nonsense")
    compile_product(stocked, registry=registry)
    archive = tmp_path / "shop.tar"
    assert main(["compile", str(stocked), "--archive", str(archive)]) == 0
    assert main(["run", str(archive), "--run-dir", str(tmp_path / "run")]) == 1
    said = capfd.readouterr().err
    assert "model.corner_shop.price_list" in said
    assert "nonsense" in said
    kept = tmp_path / "run"
    assert f"Its spans are in {kept}/telemetry/spans.jsonl, its lineage events in {kept}/lineage/events.jsonl" in said
    ended = {event["job"]["name"]: event for event in _events(kept) if event["eventType"] != "START"}
    failed, skipped = (ended[f"corner-shop.dev.model.corner_shop.{name}"] for name in ("price_list", "shelf"))
    assert failed["eventType"] == ended["corner-shop.dev"]["eventType"] == "FAIL"
    assert "nonsense" in failed["run"]["facets"]["errorMessage"]["message"]
    assert failed["outputs"] == [], "what failed wrote nothing"
    assert skipped["eventType"] == "ABORT"
    spans = {span["name"]: span for span in _spans(kept)}
    assert spans["model.corner_shop.price_list"]["status"]["code"] == ERROR
    assert "nonsense" in spans["model.corner_shop.price_list"]["status"]["message"]
    assert spans["build corner-shop"]["status"]["code"] == ERROR
    assert spans["model.corner_shop.shelf"]["status"] == {}
    assert {"key": "dbt.status", "value": {"stringValue": "skipped"}} in spans["model.corner_shop.shelf"]["attributes"]


def _events(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_dir / "lineage" / "events.jsonl").read_text("utf-8").splitlines()]


def _spans(run_dir: Path) -> list[dict[str, Any]]:
    lines = (run_dir / "telemetry" / "spans.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for line in lines]


def _state_of(folder: Path) -> list[tuple[str, int, int]]:
    return sorted(
        (str(path.relative_to(folder)), path.stat().st_mtime_ns, stat.S_IMODE(path.stat().st_mode))
        for path in (Path(root) / name for root, folders, files in os.walk(folder) for name in (*folders, *files))
    )


def test_a_bundle_damaged_in_the_store_is_set_aside_and_told_and_made_again(shop: Path, registry: WarmRegistry) -> None:
    first = compile_product(shop, registry=registry)
    profiles = first.path / "profiles" / "profiles.yml"
    profiles.chmod(0o644)
    profiles.write_text("corner: {}")
    told: list[str] = []
    again = compile_product(shop, registry=registry, warn=lambda problem: told.append(problem.code))
    assert (again.digest, again.cached, told) == (first.digest, False, ["FLOE-F105"])
    assert "outputs" in profiles.read_text()
