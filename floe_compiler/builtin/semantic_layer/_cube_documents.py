"""Cubes and views as Cube's YAML has them.

Sources: https://cube.dev/docs/reference/data-model/cube, https://cube.dev/docs/reference/data-model/joins and
https://cube.dev/docs/reference/data-model/view
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from jinja2.sandbox import ImmutableSandboxedEnvironment

from floe_compiler.builtin.semantic_layer._cube_manifest import Column, Element, SavedQuery
from floe_compiler.builtin.semantic_layer._cube_measures import (
    MISTAKES,
    Inexpressible,
    Names,
    described,
    is_expressed,
    measures_of,
)
from floe_compiler.builtin.semantic_layer._cube_plan import Cube, Join, Member
from floe_compiler.builtin.semantic_layer._cube_text import column, cube_type, distinct, expression, literal

_NO_KEY: Final = "nothing tells the rows of its model apart: give it a primary entity, or a column that is unique"
_BY_TIME: Final = "which row it leads to depends on the time"
_QUERY: Final = ImmutableSandboxedEnvironment()


class Layer(NamedTuple):
    """All cubes of a target, and how they are joined."""

    cubes: Sequence[Cube]
    joins: Sequence[Join]


class Unasked(NamedTuple):
    """A saved query that is no view."""

    query: SavedQuery
    why: str


def cube_document(cube: Cube, layer: Layer, unasked: Sequence[Unasked] = ()) -> dict[str, Any]:
    """A cube: as public as dbt's `access` says, with everything of it that Cube has words for."""
    joins, unjoined = _joins(cube, layer)
    measures, unmeasured = measures_of(cube, layer.cubes, layer.joins)
    metrics = {metric.name for metric in cube.metrics}
    unviewed = [
        {"saved_query": literal(query.name), "why": literal(why)}
        for query, why in unasked
        if metrics.intersection(query.query_params.metrics)
    ]
    missing = [*unjoined, *unmeasured, *unviewed]
    about = cube.semantic or cube.model
    ids = {"unique_id": cube.model.unique_id, "semantic_model": cube.semantic.unique_id if cube.semantic else ""}
    return {
        "name": cube.name,
        **dict(described(cube.semantic.label if cube.semantic else "", about.description or cube.model.description)),
        "sql_table": literal(cube.model.relation_name),
        "public": cube.model.access == "public",
        "meta": {
            "dbt": {
                **{key: literal(value) for key, value in {**ids, "group": cube.model.group}.items() if value},
                **({"not_expressed": missing} if missing else {}),
            }
        },
        **({"joins": joins} if joins else {}),
        "dimensions": [*_elements(cube, cube.key), *_columns(cube, cube.key)],
        "measures": measures,
    }


def view_documents(layer: Layer) -> Iterator[dict[str, Any]]:
    """A view for every semantic model: its members, and those of the cubes that it is joined to."""
    meant = [cube for cube in layer.cubes if cube.semantic]
    for cube, name in zip(meant, _view_names(layer), strict=False):
        assert cube.semantic is not None  # noqa: S101 - chosen above
        yield {
            "name": name,
            **dict(described(cube.semantic.label, cube.semantic.description or cube.model.description)),
            "public": True,
            "meta": {"dbt": {"unique_id": literal(cube.semantic.unique_id)}},
            "cubes": list(_facets(cube, layer)),
        }


def query_documents(queries: Sequence[SavedQuery], layer: Layer) -> tuple[list[dict[str, Any]], list[Unasked]]:
    """A view for every saved query that a view can hold, and the others with the reason."""
    views: list[dict[str, Any]] = []
    missing: list[Unasked] = []
    meant = sum(1 for cube in layer.cubes if cube.semantic)
    names = list(_view_names(layer, queries))[meant:]
    for query, name in zip(queries, names, strict=True):
        try:
            views.append(_query_document(query, name, layer))
        except Inexpressible as reason:
            missing.append(Unasked(query, str(reason)))
    return views, missing


def _view_names(layer: Layer, queries: Sequence[SavedQuery] = ()) -> Iterator[str]:
    """Cubes and views share one space of names."""
    wanted = [(cube.name, "cube") for cube in layer.cubes]
    wanted += [(cube.semantic.name, "view") for cube in layer.cubes if cube.semantic]
    wanted += [(query.name, "query") for query in queries]
    return iter(list(distinct(wanted))[len(layer.cubes) :])


def _elements(cube: Cube, key: Sequence[Member]) -> Iterator[dict[str, Any]]:
    for element in cube.elements:
        member = Member("element", element.name)
        declared = cube.model.columns.get(element.sql)
        yield _dimension(
            cube.names[member],
            member in key,
            label=element.label,
            description=element.description or (declared.description if declared else ""),
            sql=_sql_of(element, declared, cube.quote),
            type_="time" if element.type == "time" else cube_type(declared.data_type if declared else ""),
            meta=_element_meta(element, cube.names[member]),
        )


def _columns(cube: Cube, key: Sequence[Member]) -> Iterator[dict[str, Any]]:
    for declared in cube.columns:
        member = Member("column", declared.name)
        yield _dimension(
            cube.names[member],
            member in key,
            label="",
            description=declared.description,
            sql=column(declared.name, cube.quote, declared.quote),
            type_=cube_type(declared.data_type),
            meta={} if cube.names[member] == declared.name else {"column": declared.name},
        )


def _dimension(
    name: str, is_key: bool, *, label: str, description: str, sql: str, type_: str, meta: dict[str, str]
) -> dict[str, Any]:
    key = {"primary_key": True, "public": True} if is_key else {}
    written = {word: literal(value) for word, value in meta.items()}
    return {
        "name": name,
        **dict(described(label, description)),
        "sql": sql,
        "type": type_,
        **key,
        **({"meta": {"dbt": written}} if written else {}),
    }


def _sql_of(element: Element, declared: Column | None, quote: str) -> str:
    return column(declared.name, quote, declared.quote) if declared else expression(element.sql, quote)


def _element_meta(element: Element, name: str) -> dict[str, str]:
    granularity = element.type_params.time_granularity
    return {
        **({"name": element.name} if name != element.name else {}),
        **({"granularity": granularity} if granularity else {}),
    }


def _joins(cube: Cube, layer: Layer) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The joins of a cube, and those that Cube could not make."""
    found: dict[str, dict[str, str]] = {}
    missing = []
    for join in layer.joins:
        if join.left is not cube:
            continue
        why = _obstacle(join, found)
        if why:
            missing.append({"join": literal(f"{join.entity} to {join.right.name}"), "why": literal(why)})
            continue
        left, right = (side.names[Member("element", join.entity)] for side in (join.left, join.right))
        found[join.right.name] = {
            "name": join.right.name,
            "relationship": join.relationship,
            "sql": f"{{CUBE.{left}}} = {{{join.right.name}.{right}}}",
        }
    return list(found.values()), missing


def _obstacle(join: Join, found: dict[str, dict[str, str]]) -> str:
    dimensions = join.right.semantic.dimensions if join.right.semantic else []
    if any(dimension.type_params.validity_params for dimension in dimensions):
        return _BY_TIME
    if join.right.name in found:
        return "another entity leads there already"
    return "" if join.left.key else _NO_KEY


def _facets(cube: Cube, layer: Layer) -> Iterator[dict[str, Any]]:
    """Of a view: what its own cube has, then what the others add to it."""
    measures, _ = measures_of(cube, layer.cubes, layer.joins)
    own = [cube.names[Member("element", element.name)] for element in cube.elements]
    own += [measure["name"] for measure in measures]
    yield {"join_path": cube.name, "includes": own}
    joined, _ = _joins(cube, layer)
    taken = [(name, "") for name in own]
    for join in joined:
        other = next(candidate for candidate in layer.cubes if candidate.name == join["name"])
        names = [other.names[Member("element", element.name)] for element in other.elements]
        aliases = list(distinct([*taken, *((f"{other.name}_{name}", "joined") for name in names)]))[len(taken) :]
        taken += [(alias, "") for alias in aliases]
        pairs = zip(names, aliases, strict=True)
        includes = [{"name": name, "alias": alias} for name, alias in pairs]
        yield {"join_path": f"{cube.name}.{other.name}", "includes": includes}


def _query_document(query: SavedQuery, name: str, layer: Layer) -> dict[str, Any]:
    asked = query.query_params
    if asked.where.where_filters:
        raise Inexpressible("it filters, which a view cannot")
    found = [is_expressed(metric, layer.cubes, layer.joins) for metric in _metrics(asked.metrics, layer)]
    if not found:
        raise Inexpressible("it asks for no metric")
    root = found[0][0]
    names = Names(root, layer.joins)
    found += [_asked_for(text, names) for text in asked.group_by]
    reached = [cube for cube in layer.cubes if any(cube is other for other, _ in found)]
    for cube in reached:
        if cube is not root and cube.name not in {join["name"] for join in _joins(root, layer)[0]}:
            raise Inexpressible(f"no join leads from {root.name} to {cube.name}")
    members = {cube.name: list(dict.fromkeys(member for other, member in found if other is cube)) for cube in reached}
    every = [member for names_ in members.values() for member in names_]
    if len(set(every)) < len(every):
        raise Inexpressible("two of its members have one name")
    unsaid = [word for word, said in (("order_by", asked.order_by), ("limit", asked.limit)) if said]
    return {
        "name": name,
        **dict(described(query.label, query.description)),
        "public": True,
        "meta": {"dbt": {"unique_id": literal(query.unique_id), **({"not_expressed": unsaid} if unsaid else {})}},
        "cubes": [
            {"join_path": path, "includes": members[cube.name]}
            for cube in sorted(reached, key=lambda cube: cube is not root)
            for path in [cube.name if cube is root else f"{root.name}.{cube.name}"]
        ],
    }


def _metrics(names: Sequence[str], layer: Layer) -> Iterator[Any]:
    known = {metric.name: metric for cube in layer.cubes for metric in cube.metrics}
    for name in names:
        if name not in known:
            raise Inexpressible(f"metric `{name}` is of no chosen model")
        yield known[name]


def _asked_for(text: str, names: Names) -> tuple[Cube, str]:
    """The member that `Dimension('order__status')` and its like name."""

    def member(path: str, *granularity: str, **more: Any) -> tuple[Cube, str]:
        if more:
            raise Inexpressible(f"`{text}` goes through a path of entities")
        return names.of_path(path)

    try:
        asked: tuple[Cube, str] | None = _QUERY.compile_expression(text)(
            Dimension=member, TimeDimension=member, Entity=member
        )
    except MISTAKES as error:
        raise Inexpressible(f"`{text}`: {error}") from error
    if asked is None:
        raise Inexpressible(f"`{text}` names no dimension")
    return asked
