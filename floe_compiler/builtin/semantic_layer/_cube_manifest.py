"""What the Cube plugin reads of dbt's manifest, as typed values; what is null there is absent here.

Source: https://schemas.getdbt.com/dbt/manifest/v12.json
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, model_validator

_TABLES: Final = frozenset({"model", "seed", "snapshot"})


class Read(BaseModel):
    """A part of the manifest: fields that are not named here are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        return {k: v for k, v in value.items() if v is not None} if isinstance(value, Mapping) else value


class Constraint(Read):
    """A constraint; that of a model names its columns."""

    type: str
    columns: list[str] = []


class Column(Read):
    """A column that a model declares."""

    name: str
    description: str = ""
    data_type: str = ""
    quote: bool = False
    constraints: list[Constraint] = []


class Model(Read):
    """A model, or a seed or snapshot; without `relation_name` it has no table. `tested` are the generic tests of each
    column."""

    unique_id: str
    resource_type: str
    name: str
    package_name: str
    fqn: list[str]
    description: str = ""
    tags: list[str] = []
    access: str = "protected"
    group: str = ""
    relation_name: str = ""
    version: str | int | float | None = None
    columns: dict[str, Column] = {}
    constraints: list[Constraint] = []
    tested: dict[str, set[str]] = {}

    @property
    def folders(self) -> list[str]:
        """Those that its file lies in, below the package's `models`."""
        return self.fqn[1:-1]

    @property
    def key(self) -> list[str]:
        """The columns that tell rows apart: a primary key, or what is unique and never null. What dbt infers may be
        null, and Cube would not count those rows."""
        declared = [name for rule in self.constraints if rule.type == "primary_key" for name in rule.columns]
        rules = {
            name: {rule.type for rule in column.constraints} | self.tested.get(name, set())
            for name, column in sorted(self.columns.items())
        }
        declared += [name for name, kinds in rules.items() if "primary_key" in kinds]
        return declared or [name for name, kinds in rules.items() if kinds >= {"unique", "not_null"}]


class TimeParams(Read):
    """Of a time dimension."""

    time_granularity: str = ""
    validity_params: dict[str, Any] | None = None


class Element(Read):
    """An entity or a dimension: a column, or an expression."""

    name: str
    type: str
    expr: str = ""
    description: str = ""
    label: str = ""
    type_params: TimeParams = TimeParams()

    @property
    def sql(self) -> str:
        """The expression, or the column of that name."""
        return self.expr or self.name


class Measure(Read):
    """An aggregation in a semantic model."""

    name: str
    agg: str
    expr: str = ""
    description: str = ""
    label: str = ""
    non_additive_dimension: dict[str, Any] | None = None


class DependsOn(Read):
    """Unique ids."""

    nodes: list[str] = []


class SemanticModel(Read):
    """What a model's columns mean."""

    unique_id: str
    name: str
    description: str = ""
    label: str = ""
    primary_entity: str = ""
    entities: list[Element] = []
    dimensions: list[Element] = []
    measures: list[Measure] = []
    depends_on: DependsOn = DependsOn()

    @property
    def elements(self) -> list[Element]:
        """What can be grouped by."""
        return [*self.entities, *self.dimensions]

    @property
    def key_names(self) -> set[str]:
        """The entities whose rows these are."""
        return {e.name for e in self.entities if e.type == "primary"} | {self.primary_entity} - {""}


class Filter(Read):
    """One condition, as a template that names dimensions."""

    where_sql_template: str


class Filters(Read):
    """Conditions that all hold."""

    where_filters: list[Filter] = []


class Input(Read):
    """A measure or a metric that a metric is made of."""

    name: str
    filter: Filters = Filters()
    join_to_timespine: bool = False
    fill_nulls_with: int | None = None
    offset_window: Any = None
    offset_to_grain: Any = None

    @property
    def is_plain(self) -> bool:
        """Whether it is no more than the measure or metric that it names."""
        changes = (self.join_to_timespine, self.offset_window, self.offset_to_grain, self.filter.where_filters)
        return not any(changes) and self.fill_nulls_with is None


class TypeParams(Read):
    """What a metric is made of."""

    measure: Input | None = None
    input_measures: list[Input] = []
    numerator: Input | None = None
    denominator: Input | None = None


class Metric(Read):
    """A metric."""

    unique_id: str
    name: str
    type: str
    label: str = ""
    description: str = ""
    type_params: TypeParams = TypeParams()
    filter: Filters = Filters()

    @property
    def measures(self) -> list[str]:
        """The measures below it, its own first."""
        own = [self.type_params.measure] if self.type_params.measure else []
        return [used.name for used in [*own, *self.type_params.input_measures]]


class QueryParams(Read):
    """What a saved query asks for."""

    metrics: list[str] = []
    group_by: list[str] = []
    where: Filters = Filters()
    order_by: list[str] = []
    limit: int | None = None


class SavedQuery(Read):
    """A question that is asked often."""

    unique_id: str
    name: str
    label: str = ""
    description: str = ""
    query_params: QueryParams = QueryParams()


class TestMetadata(Read):
    """Which generic test it is, and whose: those of packages have a namespace."""

    name: str
    namespace: str = ""


class TestConfig(Read):
    """`where` says that a test looks at some rows only."""

    where: str = ""


class Test(Read):
    """A generic test of a column of a model."""

    attached_node: str
    column_name: str = ""
    test_metadata: TestMetadata
    config: TestConfig = TestConfig()


class Manifest(Read):
    """The manifest of one target, everything sorted by unique id."""

    adapter_type: str
    models: list[Model]
    semantic_models: list[SemanticModel]
    metrics: list[Metric]
    saved_queries: list[SavedQuery]


def read(manifest: Mapping[str, Any]) -> Manifest:
    """What the plugin needs to know of it. The Rust engine leaves empty sections out."""

    def section(name: str) -> list[Any]:
        return [item for _, item in sorted((manifest.get(name) or {}).items())]

    nodes = section("nodes")
    tested: dict[str, dict[str, set[str]]] = {}
    for test in nodes:
        if test["resource_type"] == "test" and test.get("test_metadata") and test.get("attached_node"):
            read_ = Test.model_validate(test)
            if not read_.config.where and not read_.test_metadata.namespace:
                columns = tested.setdefault(read_.attached_node, {})
                columns.setdefault(read_.column_name, set()).add(read_.test_metadata.name)
    models = [
        Model.model_validate({**node, "tested": tested.get(node["unique_id"], {})})
        for node in nodes
        if node["resource_type"] in _TABLES
    ]
    return Manifest(
        adapter_type=manifest["metadata"].get("adapter_type") or "",
        models=models,
        semantic_models=[SemanticModel.model_validate(item) for item in section("semantic_models")],
        metrics=[Metric.model_validate(item) for item in section("metrics")],
        saved_queries=[SavedQuery.model_validate(item) for item in section("saved_queries")],
    )
