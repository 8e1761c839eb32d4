"""The command line itself: what it takes, what it says to people and to machines, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from floe_compiler._version import __version__
from floe_compiler.cli.main import COMMANDS, main
from floe_compiler.codes import CODES
from floe_compiler.store.layout import Store
from floe_compiler.store.publish import publish
from tests.bundles import make_bundle, on_disk

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return on_disk(make_bundle(), tmp_path / "bundle")


def test_without_arguments_it_says_what_there_is(capsys: Captured) -> None:
    assert main([]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert all(f"    {command} " in said.err for command in COMMANDS)


def test_an_unknown_command_is_told_with_the_nearest_one(capsys: Captured) -> None:
    assert main(["verfy"]) == 2
    assert "there is no command `verfy`: did you mean `verify`?" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: Captured) -> None:
    assert main([command, "--help"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"usage: floe {command} ")
    assert COMMANDS[command][1:] in said.out
    assert not said.err


def test_the_version_is_printed(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"floe {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["verify", "a", "b"],
        ["verify", "a", "--jso"],
        ["verify", "a", "--nonsense"],
        ["compile", "--out", "a", "--archive", "b"],
        ["run", "a", "--threads", "0"],
        ["run", "a", "--command", "docs"],
        ["schema", "nonsense"],
        ["explain", "R999"],
    ],
    ids=" ".join,
)
def test_usage_errors_end_with_status_2_and_no_output(arguments: list[str], capsys: Captured) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert not said.out
    assert said.err
    assert "Traceback" not in said.err


def test_the_result_alone_is_on_stdout(bundle: Path, capsys: Captured) -> None:
    assert main(["verify", str(bundle)]) == 0
    said = capsys.readouterr()
    assert said.out == f"{make_bundle().digest}\n"
    assert said.err == "Verified: 6 files are what was sealed\n"


def test_the_checks_are_explained_one_a_line(bundle: Path, capsys: Captured) -> None:
    assert main(["verify", str(bundle), "--explain"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line[:5] for line in lines[:9]] == [f"  ({number})" for number in range(9)]


def test_machines_get_one_document_and_nothing_else(bundle: Path, capsys: Captured) -> None:
    for command in ("verify", "inspect"):
        assert main([command, str(bundle), "--json"]) == 0
        said = capsys.readouterr()
        assert json.loads(said.out)
        assert not said.err


@pytest.mark.parametrize("command", ["compile", "validate", "verify", "inspect", "run"])
def test_machines_get_refusals_as_a_document_too(command: str, tmp_path: Path, capsys: Captured) -> None:
    status = main([command, str(tmp_path / "nothing"), "--json"])
    said = capsys.readouterr()
    (problem,) = json.loads(said.out)["problems"]
    assert problem.keys() == {"code", "title", "message", "where", "hint"}
    assert status == CODES[problem["code"]].exit_status
    assert not said.err


def test_the_store_is_chosen_by_option_or_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    digest = make_bundle().digest
    publish(Store(tmp_path / "shelf"), make_bundle())
    assert main(["verify", digest, "--store", str(tmp_path / "shelf")]) == 0
    monkeypatch.setenv("FLOE_STORE", str(tmp_path / "shelf"))
    assert main(["verify", digest]) == 0
    assert capsys.readouterr().out == f"{digest}\n" * 2


@pytest.mark.parametrize("written", ["FLOE-R012", "floe-r012", "R012", "r012"])
def test_the_page_of_a_code_is_printed_however_it_is_written(written: str, capsys: Captured) -> None:
    code = CODES["FLOE-R012"]
    assert main(["explain", written]) == 0
    said = capsys.readouterr().out
    for part in ("FLOE-R012", code.title, code.why, code.way_out, "Exit status 3"):
        assert part in said


def test_an_occupied_destination_is_refused_before_anything_is_read(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    assert main(["compile", str(tmp_path / "nothing"), "--out", str(tmp_path / "out")]) == 3
    assert capsys.readouterr().err.startswith("FLOE-F101")


def test_plugins_and_their_configuration_are_listed(capsys: Captured) -> None:
    assert main(["plugins", "compute", "--json"]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert "duckdb" in names
    assert main(["plugins"]) == 0
    assert "secrets" in capsys.readouterr().out


def test_the_fields_of_a_plugin_are_told_with_those_inside_of_them(capsys: Captured) -> None:
    assert main(["plugins", "compute", "duckdb", "--json"]) == 0
    fields = {row["path"]: row for row in json.loads(capsys.readouterr().out)}
    assert fields["threads"]["type"] == "whole number"
    assert fields["threads"]["default"] == "4"
    assert fields["secrets"]["type"] == "list of mapping"
    assert fields["secrets[].type"]["default"] == "required"
    assert fields["secrets[].key_id"]["sensitive"] is True
    assert fields["secrets[].key_id"]["type"] == "{secret: NAME} | {env: NAME}"
    assert fields["settings"]["type"] == "mapping of literal | {env: NAME}"
    assert main(["plugins", "compute", "duckdb"]) == 0
    said = capsys.readouterr().out
    (line,) = (line for line in said.splitlines() if line.startswith("secrets[].key_id "))
    assert " sensitive " in line


def test_a_plugin_without_configuration_says_so(capsys: Captured) -> None:
    assert main(["plugins", "secrets", "env"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "env has nothing to configure\n")


@pytest.mark.parametrize("name", ["floe", "platform-manifest", "compiled-artifacts"])
def test_schemas_are_printed_as_they_are_published(name: str, capsys: Captured) -> None:
    assert main(["schema", name]) == 0
    assert json.loads(capsys.readouterr().out)["$id"].endswith(f"/{name}.schema.json")


def test_a_bug_is_the_only_thing_that_shows_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr("floe_compiler.cli.explain.CODES", None)
    assert main(["explain", "R012"]) == 70
    said = capsys.readouterr()
    assert "Traceback" in said.err
    assert said.err.endswith("This is a bug in floe: please report it with the lines above.\n")
