"""The impacted lineage: what changed, what is downstream of it, and what the changed nodes read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from floe_compiler.diff.lineage import Lineage
from floe_compiler.model.change_set import LEVELS, Change, Finding, Graph, GraphEdge, GraphNode, Level

_RANK: Final[dict[Level, int]] = {level: rank for rank, level in enumerate(LEVELS)}


def graph_of(findings: Iterable[Finding], lineage: Lineage) -> Graph:
    """Only what is not safe has anything downstream; an acknowledged finding keeps its node and loses its colour."""
    changed: dict[str, tuple[Change | None, Level | None]] = {}
    starts: set[str] = set()
    for finding in findings:
        own = finding.object.id
        if own in lineage.nodes:
            change = finding.change if finding.field is None else "changed"
            _mark(changed, own, change, None if finding.acknowledged else finding.level)
        reached = [found.node.id for found in finding.affected if found.compiled != "same"]
        for name in reached:
            if name in lineage.nodes:
                _mark(changed, name, "changed", None if finding.acknowledged else finding.level)
        if finding.level != "safe":
            starts.update(reached, [own])
    impacted = set(lineage.members(lineage.below(starts))) - changed.keys()
    shown = changed.keys() | impacted
    edges = [(parent, child) for parent, child in lineage.edges() if child in changed or {parent, child} <= shown]
    shown |= {parent for parent, _ in edges}
    return Graph(
        nodes=tuple(_node(name, changed, impacted, lineage) for name in sorted(shown)),
        edges=tuple(GraphEdge(source=parent, to=child) for parent, child in sorted(edges)),
    )


def _mark(
    changed: dict[str, tuple[Change | None, Level | None]], name: str, change: Change, level: Level | None
) -> None:
    """Keeps the worst level, and what happened to the node as a whole rather than to a part of it."""
    before, worst = changed.get(name, (None, None))
    whole = before if before not in (None, "changed") else change
    changed[name] = (whole, _worse(worst, level))


def _worse(one: Level | None, other: Level | None) -> Level | None:
    if one is None or other is None:
        return one or other
    return min(one, other, key=_RANK.__getitem__)


def _node(
    name: str, changed: dict[str, tuple[Change | None, Level | None]], impacted: set[str], lineage: Lineage
) -> GraphNode:
    ref = lineage.ref(name)
    change, level = changed.get(name, (None, None))
    return GraphNode(
        id=name,
        resource_type=ref.resource_type,
        name=ref.name,
        state="changed" if name in changed else "impacted" if name in impacted else "unchanged",
        change=change,
        level=level,
        file=ref.file,
    )
