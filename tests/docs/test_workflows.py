"""The workflow and the hooks in the guide are what their readers take, and call floe as it can be called."""

from __future__ import annotations

import json
import shlex
import subprocess
from importlib.resources import files
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from floe_compiler.cli.main import _parser
from floe_compiler.diff.render.markdown import marker
from tests.docs.pages import Block, page

GUIDE = page("guides/07-review-changes.md")


def block(title: str) -> Block:
    (found,) = [block for block in GUIDE.blocks if block.title and block.title.endswith(title)]
    return found


@pytest.fixture
def workflow() -> Any:
    """As YAML 1.2 reads it: `on` is a text."""
    return yaml.load(block("workflows/floe-diff.yml").content, yaml.BaseLoader)


def scripts(workflow: Any) -> list[str]:
    return [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]


def calls_of_floe(script: str) -> list[list[str]]:
    lines = script.replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("floe ")]


def test_the_workflow_matches_the_schema_of_workflows(workflow: Any) -> None:
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "github-workflows.json"
    Draft7Validator(json.loads(schema.read_text("utf-8"))).validate(workflow)


def test_the_scripts_of_the_workflow_are_bash(workflow: Any) -> None:
    for script in scripts(workflow):
        read = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert (read.returncode, read.stderr) == (0, "")


def test_the_workflow_calls_floe_as_it_can_be_called(workflow: Any) -> None:
    calls = [call for script in scripts(workflow) for call in calls_of_floe(script)]
    assert len(calls) == 2
    for call in calls:
        _parser(call).parse_args(call)


def test_no_script_of_the_workflow_holds_what_a_pull_request_says(workflow: Any) -> None:
    """A branch may be called anything: values reach scripts as variables."""
    assert not any("${{" in script for script in scripts(workflow))


def test_the_workflow_finds_its_comment_by_the_first_line(workflow: Any) -> None:
    (script,) = [script for script in scripts(workflow) if "gh pr comment" in script]
    assert "head -1 comment.md" in script
    assert '"' not in marker("corner-shop")


def test_the_hook_of_pre_commit_calls_floe_as_it_can_be_called() -> None:
    config = yaml.safe_load(block(".pre-commit-config.yaml").content)
    (hook,) = config["repos"][0]["hooks"]
    assert {"id", "name", "entry", "language"} <= hook.keys()
    command, *call = shlex.split(hook["entry"])
    assert command == "floe"
    _parser(call).parse_args(call)


def test_the_hook_of_git_is_a_script_that_calls_floe_as_it_can_be_called() -> None:
    first, second = block("hooks/pre-commit").content.splitlines()
    assert first == "#!/bin/sh"
    call = shlex.split(second.removeprefix("exec floe "))
    _parser(call).parse_args(call)
