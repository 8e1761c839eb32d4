"""A graph in layers, from left to right, after Sugiyama: what is read stands to the left of what reads it.

Ranks, an order within each layer that crosses few edges, and heights that keep edges flat. Everything is decided by
the order of the input, so the same graph always gives the same picture, and costs about the same per edge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

Edge = tuple[int, int]
ROW: Final = 38.0
"""From the middle of a node to the middle of the next one below."""
BEND_ROW: Final = 14.0
"""The same for an edge that passes through a layer."""
GAP: Final = 64.0
_MARGIN: Final = 20.0
_SWEEPS: Final = 6
_MOST_BENDS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Box:
    """A node: the middle of its left side, and its width."""

    x: float
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Where everything lies. An edge is a list of points from the right of one box to the left of another."""

    boxes: tuple[Box, ...]
    lines: Mapping[Edge, tuple[tuple[float, float], ...]]
    width: float
    height: float


@dataclass(slots=True)
class _Layers:
    """Nodes, and the bends of edges that pass through: both are numbers, those of bends come after the nodes'."""

    nodes: int
    rank: list[int]
    order: list[list[int]]
    before: list[list[int]] = field(default_factory=list)
    after: list[list[int]] = field(default_factory=list)
    bends: dict[Edge, list[int]] = field(default_factory=dict)

    def row(self, one: int) -> float:
        return ROW if one < self.nodes else BEND_ROW


def layered(widths: Sequence[float], edges: Sequence[Edge]) -> Picture:
    """The picture of a graph whose nodes have these widths; an edge leads from what is read to what reads it."""
    forward = [edge for edge in dict.fromkeys(edges) if edge[0] != edge[1]]
    layers = _in_layers(len(widths), _without_circles(len(widths), forward))
    for sweep in range(_SWEEPS):
        _sort(layers, leftwards=sweep % 2 == 1)
    heights = _heights(layers)
    return _drawn(widths, layers, heights)


def _without_circles(nodes: int, edges: Sequence[Edge]) -> list[Edge]:
    """The edges, those that close a circle turned around: two bundles together may have one."""
    after: list[list[int]] = [[] for _ in range(nodes)]
    for start, end in edges:
        after[start].append(end)
    done, place = [False] * nodes, [-1] * nodes
    kept: list[Edge] = []
    for root in range(nodes):
        pending = [(root, iter(after[root]))] if place[root] < 0 else []
        if pending:
            place[root] = 0
        while pending:
            one, following = pending[-1]
            for reader in following:
                kept.append((one, reader) if done[reader] or place[reader] < 0 else (reader, one))
                if place[reader] < 0:
                    place[reader] = len(pending)
                    pending.append((reader, iter(after[reader])))
                    break
            else:
                done[one] = True
                pending.pop()
    return sorted(set(kept))


def _in_layers(nodes: int, edges: Sequence[Edge]) -> _Layers:
    rank = _ranks(nodes, edges)
    span = sum(rank[end] - rank[start] - 1 for start, end in edges)
    layers = _Layers(nodes, rank, [[] for _ in range(max(rank, default=0) + 1)])
    layers.before = [[] for _ in range(nodes)]
    layers.after = [[] for _ in range(nodes)]
    for start, end in edges:
        chain = [start]
        for level in range(rank[start] + 1, rank[end]) if span <= _MOST_BENDS else ():
            chain.append(len(rank))
            rank.append(level)
            layers.before.append([])
            layers.after.append([])
        layers.bends[start, end] = chain[1:]
        for one, following in zip(chain, [*chain[1:], end], strict=True):
            layers.after[one].append(following)
            layers.before[following].append(one)
    for one in _depth_first(layers):
        layers.order[rank[one]].append(one)
    return layers


def _ranks(nodes: int, edges: Sequence[Edge]) -> list[int]:
    """As far left as possible; then what is only read is moved to the right, beside its first reader."""
    after: list[list[int]] = [[] for _ in range(nodes)]
    waiting = [0] * nodes
    for start, end in edges:
        after[start].append(end)
        waiting[end] += 1
    only_read = [one for one in range(nodes) if waiting[one] == 0 and after[one]]
    rank = [0] * nodes
    ready = [one for one in range(nodes) if waiting[one] == 0]
    for one in ready:
        for reader in after[one]:
            rank[reader] = max(rank[reader], rank[one] + 1)
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    for one in only_read:
        rank[one] = min(rank[reader] for reader in after[one]) - 1
    return rank


def _depth_first(layers: _Layers) -> list[int]:
    """Everything, neighbours near each other: a good order to begin with."""
    seen: dict[int, None] = {}
    roots = sorted(range(len(layers.rank)), key=lambda one: (layers.rank[one], one))
    for root in roots:
        pending = [root]
        while pending:
            one = pending.pop()
            if one not in seen:
                seen[one] = None
                pending.extend(reversed(layers.after[one]))
    return list(seen)


def _sort(layers: _Layers, *, leftwards: bool) -> None:
    """Orders every layer by where its neighbours in the layer before it stand, on average."""
    place = {one: float(at) for layer in layers.order for at, one in enumerate(layer)}
    neighbours = layers.after if leftwards else layers.before
    for layer in reversed(layers.order) if leftwards else layers.order:
        wanted = {
            one: sum(place[other] for other in neighbours[one]) / len(neighbours[one])
            if neighbours[one]
            else place[one]
            for one in layer
        }
        layer.sort(key=wanted.__getitem__)
        place.update((one, float(at)) for at, one in enumerate(layer))


def _heights(layers: _Layers) -> list[float]:
    """A height for everything, so that no two of a layer touch and edges are as flat as that allows."""
    height = [0.0] * len(layers.rank)
    for layer in layers.order:
        total = sum(map(layers.row, layer))
        at = -total / 2
        for one in layer:
            height[one] = at + layers.row(one) / 2
            at += layers.row(one)
    for sweep in range(_SWEEPS):
        neighbours = layers.before if sweep % 2 == 0 else layers.after
        for layer in layers.order if sweep % 2 == 0 else reversed(layers.order):
            _settle(layers, layer, [_mean(height, neighbours[one], height[one]) for one in layer], height)
    lowest = min((height[one] - layers.row(one) / 2 for one in range(len(height))), default=0.0)
    return [at - lowest + _MARGIN for at in height]


def _mean(height: list[float], neighbours: list[int], own: float) -> float:
    return sum(height[other] for other in neighbours) / len(neighbours) if neighbours else own


def _settle(layers: _Layers, layer: list[int], wanted: list[float], height: list[float]) -> None:
    """As near to the wanted heights as the order allows: the mean of pushing downwards and of pushing upwards."""
    apart = [(layers.row(one) + layers.row(other)) / 2 for one, other in pairwise(layer)]
    down, up = list(wanted), list(wanted)
    for at, distance in enumerate(apart):
        down[at + 1] = max(down[at + 1], down[at] + distance)
    for at in range(len(apart) - 1, -1, -1):
        up[at] = min(up[at], up[at + 1] - apart[at])
    for at, one in enumerate(layer):
        height[one] = (down[at] + up[at]) / 2


def _drawn(widths: Sequence[float], layers: _Layers, height: list[float]) -> Picture:
    lefts, at = [], _MARGIN
    broad = [max((widths[one] for one in layer if one < layers.nodes), default=0.0) for layer in layers.order]
    for wide in broad:
        lefts.append(at)
        at += wide + GAP
    boxes = tuple(Box(lefts[layers.rank[one]], height[one], widths[one]) for one in range(layers.nodes))
    lines = {}
    for (start, end), bends in layers.bends.items():
        points = [(boxes[start].x + boxes[start].width, boxes[start].y)]
        for bend in bends:
            left = lefts[layers.rank[bend]]
            points += [(left, height[bend]), (left + broad[layers.rank[bend]], height[bend])]
        lines[start, end] = (*points, (boxes[end].x, boxes[end].y))
    tall = max((height[one] + layers.row(one) / 2 for one in range(len(height))), default=0.0)
    return Picture(boxes, lines, max(at - GAP + _MARGIN, 0.0), tall + _MARGIN)
