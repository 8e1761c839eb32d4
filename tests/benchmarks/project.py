"""Generates dbt projects of any size: layers of models over seeds, each with two tests, some with macros.

The same number of models gives the same bytes. Every model can be built, on DuckDB.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

NAME: Final = "warehouse"
PROFILE: Final = {"type": "duckdb", "path": "dev.duckdb", "schema": "main", "threads": 4}
MODELS_PER_SCHEMA_FILE: Final = 20
SEED_ROWS: Final = 200
_SUBJECTS: Final = ("orders", "payments", "customers", "stores", "returns", "shipments", "prices", "visits")

_DBT_PROJECT: Final = f"""\
name: {NAME}
version: 1.0.0
config-version: 2
profile: {NAME}
flags:
  require_generic_test_arguments_property: true
models:
  {NAME}:
    +meta: {{owner: data@shop.example}}
    staging: {{+materialized: view, +tags: [nightly]}}
    intermediate: {{+materialized: view}}
    marts: {{+materialized: table, +tags: [nightly, published]}}
"""
_FLOE: Final = f"""\
apiVersion: floe.dev/v1
kind: DataProduct
metadata: {{name: {NAME}, version: 1.0.0}}
platform: ../platform-manifest.yaml
transforms:
  - {{type: dbt, path: .}}
"""
FUSION: Final = "floe-on-fusion.yaml"
"""The same product on a platform whose dbt is the Rust engine, beside floe.yaml."""
_PLATFORM: Final = """\
apiVersion: floe.dev/v1
kind: PlatformManifest
metadata: {name: shop, version: 1.0.0, owner: platform@shop.example}
plugins: {compute: duckdb, dbt_runtime: local}
targets:
  dev: {compute: duckdb, config: {path: dev.duckdb, threads: 4}}
"""
_MACROS: Final = {
    "euros": "{% macro euros(cents) %}round({{ cents }} / 100.0, 2){% endmacro %}\n",
    "sum_of": "{% macro sum_of(columns) %}{{ columns | join(' + ') }}{% endmacro %}\n",
    "since": "{% macro since(day) %}day >= cast('{{ var('first_day', day) }}' as date){% endmacro %}\n",
}


class Model(NamedTuple):
    """A model: `parents` are models before it; the first layer has none and reads a seed."""

    name: str
    layer: str
    parents: tuple[str, ...]


class Layer(NamedTuple):
    """A folder of models. `until` is where it ends, as a share of all models."""

    folder: str
    prefix: str
    until: float


LAYERS: Final = (
    Layer("staging", "stg", 0.25),
    Layer("intermediate", "int", 0.7),
    Layer("marts", "mart", 1.0),
)


class Project(NamedTuple):
    """A generated project. `product` is floe's copy of it, `dbt` the one that bare dbt works in."""

    folder: Path
    models: tuple[Model, ...]

    @property
    def product(self) -> Path:
        return self.folder / "floe"

    @property
    def dbt(self) -> Path:
        return self.folder / "dbt"

    @property
    def profiles(self) -> Path:
        return self.folder / "profiles"


def generate(folder: Path, size: int) -> Project:
    """Writes a project of that many models into a new folder, twice: for floe and for dbt."""
    project = Project(folder, tuple(_graph(size)))
    for home in (project.product, project.dbt):
        _write(home, dict(_dbt_files(project)))
    _write(folder, {"floe/floe.yaml": _FLOE, "platform-manifest.yaml": _PLATFORM})
    on_fusion = _FLOE.replace("platform-manifest.yaml", "platform-on-fusion.yaml")
    _write(folder, {f"floe/{FUSION}": on_fusion, "platform-on-fusion.yaml": _PLATFORM.replace("local", "fusion")})
    outputs = "".join(f"      {key}: {value}\n" for key, value in PROFILE.items())
    profile = f"{NAME}:\n  target: dev\n  outputs:\n    dev:\n{outputs}"
    _write(project.profiles, {"profiles.yml": profile})
    return project


def edit_model(project: Project, revision: int) -> None:
    """One model, in the middle of the graph, computes something else; in both copies alike."""
    model = project.models[len(project.models) // 2]
    for home in (project.product, project.dbt):
        _write(home, {_path(model): _sql(model, revision)})


def edit_schema_file(project: Project, revision: int) -> None:
    """One description in a schema file is another; in both copies alike."""
    path, first = next(_schema_files(project.models))
    for home in (project.product, project.dbt):
        _write(home, {path: first.replace("Rows of", f"Rows, as of revision {revision}, of", 1)})


def _graph(size: int) -> Iterator[Model]:
    chance = random.Random(size)
    earlier: list[str] = []
    for number in range(size):
        layer = next(layer for layer in LAYERS if number < max(1, layer.until * size))
        name = f"{layer.prefix}_{_SUBJECTS[number % len(_SUBJECTS)]}_{number:04}"
        recent = earlier[-max(8, size // 4) :]
        parents = () if layer is LAYERS[0] else chance.sample(recent, min(chance.randint(1, 3), len(recent)))
        yield Model(name, layer.folder, tuple(parents))
        earlier.append(name)


def _dbt_files(project: Project) -> Iterator[tuple[str, str]]:
    yield "dbt_project.yml", _DBT_PROJECT
    for name, text in _MACROS.items():
        yield f"macros/{name}.sql", text
    for subject in _SUBJECTS:
        yield f"seeds/raw_{subject}.csv", _seed(subject)
    for model in project.models:
        yield _path(model), _sql(model, revision=0)
    yield from _schema_files(project.models)


def _seed(subject: str) -> str:
    chance = random.Random(subject)
    rows = (f"{row},2026-{row % 12 + 1:02}-01,{chance.randrange(100_000)}" for row in range(SEED_ROWS))
    return "\n".join(("id,day,cents", *rows, ""))


def _path(model: Model) -> str:
    return f"models/{model.layer}/{model.name}.sql"


def _sql(model: Model, revision: int) -> str:
    if not model.parents:
        seed = f"raw_{model.name.split('_')[1]}"
        return (
            f"select\n    id,\n    day,\n    {{{{ euros('cents') }}}} as amount,\n    {revision} as revision\n"
            f"from {{{{ ref('{seed}') }}}}\nwhere {{{{ since('2026-01-01') }}}}\n"
        )
    names = [f"source_{number}" for number, _ in enumerate(model.parents)]
    read = ",\n".join(
        f"{name} as (\n    select id, day, amount from {{{{ ref('{parent}') }}}}\n)"
        for name, parent in zip(names, model.parents, strict=True)
    )
    amounts = [f"{name}.amount" for name in names]
    amount = f"{{{{ sum_of({amounts}) }}}}" if len(names) > 2 else " + ".join(amounts)
    joined = "".join(f"\njoin {name} on {name}.id = source_0.id" for name in names[1:])
    return (
        f"{{{{ config(tags=['{model.layer}', '{model.name.split('_')[1]}']) }}}}\n\nwith {read}\n\n"
        f"select\n    source_0.id,\n    source_0.day,\n    {amount} as amount,\n    {revision} as revision\n"
        f"from source_0{joined}\n"
    )


def _schema_files(models: tuple[Model, ...]) -> Iterator[tuple[str, str]]:
    for layer in LAYERS:
        mine = [model for model in models if model.layer == layer.folder]
        for start in range(0, len(mine), MODELS_PER_SCHEMA_FILE):
            described = "".join(_described(model) for model in mine[start : start + MODELS_PER_SCHEMA_FILE])
            path = f"models/{layer.folder}/_{layer.prefix}_{start // MODELS_PER_SCHEMA_FILE:02}.yml"
            yield path, f"version: 2\nmodels:\n{described}"


def _described(model: Model) -> str:
    subject = model.name.split("_")[1]
    return (
        f"  - name: {model.name}\n"
        f"    description: Rows of {subject}, from {', '.join(model.parents) or 'a seed'}.\n"
        "    columns:\n"
        f"      - name: id\n        description: Which of the {subject}.\n"
        "        data_tests: [unique, not_null]\n"
        "      - name: amount\n        description: In euros.\n"
    )


def _write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
