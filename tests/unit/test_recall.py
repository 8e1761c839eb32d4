"""Nothing changed means nothing runs: what was compiled is recognised, and nothing else is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from floe_compiler.pipeline import compile_product, store_of
from floe_compiler.plugins.contracts import DBTRuntimePlugin
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.recall import Request, recall
from floe_compiler.store.layout import Store
from floe_compiler.store.listing import INDEX
from tests.warm import RecordedDbt, WarmRegistry

PRODUCTS = Path(__file__).parents[2] / "fixtures" / "products"
TODAY = datetime.now(UTC).date()


class RecordedRegistry(PluginRegistry):
    """The real plugins, but for dbt: a recording of it."""

    def __init__(self, manifest: bytes) -> None:
        super().__init__()
        self._dbt = RecordedDbt(manifest)

    def get_runtime(self, name: str, config: Mapping[str, Any], environ: Mapping[str, str]) -> DBTRuntimePlugin:
        return self._dbt


@pytest.fixture(scope="module")
def recorded(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> RecordedRegistry:
    """What the real dbt makes of the product, to be had at once."""
    folder = tmp_path_factory.mktemp("recorded")
    for name in ("corner-shop", "platform"):
        shutil.copytree(PRODUCTS / name, folder / name)
    compiled = compile_product(folder / "corner-shop", registry=registry)
    return RecordedRegistry((compiled.path / "targets" / "dev" / "manifest.json").read_bytes())


@pytest.fixture
def compiled(shop: Path, recorded: RecordedRegistry) -> Path:
    """A product that was compiled a moment ago."""
    compile_product(shop, registry=recorded)
    return shop


def known(product: Path, *targets: str, store: Store | None = None, today: date = TODAY) -> str | None:
    found = recall(store or store_of(product), Request(product, targets), today)
    return found.digest if found else None


def test_a_product_that_was_compiled_is_known(compiled: Path) -> None:
    (bundle,) = store_of(compiled).bundles.iterdir()
    assert known(compiled) == bundle.name.replace("-", ":")


def test_the_same_product_is_known_by_its_file_and_through_a_link(compiled: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(compiled)
    assert known(tmp_path / "link", store=store_of(compiled)) == known(compiled)


def test_another_target_is_another_request(compiled: Path) -> None:
    assert known(compiled, "another") is None


def test_an_empty_store_knows_nothing(compiled: Path, tmp_path: Path) -> None:
    assert known(compiled, store=Store(tmp_path / "elsewhere")) is None


def first(product: Path, pattern: str) -> Path:
    return sorted(product.glob(pattern))[0]


@pytest.mark.parametrize(
    "pattern", ["floe.yaml", "dbt_project.yml", "models/**/*.sql", "seeds/*.csv", "models/**/*.yml"]
)
def test_a_file_that_changed_makes_it_unknown(compiled: Path, pattern: str) -> None:
    file = first(compiled, pattern)
    file.write_bytes(file.read_bytes() + b"\n")
    assert known(compiled) is None


def test_a_platform_that_changed_makes_it_unknown(compiled: Path) -> None:
    for file in (compiled.parent / "platform").glob("*.yaml"):
        file.write_bytes(file.read_bytes() + b"\n")
    assert known(compiled) is None


def test_a_file_that_came_or_went_makes_it_unknown(compiled: Path) -> None:
    new = compiled / "models" / "new.sql"
    new.write_text("select 1 as id\n")
    assert known(compiled) is None
    new.unlink()
    assert known(compiled) is not None
    first(compiled, "models/**/*.sql").unlink()
    assert known(compiled) is None


def test_a_package_that_came_makes_it_unknown(compiled: Path) -> None:
    package = compiled / "dbt_packages" / "kit"
    package.mkdir(parents=True)
    (package / "dbt_project.yml").write_text("name: kit\n")
    assert known(compiled) is None


def test_a_file_that_dbt_does_not_read_changes_nothing(compiled: Path) -> None:
    (compiled / "README.txt").write_text("Bread.\n")
    (compiled / "models" / ".notes.sql").write_text("select\n")
    assert known(compiled) is not None


@pytest.mark.timeout(20)
@pytest.mark.parametrize("pattern", ["floe.yaml", "dbt_project.yml", "models/**/*.sql"])
def test_what_became_a_pipe_is_not_waited_for(compiled: Path, pattern: str) -> None:
    file = first(compiled, pattern)
    file.unlink()
    os.mkfifo(file)
    assert known(compiled) is None


def test_a_dbtignore_that_cannot_be_used_is_left_to_the_next_stage(compiled: Path) -> None:
    (compiled / ".dbtignore").write_bytes(b"\xff")
    assert known(compiled) is None


def test_a_bundle_that_is_not_whole_any_more_is_not_trusted(compiled: Path) -> None:
    (bundle,) = store_of(compiled).bundles.iterdir()
    index = bundle / INDEX
    index.chmod(0o644)
    index.write_bytes(index.read_bytes() + b" ")
    assert known(compiled) is None


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b'{"format": "floe recall 0"}', b"[1]"])
@pytest.mark.parametrize("record", ["plans", "results"])
def test_a_record_that_makes_no_sense_is_as_good_as_none(compiled: Path, record: str, content: bytes) -> None:
    for file in (store_of(compiled).cache / record).iterdir():
        file.write_bytes(content)
    assert known(compiled) is None
