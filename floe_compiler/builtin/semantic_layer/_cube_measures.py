"""Measures and metrics as measures of Cube; what Cube has no words for is named, with the reason.

Source: https://cube.dev/docs/reference/data-model/measures
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from floe_compiler.builtin.semantic_layer._cube_manifest import Filters, Input, Measure, Metric
from floe_compiler.builtin.semantic_layer._cube_plan import COUNT, Cube, Join, Member, is_measure
from floe_compiler.builtin.semantic_layer._cube_text import expression, literal

_AGGREGATIONS: Final = {
    "sum": "sum",
    "sum_boolean": "sum",
    "count": "count",
    "count_distinct": "count_distinct",
    "average": "avg",
    "min": "min",
    "max": "max",
}
_OF_METRICS: Final = {
    "derived": "its expression is SQL over the names of metrics, which only dbt reads",
    "cumulative": "its window follows dbt's time spine",
    "conversion": "it follows an entity from one event to another",
}
_MARK: Final = "\x00"
MISTAKES: Final = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
"""What a template raises that asks for what there is not."""


class Inexpressible(Exception):
    """Cube has no words for it; the message says why."""


class Names(NamedTuple):
    """A path such as `line__colour`, resolved from one cube: to the cube and the member that it names."""

    cube: Cube
    joins: Sequence[Join]

    def of_path(self, path: str) -> tuple[Cube, str]:
        """The dimension or entity. Raises Inexpressible."""
        *through, name = path.split("__")
        if len(through) > 1:
            raise Inexpressible(f"`{path}` is more than one join away")
        here = self.cube.semantic.key_names if self.cube.semantic else set()
        if not through or through[0] in here:
            return self.cube, self._member(self.cube, name, path)
        for join in self.joins:
            if join.left is self.cube and join.entity == through[0]:
                return join.right, self._member(join.right, name, path)
        raise Inexpressible(f"no chosen model is joined on `{through[0]}`")

    def granularity(self, path: str) -> str:
        """How fine a time dimension is. Raises Inexpressible."""
        cube, _ = self.of_path(path)
        name = path.rsplit("__", maxsplit=1)[-1]
        return next(element.type_params.time_granularity for element in cube.elements if element.name == name)

    def reference(self, cube: Cube, name: str) -> str:
        """How the cube's SQL names a member of it or of another."""
        return f"{{CUBE.{name}}}" if cube is self.cube else f"{{{cube.name}.{name}}}"

    def _member(self, cube: Cube, name: str, path: str) -> str:
        try:
            return cube.names[Member("element", name)]
        except KeyError:
            raise Inexpressible(f"`{path}` is no dimension or entity of a chosen model") from None


class Expressed(NamedTuple):
    """The measures of a cube, and what could not be one."""

    measures: list[dict[str, Any]]
    missing: list[dict[str, str]]


def measures_of(cube: Cube, cubes: Sequence[Cube], joins: Sequence[Join]) -> Expressed:
    """In the order in which dbt has them; a cube without measures counts its rows."""
    found: list[dict[str, Any]] = []
    missing: list[dict[str, str]] = []
    if not cube.measures:
        found.append({"name": cube.names[Member("count", COUNT)], "type": "count"})
    named_by = {metric.name: metric for metric in cube.metrics if is_measure(metric)}
    for measure in cube.measures:
        metric_or_none = named_by.get(measure.name)
        try:
            found.append(_measure(cube, measure, metric_or_none))
        except Inexpressible as reason:
            missing.append(_missing("metric" if metric_or_none else "measure", measure.name, reason))
    for metric in cube.metrics:
        if metric.name in named_by:
            continue
        try:
            found.append(_metric(cube, metric, cubes, joins))
        except Inexpressible as reason:
            missing.append(_missing("metric", metric.name, reason))
    return Expressed(found, missing)


def is_expressed(metric: Metric, cubes: Sequence[Cube], joins: Sequence[Join]) -> tuple[Cube, str]:
    """The cube that has the metric, and what it is called there. Raises Inexpressible."""
    for cube in cubes:
        if metric in cube.metrics:
            expressed = _metric(cube, metric, cubes, joins)
            name: str = expressed["name"]
            return cube, name
    raise Inexpressible(f"the model of metric `{metric.name}` is not chosen")


def _missing(kind: str, name: str, reason: Inexpressible) -> dict[str, str]:
    return {kind: literal(name), "why": literal(str(reason))}


def described(label: str, description: str) -> Iterator[tuple[str, str]]:
    """Title and description, where there are any."""
    for key, text in (("title", label), ("description", description)):
        if text.strip():
            yield key, literal(text)


def _measure(cube: Cube, measure: Measure, metric: Metric | None) -> dict[str, Any]:
    label = (metric.label if metric else "") or measure.label
    description = (metric.description if metric else "") or measure.description
    meta = {"dbt": {"unique_id": literal(metric.unique_id)} if metric else {"measure": literal(measure.name)}}
    name = cube.names[Member("measure", measure.name)]
    return {"name": name, **dict(described(label, description)), **_aggregation(cube, measure), "meta": meta}


def _aggregation(cube: Cube, measure: Measure) -> dict[str, Any]:
    if measure.agg not in _AGGREGATIONS:
        raise Inexpressible(f"Cube aggregates no `{measure.agg}` that every database knows")
    if measure.non_additive_dimension:
        raise Inexpressible("it does not add up over a dimension")
    sql = expression(measure.expr or measure.name, cube.quote)
    if measure.agg == "sum_boolean":
        sql = f"CASE WHEN {sql} THEN 1 ELSE 0 END"
    return {"type": _AGGREGATIONS[measure.agg], "sql": sql}


def _metric(cube: Cube, metric: Metric, cubes: Sequence[Cube], joins: Sequence[Join]) -> dict[str, Any]:
    head = dict(described(metric.label, metric.description))
    tail = {"meta": {"dbt": {"unique_id": literal(metric.unique_id)}}}
    member = Member("measure" if is_measure(metric) else "metric", metric.name)
    if metric.type in _OF_METRICS:
        raise Inexpressible(_OF_METRICS[metric.type])
    makers: Mapping[str, Any] = {"simple": _simple, "ratio": _ratio}
    if metric.type not in makers:
        raise Inexpressible(f"floe does not know metrics of type `{metric.type}`")
    return {"name": cube.names[member], **head, **makers[metric.type](Names(cube, joins), metric, cubes), **tail}


def _simple(names: Names, metric: Metric, cubes: Sequence[Cube]) -> dict[str, Any]:
    own = metric.type_params.measure
    measure = next((m for m in names.cube.measures if own and m.name == own.name), None)
    if own is None or measure is None:
        raise Inexpressible("it names no measure")
    if own.join_to_timespine or own.fill_nulls_with is not None:
        raise Inexpressible("it fills in days without rows, from dbt's time spine")
    conditions = [_condition(names, filters) for filters in (own.filter, metric.filter) if filters.where_filters]
    sql = [{"sql": text} for texts in conditions for text in texts]
    return {**_aggregation(names.cube, measure), **({"filters": sql} if sql else {})}


def _ratio(names: Names, metric: Metric, cubes: Sequence[Cube]) -> dict[str, Any]:
    if metric.filter.where_filters:
        raise Inexpressible("it filters what it divides")
    parts = [_part(names, used, cubes) for used in (metric.type_params.numerator, metric.type_params.denominator)]
    return {"type": "number", "sql": f"1.0 * {parts[0]} / NULLIF({parts[1]}, 0)"}


def _part(names: Names, used: Input | None, cubes: Sequence[Cube]) -> str:
    if used is None:
        raise Inexpressible("it divides nothing")
    if not used.is_plain:
        raise Inexpressible(f"it changes `{used.name}` before it divides")
    for cube in cubes:
        for metric in cube.metrics:
            if metric.name == used.name:
                if cube is not names.cube:
                    raise Inexpressible("it divides measures of two models, and a join would count only rows of both")
                return names.reference(cube, _metric(cube, metric, cubes, names.joins)["name"])
    raise Inexpressible(f"`{used.name}` is not here")


def _condition(names: Names, filters: Filters) -> Iterator[str]:
    """SQL stays as it was written; only the names of dimensions in it become Cube's."""
    for condition in filters.where_filters:
        found: list[str] = []

        def named(path: str, *through: Any, found: list[str] = found, **more: Any) -> str:
            if through or more:
                raise Inexpressible("it filters through a path of entities")
            found.append(names.reference(*names.of_path(path)))
            return f"{_MARK}{len(found) - 1}{_MARK}"

        try:

            def timed(path: str, grain: str = "", *through: Any, named: Any = named, **more: Any) -> str:
                own = names.granularity(path)
                if grain and grain.lower() != own:
                    raise Inexpressible(f"it filters by {grain}, and the dimension is by {own}")
                return str(named(path, *through, **more))

            template = _JINJA.from_string(condition.where_sql_template)
            text = template.render(Dimension=named, Entity=named, TimeDimension=timed, Metric=_refused)
        except MISTAKES as error:
            raise Inexpressible(f"its filter: {error}") from error
        pieces = text.split(_MARK)
        yield "".join(found[int(piece)] if n % 2 else literal(piece) for n, piece in enumerate(pieces)).strip()


def _refused(*arguments: Any, **more: Any) -> str:
    raise Inexpressible("it filters by a metric")


_JINJA: Final = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
