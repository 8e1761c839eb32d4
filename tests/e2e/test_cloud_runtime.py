"""`floe compile` and `floe run` with `dbt_runtime: cloud`: everything but dbt Cloud itself is what users have."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from floe_compiler.cli.main import main
from floe_compiler.pipeline import compile_product, load_bundle
from tests.doubles.dbt_cloud.bench import PARSE, Bench
from tests.doubles.dbt_cloud.platform import CANCELLED, JOBS, RUNNING, TOKEN
from tests.warm import WarmRegistry

pytestmark = pytest.mark.tools

pytest_plugins = ["tests.doubles.dbt_cloud.fixtures"]

LOCAL = "dbt_runtime: local"
PLATFORM = """\
apiVersion: floe.dev/v1
kind: PlatformManifest
metadata: {name: parish, version: 1.0.0, owner: platform@parish.example}
plugins:
  compute: duckdb
  dbt_runtime: local
default_target: dev
targets:
  dev: {compute: duckdb, config: {path: bells.duckdb, schema: bells, threads: 2}}
"""


class Parish:
    """The product of the bench with its platform, and floe's command line in its folder."""

    def __init__(self, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        self.bench = bench
        self.platform = bench.product / "platform-manifest.yaml"
        self.platform.write_text(PLATFORM)
        self._capsys = capsys

    def choose(self, **changed: Any) -> None:
        """Changes the one line, in the long form."""
        choice = json.dumps({"use": "cloud", "config": self.bench.config(jobs={"dev": JOBS["dev"]}, **changed)})
        self.platform.write_text(PLATFORM.replace(LOCAL, f"dbt_runtime: {choice}"))

    def floe(self, *arguments: str) -> tuple[int, str, str]:
        """Status, answer and what people are told."""
        status = main(arguments)
        said = self._capsys.readouterr()
        assert TOKEN not in said.out + said.err
        return status, said.out, said.err


@pytest.fixture
def parish(bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Parish]:
    monkeypatch.chdir(bench.product)
    monkeypatch.setenv("DBT_CLOUD_TOKEN", TOKEN)
    made = Parish(bench, capsys)
    yield made
    store = bench.product / ".floe"
    assert not [file for file in store.rglob("*") if file.is_file() and TOKEN.encode() in file.read_bytes()]


def test_one_line_of_the_platform_moves_compile_and_run_to_dbt_cloud(parish: Parish, registry: WarmRegistry) -> None:
    here = load_bundle(compile_product(parish.bench.product, registry=registry).path)
    parish.choose()
    status, digest, _ = parish.floe("compile")
    assert status == 0
    there = load_bundle(digest.strip())
    assert there.read("targets/dev/manifest.json") == here.read("targets/dev/manifest.json")
    commit = parish.bench.repository.commit
    assert json.loads(there.read("dbt_runtime/cloud/source.json")) == {"git_sha": commit}
    assert _what_differs(here.index.plain(), there.index.plain()) == {
        "artifacts",
        "environment.secrets",
        "plugins.dbt_runtime",
        "runtime.requirements",
    }
    assert there.index.environment.secrets == ["DBT_CLOUD_TOKEN"]
    assert there.index.runtime.requirements == []

    status, report, told = parish.floe("run", "bells", "--exclude", "tag:quarrel", "--json")
    assert (status, json.loads(report)["status"]) == (0, "success")
    assert json.loads(report)["remote"]["git_sha"] == commit
    assert json.loads(report)["counts"] == {"pass": 3, "success": 4}
    assert ": queued" in told
    assert "model.bells.miscounts" in told
    assert [list(commands) for commands in parish.bench.cloud.triggered] == [
        [PARSE],
        [PARSE],
        [PARSE, "dbt build --exclude tag:quarrel"],
    ]


def _what_differs(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    found = set()
    for key in before.keys() | after.keys():
        first, second = before.get(key), after.get(key)
        if first == second:
            continue
        if isinstance(first, dict) and isinstance(second, dict):
            found |= {f"{key}.{part}" for part in first.keys() | second.keys() if first.get(part) != second.get(part)}
        else:
            found.add(key)
    return found


def test_nothing_changed_asks_dbt_cloud_for_nothing(parish: Parish) -> None:
    parish.choose()
    assert parish.floe("compile")[0] == 0
    asked = len(parish.bench.cloud.requests)
    status, _, told = parish.floe("compile")
    assert (status, len(parish.bench.cloud.requests)) == (0, asked)
    assert "Nothing changed" in told


def test_the_same_commit_gives_the_same_bundle_anywhere(parish: Parish) -> None:
    """Another store, another folder, another run."""
    parish.choose()
    first = compile_product(parish.bench.product).digest
    elsewhere = parish.bench.root / "elsewhere" / "product"
    shutil.copytree(parish.bench.product, elsewhere, ignore=shutil.ignore_patterns(".floe"))
    parish.bench.cloud.runs.clear()
    assert compile_product(elsewhere).digest == first
    assert len(parish.bench.cloud.runs) == 1


def test_a_failed_node_answers_no(parish: Parish) -> None:
    parish.choose(preflight=False)
    parish.floe("compile")
    status, _, told = parish.floe("run", "bells")
    assert status == 1
    assert "test.bells.nobody_miscounts" in told
    assert "tests/nobody_miscounts.sql" in told


def test_a_dirty_file_is_refused_at_its_place(parish: Parish) -> None:
    parish.choose()
    (parish.bench.product / "models" / "miscounts.sql").write_text("select 1 as tower")
    status, _, told = parish.floe("compile")
    assert status == 3
    assert "FLOE-C251" in told
    assert "models/miscounts.sql" in told
    assert parish.bench.cloud.requests == []


def test_without_the_token_neither_compile_nor_run_begins(parish: Parish, monkeypatch: pytest.MonkeyPatch) -> None:
    parish.choose()
    parish.floe("compile")
    asked = len(parish.bench.cloud.requests)
    monkeypatch.delenv("DBT_CLOUD_TOKEN")
    status, _, told = parish.floe("run", "bells")
    assert (status, len(parish.bench.cloud.requests)) == (6, asked)
    assert "DBT_CLOUD_TOKEN" in told
    status, _, told = parish.floe("compile", "--target", "dev", "--store", str(parish.bench.root / "another"))
    assert (status, len(parish.bench.cloud.requests)) == (6, asked)
    assert "FLOE-P241" in told
    assert "DBT_CLOUD_TOKEN" in told


def test_what_dbt_cloud_has_is_not_asked_for_here(parish: Parish) -> None:
    """The connection's variables and secrets are dbt Cloud's own."""
    parish.choose()
    text = parish.platform.read_text()
    bucket = "secrets: [{type: s3, key_id: {env: BELLS_KEY_ID}, secret: {secret: BELLS_KEY}}]"
    parish.platform.write_text(text.replace("threads: 2", f"threads: 2, {bucket}"))
    status, digest, _ = parish.floe("compile")
    assert status == 0
    bundle = load_bundle(digest.strip())
    assert b"BELLS_KEY" in bundle.read("profiles/profiles.yml")
    assert (bundle.index.environment.variables, bundle.index.environment.secrets) == ([], ["DBT_CLOUD_TOKEN"])
    assert parish.floe("run", "bells", "--exclude", "tag:quarrel")[0] == 0


def test_what_changed_in_dbt_cloud_since_the_review_is_refused(parish: Parish) -> None:
    parish.choose()
    parish.floe("compile")

    def upgraded(manifest: bytes) -> bytes:
        return manifest.replace(b'"dbt_version": "1.', b'"dbt_version": "1.9')

    parish.bench.cloud.spoiled["manifest.json"] = upgraded
    status, _, told = parish.floe("run", "bells")
    assert status == 5
    assert "FLOE-P254" in told
    assert "dbt_version" in told
    assert not [commands for commands in parish.bench.cloud.triggered if len(commands) > 1], "nothing was built"


def test_ctrl_c_cancels_the_run_in_dbt_cloud(parish: Parish) -> None:
    parish.choose(preflight=False)
    parish.floe("compile")
    cloud = parish.bench.cloud
    interrupted: list[int] = []

    def interrupt(run: Any) -> None:
        if run.status == RUNNING and not interrupted:
            interrupted.append(run.id)
            os.kill(os.getpid(), signal.SIGINT)

    cloud.stays_at, cloud.when_looked_at = RUNNING, interrupt
    status, report, _ = parish.floe("run", "bells", "--json")
    assert (status, json.loads(report)["status"]) == (1, "cancelled")
    assert cloud.runs[interrupted[0]].status == CANCELLED


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        ({"url": "http://cloud.getdbt.com"}, "FLOE-L054", "https://"),
        ({"token": "dbtc_in_plain_sight"}, "FLOE-L05", "token"),
        ({"env_in_cloud": ["HOUR"]}, "FLOE-L054", "env_in_cloud"),
        ({"accountt": 1}, "FLOE-L051", "account"),
    ],
    ids=["plain http", "a literal token", "a name that dbt Cloud refuses", "a misspelt key"],
)
def test_a_wrong_configuration_is_refused_where_it_is_written(
    parish: Parish, changed: dict[str, Any], code: str, says: str
) -> None:
    parish.choose(**changed)
    status, _, told = parish.floe("validate")
    assert status == 3
    assert code in told
    assert says in told
    assert "platform-manifest.yaml" in told
    assert "in_plain_sight" not in told
