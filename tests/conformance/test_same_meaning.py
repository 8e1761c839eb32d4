"""One project means the same to dbt-core and to the Rust engine, but for a short and closed table."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.demo import copy_products
from floe_compiler.manifest import normal_form
from floe_compiler.plugins.contracts import DBTRuntimePlugin
from tests.conformance.meaning import DIFFERENCES, differing, one_form, row_of
from tests.engines import needs_rust_engine
from tests.warm import WarmRegistry

pytestmark = needs_rust_engine

FIXTURES = Path(__file__).parents[2] / "fixtures"
LEFT_OUT = {
    "clock": "is made to differ from one moment to the next",
    "slow_parse": "is made to take for ever",
}
PROJECTS = {
    str(file.parent.relative_to(FIXTURES / folder)): file.parent
    for folder in ("products", "projects")
    for depth in ("*", "*/product")
    for file in sorted((FIXTURES / folder).glob(f"{depth}/dbt_project.yml"))
    if file.parent.name not in LEFT_OUT
}


class Bench:
    """Copies of all projects with what they need, and a profile for each."""

    def __init__(self, root: Path) -> None:
        self._root = root
        copy_products(root)
        for name, project in PROJECTS.items():
            if not (root / name).exists():
                shutil.copytree(project, root / name)

    def compiled(self, runtime: DBTRuntimePlugin, project: str, into: str) -> dict[str, Any]:
        """What a runtime makes of a project, in one form."""
        folder, out = self._root / project, self._root / "out" / into / project
        written = runtime.compile_project(
            folder, self._profiles(folder), "dev", env=_constants(folder), target_path=out, log_path=out
        )
        return one_form(normal_form(written.read_bytes(), "dev"))

    def _profiles(self, project: Path) -> Path:
        name = yaml.safe_load((project / "dbt_project.yml").read_text())["profile"]
        output = {"type": "duckdb", "path": "same.duckdb", "schema": "same"}
        profiles = self._root / "profiles" / project.relative_to(self._root)
        profiles.mkdir(parents=True, exist_ok=True)
        (profiles / "profiles.yml").write_text(json.dumps({name: {"target": "dev", "outputs": {"dev": output}}}))
        return profiles


def _constants(project: Path) -> dict[str, str]:
    product = project / "floe.yaml"
    return (yaml.safe_load(product.read_text()).get("env") or {}) if product.is_file() else {}


Manifests = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def manifests(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """For each project what dbt-core (`local`) and the Rust engine (`fusion`) make of it, each in one form."""
    bench = Bench(tmp_path_factory.mktemp("projects"))
    runtimes = {name: registry.get_runtime(name, {}, {}) for name in ("local", "fusion")}
    with ThreadPoolExecutor(2) as pool:
        coming = {
            project: {name: pool.submit(bench.compiled, rt, project, name) for name, rt in runtimes.items()}
            for project in PROJECTS
        }
        return {project: {name: one.result() for name, one in both.items()} for project, both in coming.items()}


@pytest.mark.parametrize("project", PROJECTS)
def test_what_differs_is_in_the_table(manifests: Manifests, project: str) -> None:
    both = manifests[project]
    assert [found for found in differing(both["local"], both["fusion"]) if row_of(found[1]) is None] == []


def test_the_table_has_no_row_too_many(manifests: Manifests) -> None:
    needed = {row_of(field) for both in manifests.values() for _, field in differing(both["local"], both["fusion"])}
    assert [row for row in DIFFERENCES if row not in needed] == []


def test_every_model_is_there_with_its_name_its_text_and_its_place(manifests: Manifests) -> None:
    def models(manifest: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
        fields = ("database", "schema", "alias", "raw_code", "original_file_path", "columns", "version")
        return {
            unique_id: (*(set(member[f]) if f == "columns" and f in member else member.get(f) for f in fields),)
            for unique_id, member in manifest.items()
            if unique_id.startswith("model.")
        }

    for both in manifests.values():
        assert models(both["local"]) == models(both["fusion"])
