"""The facts of two bundles, all of them, and the graph that their impact follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from floe_compiler.diff.compare.facts import Fact
from floe_compiler.diff.compare.product import product_facts
from floe_compiler.diff.lineage import Lineage

if TYPE_CHECKING:
    from floe_compiler.verify import VerifiedBundle


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that differs, in any order."""

    facts: tuple[Fact, ...]
    lineage: Lineage


def compare(old: VerifiedBundle, new: VerifiedBundle) -> Comparison:
    """Everything in which two bundles differ."""
    facts = tuple(product_facts(old.index, new.index))
    return Comparison(facts, Lineage(()))
