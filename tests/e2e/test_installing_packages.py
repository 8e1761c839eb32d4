"""`floe compile --deps`: dbt installs packages where the project lies, and then they are sealed like the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.pipeline import compile_product
from floe_compiler.verify import verify
from tests.bundles import codes_of
from tests.warm import WarmRegistry

SOUND = Path(__file__).parents[2] / "fixtures" / "broken" / "sound"
KIT = {
    "dbt_project.yml": 'name: sourdough\nversion: "1.0"\nprofile: any\n',
    "macros/hydration.sql": "{% macro hydration(water, flour) %}{{ water }} / {{ flour }}{% endmacro %}\n",
}


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """A product that needs a package which is not installed yet."""
    shutil.copytree(SOUND, tmp_path, dirs_exist_ok=True)
    for name, text in KIT.items():
        file = tmp_path / "sourdough" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    product = tmp_path / "product"
    (product / "packages.yml").write_text("packages:\n  - local: ../sourdough\n")
    (product / "models" / "leftovers.sql").write_text("select {{ sourdough.hydration(7, 10) }} as hydration\n")
    return product


def test_packages_are_installed_into_the_project_and_sealed(product: Path, registry: WarmRegistry) -> None:
    compiled = compile_product(product, install_packages=True, registry=registry)
    assert (product / "dbt_packages" / "sourdough" / "dbt_project.yml").is_file()
    bundle = verify(compiled.path, compiled.digest)
    assert {f"project/dbt_packages/sourdough/{name}" for name in KIT} <= set(bundle.paths)
    assert "project/package-lock.yml" in bundle.paths
    assert not list((product / ".floe" / "tmp").iterdir())


def test_what_they_change_is_another_bundle_and_nothing_else_is(product: Path, registry: WarmRegistry) -> None:
    first = compile_product(product, install_packages=True, registry=registry)
    again = compile_product(product, install_packages=True, registry=registry)
    assert (again.digest, again.cached) == (first.digest, True)
    macro = product.parent / "sourdough" / "macros" / "hydration.sql"
    macro.write_text(macro.read_text().replace(" / ", " * "))
    assert compile_product(product, install_packages=True, registry=registry).digest != first.digest


def test_without_the_option_nothing_is_installed(product: Path, registry: WarmRegistry) -> None:
    with pytest.raises(FloeError) as refusal:
        compile_product(product, registry=registry)
    assert codes_of(refusal.value) == ["FLOE-C204"]
    assert not (product / "dbt_packages").exists()


def test_a_package_that_cannot_be_installed_is_told_in_dbts_words(product: Path, registry: WarmRegistry) -> None:
    shutil.rmtree(product.parent / "sourdough")
    with pytest.raises(FloeError, match="sourdough") as refusal:
        compile_product(product, install_packages=True, registry=registry)
    assert codes_of(refusal.value) == ["FLOE-C205"]
    assert not list((product / ".floe" / "bundles").iterdir())


def test_dbt_sees_the_environment_of_whoever_installs_and_the_bundle_nothing_of_it(
    product: Path, registry: WarmRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = "{{ env_var('BAKERY_SHELF', '../empty') }}"
    (product / "packages.yml").write_text(f'packages:\n  - local: "{shelf}"\n')
    monkeypatch.setenv("BAKERY_SHELF", "../sourdough")
    compiled = compile_product(product, install_packages=True, registry=registry)
    assert verify(compiled.path).read("project/packages.yml").decode() == (product / "packages.yml").read_text()
