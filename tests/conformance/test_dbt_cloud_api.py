"""The dbt runtime `cloud` against dbt Cloud's Admin API: what goes wrong ends in a coded error or in success, and
never in a second run (the `bench` fixture looks after that, and after every exchange being as published)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from floe_compiler.builtin.dbt_runtime.cloud import CloudConfig, CloudDBTPlugin
from floe_compiler.errors import FloeError, Problem
from floe_compiler.model.runs import RunEvent
from floe_compiler.plugins.contracts import CancelToken
from tests.doubles.dbt_cloud import document
from tests.doubles.dbt_cloud.bench import PARSE, Bench, git
from tests.doubles.dbt_cloud.faults import FOREVER, Fault, Way
from tests.doubles.dbt_cloud.platform import CANCELLED, QUEUED, READ_ONLY_TOKEN, RUNNING, TOKEN, DbtCloud
from tests.doubles.dbt_cloud.server import serving

pytestmark = pytest.mark.tools

pytest_plugins = ["tests.doubles.dbt_cloud.fixtures"]

LOGS = Path(document.__file__).parent / "logs"
TRIGGER, LIST, LOOK = "Trigger Job Run", "List Runs", "Retrieve Run"
ARTIFACT, STOP = "Retrieve Run Artifact", "Cancel Run"
BRIEFLY = {"retry_seconds": 0.4}
SHORTLY = {"retry_seconds": 1.5}
"""Longer than an answer takes on a busy machine, shorter than anybody waits."""


def refused(attempt: Callable[[], object]) -> Problem:
    """The one problem that an attempt ends with; it never shows the token."""
    with pytest.raises(FloeError) as raised:
        attempt()
    (problem,) = raised.value.problems
    assert TOKEN not in f"{problem.message}{problem.hint}{problem.where}"
    return problem


def codes(attempt: Callable[[], object]) -> list[str]:
    with pytest.raises(FloeError) as raised:
        attempt()
    return [problem.code for problem in raised.value.problems]


def edited(**changes: Any) -> Callable[[bytes], bytes]:
    """A change to the metadata of a manifest."""

    def edit(manifest: bytes) -> bytes:
        value = json.loads(manifest)
        value["metadata"] |= changes
        return json.dumps(value).encode()

    return edit


# -- the double itself ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not document.available(), reason="the published document is not here")
def test_an_exchange_that_is_not_as_published_is_noticed() -> None:
    headers = {"Authorization": "Bearer x", "Content-Type": "application/json"}
    path = "/api/v2/accounts/17/jobs/1/run/"
    asked = document.Asked(TRIGGER, "POST", path, {}, headers, b'{"cause": "to see"}')
    answer = document.Answered(200, "application/json", b'{"data": {"id": "one"}}')
    assert not list(document.mismatches(asked, None))
    assert list(document.mismatches(asked._replace(body=b"{}"), None)), "no cause"
    assert list(document.mismatches(asked._replace(body=b'{"cause": "x", "git_tag": "y"}'), None)), "an unknown key"
    assert list(document.mismatches(asked._replace(headers={"Content-Type": "application/json"}), None)), "no token"
    assert list(document.mismatches(asked._replace(query={"step": "1"}), None)), "an unknown parameter"
    assert list(document.mismatches(asked, answer)), "an answer of another form"


# -- what goes well ------------------------------------------------------------------------------------------


def test_a_compile_is_one_run_of_dbt_parse_on_the_commit(bench: Bench) -> None:
    assert bench.compile() == bench.manifest
    (run,) = bench.cloud.runs.values()
    assert run.asked["steps_override"] == [PARSE]
    assert run.asked["git_sha"] == bench.repository.commit
    assert run.asked["target_name_override"] == "dev"
    assert run.asked["schema_override"] == "bells"
    assert run.asked["threads_override"] == 2
    assert run.asked["generate_docs_override"] is False
    assert PARSE in (bench.root / "logs" / f"run-{run.id}.log").read_text()


def test_what_varies_is_told_by_a_second_run_of_its_own(bench: Bench) -> None:
    bench.compile()
    assert bench.compile(shifted_clock=True) == bench.manifest
    assert len(bench.cloud.runs) == 2


def test_the_commit_is_what_a_run_must_know_of_the_compile(bench: Bench) -> None:
    runtime = bench.runtime()
    assert runtime.sealed_files() == {}
    runtime.compile_project(bench.product, bench.profiles, "dev", target_path=bench.root / "target")
    assert runtime.sealed_files() == {"source.json": b'{"git_sha":"%s"}' % bench.repository.commit.encode()}
    assert runtime.get_runtime_metadata()["engine"] == "dbt-core"
    assert runtime.requirements(["dbt-duckdb"]) == ()


def test_a_run_is_proved_first_and_proves_itself(bench: Bench) -> None:
    result = bench.run()
    assert result.success
    assert [list(steps) for steps in bench.cloud.triggered] == [[PARSE], [PARSE, "dbt build --exclude tag:quarrel"]]
    assert {node.unique_id: node.status for node in result.nodes}["model.bells.miscounts"] == "success"
    assert {node.file for node in result.nodes} >= {"models/miscounts.sql", "seeds/rings.csv", "models/bells.yml"}
    assert result.models_run == 2
    assert result.tests_run == 3
    assert result.engine == "dbt-core"
    assert result.remote is not None
    assert result.remote.git_sha == bench.repository.commit
    assert result.remote.url.endswith(f"/deploy/17/projects/230/runs/{result.remote.id}/")
    assert json.loads(result.artifacts["run_results"].read_bytes())["results"]


def test_without_preflight_a_run_proves_itself_only(bench: Bench) -> None:
    assert bench.run({"preflight": False}).success
    assert len(bench.cloud.triggered) == 1


def test_a_run_without_a_sealed_manifest_is_of_the_commit_that_the_project_is(bench: Bench) -> None:
    assert bench.run(manifest=None, sealed_dir=None).success
    assert len(bench.cloud.triggered) == 1


def test_options_become_the_command(bench: Bench) -> None:
    bench.run(
        {"preflight": False},
        command="run",
        select="stg_rings tag:never",
        exclude="path:models/old*",
        selector="nightly",
        full_refresh=True,
        fail_fast=True,
        vars={"hour": "six o'clock"},
        threads=7,
    )
    (run,) = bench.cloud.runs.values()
    parse, command = run.asked["steps_override"]
    assert parse == f"""{PARSE} --vars '{{"hour":"six o'"'"'clock"}}'"""
    assert command == (
        "dbt run --select stg_rings tag:never --exclude 'path:models/old*' --selector nightly "
        """--vars '{"hour":"six o'"'"'clock"}' --full-refresh --fail-fast"""
    )
    assert run.asked["threads_override"] == 7


def test_how_a_run_stands_is_told_and_then_what_its_nodes_did(bench: Bench) -> None:
    events: list[RunEvent] = []
    bench.run({"preflight": False}, on_event=events.append)
    assert [event.status for event in events if event.kind == "status"] == ["queued", "starting", "running", "success"]
    finished = [event for event in events if event.kind == "finished"]
    assert [event.index for event in finished] == list(range(1, 8))
    assert finished[0].unique_id == "seed.bells.rings"
    assert finished[0].resource_type == "seed"


def test_what_the_document_calls_text_may_be_null(bench: Bench) -> None:
    bench.cloud.nulls = True
    assert bench.run().success


# -- refused before anything is asked for --------------------------------------------------------------------


def test_a_missing_token_is_named_and_nothing_is_asked_for(bench: Bench) -> None:
    bench.environ.clear()
    problem = refused(bench.compile)
    assert problem.code == "FLOE-P241"
    assert "DBT_CLOUD_TOKEN" in problem.message
    assert bench.cloud.requests == []


@pytest.mark.parametrize("token", ["", f"{TOKEN}\n", f"{TOKEN} {TOKEN}", "päss"])
def test_what_cannot_be_a_token_is_not_sent_and_not_shown(bench: Bench, token: str) -> None:
    bench.environ["DBT_CLOUD_TOKEN"] = token
    assert refused(bench.compile).code == "FLOE-P241"
    assert bench.cloud.requests == []


def test_the_token_may_have_another_name(bench: Bench) -> None:
    bench.environ["ACME_TOKEN"] = bench.environ.pop("DBT_CLOUD_TOKEN")
    assert bench.compile({"token": {"secret": "ACME_TOKEN"}}) == bench.manifest


def test_a_target_without_a_job_is_refused(bench: Bench) -> None:
    problem = refused(lambda: bench.compile({"jobs": {"prod": 4102}}))
    assert problem.code == "FLOE-P240"
    assert "`dev`" in problem.message


def test_a_plugin_without_configuration_can_be_looked_at_and_not_used(bench: Bench) -> None:
    plugin = CloudDBTPlugin()
    assert plugin.get_runtime_metadata()["type"] == "cloud"
    assert plugin.supports_parallel_execution()
    assert refused(lambda: plugin.compile_project(bench.product, bench.profiles, "dev")).code == "FLOE-P240"


def test_constants_are_refused_unless_they_are_in_dbt_cloud(bench: Bench) -> None:
    env = {"DBT_TOWER": "north", "HOUR": "6"}
    problem = refused(lambda: bench.compile({"env_in_cloud": ["DBT_TOWER"]}, env=env))
    assert problem.code == "FLOE-P250"
    assert "HOUR" in problem.message
    assert "DBT_TOWER" not in problem.message
    assert refused(lambda: bench.run(env=env)).code == "FLOE-P250"
    assert bench.cloud.requests == []
    assert bench.compile({"env_in_cloud": ["DBT_TOWER"]}, env={"DBT_TOWER": "north"}) == bench.manifest


@pytest.mark.parametrize(
    "options",
    [
        {"working_dir": Path()},
        {"command": "test", "full_refresh": True},
        {"select": "--vars {}"},
        {"exclude": " -s x"},
    ],
    ids=str,
)
def test_an_option_that_cannot_be_honoured_is_refused(bench: Bench, options: dict[str, Any]) -> None:
    assert refused(lambda: bench.run(**options)).code == "FLOE-P204"
    assert bench.cloud.requests == []


def test_installing_packages_here_is_not_what_dbt_cloud_does(bench: Bench) -> None:
    assert refused(lambda: bench.runtime().deps(bench.product, bench.profiles, "dev")).code == "FLOE-P204"


def test_a_schema_that_only_dbt_can_compute_is_refused(bench: Bench) -> None:
    bench.write_profile(schema="{{ env_var('SCHEMA') }}")
    assert refused(bench.compile).code == "FLOE-P204"


@pytest.mark.parametrize("source", [None, "{}", '{"git_sha": "main"}', '{"git_sha": 4}', "not json"])
def test_a_bundle_that_names_no_commit_is_not_run(bench: Bench, source: str | None) -> None:
    folder = bench.root / "of-another-runtime"
    folder.mkdir()
    if source is not None:
        (folder / "source.json").write_text(source)
    assert refused(lambda: bench.run(sealed_dir=folder)).code == "FLOE-P255"
    assert bench.cloud.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://cloud.getdbt.com",
        "http://10.0.0.7:8080",
        "http://localhost.example",
        "ftp://cloud.getdbt.com",
        "cloud.getdbt.com",
        "https://token@cloud.getdbt.com",
        "https://cloud.getdbt.com/api",
        "https://cloud.getdbt.com?x=1",
        "https://",
        "https://[",
    ],
)
def test_an_address_that_could_show_the_token_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        CloudConfig.model_validate({"account": 1, "jobs": {"dev": 1}, "url": url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://[::1]:80", "http://localhost", "https://a.dbt.com/"])
def test_plain_http_is_for_this_machine_only(url: str) -> None:
    assert CloudConfig.model_validate({"account": 1, "jobs": {"dev": 1}, "url": url}).url == url.rstrip("/")


# -- the source ----------------------------------------------------------------------------------------------


def test_an_edited_file_is_refused_by_name(bench: Bench) -> None:
    (bench.product / "models" / "miscounts.sql").write_text("select 'north' as tower, 0 as miscounts")
    problem = refused(bench.compile)
    assert (problem.code, str(problem.where)) == ("FLOE-C251", "models/miscounts.sql")
    assert bench.cloud.requests == []


def test_every_file_that_differs_is_named(bench: Bench) -> None:
    (bench.product / "models" / "bells.yml").write_text("models: []\n")
    (bench.product / "models" / "tunes.sql").write_text("select 1 as tune")
    (bench.product / "seeds" / "rings.csv").unlink()
    git(bench.product, "rm", "--quiet", "--cached", "macros/strokes_due.sql")
    git(bench.product, "mv", "analyses/loudest.sql", "analyses/quietest.sql")
    with pytest.raises(FloeError) as raised:
        bench.compile()
    assert {problem.code for problem in raised.value.problems} == {"FLOE-C251"}
    assert [str(problem.where) for problem in raised.value.problems] == [
        "analyses/loudest.sql",
        "analyses/quietest.sql",
        "macros/strokes_due.sql",
        "models/bells.yml",
        "models/tunes.sql",
        "seeds/rings.csv",
    ]


def test_an_ignored_file_that_dbt_reads_is_not_in_the_commit_either(bench: Bench) -> None:
    (bench.product / ".git" / "info" / "exclude").write_text("*.csv\n")
    (bench.product / "seeds" / "towers.csv").write_text("tower\nnorth\n")
    assert str(refused(bench.compile).where) == "seeds/towers.csv"


def test_what_dbt_does_not_read_may_differ(bench: Bench) -> None:
    (bench.product / "notes.txt").write_text("ask the sexton")
    (bench.product / "floe.yaml").write_text("")
    assert bench.compile() == bench.manifest


def test_a_commit_that_was_not_pushed_is_refused_with_its_files(bench: Bench) -> None:
    (bench.product / "models" / "tunes.sql").write_text("select 1 as tune")
    git(bench.product, "add", ".")
    git(bench.product, "commit", "--quiet", "--message=Tunes")
    problem = refused(bench.compile)
    assert problem.code == "FLOE-C252"
    assert "models/tunes.sql" in problem.message
    git(bench.product, "remote", "remove", "origin")
    assert refused(bench.compile).code == "FLOE-C252", "a repository without a remote"


def test_a_folder_without_git_is_refused(bench: Bench, tmp_path: Path) -> None:
    (bench.product / ".git").rename(tmp_path / "elsewhere")
    assert refused(bench.compile).code == "FLOE-C250"


def test_a_repository_without_a_commit_is_refused(bench: Bench, tmp_path: Path) -> None:
    (bench.product / ".git").rename(tmp_path / "elsewhere")
    git(bench.product, "init", "--quiet")
    assert refused(bench.compile).code == "FLOE-C250"


def test_without_git_nothing_can_be_known(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(bench.root / "empty"))
    assert refused(bench.compile).code == "FLOE-C253"


def test_variables_that_turn_git_elsewhere_are_not_passed_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent")
    assert bench.compile() == bench.manifest


def test_the_project_may_be_a_folder_of_the_repository(bench: Bench) -> None:
    folder = bench.root / "clone" / "products" / "bells"
    folder.parent.mkdir(parents=True)
    bench.product.rename(folder)
    (folder / ".git").rename(folder.parents[1] / ".git")
    git(folder.parents[1], "add", "--all")
    git(folder.parents[1], "commit", "--quiet", "--message=Move")
    bench.product = folder
    assert refused(bench.compile).code == "FLOE-C252"
    (folder / "models" / "miscounts.sql").write_text("select 1")
    assert str(refused(bench.compile).where) == "models/miscounts.sql"


# -- faults between here and there ---------------------------------------------------------------------------


@dataclass
class Scenario:
    """Faults while a product is compiled, and how that ends: in a code, or without one in success."""

    faults: list[Fault]
    code: str | None = None
    runs: int = 1
    config: dict[str, Any] = field(default_factory=dict)
    says: str = ""


ELSEWHERE = {"Location": "https://dbt.attacker.example/api"}
SCENARIOS = {
    # the request for a run
    "a refused request": Scenario([Fault(TRIGGER, status=422)], "FLOE-P245", runs=0, says="Something is wrong"),
    "a malformed request": Scenario([Fault(TRIGGER, status=400)], "FLOE-P245", runs=0),
    "a forbidden request": Scenario([Fault(TRIGGER, status=403)], "FLOE-P243", runs=0),
    "too many requests, then not": Scenario([Fault(TRIGGER, status=429, headers={"Retry-After": "0"}, times=3)]),
    "too many requests for an hour": Scenario(
        [Fault(TRIGGER, status=429, headers={"Retry-After": "3600"})], "FLOE-P246", runs=0, says="3600 seconds"
    ),
    "a redirected request": Scenario(
        [Fault(TRIGGER, Way.REDIRECT, headers=ELSEWHERE)], "FLOE-P248", runs=0, says="dbt.attacker.example"
    ),
    "a request answered by silence that was heard": Scenario(
        [Fault(TRIGGER, Way.SILENCE, carried_out=True)], config=SHORTLY
    ),
    "a request answered by silence that was not heard": Scenario(
        [Fault(TRIGGER, Way.SILENCE)], "FLOE-P247", runs=0, config=BRIEFLY
    ),
    "a request whose answer is cut": Scenario([Fault(TRIGGER, Way.CUT, carried_out=True)]),
    "a request whose answer is damaged": Scenario([Fault(TRIGGER, Way.DAMAGED, carried_out=True)]),
    "a request whose answer is a web page": Scenario([Fault(TRIGGER, Way.HTML, carried_out=True)]),
    "a request whose answer is huge": Scenario([Fault(TRIGGER, Way.OVERSIZED, carried_out=True)]),
    "a request that fails and was heard": Scenario([Fault(TRIGGER, status=500, carried_out=True)]),
    "a request that fails at a gateway and was heard": Scenario([Fault(TRIGGER, status=524, carried_out=True)]),
    "a request that fails and was not heard": Scenario(
        [Fault(TRIGGER, status=500)], "FLOE-P247", runs=0, config=BRIEFLY
    ),
    "a lost request and runs that cannot be listed": Scenario(
        [Fault(TRIGGER, Way.CUT, carried_out=True), Fault(LIST, status=500, times=FOREVER)],
        "FLOE-P247",
        config=BRIEFLY,
    ),
    "a lost request and a list that fails at first": Scenario(
        [Fault(TRIGGER, Way.CUT, carried_out=True), Fault(LIST, status=503, times=2), Fault(LIST, Way.HTML)]
    ),
    # looks at the run
    "too many looks": Scenario([Fault(LOOK, status=429, headers={"Retry-After": "1"})]),
    "a look that fails three times": Scenario([Fault(LOOK, status=500, times=3)]),
    "looks that fail for ever": Scenario(
        [Fault(LOOK, status=502, times=FOREVER)], "FLOE-P246", config=BRIEFLY, says="answered 502"
    ),
    "a look answered by silence": Scenario([Fault(LOOK, Way.SILENCE, spare=1)], config=SHORTLY),
    "a look that is cut": Scenario([Fault(LOOK, Way.CUT, times=2)]),
    "a look that is damaged": Scenario([Fault(LOOK, Way.DAMAGED, times=2)]),
    "looks that are damaged for ever": Scenario(
        [Fault(LOOK, Way.DAMAGED, times=FOREVER)], "FLOE-P248", config=BRIEFLY, says="not the Admin API's"
    ),
    "looks at a web page": Scenario([Fault(LOOK, Way.HTML, times=FOREVER)], "FLOE-P248", config=BRIEFLY),
    "looks at far too much": Scenario(
        [Fault(LOOK, Way.OVERSIZED, times=FOREVER)], "FLOE-P248", config=BRIEFLY, says="larger than"
    ),
    "looks at what is not encoded": Scenario([Fault(LOOK, Way.ENCODED, times=FOREVER)], "FLOE-P248", config=BRIEFLY),
    "a redirected look": Scenario([Fault(LOOK, Way.REDIRECT, headers=ELSEWHERE)], "FLOE-P248"),
    "a redirect to nowhere": Scenario([Fault(LOOK, Way.REDIRECT)], "FLOE-P248", says="nowhere"),
    "a redirect to what is no address": Scenario([Fault(LOOK, Way.REDIRECT, headers={"Location": "https://[:::"})]),
    "a token that expires": Scenario([Fault(LOOK, status=401, spare=1)], "FLOE-P242"),
    "a run that is gone": Scenario([Fault(LOOK, status=404, spare=1)], "FLOE-P244"),
    # the artifact
    "a download that is cut": Scenario([Fault(ARTIFACT, Way.CUT, carried_out=True)]),
    "a download that is cut for ever": Scenario(
        [Fault(ARTIFACT, Way.CUT, carried_out=True, times=FOREVER)], "FLOE-P246", config=BRIEFLY
    ),
    "an artifact that is damaged": Scenario(
        [Fault(ARTIFACT, Way.DAMAGED, carried_out=True, times=FOREVER)], "FLOE-P248", config=BRIEFLY
    ),
    "no artifact": Scenario([Fault(ARTIFACT, status=404)], "FLOE-P249", says="manifest.json"),
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_what_goes_wrong_in_between_ends_in_a_code_or_in_success(bench: Bench, scenario: Scenario) -> None:
    bench.cloud.faults = [replace(fault) for fault in scenario.faults]
    if scenario.code is None:
        assert bench.compile(scenario.config) == bench.manifest
    else:
        problem = refused(lambda: bench.compile(scenario.config))
        assert problem.code == scenario.code
        assert scenario.says in problem.message
    assert len(bench.cloud.runs) == scenario.runs


def test_an_unknown_token_is_refused(bench: Bench) -> None:
    bench.environ["DBT_CLOUD_TOKEN"] = "dbtc_of_another_region"
    assert refused(bench.compile).code == "FLOE-P242"
    assert bench.cloud.runs == {}


def test_a_token_that_may_only_look_is_refused(bench: Bench) -> None:
    bench.environ["DBT_CLOUD_TOKEN"] = READ_ONLY_TOKEN
    assert refused(bench.compile).code == "FLOE-P243"
    assert bench.cloud.runs == {}


def test_a_job_or_an_account_that_does_not_exist_is_refused(bench: Bench) -> None:
    assert refused(lambda: bench.compile({"jobs": {"dev": 1}})).code == "FLOE-P244"
    assert refused(lambda: bench.compile({"account": 18})).code == "FLOE-P244"
    assert bench.cloud.runs == {}


def test_nobody_there_is_no_ambiguity(bench: Bench) -> None:
    """The port of a server that has ended."""
    with serving(bench.cloud) as address:
        pass
    assert refused(lambda: bench.compile({"url": address, **BRIEFLY})).code == "FLOE-P246"
    assert bench.cloud.runs == {}


def test_an_outage_before_the_request_is_waited_out(bench: Bench) -> None:
    """No connection means nothing was sent: the request for a run is made as soon as there is one."""
    with serving(bench.cloud) as address:
        port = int(address.rpartition(":")[2])
    opened: list[Any] = []

    def open_late() -> None:
        time.sleep(0.3)
        opened.append(serving(bench.cloud, port))
        opened[0].__enter__()

    opening = threading.Thread(target=open_late)
    opening.start()
    try:
        assert bench.compile({"url": address}) == bench.manifest
    finally:
        opening.join()
        opened[0].__exit__(None, None, None)


def test_a_redirect_does_not_take_the_token_elsewhere(bench: Bench) -> None:
    elsewhere = DbtCloud(bench.repository.origin, bench.cloud.workshop)
    with serving(elsewhere) as address:
        for operation in (TRIGGER, LOOK):
            bench.cloud.faults = [Fault(operation, Way.REDIRECT, headers={"Location": f"{address}/api/v2/"})]
            assert refused(lambda: bench.compile({"account": 17})).code == "FLOE-P248"
    assert elsewhere.requests == []


def test_a_limit_on_requests_is_waited_out_as_long_as_it_asks(bench: Bench) -> None:
    bench.cloud.faults = [Fault(LOOK, status=429, headers={"Retry-After": "1"})]
    started = time.monotonic()
    bench.compile()
    assert time.monotonic() - started >= 1.0


def test_giving_up_takes_no_longer_than_configured_and_names_the_run(bench: Bench) -> None:
    bench.cloud.faults = [Fault(LOOK, status=500, times=FOREVER)]
    started = time.monotonic()
    problem = refused(lambda: bench.compile(BRIEFLY))
    assert time.monotonic() - started < 5.0
    assert problem.hint is not None
    assert "/runs/90000/" in problem.hint


# -- what the run was of -------------------------------------------------------------------------------------


def test_a_run_of_another_commit_is_refused(bench: Bench) -> None:
    first = bench.repository.commit
    (bench.product / "models" / "bells.yml").write_text("models: []\n")
    git(bench.product, "commit", "--quiet", "--all", "--message=Forget")
    git(bench.product, "push", "--quiet", "origin", "HEAD:forgetful")
    bench.cloud.other_commit = first
    problem = refused(bench.compile)
    assert problem.code == "FLOE-C254"
    assert first in problem.message


def test_a_manifest_of_another_project_is_refused(bench: Bench) -> None:
    bench.cloud.spoiled["manifest.json"] = edited(project_name="whistles")
    assert refused(bench.compile).code == "FLOE-C255"


def test_a_connection_to_another_kind_of_warehouse_is_refused(bench: Bench) -> None:
    bench.cloud.spoiled["manifest.json"] = edited(adapter_type="snowflake")
    problem = refused(bench.compile)
    assert problem.code == "FLOE-C256"
    assert "duckdb" in problem.message
    assert "snowflake" in problem.message


def test_an_artifact_that_is_no_manifest_is_refused(bench: Bench) -> None:
    bench.cloud.spoiled["manifest.json"] = lambda manifest: b'{"nodes": {}}'
    assert refused(bench.compile).code == "FLOE-C206"


def _change(section: str, member: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest[section][member].update(changes)


def _forget(member: str) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest["nodes"].pop(member) and None


MODEL = "model.bells.miscounts"
FOREIGN = {
    "another code": (_change("nodes", MODEL, raw_code="select 1"), "other code"),
    "another checksum": (
        _change("nodes", "seed.bells.rings", checksum={"name": "sha256", "checksum": "00"}),
        "another checksum",
    ),
    "another file": (_change("nodes", MODEL, original_file_path="models/counts.sql"), "models/counts.sql"),
    "another package": (_change("nodes", MODEL, package_name="dbt_utils"), "dbt_utils"),
    "another macro": (_change("macros", "macro.bells.strokes_due", macro_sql="{% macro strokes_due() %}12"), "macros/"),
    "a test in other words": (_change("nodes", "test.bells.rings_by_day", raw_code="select 1"), "other code"),
    "a model less": (_forget(MODEL), "models/miscounts.sql"),
    "a seed less": (_forget("seed.bells.rings"), "seeds/rings.csv"),
}


@pytest.mark.parametrize(("change", "says"), FOREIGN.values(), ids=FOREIGN)
def test_a_manifest_of_other_files_is_refused_with_the_nodes(
    bench: Bench, change: Callable[[dict[str, Any]], None], says: str
) -> None:
    def spoil(content: bytes) -> bytes:
        manifest = json.loads(content)
        change(manifest)
        return json.dumps(manifest).encode()

    bench.cloud.spoiled["manifest.json"] = spoil
    with pytest.raises(FloeError) as raised:
        bench.compile()
    assert {problem.code for problem in raised.value.problems} == {"FLOE-C255"}
    assert any(says in problem.message for problem in raised.value.problems)


# -- how a run ends ------------------------------------------------------------------------------------------


ENGINES = {"dbt-core": "missing-ref-dbt-core.txt", "the Rust engine": "missing-ref-rust-engine.txt"}


@pytest.mark.parametrize("log", ENGINES.values(), ids=ENGINES)
def test_what_dbt_refuses_in_dbt_cloud_is_told_as_if_it_were_here(bench: Bench, log: str) -> None:
    (bench.product / "models" / "tunes.sql").write_text("select * from {{ ref('carillons') }}\n")
    git(bench.product, "add", ".")
    git(bench.product, "commit", "--quiet", f"--message={log}")
    git(bench.product, "push", "--quiet", "--force", "origin", f"HEAD:{log}")
    bench.cloud.failing_logs = (LOGS / log).read_text()
    problem = refused(bench.compile)
    assert problem.code == "FLOE-C202"
    assert "carillons" in problem.message
    assert problem.where is not None
    assert (problem.where.file, problem.where.line) == ("models/tunes.sql", 1)
    assert problem.where.text == "select * from {{ ref('carillons') }}"


def test_dbt_failing_without_a_word_is_told_with_the_end_of_its_log(bench: Bench) -> None:
    bench.cloud.failing_logs = "13:00:01  Running with dbt=1.11.16\n13:00:02  Killed\n"
    problem = refused(bench.compile)
    assert problem.code == "FLOE-P207"
    assert "Killed" in problem.message


def test_a_commit_that_the_repository_does_not_have_fails_before_dbt(bench: Bench) -> None:
    git(bench.product, "commit", "--quiet", "--allow-empty", "--message=Lost")
    git(bench.product, "update-ref", "refs/remotes/origin/lost", "HEAD")
    problem = refused(bench.compile)
    assert problem.code == "FLOE-P252"
    assert "Clone git repository" in problem.message


def test_a_run_that_somebody_cancels_ends_a_compile(bench: Bench) -> None:
    bench.cloud.cancelled_there = True
    assert refused(bench.compile).code == "FLOE-P203"


@pytest.mark.parametrize("state", [QUEUED, RUNNING])
def test_cancelling_stops_the_run_in_dbt_cloud(bench: Bench, state: int) -> None:
    cancel = _cancelled_in(state, bench)
    assert refused(lambda: bench.compile(cancel=cancel)).code == "FLOE-P203"
    assert [run.status for run in bench.cloud.runs.values()] == [CANCELLED]


def _cancelled_in(state: int, bench: Bench) -> CancelToken:
    """A token that is set as soon as a run has come to a state, in which it stays."""
    cancel = CancelToken()
    bench.cloud.stays_at = state
    bench.cloud.when_looked_at = lambda run: cancel.cancel() if run.status == state else None
    return cancel


def test_cancelling_before_the_request_asks_for_nothing(bench: Bench) -> None:
    cancel = CancelToken()
    cancel.cancel()
    assert refused(lambda: bench.compile(cancel=cancel)).code == "FLOE-P203"
    assert bench.run(cancel=cancel).status == "cancelled"
    assert bench.cloud.runs == {}


def test_cancelling_is_repeated_until_it_is_heard(bench: Bench) -> None:
    bench.cloud.stays_at = RUNNING
    bench.cloud.faults = [Fault(STOP, status=500, times=2), Fault(STOP, Way.CUT)]
    assert refused(lambda: bench.compile(timeout=1.0)).code == "FLOE-P202"
    assert [run.status for run in bench.cloud.runs.values()] == [CANCELLED]


def test_a_run_that_cannot_be_stopped_is_told_with_its_address(bench: Bench) -> None:
    bench.cloud.stays_at = RUNNING
    bench.cloud.deaf_to_cancelling = True
    problem = refused(lambda: bench.compile(BRIEFLY, timeout=1.0))
    assert problem.code == "FLOE-P251"
    assert problem.hint is not None
    assert "/runs/90000/" in problem.hint


def test_a_run_that_ends_before_it_can_be_stopped_has_ended(bench: Bench) -> None:
    """Cancelled at the last moment: the run is over, and what it says counts."""
    cancel = _cancelled_in(RUNNING, bench)
    bench.cloud.stays_at = None
    bench.cloud.deaf_to_cancelling = True
    assert bench.compile(cancel=cancel) == bench.manifest


def test_waiting_has_an_end(bench: Bench) -> None:
    bench.cloud.stays_at = QUEUED
    problem = refused(lambda: bench.compile({"wait_seconds": 1.0}))
    assert problem.code == "FLOE-P202"
    assert [run.status for run in bench.cloud.runs.values()] == [CANCELLED]


# -- what was reviewed is what runs --------------------------------------------------------------------------


def test_what_is_not_the_sealed_manifest_is_not_run(bench: Bench) -> None:
    bench.cloud.spoiled["manifest.json"] = edited(dbt_version="1.11.99")
    problem = refused(bench.run)
    assert problem.code == "FLOE-P254"
    assert "dbt_version" in problem.message
    assert bench.cloud.triggered == [(PARSE,)], "nothing was built"


def test_every_node_that_is_not_as_sealed_is_named(bench: Bench) -> None:
    def as_views(content: bytes) -> bytes:
        manifest = json.loads(content)
        for name in ("miscounts", "stg_rings"):
            manifest["nodes"][f"model.bells.{name}"]["config"]["materialized"] = "incremental"
        return json.dumps(manifest).encode()

    bench.cloud.spoiled["manifest.json"] = as_views
    with pytest.raises(FloeError) as raised:
        bench.run()
    first, second = (problem.message for problem in raised.value.problems)
    assert first.startswith("model.bells.miscounts is not what was sealed: config.materialized")
    assert second.startswith("model.bells.stg_rings is not what was sealed: config.materialized")


def test_without_preflight_the_result_of_another_manifest_is_not_accepted(bench: Bench) -> None:
    bench.cloud.spoiled["manifest.json"] = edited(dbt_version="1.11.99")
    problem = refused(lambda: bench.run({"preflight": False}))
    assert problem.code == "FLOE-P254"
    assert problem.hint is not None
    assert "It was run" in problem.hint


def test_a_failed_node_is_reported_and_nothing_else_fails(bench: Bench) -> None:
    result = bench.run(exclude=None)
    assert (result.success, result.status) == (False, "error")
    (failed,) = result.failed
    assert failed.unique_id == "test.bells.nobody_miscounts"
    assert (failed.status, failed.failures, failed.file) == ("fail", 1, "tests/nobody_miscounts.sql")


def test_a_run_that_is_cancelled_there_or_here_is_told(bench: Bench) -> None:
    bench.cloud.cancelled_there = True
    there = bench.run({"preflight": False})
    assert (there.success, there.status, there.nodes) == (False, "cancelled", ())
    assert there.remote is not None
    bench.cloud.cancelled_there = False
    here = bench.run({"preflight": False}, command="run", cancel=_cancelled_in(RUNNING, bench))
    assert (here.success, here.status, here.nodes) == (False, "cancelled", ())
    assert [run.status for run in bench.cloud.runs.values()] == [CANCELLED, CANCELLED]


@pytest.mark.parametrize("preflight", [True, False])
def test_a_run_that_takes_too_long_is_stopped(bench: Bench, preflight: bool) -> None:
    bench.cloud.stays_at = RUNNING
    result = bench.run({"preflight": preflight, "wait_seconds": 1.0})
    assert (result.success, result.status) == (False, "timeout")
    assert [run.status for run in bench.cloud.runs.values()] == [CANCELLED]


def test_a_lost_answer_to_the_request_for_a_build_builds_once(bench: Bench) -> None:
    bench.cloud.faults = [Fault(TRIGGER, Way.CUT, carried_out=True, times=2)]
    assert bench.run().success
    assert len(bench.cloud.runs) == 2, "the proof and the run"


def test_missing_results_of_a_good_run_are_a_failure(bench: Bench) -> None:
    bench.cloud.lost = {"run_results.json"}
    problem = refused(bench.run)
    assert problem.code == "FLOE-P249"
    assert "run_results.json" in problem.message


def test_results_that_are_none_are_a_failure(bench: Bench) -> None:
    bench.cloud.spoiled["run_results.json"] = lambda content: b'{"results": "many"}'
    assert refused(bench.run).code == "FLOE-P248"


def test_dbt_that_stops_before_a_node_is_told_in_its_words(bench: Bench) -> None:
    """The command of the job fails, and leaves no results."""
    bench.cloud.failing_logs = "13:00:02  Encountered an error:\nRuntime Error\n  Could not find selector named nightly"
    bench.cloud.fails_only = "Invoke dbt with `dbt build"
    problem = refused(bench.run)
    assert problem.code == "FLOE-P207"
    assert "selector named nightly" in problem.message


def test_runs_beside_each_other_do_not_mix(bench: Bench) -> None:
    results: dict[str, bool] = {}

    def run(select: str) -> None:
        places = {"target_path": bench.root / select, "log_path": bench.root / select}
        result = bench.run({"preflight": False}, select=select, command="run", exclude=None, **places)
        results[select] = [node.unique_id for node in result.nodes] == [f"model.bells.{select}"]

    threads = [threading.Thread(target=run, args=[select]) for select in ("stg_rings", "miscounts")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {"stg_rings": True, "miscounts": True}
