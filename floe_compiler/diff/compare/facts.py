"""Facts: what differs, at which object and field, before and after. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default
from typing import Any

from pydantic import JsonValue

from floe_compiler.model.change_set import Affected, Change, NodeRef, Place, Step, Thing

Node = Mapping[str, Any]
"""A node, source, macro or the like, as the manifest has it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One difference. `aspect` says of what sort it is, in the words of the rule table: `column.removed`.

    `old` and `new` are the members of the manifests that it was found in; empty where there is none. `reaches` are
    the ids of nodes that its impact includes besides the `affected`, `broken` those whose SQL still has a removed name
    in it.
    """

    aspect: str
    change: Change
    thing: Thing
    field: str | None = None
    before: JsonValue = None
    after: JsonValue = None
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
