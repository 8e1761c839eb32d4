"""The example in fixtures/products/three-tier, all the way: two targets, ten policies, every value explained."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from floe_compiler import compile_product
from floe_compiler.cli.main import main
from floe_compiler.explanation import Unknown, explain
from floe_compiler.pipeline import decide_product
from tests.warm import WarmRegistry

EXAMPLE = Path(__file__).parents[2] / "fixtures" / "products" / "three-tier"
TARGETS = ("dev", "prod")


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """A copy in a repository of its own."""
    shutil.copytree(EXAMPLE, tmp_path / "halden")
    (tmp_path / "halden" / ".git").mkdir()
    return tmp_path / "halden" / "product"


def paths(value: Any, at: str = "") -> Iterator[str]:
    """The dotted path of everything that stands in a document."""
    for key, item in value.items() if isinstance(value, dict) else ():
        path = f"{at}.{key}".removeprefix(".")
        yield path
        yield from paths(item, path)


def test_ten_policies_of_three_tiers_are_judged_on_two_targets(product: Path, registry: WarmRegistry) -> None:
    compiled = compile_product(product, targets=TARGETS, registry=registry)
    report = json.loads(compiled.policy_report.read_bytes())
    assert report["outcome"] == "passed"
    assert len(report["policies"]) == 10
    index = json.loads((compiled.path / "compiled_artifacts.json").read_bytes())
    assert sorted(index["targets"]) == sorted(TARGETS)


def test_every_value_that_the_tiers_and_the_product_hold_is_explained(product: Path) -> None:
    resolved, configured = decide_product(product, targets=TARGETS)
    platform = [
        path for path in paths(resolved.platform_document.value) if not path.startswith(("metadata", "extends"))
    ]
    own = [path for path in paths(resolved.product_document.value) if path not in ("apiVersion", "kind")]
    assert len(platform) > 40
    asked = [path for path in (*platform, *own) if path not in ("apiVersion", "kind")]
    silent = [path for path in asked if isinstance(explain(path, resolved, configured), Unknown)]
    assert silent == []


def test_the_chain_names_the_tier_that_decided(product: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "policies.checks.staging-names.severity", "--product", str(product)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "policies.checks.staging-names.severity: error"
    assert "halden-ferries 1.2.0" in lines[1]
