"""Parts of what tells a run: names of databases, the course of a run, what is hidden, the process at its worst."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from floe_compiler.emit.course import Course, Outcome, Run
from floe_compiler.emit.hiding import Hiding
from floe_compiler.emit.namespaces import namespace_of
from floe_compiler.emit.subject import Subject
from floe_compiler.errors import FloeError, Problem
from floe_compiler.model.runs import DBTRunResult, NodeResult, RunEvent
from floe_compiler.model.telemetry import RunFacts
from floe_compiler.run import telemetry
from floe_compiler.run.telemetry import Teller, told

MANIFEST: dict[str, Any] = {
    "metadata": {"dbt_version": "1.11.16"},
    "nodes": {
        "model.p.orders": {
            "unique_id": "model.p.orders",
            "resource_type": "model",
            "name": "orders",
            "alias": "orders",
            "database": "db",
            "schema": "s",
            "package_name": "p",
            "path": "orders.sql",
            "original_file_path": "models/orders.sql",
            "config": {"materialized": "table", "group": "sales", "meta": {"owner": ["Ilse"]}},
            "depends_on": {"nodes": ["model.p.between", "source.p.raw.orders"]},
            "columns": {},
        },
        "model.p.between": {
            "unique_id": "model.p.between",
            "resource_type": "model",
            "config": {"materialized": "ephemeral"},
            "depends_on": {"nodes": ["source.p.raw.orders", "model.p.base"]},
        },
        "model.p.base": {
            "unique_id": "model.p.base",
            "resource_type": "model",
            "name": "base",
            "config": {"materialized": "view"},
            "depends_on": {"nodes": []},
        },
    },
    "sources": {
        "source.p.raw.orders": {
            "unique_id": "source.p.raw.orders",
            "resource_type": "source",
            "name": "orders",
            "identifier": "t_orders",
        }
    },
    "groups": {"group.p.sales": {"name": "sales", "owner": {"name": "Sales", "email": "sales@shop.example"}}},
}
PROFILES = "p: {outputs: {dev: {type: postgres, host: db.example, port: 5432}}}"


@pytest.fixture
def facts(tmp_path: Path) -> RunFacts:
    """A run of a manifest with two models, one of them part of the other."""
    manifest, profiles = tmp_path / "manifest.json", tmp_path / "profiles.yml"
    manifest.write_text(json.dumps(MANIFEST))
    profiles.write_text(PROFILES)
    (tmp_path / "run").mkdir()
    return RunFacts(
        began=time.time(),
        bundle="sha256:0",
        product="orders",
        product_version="1.0.0",
        platform="acme",
        target="dev",
        command="build",
        run_dir=str(tmp_path / "run"),
        target_path=str(tmp_path / "run" / "target"),
        manifest=str(manifest),
        profiles=str(profiles),
        profile="p",
        hidden=("hush hush",),
    )


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({"type": "duckdb", "path": "dev.duckdb"}, "duckdb:///run/dev.duckdb"),
        ({"type": "duckdb", "path": "/data/dev.duckdb"}, "duckdb:///data/dev.duckdb"),
        ({"type": "duckdb"}, "duckdb://:memory:"),
        ({"type": "duckdb", "path": "md:city"}, "duckdb://md:city"),
        ({"type": "snowflake", "account": "acme-eu1"}, "snowflake://acme-eu1"),
        ({"type": "snowflake", "account": "xy12345"}, "snowflake://xy12345.us-west-1.aws"),
        ({"type": "snowflake", "account": "xy12345.east-us-2.azure"}, "snowflake://xy12345.east-us-2.azure"),
        ({"type": "snowflake", "account": "{{ env_var('ACCOUNT') }}"}, "snowflake://acme-eu1"),
        ({"type": "bigquery", "project": "city"}, "bigquery"),
        ({"type": "databricks", "host": "adb.example"}, "databricks://adb.example"),
        ({"type": "postgres", "host": "db", "port": 6000}, "postgres://db:6000"),
        ({"type": "postgres", "host": "db"}, "postgres://db:5432"),
        ({"type": "postgres", "host": "{{ env_var('DBT_ENV_SECRET_HOST') }}"}, "postgres://DBT_ENV_SECRET_HOST:5432"),
        ({"type": "athena", "region_name": "eu-west-1"}, "awsathena://athena.eu-west-1.amazonaws.com"),
        ({"type": "spark", "host": "thrift.example"}, "spark://thrift.example:10001"),
        ({"type": "trino"}, "trino://host:8080"),
        ({"type": "exasol", "host": "exa.example"}, "exasol://exa.example"),
        ({"type": "exasol"}, "exasol"),
    ],
    ids=str,
)
def test_a_database_is_named_as_openlineage_names_it(profile: dict[str, Any], expected: str) -> None:
    assert namespace_of(profile, {"ACCOUNT": "acme-eu1"}, Path("/run")) == expected


def test_an_ephemeral_model_stands_for_what_it_reads(facts: RunFacts) -> None:
    subject = Subject(facts)
    read = [node["unique_id"] for node in subject.made_from(subject.node("model.p.orders"))]
    assert read == ["source.p.raw.orders", "model.p.base"]
    assert subject.owners(subject.node("model.p.orders")) == ["Ilse", "Sales", "sales@shop.example"]


def test_sql_of_a_run_before_is_not_taken_for_that_of_this_one(facts: RunFacts) -> None:
    subject = Subject(facts)
    compiled = Path(facts.target_path) / "compiled" / "p" / "models" / "orders.sql"
    assert subject.compiled(subject.node("model.p.orders"), facts.began) is None
    compiled.parent.mkdir(parents=True)
    compiled.write_text("select 1")
    assert subject.compiled(subject.node("model.p.orders"), facts.began) == "select 1"
    os.utime(compiled, (facts.began - 60, facts.began - 60))
    assert subject.compiled(subject.node("model.p.orders"), facts.began) is None


class Witnessed:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def node_started(self, unique_id: str, at: float) -> None:
        self.said.append(("started", unique_id, at))

    def node_ended(self, outcome: Outcome) -> None:
        self.said.append((outcome.state, outcome.unique_id, outcome.status))

    def run_ended(self, run: Run, counts: dict[str, int], at: float) -> None:
        self.said.append((run.state, counts))


def event(kind: Any, unique_id: str, status: str, at: float, **more: Any) -> RunEvent:
    return RunEvent(kind, unique_id, "model", at, status, **more)


def test_every_node_starts_once_and_ends_once_whatever_its_runtime_says() -> None:
    witness = Witnessed()
    course = Course((witness,), Hiding(()))
    course.hear(event("status", "run 7", "running", 1.0))
    course.hear(event("started", "model.p.a", "started", 2.0))
    course.hear(event("started", "model.p.a", "started", 2.5))
    course.hear(event("finished", "model.p.a", "success", 4.0, execution_time=2.0))
    course.hear(event("finished", "model.p.a", "success", 5.0))
    course.hear(event("finished", "model.p.b", "skipped", 6.0))
    course.hear(event("finished", "model.p.c", "error", 9.0, execution_time=1.0))
    course.hear(event("started", "model.p.d", "started", 9.0))
    course.settle([NodeResult("model.p.a", "success", 2.0), NodeResult("test.p.e", "warn", 0.0)])
    course.end(Run("cancelled"), 10.0)
    assert [said for said in witness.said if said[:2] != ("started", "test.p.e")] == [
        ("started", "model.p.a", 2.0),
        ("complete", "model.p.a", "success"),
        ("started", "model.p.b", 6.0),
        ("abort", "model.p.b", "skipped"),
        ("started", "model.p.c", 8.0),
        ("fail", "model.p.c", "error"),
        ("started", "model.p.d", 9.0),
        ("complete", "test.p.e", "warn"),
        ("abort", "model.p.d", "aborted"),
        ("abort", {"success": 1, "skipped": 1, "error": 1, "warn": 1, "aborted": 1}),
    ]


def test_what_is_hidden_is_hidden_whole() -> None:
    assert Hiding(["abc", "abcdef", ""])("abcdef, abc and ab") == "*****, ***** and ab"


def environment(facts: RunFacts) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": facts.run_dir, "PYTHONPATH": str(Path(__file__).parents[2])}


def states(facts: RunFacts) -> dict[str, list[str]]:
    """The event types by job."""
    found: dict[str, list[str]] = {}
    file = Path(facts.run_dir) / "lineage" / "events.jsonl"
    for line in file.read_text("utf-8").splitlines() if file.exists() else ():
        told_event = json.loads(line)
        found.setdefault(told_event["job"]["name"], []).append(told_event["eventType"])
    return found


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def telling(facts: RunFacts) -> Iterator[Teller]:
    """A teller whose process is gone afterwards."""
    teller = Teller(facts, environment(facts))
    assert teller._process is not None
    try:
        yield teller
    finally:
        teller.leave()
        teller._process.wait(60)


def test_a_run_that_floe_did_not_live_to_see_the_end_of_is_aborted(facts: RunFacts) -> None:
    with telling(facts) as teller:
        hear = teller.passing_on(None)
        hear(event("started", "model.p.orders", "started", time.time()))
        wait_until(lambda: "orders.dev.model.p.orders" in states(facts))
    assert states(facts) == {"orders.dev": ["START", "ABORT"], "orders.dev.model.p.orders": ["START", "ABORT"]}
    spans = (Path(facts.run_dir) / "telemetry" / "spans.jsonl").read_text("utf-8")
    assert spans.count('"code":2') == 2, "both spans are errors"


def test_a_run_that_dbt_could_not_start_fails_with_its_message(facts: RunFacts) -> None:
    problem = Problem("FLOE-P206", "no adapter, says hush hush")
    with pytest.raises(FloeError), told(facts, environment(facts)):
        raise FloeError(problem)
    assert states(facts) == {"orders.dev": ["START", "FAIL"]}
    kept = (Path(facts.run_dir) / "lineage" / "events.jsonl").read_text("utf-8")
    kept += (Path(facts.run_dir) / "telemetry" / "spans.jsonl").read_text("utf-8")
    assert kept.count("FLOE-P206: no adapter, says *****") == 2
    assert "hush hush" not in kept


def result(status: Any = "success") -> DBTRunResult:
    return DBTRunResult(status == "success", status, "build", 0, 0, 0.0, (), "", "dbt-core", "1.11.16")


def test_a_process_that_hangs_is_ended(facts: RunFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "LONGEST", 1.0)
    with telling(facts) as teller:
        assert teller._process is not None
        os.kill(teller._process.pid, signal.SIGSTOP)
        started = time.monotonic()
        hear = teller.passing_on(None)
        for _ in range(5_000):  # more than a pipe takes
            hear(event("started", "model.p.orders", "started", time.time()))
        assert time.monotonic() - started < 1, "nobody waits for a pipe"
        answer = teller.ended(result())
    assert (answer.spans, answer.undelivered) == (
        None,
        {"spans and lineage events": "its process did not end within 1 s"},
    )


def test_a_process_that_dies_is_told_with_its_last_words(facts: RunFacts) -> None:
    Path(facts.profiles).unlink()
    with telling(facts) as teller:
        answer = teller.ended(result())
    assert "No such file or directory" in answer.undelivered["spans and lineage events"]
    assert facts.profiles in answer.undelivered["spans and lineage events"]


def test_a_process_that_cannot_be_started_is_told(facts: RunFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry.sys, "executable", "/nowhere/python")
    teller = Teller(facts, environment(facts))
    answer = teller.ended(result())
    teller.leave()
    assert "cannot be started: No such file" in answer.undelivered["spans and lineage events"]
