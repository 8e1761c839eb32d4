"""The governed product, and what the real dbt makes of it, once for all tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from floe_compiler.compile import check
from floe_compiler.compile.policies import Evidence, judge
from floe_compiler.load import load
from floe_compiler.manifest import normal_manifest
from floe_compiler.model.policy_report import PolicyReport
from floe_compiler.pipeline import compile_product
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.resolve import resolve
from floe_compiler.store.layout import Store
from tests.unit.policies.products import TARGETS
from tests.warm import WarmRegistry

GOVERNED = Path(__file__).parent.parent.parent.parent / "fixtures" / "products" / "governed"
Judge = Callable[..., PolicyReport]


@pytest.fixture(scope="session")
def manifests(tmp_path_factory: pytest.TempPathFactory, registry: WarmRegistry) -> dict[str, bytes]:
    """dbt's manifests of the governed product, by target."""
    product = tmp_path_factory.mktemp("recorded") / "governed"
    shutil.copytree(GOVERNED, product)
    compiled = compile_product(product, targets=TARGETS, registry=registry)
    return {target: (compiled.path / "targets" / target / "manifest.json").read_bytes() for target in TARGETS}


@pytest.fixture
def governed(tmp_path: Path) -> Path:
    """A copy of the governed product."""
    return Path(shutil.copytree(GOVERNED, tmp_path / "governed"))


@pytest.fixture
def judged(governed: Path, manifests: dict[str, bytes], tmp_path: Path) -> Judge:
    """Judges the product as it is on disk now, on the recorded manifests, or on others."""

    def run(
        today: date | None = None,
        targets: tuple[str, ...] = ("dev",),
        of: dict[str, bytes] | None = None,
        registry: PluginRegistry | None = None,
    ) -> PolicyReport:
        registry = registry or PluginRegistry()
        documents = load(governed, Store(tmp_path / ".floe"))
        resolved = resolve(documents, registry.names(), targets)
        normal = {target: normal_manifest((of or manifests)[target], target) for target in targets}
        evidence = Evidence(normal, ())
        scratch = tmp_path / f"scratch-{len(list(tmp_path.iterdir()))}"
        return judge(resolved, check(resolved, registry), evidence, scratch, today or datetime.now(UTC).date())

    return run
