"""What every plugin that renders native files promises. Plugins and cases are found: nothing here names one."""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import yaml

from floe_compiler.plugins.registry import PluginRegistry
from tests.native import CASES, DEFAULT, Case, Subject, cases, demo_bundle, natives, rendered, subject
from tests.warm import WarmRegistry

READERS: Final[dict[str, Callable[[str], object]]] = {
    ".json": json.loads,
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".yaml": lambda text: list(yaml.safe_load_all(text)),
    ".yml": lambda text: list(yaml.safe_load_all(text)),
}
every_case = pytest.mark.parametrize("case", cases(), ids="/".join)
every_plugin = pytest.mark.parametrize(("plugin_type", "name"), natives())


@pytest.fixture(scope="session")
def demo(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """The demo product, as real dbt and floe compile it."""
    return subject(demo_bundle(tmp_path_factory.mktemp("demo"), registry))


@every_plugin
def test_a_plugin_has_its_default_case(plugin_type: str, name: str) -> None:
    case = Case(plugin_type, name, DEFAULT)
    assert case.folder.is_dir(), f"fixtures/native/{plugin_type}/{name}/{DEFAULT}/config.yaml is missing"
    assert case.config == {}, "the default case is the one without configuration"


def test_no_case_is_left_of_a_plugin_that_went() -> None:
    assert {(case.type, case.plugin) for case in cases()} <= set(natives())


@every_case
def test_a_case_renders_what_lies_beside_it(case: Case, demo: Subject) -> None:
    files = rendered(case, demo)
    assert sorted(files) == sorted(case.expected)
    for path, content in files.items():
        assert content.decode() == case.expected[path].decode(), path


@every_case
def test_rendering_twice_gives_the_same_bytes(case: Case, demo: Subject) -> None:
    assert rendered(case, demo) == rendered(case, demo)


@every_case
def test_files_are_what_their_names_say(case: Case, demo: Subject) -> None:
    for path, content in rendered(case, demo).items():
        READERS.get(Path(path).suffix, str)(content.decode("utf-8"))
        assert content.endswith(b"\n"), f"{path} ends without a line end"
        assert b"\r" not in content


@every_case
def test_every_file_has_a_tool_that_loads_it(case: Case, demo: Subject) -> None:
    plugin_class = PluginRegistry([]).get_plugin(case.type, case.plugin)
    globs = [row.file for row in plugin_class.loaded_by]  # type: ignore[attr-defined]
    for path in rendered(case, demo):
        assert any(Path(path).match(glob) for glob in globs), f"{path} has no row in `loaded_by`"


@every_plugin
def test_a_plugin_names_its_vendor_s_page_and_describes_every_field(plugin_type: str, name: str) -> None:
    registry = PluginRegistry([])
    plugin_class = registry.plugin_class(registry.offer(plugin_type, name))
    module = __import__(plugin_class.__module__, fromlist=["__doc__"])
    assert "https://" in (module.__doc__ or ""), "the module's docstring names the vendor's page"
    assert plugin_class.summary
    assert plugin_class.loaded_by, "nobody loads what it renders"  # type: ignore[attr-defined]
    for field, info in plugin_class.config_model.model_fields.items():
        assert info.description, f"{field} has no description"
        assert not info.is_required(), f"{field} has no default that works offline"


def test_cases_lie_in_folders_of_their_own() -> None:
    for folder in CASES.glob("*/*/*"):
        assert (folder / "config.yaml").is_file(), f"{folder} has no config.yaml"
