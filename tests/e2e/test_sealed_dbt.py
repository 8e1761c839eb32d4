"""The program in a bundle that runs it without floe: what is not as it was sealed never reaches dbt."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from floe_compiler.builtin.dbt_runtime._sealed_dbt import REFUSED, declared, for_packages
from floe_compiler.pipeline import compile_product
from tests.warm import WarmRegistry

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "products"
WITH_SECRETS = (
    "{path: shop.duckdb, schema: shop, settings: {memory_limit: {env: SHOP_MEMORY}}, "
    "secrets: [{type: s3, key_id: {secret: SHOP_KEY_ID}, secret: {secret: SHOP_KEY}}]}"
)
VARIABLES = {"SHOP_MEMORY": "1GB", "SHOP_KEY_ID": "k", "SHOP_KEY": "open sesame"}


@pytest.fixture(scope="module")
def sealed(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the corner shop with two targets; prod asks for a variable and two secrets."""
    folder = tmp_path_factory.mktemp("sealed")
    for name in ("corner-shop", "platform"):
        shutil.copytree(FIXTURES / name, folder / name, symlinks=True)
    platform = folder / "platform" / "corner-shop.yaml"
    before = "{path: shop_prod.duckdb, schema: shop, threads: 4}"
    assert before in platform.read_text()
    platform.write_text(platform.read_text().replace(before, WITH_SECRETS))
    return compile_product(folder / "corner-shop", targets=["dev", "prod"], registry=registry).path


@pytest.fixture
def bundle(sealed: Path, tmp_path: Path) -> Path:
    """A copy that can be written to."""
    copy = tmp_path / "bundle"
    shutil.copytree(sealed, copy, copy_function=shutil.copyfile)
    for folder in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    return copy


def started(bundle: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    program = bundle / "dbt_runtime" / "local" / "sealed_dbt.py"
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-B", program, *arguments],
        env={**kept, "FLOE_RUN_DIR": str(bundle.parent / "run"), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def edited(bundle: Path) -> str:
    (bundle / "project" / "seeds" / "goods.csv").write_text("id,name,price\n1,arsenic,1\n")
    return "project/seeds/goods.csv is not as it was sealed"


def edited_manifest(bundle: Path) -> str:
    manifest = bundle / "targets" / "dev" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("select id, name", "select 0 as id, name"))
    return "targets/dev/manifest.json is not as it was sealed"


def added(bundle: Path) -> str:
    (bundle / "project" / "models" / "extra.sql").write_text("select 1 as id")
    return "project/models/extra.sql was not sealed in this bundle"


def removed(bundle: Path) -> str:
    (bundle / "project" / "models" / "_models.yml").unlink()
    return "project/models/_models.yml was sealed in this bundle and is missing"


def replaced_by_a_link(bundle: Path) -> str:
    shutil.move(bundle / "project", bundle.parent / "elsewhere")
    (bundle / "project").symlink_to(bundle.parent / "elsewhere")
    return "project was not sealed in this bundle"


@pytest.mark.parametrize("change", [edited, edited_manifest, added, removed, replaced_by_a_link])
def test_files_that_dbt_reads_are_those_that_were_sealed(change: Callable[[Path], str], bundle: Path) -> None:
    expected = change(bundle)
    done = started(bundle, "build", "--target", "dev")
    assert done.returncode == REFUSED
    assert expected in done.stderr.splitlines()
    assert not (bundle.parent / "run").exists(), "dbt was not started, and nothing was written"


def test_refusals_are_lines_of_dbt_s_log_for_whoever_reads_that(bundle: Path) -> None:
    expected = edited(bundle)
    done = started(bundle, "build", "--target", "dev", DBT_LOG_FORMAT="json", **VARIABLES)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["info"]["level"], line["info"]["msg"]) for line in lines] == [("error", expected)]


def test_variables_and_secrets_that_are_missing_are_told_at_once(sealed: Path) -> None:
    done = started(sealed, "build", "--target", "prod", SHOP_KEY="open sesame")
    assert done.returncode == REFUSED
    assert done.stderr.splitlines() == [
        "the variable SHOP_MEMORY is not set in the environment",
        "the secret SHOP_KEY_ID is not set in the environment",
    ]
    assert "sesame" not in done.stdout + done.stderr


def test_secrets_reach_dbt_under_the_names_that_it_does_not_show(sealed: Path) -> None:
    index = json.loads((sealed / "compiled_artifacts.json").read_bytes())
    found = {"SHOP_MEMORY": "1GB", "SHOP_KEY_ID": "k", "SHOP_KEY": "open sesame", "SHOP_UNASKED": "no"}
    assert declared(index, found) == {
        "SHOP_MEMORY": "1GB",
        "DBT_ENV_SECRET_SHOP_KEY_ID": "k",
        "DBT_ENV_SECRET_SHOP_KEY": "open sesame",
        "SHOP_CURRENCY": "EUR",
    }


def test_a_secret_that_only_dbt_deps_needs_is_not_asked_for(tmp_path: Path) -> None:
    url = "https://{{ env_var('DBT_ENV_SECRET_GIT_TOKEN') }}@git.example/kit.git"
    (tmp_path / "packages.yml").write_text(f"packages:\n  - git: {json.dumps(url)}\n    revision: 1.0.0\n")
    assert for_packages(tmp_path) == {"DBT_ENV_SECRET_GIT_TOKEN": "floe-not-needed"}


def test_a_bundle_with_several_targets_wants_one_named_that_it_has(sealed: Path) -> None:
    nothing = started(sealed, "build", **VARIABLES)
    assert "no target is named (--target or FLOE_TARGET); it has dev, prod" in nothing.stderr
    wrong = started(sealed, "build", FLOE_TARGET="staging", **VARIABLES)
    assert "the bundle has no target staging; it has dev, prod" in wrong.stderr
    assert (nothing.returncode, wrong.returncode) == (REFUSED, REFUSED)


def test_the_bundle_can_be_pinned(sealed: Path) -> None:
    pinned = f"sha256:{'0' * 64}"
    done = started(sealed, "build", "--target", "dev", FLOE_DIGEST=pinned)
    assert done.returncode == REFUSED
    assert f"FLOE_DIGEST asks for {pinned}" in done.stderr
    assert sealed.name.replace("-", ":") in done.stderr


def test_other_versions_than_those_of_the_compile_are_refused(bundle: Path) -> None:
    index = bundle / "compiled_artifacts.json"
    index.write_text(index.read_text().replace("dbt-core==", "dbt-core==0."))
    done = started(bundle, "build", "--target", "dev")
    assert done.returncode == REFUSED
    assert "the bundle was compiled with dbt-core==0." in done.stderr


@pytest.mark.tools
def test_it_builds_what_floe_run_builds_and_leaves_the_bundle_as_it_was(sealed: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in sealed.rglob("*") if path.is_file()}
    run_dir = tmp_path / "run"
    done = started(sealed, "build", "--target", "dev", **{**VARIABLES, "FLOE_RUN_DIR": str(run_dir)})
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(run_dir / "shop.duckdb"), read_only=True) as tables:
        assert tables.execute("select price from shop.shop.price_list where name = 'twine'").fetchall() == [
            ("1.35 EUR",)
        ]
    assert {path: path.read_bytes() for path in sealed.rglob("*") if path.is_file()} == before
    results = json.loads((run_dir / "target" / "run_results.json").read_bytes())["results"]
    assert {result["status"] for result in results} == {"success", "pass"}
    for file in (path for path in run_dir.rglob("*") if path.is_file()):
        assert b"open sesame" not in file.read_bytes(), file


@pytest.mark.tools
def test_a_node_that_fails_is_dbt_s_exit_status(bundle: Path) -> None:
    done = started(bundle, "test", "--target", "dev", **VARIABLES)  # no table is there to be tested
    assert done.returncode == 1
    assert "price_list" in done.stdout
