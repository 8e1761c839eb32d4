"""A bundle that the real dbt compiled, to be changed in memory, sealed again and compared."""

from __future__ import annotations

import pytest

from tests.diffs import Bench
from tests.resealed import Resealed
from tests.warm import WarmRegistry


@pytest.fixture(scope="session")
def beacons(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Resealed:
    """The base product of the corpus."""
    return Resealed.of(Bench(tmp_path_factory.mktemp("beacons"), registry).bundle(("dev",)))
