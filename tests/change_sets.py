"""Change sets for tests of what renders them: a small one with something of everything, hostile ones, large ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from floe_compiler.diff.render import Files, Report
from floe_compiler.model.change_set import (
    LEVELS,
    Acknowledged,
    Affected,
    BundleSide,
    ChangeSet,
    Finding,
    Graph,
    GraphEdge,
    GraphNode,
    Impact,
    NodeRef,
    OwnedRef,
    Place,
    Step,
    Thing,
    Totals,
)

HOSTILE = (
    "</script><script>hostile()</script><img src=x onerror=hostile()>\x1b[31m`|*_[x](javascript:hostile())\u202e\"'&"
)
"""A name that tries to be obeyed by whatever shows it."""
OLD, NEW = (
    BundleSide(
        digest=f"sha256:{digit * 64}",
        product="bakery",
        version="1.0.0",
        platform="acme",
        platform_version="1.4.0",
        targets=("dev", "prod"),
    )
    for digit in "12"
)
BOARD = OwnedRef(
    id="exposure.bakery.board",
    resource_type="exposure",
    name="board",
    type="dashboard",
    owner="Front desk",
    email="desk@bakery.example",
    url="https://bakery.example/board",
    file="models/marts/_exposures.yml",
)
SQL = "select\n    id,\n    day,\n    weight\nfrom {{ ref('stg_loaves') }}\n"


def model(name: str) -> NodeRef:
    """A model of the project."""
    return NodeRef(id=f"model.bakery.{name}", resource_type="model", name=name, file=f"models/{name}.sql")


def finding(number: int = 0, **fields: Any) -> Finding:
    """A finding; what is not given is that of a model whose SQL changed."""
    given: dict[str, Any] = {
        "rule": "sql-changed",
        "title": "SQL changed",
        "level": "risky",
        "change": "changed",
        "object": Thing(kind="model", id="model.bakery.loaves", name="loaves", targets=("dev", "prod")),
        "field": "sql",
        "before": SQL,
        "after": SQL.replace("weight", "weight * 1000 as grams"),
        "summary": "model loaves: sql changed",
        "explanation": "dbt compiles it to other SQL than before.",
        "where": Place(file="models/loaves.sql", line=3),
        "cause": (),
        "fingerprint": f"{number:024x}",
    }
    return Finding(**{**given, **fields})


REMOVED = finding(
    1,
    rule="contract-column-removed",
    title="Column removed from a contract",
    level="breaking",
    change="removed",
    field="columns.weight",
    before={"name": "weight", "data_type": "integer"},
    after=None,
    summary="model loaves: columns.weight removed",
    explanation="Whoever selects the column fails.",
    where=Place(file="models/_models.yml", line=12),
    cause=(
        Step(
            what="column weight removed",
            kind="model",
            id="model.bakery.loaves",
            name="loaves",
            where=Place(file="models/_models.yml", line=12),
        ),
    ),
    probably_broken=(model("sales"),),
    impact=Impact(
        models=(model("sales"), model("sales_by_day")), exposures=(BOARD,), models_total=2, exposures_total=1
    ),
)
MACRO = finding(
    2,
    rule="macro-changed",
    title="Macro changed",
    object=Thing(kind="macro", id="macro.bakery.grams", name="grams"),
    before="a\nb\nc",
    after="a\nx\nc\nd",
    summary="macro grams: sql changed",
    affected=(Affected(node=model("sales"), compiled="different"),),
    impact=Impact(models=(model("sales_by_day"),), models_total=1),
)
NOT_KNOWN = finding(
    3,
    rule="not-known",
    title="A change that no rule knows",
    level="unknown",
    field="config.quux",
    before=1,
    after=[2, None],
    summary="model loaves: config.quux: 1 → [2,null]",
    where=None,
)
ADDED = finding(
    4,
    rule="added",
    title="Something new",
    level="safe",
    change="added",
    field=None,
    before=None,
    after=None,
    object=Thing(kind="model", id="model.bakery.crumbs", name="crumbs", targets=("dev",)),
    summary="model crumbs: added",
    where=Place(file="models/crumbs.sql"),
)
KNOWN = finding(
    5,
    rule="test-removed",
    title="Test removed",
    change="removed",
    field=None,
    before=None,
    after=None,
    object=Thing(kind="test", id="test.bakery.unique_loaves_id", name="unique_loaves_id"),
    summary="test unique_loaves_id: removed",
    where=Place(file="targets/dev/manifest.json", in_bundle=True),
    acknowledged=Acknowledged(who="ana@bakery.example", why="The key is checked upstream.", until="2027-01-31"),
)
LAPSED = finding(6, lapsed=Acknowledged(who="bo@bakery.example", why="For now.", until="2026-01-31"))
EVERYTHING = (REMOVED, LAPSED, MACRO, NOT_KNOWN, ADDED, KNOWN)
GRAPH = Graph(
    nodes=(
        GraphNode(id=BOARD.id, resource_type="exposure", name="board", state="impacted", file=BOARD.file),
        GraphNode(
            id="model.bakery.crumbs",
            resource_type="model",
            name="crumbs",
            state="changed",
            change="added",
            level="safe",
            file="models/crumbs.sql",
        ),
        GraphNode(
            id="model.bakery.loaves",
            resource_type="model",
            name="loaves",
            state="changed",
            change="changed",
            level="breaking",
            file="models/loaves.sql",
        ),
        GraphNode(
            id="model.bakery.sales",
            resource_type="model",
            name="sales",
            state="changed",
            change="changed",
            level="risky",
            file="models/sales.sql",
        ),
        GraphNode(
            id="model.bakery.sales_by_day",
            resource_type="model",
            name="sales_by_day",
            state="impacted",
            file="models/sales_by_day.sql",
        ),
        GraphNode(
            id="seed.bakery.raw_loaves",
            resource_type="seed",
            name="raw_loaves",
            state="unchanged",
            file="seeds/raw_loaves.csv",
        ),
    ),
    edges=(
        GraphEdge(source="model.bakery.loaves", to="model.bakery.sales"),
        GraphEdge(source="model.bakery.loaves", to="model.bakery.crumbs"),
        GraphEdge(source="model.bakery.sales", to="model.bakery.sales_by_day"),
        GraphEdge(source="model.bakery.sales_by_day", to=BOARD.id),
        GraphEdge(source="seed.bakery.raw_loaves", to="model.bakery.loaves"),
        GraphEdge(source="seed.bakery.raw_loaves", to="model.bakery.sales_by_day"),
    ),
)


def change_set(findings: Iterable[Finding] = EVERYTHING, graph: Graph = GRAPH) -> ChangeSet:
    """A change set with these findings, counted."""
    known = tuple(findings)
    counts = Counter("acknowledged" if one.acknowledged else one.level for one in known)
    totals = Totals(**{name: counts[name] for name in (*LEVELS, "acknowledged")})
    return ChangeSet(old=OLD, new=NEW, findings=known, graph=graph, totals=totals)


def report(changes: ChangeSet | None = None, **fields: Any) -> Report:
    """A report of it, as `floe diff main` makes one."""
    files = Files(project="shop/dbt", product="shop/floe.yaml", platform="platform/acme.yaml")
    return Report(changes or change_set(), "main (5f6a7b8)", "working tree", **{"files": files, **fields})


def hostile() -> ChangeSet:
    """Every text that comes from a project is one that tries to be obeyed."""
    thing = Thing(kind="model", id=HOSTILE, name=HOSTILE, targets=("dev",))
    step = Step(what=HOSTILE, kind="macro", id=HOSTILE, name=HOSTILE, where=Place(file=HOSTILE, line=1))
    node = NodeRef(id=HOSTILE, resource_type="model", name=HOSTILE, file=HOSTILE)
    owned = OwnedRef(**node.model_dump(), type="dashboard", owner=HOSTILE, email=HOSTILE, url="javascript:hostile()")
    known = Acknowledged(who=HOSTILE, why=HOSTILE, until="2027-01-31")
    given: dict[str, Any] = {
        "object": thing,
        "summary": HOSTILE,
        "before": HOSTILE,
        "after": f"{HOSTILE}\n```\n::error::{HOSTILE}",
        "field": HOSTILE,
        "cause": (step,),
        "where": Place(file=HOSTILE, line=1),
        "probably_broken": (node,),
        "affected": (Affected(node=node, through=(step,)),),
        "impact": Impact(
            models=(node,), exposures=(owned,), metrics=(node,), models_total=1, exposures_total=1, metrics_total=1
        ),
    }
    findings = [finding(number, level=level, **given) for number, level in enumerate(LEVELS)]
    graph = Graph(
        nodes=(
            GraphNode(id=HOSTILE, resource_type="model", name=HOSTILE, state="changed", level="breaking"),
            GraphNode(id=f"{HOSTILE}2", resource_type="model", name=HOSTILE, state="impacted"),
        ),
        edges=(GraphEdge(source=HOSTILE, to=f"{HOSTILE}2"),),
    )
    return change_set([*findings, finding(9, acknowledged=known, **given)], graph)


def large(models: int, findings: int) -> ChangeSet:
    """A change set of layers of models, each of which reads two of the layer before."""
    names = [f"model.bakery.model_{number:05}" for number in range(models)]
    edges = [
        GraphEdge(source=names[parent], to=name)
        for number, name in enumerate(names)
        for parent in sorted({number // 2, number // 3} - {number})
    ]
    nodes = [
        GraphNode(
            id=name,
            resource_type="model",
            name=name.rpartition(".")[2],
            state="changed" if number < findings else "impacted",
            level="risky" if number < findings else None,
        )
        for number, name in enumerate(names)
    ]
    found = [
        finding(
            number,
            object=Thing(kind="model", id=names[number % models], name=names[number % models].rpartition(".")[2]),
            summary=f"model {names[number % models]}: sql changed",
        )
        for number in range(findings)
    ]
    return change_set(found, Graph(nodes=tuple(nodes), edges=tuple(edges)))
