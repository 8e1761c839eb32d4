"""Which nodes a run means: what the product's transforms select, narrowed by what the caller selects.

Source: https://docs.getdbt.com/reference/node-selection/set-operators (a blank is a union, a comma an
intersection).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floe_compiler.model.bundle import BundleHead


def effective_selection(head: BundleHead, target: str, asked: str | None) -> str | None:
    """dbt's `--select` for a target, or None for everything."""
    compute = head.targets[target].compute.name
    active = [transform for transform in head.transforms if transform.compute in (None, compute)]
    if any(transform.select is None for transform in active):
        return asked
    product = [criterion for transform in active for criterion in (transform.select or "").split()]
    if asked is None:
        return " ".join(product)
    return " ".join(f"{criterion},{narrower}" for criterion in product for narrower in asked.split())
