"""The example of the guide as a distribution of its own: built, installed, chosen, compiled, and run by its own tool.

Then the same file as a built-in, in a copy of the project: one file and its fixtures, and nothing else is touched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Final

import duckdb
import pytest
import yaml

from floe_compiler.compile.natives import native_files
from floe_compiler.compile.plugins import Configured, ConfiguredPlugins
from floe_compiler.pipeline import load_bundle
from floe_compiler.plugins.registry import PluginRegistry
from tests.docs.pages import page
from tests.native import subject
from tests.tool_environments import ROOT

DISTRIBUTION: Final = ROOT / "fixtures" / "plugins" / "floe-make"
CASES: Final = sorted((DISTRIBUTION / "fixtures").iterdir())
LEFT_OUT: Final = shutil.ignore_patterns(".venv*", ".git", ".floe", "build", "__pycache__", ".*_cache", ".hypothesis")


def typed(*command: str | Path, cwd: Path, site: Path | None = None) -> str:
    """What a command answers; it must succeed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = {**os.environ, "PATH": path, **({"PYTHONPATH": str(site)} if site else {})}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def choose_make(shop: Path) -> None:
    platform = shop.parent / "platform" / "corner-shop.yaml"
    plugins = "plugins: {compute: duckdb, dbt_runtime: local"
    assert plugins in platform.read_text()
    platform.write_text(platform.read_text().replace(plugins, f"{plugins}, orchestrator: make"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the distribution is installed, as pip installs it, from a wheel that hatchling builds. No network."""
    folder = tmp_path_factory.mktemp("third-party")
    source = Path(shutil.copytree(DISTRIBUTION, folder / "source"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    typed(*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", folder, source, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    typed(*pip, "install", "--no-index", "--no-deps", "--target", folder / "site", wheel, cwd=folder)
    return folder / "site"


@pytest.mark.parametrize("title", ["floe_make.py", "pyproject.toml"])
def test_the_guide_shows_the_distribution_as_it_is(title: str) -> None:
    (block,) = (block for block in page("guides/write-a-plugin.md").blocks if block.title == f"floe-make/{title}")
    assert block.content == (DISTRIBUTION / title).read_text()


@pytest.mark.tools
def test_an_installed_distribution_is_chosen_compiled_and_run_by_its_own_tool(
    site: Path, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = {row["name"]: row for row in json.loads(typed("floe", "plugins", "--json", cwd=shop, site=site))}
    assert (offered["make"]["distribution"], offered["make"]["version"]) == ("floe-make", "0.1.0")
    (fields,) = [json.loads(typed("floe", "plugins", "orchestrator", "make", "--json", cwd=shop, site=site))]
    assert [field["path"] for field in fields] == ["floe", "keep_going"]

    choose_make(shop)
    typed("floe", "compile", "--out", tmp_path / "bundle", cwd=shop, site=site)
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.index.plugins["orchestrator"].distribution == "floe-make"
    assert "| `Makefile` | make | `make` |" in bundle.read("README.md").decode()

    folder = tmp_path / "bundle" / "orchestrator" / "make"
    typed("make", f"RUN_DIR={tmp_path / 'run'}", cwd=folder, site=site)
    with duckdb.connect(str(tmp_path / "run" / "shop.duckdb"), read_only=True) as tables:
        assert tables.execute("select count(*) from shop.shop.price_list").fetchone() != (0,)
    assert load_bundle(tmp_path / "bundle").digest == bundle.digest, "nothing was written into it"
    monkeypatch.syspath_prepend(site)
    for case in CASES:
        assert _rendered(case, tmp_path / "bundle") == (case / "expected" / "Makefile").read_bytes()


def _rendered(case: Path, bundle: Path) -> bytes:
    """The file of a case, rendered for the product of the bundle."""
    registry = PluginRegistry([EntryPoint("make", "floe_make:MakeOrchestrator", "floe.orchestrators")])
    plugin = registry.get_plugin("orchestrator", "make")
    config = plugin.config_model.model_validate(yaml.safe_load((case / "config.yaml").read_text()))
    configured = Configured(registry.offer("orchestrator", "make"), plugin, config)
    on = subject(bundle)
    files = native_files(ConfiguredPlugins({"orchestrator": configured}, {}), on.head, on.manifests)
    return files["orchestrator/make/Makefile"]


@pytest.mark.tools
def test_a_built_in_is_one_file_with_its_fixtures_and_nothing_else_is_touched(tmp_path: Path, shop: Path) -> None:
    copy = Path(shutil.copytree(ROOT, tmp_path / "project", ignore=LEFT_OUT, symlinks=True))
    folder = copy / "floe_compiler" / "builtin" / "orchestrator"
    folder.mkdir(exist_ok=True)
    shutil.copy(DISTRIBUTION / "floe_make.py", folder / "make.py")
    cases = copy / "fixtures" / "native" / "orchestrator" / "make"
    for case in CASES:
        (cases / case.name).mkdir(parents=True)
        shutil.copy(case / "config.yaml", cases / case.name)

    python = Path(sys.executable)
    (listed,) = [
        row
        for row in json.loads(typed(python, "-m", "floe_compiler", "plugins", "--json", cwd=copy))
        if row["name"] == "make"
    ]
    assert (listed["distribution"], listed["default"]) == ("floe-compiler", False)
    assert typed(python, "-m", "tests.generated", "--write", cwd=copy).split() == ["docs/reference/plugins.md"]
    assert "### orchestrator: make" in (copy / "docs" / "reference" / "plugins.md").read_text()
    written = typed(python, "-m", "tests.native", "--write", cwd=copy).splitlines()
    assert written == [f"fixtures/native/orchestrator/make/{case.name}" for case in CASES]
    typed(
        python, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider",
        "tests/conformance/test_native_plugins.py", "-k", "make", cwd=copy,
    )  # fmt: skip

    choose_make(shop)
    typed(python, "-m", "floe_compiler", "compile", shop, "--out", tmp_path / "bundle", cwd=copy)
    assert load_bundle(tmp_path / "bundle").index.plugins["orchestrator"].name == "make"
    before, after = _files(ROOT), _files(copy)
    touched = {path for path in after if after[path] != before.get(path)}
    assert before.keys() <= after.keys()
    assert touched == {
        "docs/reference/plugins.md",
        "floe_compiler/builtin/orchestrator/make.py",
        *(f"fixtures/native/orchestrator/make/{case.name}/config.yaml" for case in CASES),
        *(f"fixtures/native/orchestrator/make/{case.name}/expected/Makefile" for case in CASES),
    }


def _files(folder: Path) -> dict[str, bytes]:
    """Every file of the project by its path, but for what tools leave behind."""
    parts = {path: path.relative_to(folder).parts for path in folder.rglob("*") if path.is_file()}
    left = {"build", "__pycache__"}
    return {
        "/".join(inner): path.read_bytes()
        for path, inner in parts.items()
        if not any(part.startswith(".") or part in left for part in inner)
    }
