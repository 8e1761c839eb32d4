"""The facts of two bundles, all of them, and the graph that their impact follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from floe_compiler.diff.compare.causes import package_lists
from floe_compiler.diff.compare.facts import Fact
from floe_compiler.diff.compare.files import file_facts
from floe_compiler.diff.compare.manifests import Constants, engine_fact, manifest_facts, together
from floe_compiler.diff.compare.pair import Pair, pairs
from floe_compiler.diff.compare.policies import policy_facts
from floe_compiler.diff.compare.product import product_facts
from floe_compiler.diff.compare.profiles import profile_facts
from floe_compiler.diff.compare.project_file import setting_facts
from floe_compiler.diff.compare.sealed import SealedProject
from floe_compiler.diff.lineage import Lineage

if TYPE_CHECKING:
    from floe_compiler.verify import VerifiedBundle

_OF_A_TARGET: Final = ("target.compute", "target.config", "target.version")
_IN_THE_PROFILE: Final = ("target.compute", "target.config")
_COMING_AND_GOING: Final = ("plugin.added", "plugin.removed", "plugin.replaced")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that differs, in any order."""

    facts: tuple[Fact, ...]
    lineage: Lineage


def compare(old: VerifiedBundle, new: VerifiedBundle) -> Comparison:
    """Everything in which two bundles differ. Files with equal digests are not read, equal bundles not at all."""
    if old.digest == new.digest:
        return Comparison((), Lineage(()))
    product = list(product_facts(old.index, new.index))
    of_targets = [fact for fact in product if fact.aspect in _OF_A_TARGET]
    replaced = [fact.thing.id for fact in product if fact.aspect in _COMING_AND_GOING]
    before, after = SealedProject(old), SealedProject(new)
    policies = list(policy_facts(old, new))
    constants = old.index.environment.constants, new.index.environment.constants
    same_project = before.digests == after.digests and constants[0] == constants[1] and not policies
    compared = list(pairs(old, new, before, after, skip_same=same_project))
    facts = [
        *(fact for fact in product if fact not in of_targets),
        *profile_facts(old, new, {fact.thing.id for fact in product if fact.aspect in _IN_THE_PROFILE}),
        *policies,
        *setting_facts(before, after),
        *package_lists(before, after),
        *_of_manifests(compared, constants, of_targets),
    ]
    if compared and not any(fact.thing.kind == "requirement" for fact in product):
        facts += [fact for fact in (engine_fact(compared[0]),) if fact]
    facts += file_facts(old, new, replaced, tuple(facts))
    manifests = [pair.new for pair in compared], [pair.old for pair in compared if not pair.same]
    return Comparison(tuple(facts), Lineage(*manifests, file_of=after.file_of))


def _of_manifests(
    compared: Sequence[Pair], constants: tuple[Constants, Constants], of_targets: Sequence[Fact]
) -> list[Fact]:
    found = {
        pair.target: manifest_facts(pair, constants, [fact for fact in of_targets if fact.thing.id == pair.target])
        for pair in compared
    }
    elsewhere = [fact for fact in of_targets if fact.thing.id not in found]
    return [*together(found), *elsewhere]
