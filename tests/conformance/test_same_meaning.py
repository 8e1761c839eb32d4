"""One project means the same to dbt-core and to the Rust engine, but for a short and closed table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.demo import copy_products
from floe_compiler.manifest import normal_form
from tests.conformance.meaning import DIFFERENCES, differing, one_form, row_of
from tests.engines import needs_rust_engine
from tests.warm import WarmRegistry

pytestmark = needs_rust_engine

FIXTURES = Path(__file__).parents[2] / "fixtures"
LEFT_OUT = {
    "clock": "is made to differ from one moment to the next",
    "slow_parse": "is made to take for ever",
}
PROJECTS = sorted(
    file.parent
    for folder in ("products", "projects")
    for file in (FIXTURES / folder).glob("*/dbt_project.yml")
    if file.parent.name not in LEFT_OUT
)


def _set_up(project: Path, work: Path) -> tuple[Path, Path, Mapping[str, str]]:
    """A copy of the project with all that it needs, a profile for it, and its environment."""
    copy_products(work / "products")
    copy = work / "products" / project.name
    if not copy.exists():
        shutil.copytree(project, copy)
    settings = yaml.safe_load((copy / "dbt_project.yml").read_text())
    product = copy / "floe.yaml"
    env = (yaml.safe_load(product.read_text()).get("env") or {}) if product.is_file() else {}
    output = {"type": "duckdb", "path": "same.duckdb", "schema": "same"}
    profiles = work / "profiles"
    profiles.mkdir()
    profile = {settings["profile"]: {"target": "dev", "outputs": {"dev": output}}}
    (profiles / "profiles.yml").write_text(json.dumps(profile))
    return copy, profiles, env


@pytest.fixture(scope="module")
def manifests(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """For each project, what dbt-core and the Rust engine make of it, each in one form."""
    found: dict[str, dict[str, Any]] = {}
    for project in PROJECTS:
        work = tmp_path_factory.mktemp(project.name)
        copy, profiles, env = _set_up(project, work)
        for name in ("local", "fusion"):
            places = {"target_path": work / name, "log_path": work / "logs"}
            runtime = registry.get_runtime(name, {}, {})
            written = runtime.compile_project(copy, profiles, "dev", env=env, **places)
            found.setdefault(project.name, {})[name] = one_form(normal_form(written.read_bytes(), "dev"))
    return found


@pytest.mark.parametrize("project", [project.name for project in PROJECTS])
def test_what_differs_is_in_the_table(manifests: dict[str, dict[str, Any]], project: str) -> None:
    both = manifests[project]
    assert [found for found in differing(both["local"], both["fusion"]) if row_of(found[1]) is None] == []


def test_the_table_has_no_row_too_many(manifests: dict[str, dict[str, Any]]) -> None:
    needed = {row_of(field) for both in manifests.values() for _, field in differing(both["local"], both["fusion"])}
    assert [row for row in DIFFERENCES if row not in needed] == []


def test_every_model_is_there_with_its_name_its_text_and_its_place(manifests: dict[str, dict[str, Any]]) -> None:
    def models(manifest: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
        fields = ("database", "schema", "alias", "raw_code", "original_file_path", "columns", "version")
        return {
            unique_id: (*(set(member[f]) if f == "columns" and f in member else member.get(f) for f in fields),)
            for unique_id, member in manifest.items()
            if unique_id.startswith("model.")
        }

    for both in manifests.values():
        assert models(both["local"]) == models(both["fusion"])
