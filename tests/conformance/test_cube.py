"""The rendered data model, in Cube's own hands: its compiler, its DuckDB driver, and its package for dbt."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb
import pytest
import yaml

from fixtures.demo import PRODUCT, copy_products
from floe_compiler.builtin.semantic_layer.cube import CubeConfig, CubeSemanticLayer
from floe_compiler.cli.main import main
from floe_compiler.pipeline import compile_product
from tests.native import Case, Subject, cases, subject
from tests.tool_environments import ROOT, node_folder, program
from tests.warm import WarmRegistry

pytestmark = [pytest.mark.tools, pytest.mark.timeout(600)]

SCRIPTS: Final = ROOT / "tests" / "tools" / "cube"
FERRY: Final = Path(__file__).parent / "ferry"
HOSTILE: Final = tuple("\\{}%`\"'$#fnux0 :-\n\r\té💡\u2028\x85<>/&*!|?")


class Built(NamedTuple):
    """A product as it was compiled and run: its bundle, what is in it, and the database of target dev."""

    bundle: Path
    on: Subject
    database: Path

    @property
    def folder(self) -> Path:
        return self.bundle / "semantic_layer" / "cube"


@pytest.fixture(scope="module")
def demo(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The demo product."""
    return _built(copy_products(tmp_path_factory.mktemp("demo")) / PRODUCT, registry, ["dev"])


@pytest.fixture(scope="module")
def ferry(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A product with awkward names, joins, and every kind of metric."""
    product = tmp_path_factory.mktemp("ferry") / "ferry"
    shutil.copytree(FERRY, product)
    return _built(product, registry, ["dev", "prod"])


@pytest.mark.parametrize("case", [case for case in cases() if case.plugin == "cube"], ids="/".join)
def test_cube_compiles_every_case(case: Case) -> None:
    found = asked(case.folder / "expected")
    assert {cube["name"] for cube in found["cubes"]} == {Path(path).stem for path in case.expected} - {"cube"}


def test_cube_starts_with_the_environment_file(demo: Built) -> None:
    assert asked(demo.folder)["environment"] == {"database": "duckdb", "telemetry": False}


def test_every_cube_counts_what_its_table_holds(demo: Built) -> None:
    tables = {cube["name"]: cube["sql_table"] for cube in rendered_cubes(demo.folder)}
    plain = [cube for cube in rendered_cubes(demo.folder) if "semantic_model" not in cube["meta"]["dbt"]]
    answers = asked(demo.folder, demo.database, [{"measures": [f"{cube['name']}.count"]} for cube in plain])["answers"]
    counted = {cube["name"]: number(answer["rows"][0]) for cube, answer in zip(plain, answers, strict=True)}
    assert len(counted) == 10
    assert counted == {name: float(rows(demo, f"select count(*) from {tables[name]}")[0][0]) for name in counted}


def test_dimensions_read_their_columns(demo: Built) -> None:
    cubes = {cube["name"]: cube for cube in rendered_cubes(demo.folder)}
    wanted = [(name, [column(dimension) for dimension in cube["dimensions"]]) for name, cube in cubes.items()]
    queries = [
        {"dimensions": [f"{name}.{dimension['name']}" for dimension in cubes[name]["dimensions"]], "limit": 100_000}
        for name, _ in wanted
    ]
    for (name, columns), answer in zip(wanted, asked(demo.folder, demo.database, queries)["answers"], strict=True):
        assert columns, f"{name} has no dimension"
        listed = ", ".join(columns)
        there = rows(demo, f"select count(*) from (select distinct {listed} from {cubes[name]['sql_table']})")
        assert len(answer["rows"]) == there[0][0], name


def test_a_ratio_by_month_is_what_the_mart_says(demo: Built) -> None:
    query = {
        "measures": ["umbrellas.umbrellas_found", "umbrellas.umbrellas_home", "umbrellas.homecoming_rate"],
        "timeDimensions": [{"dimension": "umbrellas.found_on", "granularity": "month"}],
    }
    (answer,) = asked(demo.folder, demo.database, [query])["answers"]
    told = [
        (row["umbrellas__found_on_month"][:10], *(number(row, f"umbrellas__{name}") for name in MEASURES))
        for row in answer["rows"]
    ]
    there = rows(
        demo,
        "select strftime(date_trunc('month', found_on), '%Y-%m-%d'), count(ticket_no),"
        " count(*) filter (fate = 'went home'), count(*) filter (fate = 'went home') / count(ticket_no)"
        " from dev.bureau.fct_umbrellas group by 1 order by 1",
    )
    assert len(there) == 12
    assert told == [(month, *(pytest.approx(float(value)) for value in values)) for month, *values in there]


def test_a_saved_query_is_a_view_that_answers(demo: Built) -> None:
    query = {
        "measures": ["homecoming_by_weather.homecoming_rate"],
        "dimensions": ["homecoming_by_weather.weather_turn"],
        "order": [{"id": "homecoming_by_weather.weather_turn", "desc": False}],
    }
    (answer,) = asked(demo.folder, demo.database, [query])["answers"]
    told = [tuple(row.values()) for row in answer["rows"]]
    there = rows(
        demo,
        "select weather_turn, avg(case when fate = 'went home' then 1.0 else 0 end)"
        " from dev.bureau.fct_umbrellas group by 1 order by 1",
    )
    assert [name for name, _ in told] == [name for name, _ in there]
    assert [float(rate) for _, rate in told] == pytest.approx([float(rate) for _, rate in there])


@pytest.mark.parametrize("product", ["demo", "ferry"])
def test_cube_dbt_reads_the_same_models_columns_and_types(product: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(product)
    manifest = built.bundle / "targets" / "dev" / "manifest.json"
    reader = [program("cube_dbt", "python"), SCRIPTS / "read_manifest.py", manifest]
    read = json.loads(subprocess.run(reader, check=True, capture_output=True, timeout=60).stdout)
    theirs = {model["table"]: model for model in read}
    declared = {
        node["relation_name"]: {name for name, column in node["columns"].items() if column["data_type"]}
        for node in built.on.manifests["dev"]["nodes"].values()
        if node["resource_type"] == "model"
    }
    ours = rendered_cubes(built.folder)
    assert len(ours) >= 5
    for cube in ours:
        model = theirs[cube["sql_table"]]
        types = {column(dimension).strip('"'): dimension["type"] for dimension in cube["dimensions"]}
        assert types.keys() >= model["columns"].keys(), cube["name"]
        typed = declared[cube["sql_table"]]
        assert {name: types[name] for name in typed} == {name: model["columns"][name] for name in typed}
        if "semantic_model" not in cube["meta"]["dbt"]:
            assert types.keys() == model["columns"].keys()
            keys = [column(dimension) for dimension in cube["dimensions"] if dimension.get("primary_key")]
            assert set(keys) >= set(model["key"])
    marts = {model["table"] for model in read if Path(manifest_path(built, model["table"])).parts[0] == "marts"}
    assert {cube["sql_table"] for cube in ours} == marts


def test_joins_lead_from_foreign_entities_and_count_no_row_twice(ferry: Built) -> None:
    query = {
        "measures": ["sailings.passengers", "sailings.northern_passengers", "sailings.late_crossings"],
        "dimensions": ["sailings.ports_country", "sailings.vessels_class_"],
        "order": [{"id": "sailings.ports_country", "desc": False}],
    }
    found = asked(ferry.folder, ferry.database, [query])
    joins = {cube["name"]: cube["joins"] for cube in found["cubes"]}
    assert [(join["name"], join["relationship"]) for join in joins["crossings"]] == [
        ("ports", "belongsTo"),
        ("vessels", "belongsTo"),
    ]
    assert [list(row.values()) for row in found["answers"][0]["rows"]] == [
        ["Nordland", "in", "30", "30", "1"],
        ["Sudland", "in", "120", None, "1"],
    ]


def test_metrics_are_what_their_words_say(ferry: Built) -> None:
    wanted = {
        "passengers": 150.0,
        "mean_fare": 6.1,
        "fare": 6.1,
        "late_crossings": 2.0,
        "vessels_used": 2.0,
        "dearest": 8.0,
        "northern_passengers": 30.0,
        "storm_passengers": 90.0,
        "storm_share": 0.6,
        "since_february": 120.0,
    }
    query = {"measures": [f"sailings.{name}" for name in wanted]}
    (answer,) = asked(ferry.folder, ferry.database, [query])["answers"]
    told = {key.removeprefix("sailings__"): float(value) for key, value in answer["rows"][0].items()}
    assert told == pytest.approx(wanted)


def test_what_cube_has_no_words_for_is_named_with_the_reason(ferry: Built) -> None:
    cubes = {cube["name"]: cube for cube in asked(ferry.folder)["cubes"]}
    missing = cubes["crossings"]["meta"]["dbt"]["not_expressed"]
    named = {next(iter(row.values())): row["why"] for row in missing}
    assert {name: why.split()[:3] for name, why in named.items()} == {
        "median_fare": ["Cube", "aggregates", "no"],
        "waiting": ["it", "does", "not"],
        "filled": ["it", "fills", "in"],
        "january_passengers": ["it", "filters", "by"],
        "against_a_metric": ["it", "filters", "by"],
        "middle_fare": ["Cube", "aggregates", "no"],
        "per_port": ["it", "divides", "measures"],
        "revenue": ["its", "expression", "is"],
        "so_far": ["its", "window", "follows"],
        "only_storms": ["it", "filters,", "which"],
    }
    metrics = {metric["name"] for metric in ferry.on.manifests["dev"]["metrics"].values()}
    members = [*cubes["crossings"]["measures"], *cubes["ports"]["measures"]]
    expressed = {member["name"].split(".")[1] for member in members}
    assert metrics == (metrics & expressed) | (metrics & named.keys()), "every metric is here or there"


def test_names_that_are_none_elsewhere_still_name_their_tables_and_columns(ferry: Built) -> None:
    queries = [
        {"measures": ["night_ferries.count"], "dimensions": ["night_ferries.late"]},
        {"measures": ["crossings.passengers"], "dimensions": ["crossings.load_class", "crossings.size"]},
        {"dimensions": ["tallies.count_column"], "measures": ["tallies.count"]},
    ]
    answers = asked(ferry.folder, ferry.database, queries)["answers"]
    read = [sorted(list(row.values()) for row in answer["rows"]) for answer in answers]
    assert read[0] == [[False, "2"], [True, "1"]]
    assert read[1] == [["cheap", "small", "30"], ["dear", "{large}", "120"]]
    assert read[2] == [["2", "1"], ["3", "1"]]


def test_every_target_has_a_model_of_its_own(ferry: Built) -> None:
    for target, folder in (("dev", ferry.folder), ("prod", ferry.folder / "targets" / "prod")):
        tables = {cube["sql_table"].split(".")[0] for cube in rendered_cubes(folder)}
        assert tables == {f'"{target}"'}
    # Cube is started in the plugin's folder, whichever target it serves
    names = [cube["name"] for cube in asked(ferry.folder, environment="targets/prod/cube.env")["cubes"]]
    assert names == [cube["name"] for cube in asked(ferry.folder)["cubes"]]


def test_cube_reads_every_sentence_as_it_was_written(ferry: Built, tmp_path: Path) -> None:
    chance = random.Random(20260101)  # the same sentences every time
    manifest = json.loads(json.dumps(ferry.on.manifests["dev"]))
    node = manifest["nodes"]["model.ferry.tallies"]
    sentences = ["".join(chance.choices(HOSTILE, k=chance.randint(1, 14))) + "." for _ in range(200)]
    sentences += ["ends in \\", "{{ x }}", "{% x %}", "{%", "%}", "{", "}", "\\{", "\\\\{", "${x}", 'f"{x}"', "{CUBE}"]
    node["columns"] = {
        f"c{n}": {"name": f"c{n}", "description": text, "data_type": None, "quote": None}
        for n, text in enumerate(sentences)
    }
    render(ferry, manifest, tmp_path)
    tallies = next(cube for cube in asked(tmp_path)["cubes"] if cube["name"] == "tallies")
    read = {dimension["name"]: dimension.get("description") for dimension in tallies["dimensions"]}
    assert [read[f"tallies.c{n}"] for n in range(len(sentences))] == sentences


def test_columns_may_be_called_anything(ferry: Built, tmp_path: Path) -> None:
    names = ["count", "Count", "class", "order-id", "order_id", "1st", "größe", "CUBE", "new", "a b", 'a"b', "{x}", "—"]
    with duckdb.connect(str(tmp_path / "dev.duckdb")) as database:
        database.execute("create schema ferry")
        quoted = [name.replace('"', '""') for name in names if name != "Count"]
        database.execute("create table ferry.tallies as select " + ", ".join(f'1 as "{name}"' for name in quoted))
    manifest = json.loads(json.dumps(ferry.on.manifests["dev"]))
    node = manifest["nodes"]["model.ferry.tallies"]
    node["columns"] = {name: {"name": name, "quote": name in ("new", "CUBE")} for name in names}
    render(ferry, manifest, tmp_path)
    cube = next(cube for cube in rendered_cubes(tmp_path) if cube["name"] == "tallies")
    members = [f"tallies.{dimension['name']}" for dimension in cube["dimensions"]]
    (answer,) = asked(tmp_path, tmp_path / "dev.duckdb", [{"dimensions": members}])["answers"]
    assert list(answer["rows"][0].values()) == ["1"] * len(names)


def test_a_project_with_nothing_to_offer_gives_cube_an_empty_model(ferry: Built, tmp_path: Path) -> None:
    manifest = {**ferry.on.manifests["dev"], "nodes": {}, "semantic_models": {}, "metrics": {}, "saved_queries": {}}
    assert list(render(ferry, manifest, tmp_path)) == ["cube.env"]
    assert asked(tmp_path)["cubes"] == []


MEASURES: Final = ("umbrellas_found", "umbrellas_home", "homecoming_rate")


def asked(
    folder: Path, database: Path | None = None, queries: list[Any] | None = None, environment: str = "cube.env"
) -> Any:
    """What Cube says, started in the folder."""
    answer = subprocess.run(
        ["node", f"--env-file={environment}", SCRIPTS / "ask.cjs"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "CUBE_TOOLS": str(node_folder("cube"))},
        input=json.dumps({"database": str(database) if database else None, "queries": queries or []}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def rendered_cubes(folder: Path) -> list[dict[str, Any]]:
    """The cubes as they stand in their files."""
    files = sorted((folder / "model" / "cubes").iterdir())
    return [cube for file in files for cube in yaml.safe_load(file.read_text("utf-8"))["cubes"]]


def column(dimension: Mapping[str, Any]) -> str:
    """The column that a dimension reads; an expression as it is."""
    sql: str = dimension["sql"]
    return sql.removeprefix("{CUBE}.")


def number(row: Mapping[str, Any], name: str | None = None) -> float:
    """A measure, which Cube hands out as text."""
    return float(row[name] if name else next(iter(row.values())))


def rows(built: Built, sql: str) -> list[tuple[Any, ...]]:
    """What the database says when nothing stands between."""
    with duckdb.connect(str(built.database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def manifest_path(built: Built, table: str) -> str:
    """Where the file of a table's model lies, below the package's models."""
    nodes = built.on.manifests["dev"]["nodes"].values()
    path: str = next(node["path"] for node in nodes if node.get("relation_name") == table)
    return path


def render(built: Built, manifest: dict[str, Any], folder: Path) -> dict[str, bytes]:
    """Renders for a manifest that dbt made and a test then changed."""
    files = dict(CubeSemanticLayer().render(CubeConfig(), built.on.head, {"dev": manifest}))
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return files


def _built(product: Path, registry: WarmRegistry, targets: list[str]) -> Built:
    bundle = compile_product(product, targets=targets, registry=registry).path
    run_dir = product.parent / "run"
    assert main(["run", str(bundle), "--target", "dev", "--run-dir", str(run_dir)]) == 0
    return Built(bundle, subject(bundle), run_dir / "dev.duckdb")
