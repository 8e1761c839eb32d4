"""Facts: what differs, at which object and field, before and after. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default
from typing import Any

from floe_compiler.model.change_set import Affected, Change, NodeRef, Place, Step, Thing

Node = Mapping[str, Any]
"""A node, source, macro or the like, as the manifest has it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One difference. `aspect` says of what sort it is, in the words of the rule table: `column.removed`.

    `before` and `after` are JSON values. `broken` are nodes whose SQL still has a removed name in it, `reaches` the ids
    of nodes that its impact includes besides the `affected`. `old` and `new` are the members of the manifests that it
    was found in; empty where there is none.
    """

    aspect: str
    change: Change
    thing: Thing
    field: str | None = None
    before: Any = None
    after: Any = None
    where: Place | None = None
    cause: tuple[Step, ...] = ()
    affected: tuple[Affected, ...] = ()
    broken: tuple[NodeRef, ...] = ()
    reaches: tuple[str, ...] = ()
    old: Node = default(default_factory=dict)
    new: Node = default(default_factory=dict)

    def on(self, targets: tuple[str, ...]) -> Fact:
        """The same fact, on these targets."""
        return replace(self, thing=self.thing.model_copy(update={"targets": targets}))

    def with_broken(self, broken: tuple[NodeRef, ...]) -> Fact:
        """The same fact, with the nodes that are probably broken by it."""
        return replace(self, broken=broken)

    def reaching(self, affected: tuple[Affected, ...]) -> Fact:
        """The same fact, with the nodes that it reaches."""
        return replace(self, affected=affected)

    def moving(self, moved: tuple[Affected, ...]) -> Fact:
        """The fact that the tables of these nodes go by other names for this one."""
        aspect = "relation.by_macro" if self.thing.kind == "macro" else self.aspect
        return replace(self, aspect=aspect, affected=moved)

    def from_ids(self, reaches: tuple[str, ...]) -> Fact:
        """The same fact, whose impact includes these nodes."""
        return replace(self, reaches=reaches)

    def because_of(self, *steps: Step) -> Fact:
        """The same fact, with what it follows from before its own cause."""
        return replace(self, cause=(*steps, *self.cause))
