"""Every run is told in OpenTelemetry and OpenLineage: in files always, to receivers where the bundle names them.

The receivers speak the published protocols on loopback; what they get, and what they do with it, is real. A run is
dbt's own, once; then it is told again to receivers in every mood.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from fixtures.demo import PRODUCT, copy_products
from floe_compiler import compile_product
from floe_compiler.run.telemetry import LONGEST, PATIENCE
from tests.native import CASES
from tests.receivers import Mood, backend, closed_port, collector
from tests.told import Recording, attributes, events_of, shop_with, spans_of
from tests.warm import WarmRegistry

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
"""Beside the repository; it is not part of it."""
published = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the published schemas are not here")
MODEL = "model.corner_shop.price_list"


@pytest.fixture(scope="module")
def recording(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A run of the real dbt with nothing configured."""
    return Recording.of(tmp_path_factory.mktemp("recorded"), registry)


def jaeger(url: str, **more: Any) -> dict[str, Any]:
    return {"observability": {"use": "jaeger", "config": {"endpoint": url, **more}}}


def marquez(url: str, **more: Any) -> dict[str, Any]:
    return {"lineage": {"use": "http", "config": {"url": url, **more}}}


def ids(recording: Recording) -> set[str]:
    return {node.unique_id for node in recording.report.result.nodes}


# -- with nothing configured ---------------------------------------------------------------------------------


def test_spans_are_in_the_run_directory_one_for_the_run_and_one_for_every_node(recording: Recording) -> None:
    report = recording.report
    *nodes, run = spans_of(report)
    assert report.telemetry.spans == str(report.run_dir / "telemetry" / "spans.jsonl")
    assert report.telemetry.undelivered == {}
    assert {span["name"] for span in nodes} == ids(recording)
    assert {span["parentSpanId"] for span in nodes} == {run["spanId"]}
    assert {span["traceId"] for span in nodes} == {run["traceId"]}
    assert run["name"] == "build corner-shop"
    assert (
        run["resource"]
        | {
            "service.name": "corner-shop",
            "service.namespace": "corner",
            "service.version": "1.0.0",
            "deployment.environment.name": "dev",
            "floe.bundle.digest": report.bundle,
        }
        == run["resource"]
    )
    assert attributes(run)["dbt.invocation_id"] == report.result.invocation_id
    assert all(int(run["startTimeUnixNano"]) <= int(span["startTimeUnixNano"]) for span in nodes)
    assert all(int(span["endTimeUnixNano"]) <= int(run["endTimeUnixNano"]) for span in nodes)


def test_a_node_s_span_says_what_dbt_said_of_it(recording: Recording) -> None:
    spans = {span["name"]: span for span in spans_of(recording.report)}
    model, seed = spans[MODEL], spans["seed.corner_shop.goods"]
    assert attributes(model) == {
        "dbt.unique_id": MODEL,
        "dbt.resource_type": "model",
        "dbt.materialized": "view",
        "dbt.status": "success",
        "code.file.path": "models/price_list.sql",
        "db.system.name": "duckdb",
        "db.namespace": "shop.shop",
        "db.collection.name": "price_list",
    } | {name: value for name, value in attributes(model).items() if name == "dbt.materialized"}
    assert int(attributes(seed)["dbt.rows_affected"]) > 0
    result = next(node for node in recording.report.result.nodes if node.unique_id == "seed.corner_shop.goods")
    assert int(attributes(seed)["dbt.rows_affected"]) == result.rows
    took = (int(seed["endTimeUnixNano"]) - int(seed["startTimeUnixNano"])) / 1e9
    assert took == pytest.approx(result.execution_time, abs=0.5)


def test_every_job_starts_once_and_completes_once(recording: Recording) -> None:
    events = events_of(recording.report)
    by_job = Counter((event["job"]["name"], event["eventType"]) for event in events)
    jobs = {"corner-shop.dev", *(f"corner-shop.dev.{unique_id}" for unique_id in ids(recording))}
    assert by_job == {(job, kind): 1 for job in jobs for kind in ("START", "COMPLETE")}
    assert events[0]["job"]["name"] == events[-1]["job"]["name"] == "corner-shop.dev"
    assert {event["job"]["namespace"] for event in events} == {"corner"}
    for event in events[1:-1]:
        assert event["run"]["facets"]["parent"]["run"]["runId"] == events[0]["run"]["runId"]


@published
def test_every_event_is_one_by_the_published_schema(recording: Recording) -> None:
    schema = json.loads((REFERENCE / "openlineage.schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(
        {"$ref": "#/$defs/RunEvent", "$defs": schema["$defs"]}, format_checker=jsonschema.FormatChecker()
    )
    for event in events_of(recording.report):
        assert [error.message for error in validator.iter_errors(event)] == []


def test_datasets_have_what_the_manifest_says_of_them(recording: Recording) -> None:
    done = {event["job"]["name"]: event for event in events_of(recording.report) if event["eventType"] == "COMPLETE"}
    model = done[f"corner-shop.dev.{MODEL}"]
    namespace = f"duckdb://{recording.report.run_dir / 'shop.duckdb'}"
    (written,) = model["outputs"]
    assert (written["namespace"], written["name"]) == (namespace, "shop.shop.price_list")
    assert written["facets"]["dataSource"]["uri"] == namespace
    described = json.loads(recording.manifest)["nodes"][MODEL]
    assert [field["name"] for field in written["facets"]["schema"]["fields"]] == [*described["columns"]]
    assert written["facets"]["documentation"]["description"] == described["description"]
    assert "shop.shop.goods" in {read["name"] for read in model["inputs"]}
    assert "EUR" in model["job"]["facets"]["sql"]["query"], "the SQL is what dbt compiled it to"
    assert "{{" not in model["job"]["facets"]["sql"]["query"]
    assert model["job"]["facets"]["sourceCodeLocation"]["path"] == "models/price_list.sql"
    assert "columnLineage" not in written["facets"]


def test_a_test_says_of_its_dataset_what_it_found(recording: Recording) -> None:
    done = [event for event in events_of(recording.report) if event["eventType"] == "COMPLETE"]
    tests = [event for event in done if event["job"]["facets"]["jobType"].get("jobType") == "TEST"]
    assert tests
    for event in tests:
        (dataset,) = event["inputs"]
        (assertion,) = dataset["inputFacets"]["dataQualityAssertions"]["assertions"]
        assert assertion["success"] is True
        assert assertion["actual"] == "0"
        assert event["outputs"] == []


@pytest.mark.tools
def test_a_second_run_is_added_to_the_first(recording: Recording, tmp_path: Path) -> None:
    first = recording.again(tmp_path / "first", {})
    once = len(events_of(first))
    assert once == 2 * (len(ids(recording)) + 1)
    events, spans = Path(str(first.telemetry.events)), Path(str(first.telemetry.spans))
    for grown in (events, spans):
        grown.write_bytes(b"\n" * (17 * 2**20))
    (tmp_path / "first" / "corner-shop").rename(tmp_path / "moved")
    (tmp_path / "first" / "platform").rename(tmp_path / "also-moved")
    second = recording.again(tmp_path / "first", {})
    assert len(events_of(second)) == once
    assert (events.parent / "events.1.jsonl").stat().st_size == 17 * 2**20


# -- sent ----------------------------------------------------------------------------------------------------


def test_the_sdk_is_started_from_the_bundle_s_file_and_sends_every_span_over_grpc(
    recording: Recording, tmp_path: Path
) -> None:
    headers = {"authorization": {"secret": "JAEGER_TOKEN"}}
    more = {"cloud.region": {"env": "REGION"}, "team": "the $HOME team"}
    with collector() as received:
        plugins = jaeger(received.url, headers=headers, resource_attributes=more)
        report = recording.again(tmp_path, plugins, {"JAEGER_TOKEN": "0123", "REGION": "eu"})
    assert report.telemetry.undelivered == {}
    kept = spans_of(report)
    assert sorted(span.span_id.hex() for span in received.spans) == sorted(span["spanId"] for span in kept)
    assert {span.name for span in received.spans} == {*ids(recording), "build corner-shop"}
    assert {header["authorization"] for header in received.headers} == {"0123"}
    resource = {
        pair.key: pair.value.string_value for pair in received.requests[0].resource_spans[0].resource.attributes
    }
    assert resource == kept[0]["resource"]
    assert (resource["cloud.region"], resource["team"]) == ("eu", "the $HOME team")


def test_spans_go_over_http_where_that_is_chosen(recording: Recording, tmp_path: Path) -> None:
    with backend() as received:
        report = recording.again(
            tmp_path,
            {"observability": {"use": "jaeger", "config": {"endpoint": {"env": "C"}, "protocol": "http/protobuf"}}},
            {"C": received.url},
        )
    assert report.telemetry.undelivered == {}
    assert {span.name for span in received.spans} == {*ids(recording), "build corner-shop"}
    assert set(received.paths) == {"/v1/traces"}


def test_what_is_not_sampled_is_not_sent_and_kept_all_the_same(recording: Recording, tmp_path: Path) -> None:
    with collector() as received:
        report = recording.again(tmp_path, jaeger(received.url, sampling=0.0))
    assert received.bodies == []
    assert report.telemetry.undelivered == {}
    assert {span["name"] for span in spans_of(report)} == {*ids(recording), "build corner-shop"}


def test_lineage_events_are_sent_in_their_order_and_kept(recording: Recording, tmp_path: Path) -> None:
    with backend() as received:
        plugins = marquez(received.url, api_key={"secret": "MARQUEZ_KEY"}, namespace="shops")
        report = recording.again(tmp_path, plugins, {"MARQUEZ_KEY": "0123e4"})
    assert report.telemetry.undelivered == {}
    assert [json.loads(body) for body in received.bodies] == events_of(report)
    assert {header["Authorization"] for header in received.headers} == {"Bearer 0123e4"}
    assert set(received.paths) == {"/api/v1/lineage"}
    assert {event["job"]["namespace"] for event in events_of(report)} == {"shops"}


def test_lineage_events_lie_where_the_bundle_says(recording: Recording, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "all.jsonl"
    report = recording.again(tmp_path, {"lineage": {"use": "file", "config": {"path": str(elsewhere)}}})
    assert report.telemetry.events == str(elsewhere)
    assert len(events_of(report)) == 2 * (len(ids(recording)) + 1)
    assert not (report.run_dir / "lineage").exists()


def test_a_run_is_a_part_of_what_started_it(recording: Recording, tmp_path: Path) -> None:
    trace, span, run = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "01a218a8-d854-78e2-9a62-c654d0996a1f"
    environ = {"TRACEPARENT": f"00-{trace}-{span}-01", "OPENLINEAGE_PARENT_ID": f"airflow/nightly/shop/{run}"}
    report = recording.again(tmp_path, {}, environ)
    assert {told["traceId"] for told in spans_of(report)} == {trace}
    assert spans_of(report)[-1]["parentSpanId"] == span
    parent = events_of(report)[0]["run"]["facets"]["parent"]
    assert (parent["job"]["namespace"], parent["job"]["name"]) == ("airflow", "nightly/shop")
    assert parent["run"]["runId"] == run


# -- not taken -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mood", ["refuses", pytest.param("fails", marks=pytest.mark.tools), "hangs"])
def test_a_receiver_in_a_bad_mood_fails_no_run_and_keeps_none_waiting(
    mood: Mood, recording: Recording, tmp_path: Path
) -> None:
    with collector(mood) as spans, backend(mood) as lineage:
        started = time.monotonic()
        report = recording.again(tmp_path, {**jaeger(spans.url), **marquez(lineage.url)})
        took = time.monotonic() - started
    assert report.result.success
    assert set(report.telemetry.undelivered) == {"spans", "lineage events"}
    assert took < PATIENCE + LONGEST
    assert {span["name"] for span in spans_of(report)} == {*ids(recording), "build corner-shop"}
    assert len(events_of(report)) == 2 * (len(ids(recording)) + 1)


@pytest.mark.tools
def test_nobody_who_listens_is_told_with_the_address(recording: Recording, tmp_path: Path) -> None:
    url = closed_port()
    report = recording.again(tmp_path, {**jaeger(url), **marquez(url)})
    assert report.result.success
    port = url.rpartition(":")[2]
    assert {what: port in why for what, why in report.telemetry.undelivered.items()} == {
        "spans": True,
        "lineage events": True,
    }
    assert len(spans_of(report)) == len(ids(recording)) + 1


def test_a_variable_that_nobody_set_is_named_and_nothing_is_sent(recording: Recording, tmp_path: Path) -> None:
    with collector() as spans, backend() as lineage:
        report = recording.again(
            tmp_path,
            {
                **jaeger(spans.url, headers={"authorization": {"secret": "JAEGER_TOKEN"}}),
                **marquez(lineage.url, api_key={"secret": "MARQUEZ_KEY"}),
            },
        )
    assert report.telemetry.undelivered == {"spans": "JAEGER_TOKEN not set", "lineage events": "MARQUEZ_KEY not set"}
    assert (spans.bodies, lineage.bodies) == ([], [])
    assert len(spans_of(report)) == len(ids(recording)) + 1


# -- the files, loaded by their tools alone ------------------------------------------------------------------


@published
@pytest.mark.parametrize("file", sorted(CASES.glob("observability/*/*/expected/otel-sdk.yaml")), ids=str)
def test_a_declarative_configuration_is_one_by_the_published_schema(file: Path) -> None:
    schema = json.loads((REFERENCE / "opentelemetry-configuration.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(file.read_text("utf-8")))


PROGRAM = """
from opentelemetry import trace
trace.get_tracer("anything").start_span("a span").end()
"""


@pytest.mark.parametrize(
    "loading", ["set -a; . ./otel.env", "export OTEL_CONFIG_FILE=otel-sdk.yaml"], ids=["environment", "declarative"]
)
def test_any_program_s_sdk_starts_from_either_file(loading: str, tmp_path: Path, recording: Recording) -> None:
    with collector() as received:
        report = recording.again(
            tmp_path, jaeger(received.url, headers={"x-token": {"secret": "T"}}), {"T": "Bearer 1"}
        )
        assert report.telemetry.undelivered == {}
        received.bodies.clear()
        received.headers.clear()
        (folder,) = tmp_path.glob("corner-shop/.floe/bundles/*/observability/jaeger")
        environ = {"PATH": os.environ["PATH"], "T": "Bearer 1", "FLOE_RUN_DIR": str(report.run_dir)}
        instrument = Path(sys.executable).with_name("opentelemetry-instrument")
        shell = f"{loading}; exec {instrument} {sys.executable} -c '{PROGRAM}'"
        subprocess.run(["/bin/sh", "-c", shell], cwd=folder, env=environ, check=True)
    assert [span.name for span in received.spans] == ["a span"]
    assert received.headers[0]["x-token"] == "Bearer 1"
    resource = received.requests[0].resource_spans[0].resource
    assert ("service.namespace", "corner") in {(pair.key, pair.value.string_value) for pair in resource.attributes}


CLIENT = """
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.uuid import generate_new_uuid
job, run = Job("n", "j"), Run(str(generate_new_uuid()))
OpenLineageClient().emit(RunEvent(eventType=RunState.START, eventTime="2026-01-01T00:00:00Z", run=run, job=job))
"""


def client(folder: Path, cwd: Path, environ: dict[str, str]) -> None:
    shell = f"set -a; . {folder}/openlineage.env; exec {sys.executable} -c '{CLIENT}'"
    environ |= {"PATH": os.environ["PATH"], "OPENLINEAGE_CONFIG": str(folder / "openlineage.yml")}
    subprocess.run(["/bin/sh", "-c", shell], cwd=cwd, env=environ, check=True)


def test_any_program_s_lineage_client_starts_from_the_file_in_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "lineage").mkdir()
    client(CASES / "lineage" / "file" / "default" / "expected", tmp_path, {})
    (event,) = (tmp_path / "lineage" / "events.jsonl").read_text("utf-8").splitlines()
    assert json.loads(event)["eventType"] == "START"


def test_any_program_s_lineage_client_gets_url_and_key_from_the_environment(
    tmp_path: Path, recording: Recording
) -> None:
    with backend() as received:
        config = {"url": {"env": "URL"}, "api_key": {"secret": "KEY"}, "endpoint": "v2/events"}
        environ = {"URL": received.url, "KEY": "0042"}
        recording.again(tmp_path, {"lineage": {"use": "http", "config": config}}, environ)
        received.headers.clear()
        (folder,) = tmp_path.glob("corner-shop/.floe/bundles/*/lineage/http")
        client(folder, tmp_path, environ)
    assert [header["Authorization"] for header in received.headers] == ["Bearer 0042"]
    assert set(received.paths) == {"/v2/events"}


# -- the network ---------------------------------------------------------------------------------------------


def run_under_watch(folder: Path, plugins: dict[str, Any], registry: WarmRegistry) -> subprocess.CompletedProcess[str]:
    bundle = compile_product(shop_with(folder, plugins), registry=registry).path
    floe = [sys.executable, Path(__file__).parents[1] / "loopback_only.py", "run", bundle]
    return subprocess.run(
        [*map(str, floe), "--run-dir", str(folder / "run")], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.tools
def test_a_run_with_nothing_configured_reaches_for_no_network(tmp_path: Path, registry: WarmRegistry) -> None:
    done = run_under_watch(tmp_path, {}, registry)
    assert done.returncode == 0, done.stderr
    assert f"Its spans are in {tmp_path}/run/telemetry/spans.jsonl" in done.stderr
    assert "not told" not in done.stderr.lower()


@pytest.mark.tools
def test_one_that_sends_would_have_been_caught(tmp_path: Path, registry: WarmRegistry) -> None:
    with backend() as received:
        done = run_under_watch(tmp_path, marquez(received.url), registry)
    assert received.bodies == []
    assert done.returncode == 0, "the run succeeds even so"
    assert "Not told: spans and lineage events: its process ended with 97" in done.stderr


@pytest.mark.tools
def test_a_run_of_the_demo_is_sent_as_it_goes_on(tmp_path: Path, registry: WarmRegistry) -> None:
    product = copy_products(tmp_path) / PRODUCT
    platform = tmp_path / "platform" / "platform-manifest.yaml"
    with collector() as spans, backend() as lineage:
        chosen = yaml.safe_load(platform.read_text("utf-8"))
        chosen["plugins"] |= {**jaeger(spans.url), **marquez(lineage.url)}
        platform.write_text(yaml.safe_dump(chosen), encoding="utf-8")
        bundle = compile_product(product, registry=registry).path
        floe = [sys.executable, "-m", "floe_compiler", "run", str(bundle), "--run-dir", str(tmp_path / "run"), "--json"]
        done = subprocess.run(floe, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["telemetry"]["undelivered"] == {}
    nodes = {node["unique_id"] for node in report["nodes"]}
    assert {span.name for span in spans.spans} == {*nodes, f"build {PRODUCT}"}
    assert len(spans.spans) == len(nodes) + 1
    events = [json.loads(body) for body in lineage.bodies]
    assert Counter(event["eventType"] for event in events) == {"START": len(nodes) + 1, "COMPLETE": len(nodes) + 1}
    assert len(spans.bodies) > 1, "spans are sent while the run goes on"
