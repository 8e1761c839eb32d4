"""ChangeSet: what runs differently between two bundles, graded, with the reasons and with who is hit.

`schemas/change-set.schema.json` is generated from this module. It holds no clock and no machine: the same two
bundles and the same acknowledgements give the same ChangeSet.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from floe_compiler.model.bundle import Digest

SCHEMA_VERSION: Final = "1.0"
REDACTED: Final = "(hidden)"
"""Stands for a value that no output may show."""
Level = Literal["breaking", "risky", "unknown", "safe"]
LEVELS: Final[tuple[Level, ...]] = ("breaking", "risky", "unknown", "safe")
"""Worst first. What no rule knows is `unknown`, which is never shown as safe."""
Change = Literal["added", "removed", "changed", "renamed", "moved"]
FingerprintText = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{24}$",
        description="Names a finding by its rule, object, field and values; no wording is part of it.",
    ),
]


class ChangeModel(BaseModel):
    """Every part of a change set: closed, frozen, nothing coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BundleSide(ChangeModel):
    """One of the two bundles that were compared."""

    digest: Digest
    product: str
    version: str
    platform: str
    platform_version: str
    targets: tuple[str, ...]


class Place(ChangeModel):
    """A place that a reviewer can open: a path below the dbt project, or floe.yaml, or platform-manifest.yaml, or a
    path in the bundle where no source file is known (`in_bundle`)."""

    file: str
    line: Annotated[int | None, Field(ge=1)] = None
    in_bundle: bool = False


class Thing(ChangeModel):
    """What changed. For dbt's things, `kind` is the resource type and `id` the unique id.

    Otherwise `kind` is one of: product, platform, plugin, target, profile, constant, variable, secret, schedule,
    dependency, transform, requirement, package, var, setting, selector, policy, policy_finding, file, index.
    `targets` are the dbt targets on which it changed; empty for what is not of a target.
    """

    kind: str
    id: str
    name: str
    targets: tuple[str, ...] = ()


class NodeRef(ChangeModel):
    """A node of the graph that somebody may want to open. `file` is a path below the dbt project."""

    id: str
    resource_type: str
    name: str
    file: str | None = None


class OwnedRef(NodeRef):
    """An exposure: who reads the data outside of dbt, and whom to tell."""

    type: str | None = None
    owner: str | None = None
    email: str | None = None
    url: str | None = None


class Step(ChangeModel):
    """A step from a cause towards its effect: `what` says in a few words what happened or how it leads on."""

    what: str
    kind: str
    id: str
    name: str
    where: Place | None = None


class Affected(ChangeModel):
    """A node that a change of something else reaches: through a macro, a var, a constant, a package or a doc block.

    `through` leads from what changed to the node, both left out: the macros in between, outermost last.
    `compiled` says whether dbt compiled the node to the same SQL before and after, where both bundles know.
    """

    node: NodeRef
    through: tuple[Step, ...] = ()
    compiled: Literal["same", "different", "not_known"] = "not_known"


class Impact(ChangeModel):
    """Everything downstream of a finding, nearest first. The lists may be cut; the totals count everything."""

    models: tuple[NodeRef, ...] = ()
    exposures: tuple[OwnedRef, ...] = ()
    metrics: tuple[NodeRef, ...] = ()
    models_total: Annotated[int, Field(ge=0)] = 0
    exposures_total: Annotated[int, Field(ge=0)] = 0
    metrics_total: Annotated[int, Field(ge=0)] = 0


class Acknowledged(ChangeModel):
    """Somebody looked at the finding and answers for it. `until` is the last day on which that holds."""

    who: str
    why: str
    until: str


class Finding(ChangeModel):
    """A fact with its grade.

    `field` is the dotted name of what changed within the object, None for the object as a whole. `before` and
    `after` are JSON values; texts that are longer than a screen are cut, and secrets never stand here.
    """

    rule: Annotated[str, Field(description="The id of the rule: a heading of docs/reference/changes.md.")]
    title: Annotated[str, Field(description="The rule's title.")]
    level: Level
    change: Change
    object: Thing
    field: str | None = None
    before: JsonValue = None
    after: JsonValue = None
    summary: Annotated[str, Field(description="The change in one line of plain text.")]
    explanation: Annotated[str, Field(description="Why it has this grade, and what to do.")]
    cause: Annotated[tuple[Step, ...], Field(description="The chain of causes, the edit itself first.")]
    affected: Annotated[tuple[Affected, ...], Field(description="Nodes that the change reaches without an edit.")] = ()
    probably_broken: Annotated[
        tuple[NodeRef, ...],
        Field(description="Nodes whose SQL still has the removed name in it as a word. No SQL is parsed for this."),
    ] = ()
    impact: Impact = Impact()
    where: Place | None = None
    fingerprint: FingerprintText
    acknowledged: Acknowledged | None = None
    lapsed: Annotated[Acknowledged | None, Field(description="An acknowledgement that no longer holds.")] = None


class GraphNode(ChangeModel):
    """A node of the impacted lineage. `level` is the worst of its own findings that are not acknowledged."""

    id: str
    resource_type: str
    name: str
    state: Literal["changed", "impacted", "unchanged"]
    change: Change | None = None
    level: Level | None = None
    file: str | None = None


class GraphEdge(ChangeModel):
    """`to` reads from `source`."""

    source: str
    to: str


class Graph(ChangeModel):
    """The lineage that a reviewer looks at: what changed, what is downstream of it, and what changed nodes read.

    Sorted by id. Tests are not in it.
    """

    nodes: tuple[GraphNode, ...] = ()
    edges: tuple[GraphEdge, ...] = ()


class Totals(ChangeModel):
    """Findings by level, without those that are acknowledged, which are counted by themselves."""

    breaking: Annotated[int, Field(ge=0)] = 0
    risky: Annotated[int, Field(ge=0)] = 0
    unknown: Annotated[int, Field(ge=0)] = 0
    safe: Annotated[int, Field(ge=0)] = 0
    acknowledged: Annotated[int, Field(ge=0)] = 0


class ChangeSet(ChangeModel):
    """The whole answer. Findings are sorted: worst level first, then by kind, id and field."""

    schema_version: Literal["1.0"] = "1.0"
    kind: Literal["ChangeSet"] = "ChangeSet"
    old: BundleSide
    new: BundleSide
    findings: tuple[Finding, ...] = ()
    graph: Graph = Graph()
    totals: Totals = Totals()
