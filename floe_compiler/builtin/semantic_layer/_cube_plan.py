"""Which cubes there are, and what everything in them is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal, NamedTuple

from floe_compiler.builtin.semantic_layer._cube_manifest import (
    Column,
    Element,
    Manifest,
    Measure,
    Metric,
    Model,
    SemanticModel,
)
from floe_compiler.builtin.semantic_layer._cube_text import distinct

COUNT: Final = "count"
Kind = Literal["element", "measure", "metric", "column", "count"]


class Member(NamedTuple):
    """A member of a cube, by what dbt calls it."""

    kind: Kind
    dbt_name: str


@dataclass(frozen=True, slots=True)
class Cube:
    """A model with a table, as one semantic model sees it; or as it is, where there is none."""

    name: str
    model: Model
    semantic: SemanticModel | None
    metrics: Sequence[Metric]
    names: Mapping[Member, str]
    quote: str

    @property
    def elements(self) -> Sequence[Element]:
        """The entities and dimensions of the semantic model."""
        return self.semantic.elements if self.semantic else ()

    @property
    def entities(self) -> Sequence[Element]:
        """The entities of the semantic model."""
        return self.semantic.entities if self.semantic else ()

    @property
    def measures(self) -> Sequence[Measure]:
        """The measures of the semantic model."""
        return self.semantic.measures if self.semantic else ()

    @property
    def columns(self) -> list[Column]:
        """The declared columns that are not entities or dimensions already."""
        used = {element.sql for element in self.elements}
        return [column for name, column in sorted(self.model.columns.items()) if name not in used]

    @property
    def key(self) -> tuple[Member, ...]:
        """What tells rows apart: an entity, or columns that constraints or tests say so of; or nothing."""
        for kind in ("primary", "unique"):
            for entity in self.entities:
                if entity.type == kind:
                    return (Member("element", entity.name),)
        members = [self.member_of(column) for column in self.model.key]
        return tuple(member for member in members if member is not None) if None not in members else ()

    def member_of(self, column: str) -> Member | None:
        """The dimension that is this column."""
        for element in self.elements:
            if element.sql == column:
                return Member("element", element.name)
        return Member("column", column) if column in self.model.columns else None


class Join(NamedTuple):
    """Two cubes that share an entity; the first has a row for at most one of the second."""

    left: Cube
    right: Cube
    entity: str
    relationship: str


def cubes_of(manifest: Manifest, chosen: Callable[[Model, bool], bool]) -> list[Cube]:
    """A cube for every semantic model of a chosen model, and one for every other chosen model, by name.

    `chosen` is asked of each model that has a table, and told whether it has a semantic model.
    """
    found = list(_found(manifest, chosen))
    names = distinct((_wanted(model, semantic, found), model.package_name) for model, semantic in found)
    homes = _homes(manifest)
    cubes = []
    for name, (model, semantic) in zip(names, found, strict=True):
        metrics = homes.get(semantic.unique_id, []) if semantic else []
        quote = model.relation_name[0] if model.relation_name[0] in '"`' else '"'
        nameless = Cube(name, model, semantic, metrics, {}, quote)
        cubes.append(Cube(name, model, semantic, metrics, _names(nameless), quote))
    return sorted(cubes, key=lambda cube: cube.name)


def joins_of(cubes: Sequence[Cube]) -> list[Join]:
    """From a foreign entity to whom it is the key of, and between two cubes with one key."""
    keys: dict[tuple[str, str], list[Cube]] = {}
    for cube in cubes:
        for entity in cube.entities:
            keys.setdefault((entity.name, entity.type), []).append(cube)
    foreign = [
        Join(left, right, entity.name, "many_to_one")
        for left in cubes
        for entity in left.entities
        if entity.type == "foreign"
        for right in (*keys.get((entity.name, "primary"), ()), *keys.get((entity.name, "unique"), ()))
    ]
    same = [
        Join(left, right, entity, "one_to_one")
        for (entity, kind), sharing in keys.items()
        if kind == "primary"
        for left, right in combinations(sharing, 2)
    ]
    return [*foreign, *same]


def _found(manifest: Manifest, chosen: Callable[[Model, bool], bool]) -> Iterator[tuple[Model, SemanticModel | None]]:
    meanings: dict[str, list[SemanticModel]] = {}
    for semantic in manifest.semantic_models:
        for node in semantic.depends_on.nodes:
            meanings.setdefault(node, []).append(semantic)
    for model in manifest.models:
        if model.relation_name and chosen(model, model.unique_id in meanings):
            for semantic_or_none in meanings.get(model.unique_id, [None]):
                yield model, semantic_or_none


def _wanted(model: Model, semantic: SemanticModel | None, found: Sequence[tuple[Model, SemanticModel | None]]) -> str:
    name = model.name if model.version is None else f"{model.name}_v{model.version}"
    several = sum(other is model for other, _ in found) > 1
    return f"{name}_{semantic.name}" if several and semantic else name


def _homes(manifest: Manifest) -> dict[str, list[Metric]]:
    """Metrics by the semantic model of their first measure."""
    owner = {measure.name: model.unique_id for model in manifest.semantic_models for measure in model.measures}
    homes: dict[str, list[Metric]] = {}
    for metric in manifest.metrics:
        known = [owner[name] for name in metric.measures if name in owner]
        if known:
            homes.setdefault(known[0], []).append(metric)
    return homes


def is_measure(metric: Metric) -> bool:
    """Whether a metric is a measure under its own name, with nothing added."""
    own = metric.type_params.measure
    return (
        metric.type == "simple"
        and own is not None
        and own.name == metric.name
        and own.is_plain
        and not metric.filter.where_filters
    )


def _names(cube: Cube) -> dict[Member, str]:
    members = [Member("element", element.name) for element in cube.elements]
    members += [Member("metric", metric.name) for metric in cube.metrics if not is_measure(metric)]
    members += [Member("measure", measure.name) for measure in cube.measures]
    if not cube.measures:
        members.append(Member("count", COUNT))
    members += [Member("column", column.name) for column in cube.columns]
    members = list(dict.fromkeys(members))
    return dict(zip(members, distinct((member.dbt_name, member.kind) for member in members), strict=True))
