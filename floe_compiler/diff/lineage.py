"""Who reads what: the graph of both bundles together, and everything downstream of a node.

The graph is dbt's own (`child_map` of the manifests). What is downstream of every node is computed once, as a bit
set, so that a thousand findings cost little more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from floe_compiler.diff.compare.facts import Node
from floe_compiler.model.change_set import Impact, NodeRef, OwnedRef

SECTIONS: Final = ("nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "functions")
MOST_LISTED: Final = 50
"""How many nodes of a sort an impact names; its totals count all."""
_NO_LINEAGE: Final = frozenset({"test", "unit_test", "operation"})
_MODELS: Final = frozenset({"model", "snapshot"})


class Lineage:
    """The nodes of several manifests, and who reads them. The first manifest to have a node describes it.

    Nodes that only manifests from the second part on have, `gone`, are in nobody's impact any more.
    """

    def __init__(
        self,
        manifests: Sequence[Mapping[str, Any]],
        gone: Sequence[Mapping[str, Any]] = (),
        file_of: Callable[[Node], str | None] = lambda node: node.get("original_file_path"),
    ) -> None:
        self._file_of = file_of
        self._refs: dict[str, NodeRef] = {}
        self.nodes: dict[str, Node] = {}
        self._children: dict[str, dict[str, None]] = {}
        self._add(manifests)
        alive = frozenset(self.nodes)
        self._add(gone)
        for manifest in (*manifests, *gone):
            for parent, children in (manifest.get("child_map") or {}).items():
                if parent in self.nodes:
                    known = self._children.setdefault(parent, {})
                    known.update(dict.fromkeys(child for child in children if child in self.nodes))
        self._order = self._readers_last()
        self._bit = {name: at for at, name in enumerate(self._order)}
        self._below = self._everything_below()
        self._alive = sum(1 << at for at, name in enumerate(self._order) if name in alive)
        self._models = self._mask(_MODELS)
        self._exposures = self._mask(frozenset({"exposure"}))
        self._metrics = self._mask(frozenset({"metric"}))

    def _add(self, manifests: Sequence[Mapping[str, Any]]) -> None:
        for manifest in manifests:
            for section in SECTIONS:
                for name, node in (manifest.get(section) or {}).items():
                    if node.get("resource_type") not in _NO_LINEAGE:
                        self.nodes.setdefault(name, node)

    def children(self, name: str) -> Iterable[str]:
        """Those that read a node, without tests."""
        return self._children.get(name, {})

    def edges(self) -> Iterator[tuple[str, str]]:
        """Every node with every one that reads it."""
        return ((parent, child) for parent, children in self._children.items() for child in children)

    def below(self, starts: Iterable[str], including: Iterable[str] = ()) -> int:
        """What is downstream of some nodes and still there, as a bit set; those in `including` are part of it."""
        found = 0
        for name in starts:
            found |= self._below.get(name, 0)
        for name in including:
            if name in self._bit:
                found |= self._below[name] | 1 << self._bit[name]
        return found & self._alive

    def members(self, found: int, most: int | None = None) -> Iterator[str]:
        """The ids in a bit set, those that are read before those that read them."""
        while found and (most is None or most > 0):
            lowest = found & -found
            yield self._order[lowest.bit_length() - 1]
            found ^= lowest
            most = None if most is None else most - 1

    def impact(self, found: int) -> Impact:
        """A bit set as an impact."""
        models, exposures, metrics = found & self._models, found & self._exposures, found & self._metrics
        if not (models or exposures or metrics):
            return NO_IMPACT
        return Impact(
            models=tuple(self.ref(name) for name in self.members(models, MOST_LISTED)),
            exposures=tuple(owned(self.ref(name), self.nodes[name]) for name in self.members(exposures, MOST_LISTED)),
            metrics=tuple(self.ref(name) for name in self.members(metrics, MOST_LISTED)),
            models_total=models.bit_count(),
            exposures_total=exposures.bit_count(),
            metrics_total=metrics.bit_count(),
        )

    def ref(self, name: str) -> NodeRef:
        """A node as it is referred to."""
        if name not in self._refs:
            self._refs[name] = reference(name, self.nodes[name], self._file_of(self.nodes[name]))
        return self._refs[name]

    def _readers_last(self) -> list[str]:
        """Every node before those that read it, without recursion. A circle, which dbt refuses, is cut somewhere."""
        done: dict[str, None] = {}
        for root in sorted(self.nodes):
            pending = [(root, iter(sorted(self.children(root))))]
            entered = {root}
            while pending and root not in done:
                name, children = pending[-1]
                ahead = next((child for child in children if child not in done and child not in entered), None)
                if ahead is None:
                    done[name] = None
                    pending.pop()
                else:
                    entered.add(ahead)
                    pending.append((ahead, iter(sorted(self.children(ahead)))))
        return list(reversed(done))

    def _everything_below(self) -> dict[str, int]:
        below: dict[str, int] = {}
        for name in reversed(self._order):
            found = 0
            for child in self.children(name):
                found |= below.get(child, 0) | 1 << self._bit[child]
            below[name] = found
        return below

    def _mask(self, kinds: frozenset[str]) -> int:
        return sum(1 << at for at, name in enumerate(self._order) if self.nodes[name].get("resource_type") in kinds)


NO_IMPACT: Final = Impact()


def reference(name: str, node: Node, file: str | None) -> NodeRef:
    """A node of a manifest as it is referred to."""
    return NodeRef(id=name, resource_type=str(node.get("resource_type")), name=display_name(node), file=file)


def display_name(node: Node) -> str:
    """The name that people know: with the version of a model, and the name of a source before its table's."""
    name, version, kind = str(node.get("name")), node.get("version"), node.get("resource_type")
    if kind == "source":
        return f"{node.get('source_name')}.{name}"
    return f"{name}.v{version}" if version is not None and kind == "model" else name


def owned(ref: NodeRef, node: Node) -> OwnedRef:
    """An exposure as it is referred to, with its owner."""
    owner = node.get("owner") or {}
    return OwnedRef(
        **ref.model_dump(),
        type=node.get("type"),
        owner=owner.get("name"),
        email=owner.get("email") if isinstance(owner.get("email"), str) else None,
        url=node.get("url"),
    )
