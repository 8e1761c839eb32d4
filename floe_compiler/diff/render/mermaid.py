"""A small mermaid flowchart of the impacted lineage, for what shows Markdown.

https://mermaid.js.org/syntax/flowchart.html. A large graph is cut down to what a reader looks for: what changed, the
exposures and metrics below it, and the nearest of the rest. A dotted arrow leads past nodes that are left out.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from floe_compiler.diff.render.report import SIGNS, rank_of
from floe_compiler.diff.render.visible import in_one_line
from floe_compiler.model.change_set import LEVELS, Graph, GraphNode

MOST_NODES: Final = 24
_LONGEST: Final = 40
_PLAIN: Final = frozenset(string.ascii_letters + string.digits + "_ .,/~+-")
_ENDS: Final = frozenset({"exposure", "metric"})
_SHAPES: Final = {"exposure": ("([", "])"), "metric": ("([", "])"), "seed": ("[(", ")]"), "source": ("[(", ")]")}
_CLASSES: Final = {
    "breaking": "fill:#fdecea,stroke:#b3261e,stroke-width:2px,color:#1d2127",
    "risky": "fill:#fdf3dc,stroke:#8a5a00,stroke-width:2px,color:#1d2127",
    "unknown": "fill:#f3ecfb,stroke:#6b3fa0,stroke-width:2px,color:#1d2127",
    "safe": "fill:#e8f5ec,stroke:#23703c,color:#1d2127",
    "changed": "fill:#eef0f2,stroke:#5b6470,color:#1d2127",
    "impacted": "fill:#eaf2fd,stroke:#1f5fbf,stroke-dasharray:4 3,color:#1d2127",
    "unchanged": "fill:#f3f1ed,stroke:#c9c5bd,color:#1d2127",
}


def flowchart(graph: Graph) -> str:
    """The chart, without fences; "" where there is nothing to draw."""
    chosen = _chosen(graph)
    if not chosen:
        return ""
    name = {node.id: f"n{number}" for number, node in enumerate(chosen)}
    used = sorted({_style(node) for node in chosen})
    return "\n".join(
        [
            "flowchart LR",
            *(f"  {name[node.id]}{_box(node)}:::{_style(node)}" for node in chosen),
            *(f"  {name[start]} {arrow} {name[end]}" for start, arrow, end in _arrows(graph, name)),
            *(f"  classDef {style} {_CLASSES[style]}" for style in used),
        ]
    )


def left_out(graph: Graph) -> int:
    """How many nodes the chart does not show."""
    return max(0, len(graph.nodes) - MOST_NODES)


def _chosen(graph: Graph) -> list[GraphNode]:
    if len(graph.nodes) <= MOST_NODES:
        return list(graph.nodes)
    distance = _distances(graph)

    def rank(node: GraphNode) -> tuple[int, int, int, str]:
        level = LEVELS.index(node.level) if node.level else len(LEVELS)
        kind = 0 if node.resource_type in _ENDS and node.state == "impacted" else rank_of(node)
        return (kind, level, distance.get(node.id, len(graph.nodes)), node.id)

    return sorted(sorted(graph.nodes, key=rank)[:MOST_NODES], key=lambda node: node.id)


def _distances(graph: Graph) -> dict[str, int]:
    """How many steps it is from the nearest change."""
    readers = _readers(graph)
    found = {node.id: 0 for node in graph.nodes if node.state == "changed"}
    pending = list(found)
    for one in pending:
        for reader in readers.get(one, ()):
            if reader not in found:
                found[reader] = found[one] + 1
                pending.append(reader)
    return found


def _readers(graph: Graph) -> dict[str, list[str]]:
    readers: dict[str, list[str]] = {}
    for edge in graph.edges:
        readers.setdefault(edge.source, []).append(edge.to)
    return readers


def _arrows(graph: Graph, shown: Collection[str]) -> Iterator[tuple[str, str, str]]:
    readers = _readers(graph)
    for start in shown:
        direct = [reader for reader in readers.get(start, ()) if reader in shown]
        yield from ((start, "-->", reader) for reader in direct)
        hidden = [reader for reader in readers.get(start, ()) if reader not in shown]
        yield from ((start, "-.->", end) for end in _past(hidden, readers, shown) if end not in direct)


def _past(hidden: Sequence[str], readers: dict[str, list[str]], shown: Collection[str]) -> list[str]:
    """The first shown nodes behind those that are not."""
    seen, ends, pending = set(hidden), dict[str, None](), list(hidden)
    while pending:
        for reader in readers.get(pending.pop(), ()):
            if reader in shown:
                ends[reader] = None
            elif reader not in seen:
                seen.add(reader)
                pending.append(reader)
    return sorted(ends)


def _box(node: GraphNode) -> str:
    opening, closing = _SHAPES.get(node.resource_type, ("[", "]"))
    name = in_one_line(node.name)
    name = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    sign = f"{SIGNS[node.change]} " if node.change else ""
    return f'{opening}"{_escaped(sign + name)}"{closing}'


def _escaped(text: str) -> str:
    """Mermaid's own form for every character that could mean something to it."""
    return "".join(c if c in _PLAIN else f"#{ord(c)};" for c in text)


def _style(node: GraphNode) -> str:
    return node.level or node.state
