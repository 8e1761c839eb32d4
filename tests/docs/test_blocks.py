"""Every block does what the page says: typed, executed, or, where it cannot be, read and checked."""

from __future__ import annotations

import ast
import shlex
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

from floe_compiler.cli.main import _parser
from floe_compiler.load.yaml_door import parse_document
from floe_compiler.model.acknowledgements import AcknowledgementsFile
from floe_compiler.model.inputs import DataProduct, PlatformManifest
from floe_compiler.plugins.registry import PluginRegistry
from tests.docs.pages import ROOT, Block, Page, is_generated, pages
from tests.docs.terminal import is_typed, play
from tests.warm import WarmRegistry

WRITTEN = [page for page in pages() if not is_generated(page)]
OF_OTHERS = ("dbt_project.yml", "models.yml", ".pre-commit-config.yaml", ".github/workflows/floe-diff.yml")
MODELS: dict[str, type[BaseModel]] = {
    "Acknowledgements": AcknowledgementsFile,
    "DataProduct": DataProduct,
    "PlatformManifest": PlatformManifest,
}
PARTS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(field.annotation)
    for model in MODELS.values()
    for name, field in model.model_fields.items()
    if name in {"plugins", "targets", "policies", "transforms", "platform", "deployment"}
}
LANGUAGES = {"console", "sh", "python", "yaml", "toml", "sql", "text"}
OF_PYTHON = {"forbidden"}


def _blocks(*languages: str) -> list[Any]:
    return [
        pytest.param(block, id=f"{page.name}:{block.line}")
        for page in WRITTEN
        for block in page.blocks
        if block.language in languages
    ]


@pytest.mark.parametrize("page", [page for page in WRITTEN if is_typed(page)], ids=lambda page: page.name)
def test_what_is_typed_prints_what_is_shown(page: Page, tmp_path: Path, registry: WarmRegistry) -> None:
    differences, _ = play(page, tmp_path, registry)
    assert not differences, "python -m tests.docs --write types everything again"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_a_block_is_of_a_language_that_is_checked(page: Page) -> None:
    assert {block.language for block in page.blocks} <= LANGUAGES


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_a_page_with_commands_or_code_has_a_terminal(page: Page) -> None:
    assert is_typed(page) or not {"console", "python"} & {block.language for block in page.blocks}


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
                assert find_spec(module)


@pytest.mark.parametrize("block", _blocks("python"))
def test_python_is_python(block: Block) -> None:
    ast.parse(block.content)
    assert set(block.info.split()[1:]) <= OF_PYTHON or block.title


@pytest.mark.parametrize("block", _blocks("yaml"))
def test_yaml_says_what_its_reader_takes(block: Block) -> None:
    if block.title and block.title.endswith(OF_OTHERS):
        assert yaml.safe_load(block.content)
        return
    document = parse_document(block.content.encode(), file=block.title or "block").value
    assert isinstance(document, dict)
    model = MODELS.get(document.get("kind", ""))
    if model is not None:
        model.model_validate(document)
    for key, value in document.items():
        if key in PARTS:
            PARTS[key].validate_python(value)
    for plugin_type, choice in document.get("plugins", {}).items():
        if isinstance(choice, dict):
            plugin = PluginRegistry([]).get_plugin(plugin_type, choice["use"])
            plugin.config_model.model_validate(choice.get("config", {}))


@pytest.mark.parametrize("block", _blocks("toml"))
def test_toml_is_toml(block: Block) -> None:
    assert tomllib.loads(block.content)
