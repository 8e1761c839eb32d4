"""Every block does what the page says: typed, executed, or, where it cannot be, read and checked."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from floe_compiler.cli.main import _parser
from floe_compiler.load.yaml_door import parse_document
from tests.docs.pages import ROOT, Block, Page, is_generated, pages
from tests.docs.sessions import has_session, play
from tests.warm import WarmRegistry

WRITTEN = [page for page in pages() if not is_generated(page)]
LANGUAGES = {"console", "sh", "python", "yaml", "toml", "json", "sql", "text"}
OF_PYTHON = {"", "elsewhere", "forbidden"}


def _blocks(*languages: str) -> list[Any]:
    return [
        pytest.param(block, id=f"{page.name}:{block.line}")
        for page in WRITTEN
        for block in page.blocks
        if block.language in languages
    ]


@pytest.mark.parametrize("page", [page for page in WRITTEN if has_session(page)], ids=lambda page: page.name)
def test_what_is_typed_prints_what_is_shown(page: Page, tmp_path: Path, registry: WarmRegistry) -> None:
    differences, _ = play(page, tmp_path, registry)
    assert not differences, "python -m tests.docs --write types everything again"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_a_block_is_of_a_language_that_is_checked(page: Page) -> None:
    assert {block.language for block in page.blocks} <= LANGUAGES


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_a_page_with_commands_or_code_has_a_session(page: Page) -> None:
    typed = [b for b in page.blocks if b.language in {"console", "python"} and not b.elsewhere]
    assert has_session(page) or not typed


@pytest.mark.parametrize("block", _blocks("sh"))
def test_shell_that_is_not_typed_here_can_be_read(block: Block) -> None:
    read = subprocess.run(["bash", "-n"], input=block.content, capture_output=True, text=True, check=False)
    assert not read.stderr
    for line in block.content.replace("\\\n", " ").splitlines():
        match shlex.split(line, comments=True):
            case ["floe", *arguments]:
                _parser(arguments).parse_args(arguments)
            case ["make", *targets]:
                dry = ["make", "-n", f"PYTHON={sys.executable}", *targets]
                assert subprocess.run(dry, cwd=ROOT, capture_output=True, check=False).returncode == 0
            case ["python", "-m", module, *_]:
                assert _is_there(module)


@pytest.mark.parametrize("block", _blocks("python"))
def test_python_is_python(block: Block) -> None:
    ast.parse(block.content)
    assert set(block.info.split()[1:]) <= OF_PYTHON or block.title


def test_python_that_is_not_executed_is_type_checked(tmp_path: Path) -> None:
    parts = [param.values[0] for param in _blocks("python")]
    unexecuted = [block for block in parts if isinstance(block, Block) and block.elsewhere]
    for number, block in enumerate(unexecuted):
        (tmp_path / f"block_{number}.py").write_text(block.content)
    if not unexecuted:
        return
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(ROOT / ".mypy_cache")]
    checked = subprocess.run([*command, *map(str, sorted(tmp_path.glob("*.py")))], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("block", _blocks("yaml"))
def test_yaml_passes_the_door(block: Block) -> None:
    if re.search(r"^(version|models|sources|\w+):\n", block.content) and "{{" in block.content:
        assert yaml.safe_load(block.content)
    else:
        assert parse_document(block.content.encode(), file=block.title or "block").value


@pytest.mark.parametrize("block", _blocks("toml"))
def test_toml_is_toml(block: Block) -> None:
    assert tomllib.loads(block.content)


@pytest.mark.parametrize("block", _blocks("json"))
def test_json_is_json(block: Block) -> None:
    json.loads(block.content)


def _is_there(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").exists() or (path / "__main__.py").exists()
