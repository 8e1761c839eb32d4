"""Products on platforms of one or more tiers, written for a test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from floe_compiler.errors import FloeError, Problem
from floe_compiler.pipeline import decide_product
from floe_compiler.resolve import ResolvedProduct

FLOE = """\
apiVersion: floe.dev/v1
kind: DataProduct
metadata: {{name: orders, version: 1.0.0}}
platform: {platform}
{body}
"""
BUILDS = "transforms: [{type: dbt, path: .}]"
TIER = """\
apiVersion: floe.dev/v1
kind: PlatformManifest
metadata: {{name: {name}, version: 1.0.0, owner: {name}@acme.example}}
{extends}{body}
"""


def write_product(folder: Path, *tiers: str, floe: str = BUILDS, platform: str | None = None) -> Path:
    """A product in a repository. `tiers` are the bodies of platform manifests, the highest first, in the files
    tier0.yaml, tier1.yaml and so on; the product names the last one."""
    (folder / ".git").mkdir(parents=True, exist_ok=True)
    for i, body in enumerate(tiers):
        write_tier(folder, i, body)
    product = folder / "product"
    product.mkdir(exist_ok=True)
    named = platform or f"../tier{len(tiers) - 1}.yaml"
    (product / "floe.yaml").write_text(FLOE.format(platform=named, body=floe))
    (product / "dbt_project.yml").write_text("name: orders\nprofile: orders\n")
    return product


def write_tier(folder: Path, i: int, body: str, extends: str | None = None) -> Path:
    """One tier; without `extends` it extends the one above, if there is one."""
    above = extends or (f"tier{i - 1}.yaml" if i else None)
    file = folder / f"tier{i}.yaml"
    file.write_text(TIER.format(name=f"tier{i}", extends=f"extends: {above}\n" if above else "", body=body))
    return file


def decided(product: Path, targets: Sequence[str] = ()) -> ResolvedProduct:
    """The product with every choice made."""
    return decide_product(product, targets=targets)[0]


def refusals(product: Path, targets: Sequence[str] = ()) -> tuple[Problem, ...]:
    """The problems for which it is refused; at least one."""
    with pytest.raises(FloeError) as caught:
        decide_product(product, targets=targets)
    return caught.value.problems


def refusal(product: Path, targets: Sequence[str] = ()) -> Problem:
    """The only problem for which it is refused."""
    (problem,) = refusals(product, targets)
    return problem


def values(resolved: ResolvedProduct, path: str) -> list[object]:
    """Everything that was said of a value, what decided it first."""
    return [origin.value for origin in resolved.origins[path]]
