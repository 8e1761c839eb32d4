"""Cube: the data model of its semantic layer. Source: https://cube.dev/docs/product/data-modeling/overview

Cubes come from dbt's semantic models and marts, views from its semantic models and saved queries. A metric or a join
that Cube has no words for stands, with the reason, under `meta.dbt.not_expressed` of its cube. Tables are named as
dbt names them, so every target has a model of its own: `model/` for the first, `targets/<target>/model/` for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from floe_compiler.builtin.semantic_layer._cube_documents import (
    Layer,
    cube_document,
    query_documents,
    view_documents,
)
from floe_compiler.builtin.semantic_layer._cube_manifest import Manifest, Model, read
from floe_compiler.builtin.semantic_layer._cube_plan import cubes_of, joins_of
from floe_compiler.builtin.semantic_layer._cube_text import model_file
from floe_compiler.model.bundle import BundleHead
from floe_compiler.plugins.contracts import LoadedBy, Manifests, PluginConfig, SemanticLayerPlugin

_COMMAND: Final = 'docker run --rm -p 4000:4000 -v "$PWD:/cube/conf:ro" --env-file cube.env cubejs/cube'
_DATABASES: Final = {"databricks": "databricks-jdbc"}


class CubeConfig(PluginConfig):
    """Which models are offered. By default those with a semantic model, and the marts."""

    folders: Annotated[
        list[str], Field(description="A model in a folder of such a name is offered, with or without a semantic model.")
    ] = ["marts"]
    tags: Annotated[list[str], Field(description="So is a model with one of these tags.")] = []
    access: Annotated[
        list[Literal["public", "protected", "private"]],
        Field(description="Only models with such an `access` in dbt. Cubes of those that are not `public` are hidden."),
    ] = ["public", "protected"]
    database: Annotated[
        str | None,
        Field(
            pattern=r"^[a-z][a-z0-9-]*$",
            description="What Cube calls the kind of database (`CUBEJS_DB_TYPE`); by default that of dbt's adapter.",
        ),
    ] = None


class CubeSemanticLayer(SemanticLayerPlugin):
    """Renders a data model a target."""

    summary = "Cube: a semantic layer with measures, joins and an API for each"
    config_model = CubeConfig
    loaded_by = (
        LoadedBy("model/*/*.yml", "Cube", _COMMAND, "tool"),
        LoadedBy("cube.env", "Cube", _COMMAND, "tool"),
    )

    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        assert isinstance(config, CubeConfig)  # noqa: S101 - the registry pairs plugin and model
        files: dict[str, bytes] = {}
        for n, (target, manifest) in enumerate(manifests.items()):
            folder = f"targets/{target}/" if n else ""
            files |= {f"{folder}{path}": content for path, content in _target(config, target, manifest, folder)}
        return files


def _target(config: CubeConfig, target: str, manifest: Mapping[str, Any], folder: str) -> Iterator[tuple[str, bytes]]:
    known = read(manifest)
    yield "cube.env", _environment(config, target, known, folder)
    cubes = cubes_of(known, lambda model, has_meaning: _is_chosen(config, model, has_meaning))
    layer = Layer(cubes, joins_of(cubes))
    queries, missing = query_documents(known.saved_queries, layer)
    comment = f"The tables of dbt's target {target}."
    for cube in cubes:
        document = cube_document(cube, layer, missing)
        yield f"model/cubes/{cube.name}.yml", model_file(comment, {"cubes": [document]})
    for view in [*view_documents(layer), *queries]:
        yield f"model/views/{view['name']}.yml", model_file(comment, {"views": [view]})


def _is_chosen(config: CubeConfig, model: Model, has_meaning: bool) -> bool:
    if model.access not in config.access:
        return False
    is_named = not (set(config.folders).isdisjoint(model.folders) and set(config.tags).isdisjoint(model.tags))
    return has_meaning or (is_named and model.resource_type == "model")


def _environment(config: CubeConfig, target: str, manifest: Manifest, folder: str) -> bytes:
    database = config.database or _DATABASES.get(manifest.adapter_type, manifest.adapter_type)
    return "\n".join(
        (
            f"# How Cube starts for dbt's target {target}. How it reaches the database is to be added where it runs:",
            "# https://cube.dev/docs/product/configuration/data-sources",
            f"CUBEJS_DB_TYPE={database}",
            f"CUBEJS_SCHEMA_PATH={folder}model",
            "CUBEJS_TELEMETRY=false",
            "",
        )
    ).encode()
