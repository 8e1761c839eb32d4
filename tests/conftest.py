"""What several kinds of tests share: products to compile, and a dbt that stays warm."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.diffs import Bench
from tests.resealed import Resealed
from tests.warm import WarmRegistry

FIXTURES = Path(__file__).parent.parent / "fixtures"


@pytest.fixture(scope="session")
def registry() -> Iterator[WarmRegistry]:
    """The real plugins, with one dbt process for the whole session."""
    warm = WarmRegistry()
    yield warm
    warm.end()


@pytest.fixture(scope="session")
def beacons(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Resealed:
    """A bundle of the product in `fixtures/diffs/base`, to be changed in memory, sealed again and compared."""
    return Resealed.of(Bench(tmp_path_factory.mktemp("beacons"), registry).bundle(("dev",)))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the small product `corner-shop`, its platform beside it."""
    for folder in ("corner-shop", "platform"):
        shutil.copytree(FIXTURES / "products" / folder, tmp_path / folder, symlinks=True)
    return tmp_path / "corner-shop"
