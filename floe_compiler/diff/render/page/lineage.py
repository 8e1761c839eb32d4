"""The picture of the lineage: nodes in layers, what changed in the colour of its level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from floe_compiler.diff.render.layered import Picture, layered
from floe_compiler.diff.render.report import SIGNS
from floe_compiler.diff.render.visible import in_one_line
from floe_compiler.model.change_set import LEVELS, Graph, GraphNode

NODE_HEIGHT: Final = 32
_LONGEST: Final = 30
_ADVANCE: Final = 7.25
"""The width of a character of the names, in the units of the picture; fonts differ, so it is a little wide."""
_BEFORE_NAME: Final = 34
_OUTSIDE: Final = frozenset({"exposure", "metric", "semantic_model", "saved_query"})
_STATES: Final = {"changed": "changed", "impacted": "downstream of a change", "unchanged": "not changed"}


@dataclass(frozen=True, slots=True)
class LineageView:
    """What the template draws, and what the script needs to know of it."""

    width: int
    height: int
    nodes: tuple[dict[str, Any], ...]
    edges: tuple[dict[str, Any], ...]
    legend: tuple[str, ...]
    data: Mapping[str, Any]


def lineage_view(graph: Graph) -> LineageView:
    """The graph, laid out."""
    place = {node.id: at for at, node in enumerate(graph.nodes)}
    ends = [(place[edge.source], place[edge.to]) for edge in graph.edges]
    picture = layered([_width(node) for node in graph.nodes], ends)
    nodes = tuple(_node(node, picture, at) for at, node in enumerate(graph.nodes))
    width, height = round(picture.width), round(picture.height)
    return LineageView(
        width,
        height,
        nodes,
        tuple({"path": _path(picture, ends[at]), "hot": _is_hot(graph, ends[at])} for at in range(len(ends))),
        _legend(graph),
        {
            "width": width,
            "height": height,
            "first": _first(graph),
            "nodes": [_described(node, picture, at) for at, node in enumerate(graph.nodes)],
            "edges": ends,
        },
    )


def _width(node: GraphNode) -> float:
    return _BEFORE_NAME + _ADVANCE * max(len(_short(node)), 0.85 * len(node.resource_type), 6)


def _short(node: GraphNode) -> str:
    name = in_one_line(node.name)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _node(node: GraphNode, picture: Picture, at: int) -> dict[str, Any]:
    box = picture.boxes[at]
    styles = [node.state, node.level, node.change, "outside" if node.resource_type in _OUTSIDE else None]
    return {
        "x": round(box.x, 1),
        "top": round(box.y - NODE_HEIGHT / 2, 1),
        "width": round(box.width, 1),
        "height": NODE_HEIGHT,
        "style": " ".join(filter(None, styles)),
        "label": in_one_line(f"{node.resource_type} {node.name}: {_says(node)}"),
        "text": in_one_line(f"{node.name} {node.resource_type} {node.file or ''}").lower(),
        "short": _short(node),
        "type": node.resource_type.replace("_", " "),
        "mark": SIGNS[node.change] if node.change else "▸" if node.state == "impacted" else "·",
    }


def _says(node: GraphNode) -> str:
    """`changed, breaking`, `removed`, `downstream of a change`."""
    state = node.change if node.state == "changed" and node.change else _STATES[node.state]
    return f"{state}, {node.level}" if node.level else state


def _described(node: GraphNode, picture: Picture, at: int) -> dict[str, Any]:
    box = picture.boxes[at]
    return {
        "name": in_one_line(node.name),
        "type": node.resource_type.replace("_", " "),
        "file": in_one_line(node.file) if node.file else None,
        "says": _says(node),
        "x": round(box.x),
        "y": round(box.y),
    }


def _path(picture: Picture, ends: tuple[int, int]) -> str:
    """A smooth line through the points of an edge; one that closes a circle is drawn from its other end."""
    points = picture.lines.get(ends) or picture.lines.get((ends[1], ends[0])) or ()
    steps = [f"M{points[0][0]:.0f} {points[0][1]:.0f}"] if points else []
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (x + to_x) / 2
        steps.append(f"C{middle:.0f} {y:.0f} {middle:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}")
    return "".join(steps)


def _is_hot(graph: Graph, ends: tuple[int, int]) -> bool:
    """Whether a change travels along the edge."""
    start, end = graph.nodes[ends[0]], graph.nodes[ends[1]]
    return start.state != "unchanged" and end.state != "unchanged"


def _first(graph: Graph) -> int:
    """The node to look at first: the worst that changed."""

    def rank(at: int) -> tuple[int, int]:
        node = graph.nodes[at]
        return (LEVELS.index(node.level) if node.level else len(LEVELS), at)

    return min(range(len(graph.nodes)), key=rank, default=0)


def _legend(graph: Graph) -> tuple[str, ...]:
    levels = {node.level for node in graph.nodes}
    impacted = any(node.state == "impacted" for node in graph.nodes)
    return (*(level for level in LEVELS if level in levels), *(("impacted",) if impacted else ()))
