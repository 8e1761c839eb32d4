"""The twelve plugin types: adding one is one row here and its ABC in `contracts`.

This module imports no contract, so that listing types and names stays cheap; `contract` names the ABC.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final, NamedTuple

from floe_compiler.errors import Problem, Where


class PluginType(NamedTuple):
    """A row: `key` is what the platform manifest says, `group` the entry-point group of third parties."""

    key: str
    group: str
    contract: str
    default: str
    question: str

    @property
    def plural(self) -> str:
        """The group without its prefix: "dbt_runtimes"."""
        return self.group.removeprefix("floe.")


TYPES: Final[tuple[PluginType, ...]] = (
    PluginType("compute", "floe.computes", "ComputePlugin", "duckdb", "Where SQL executes"),
    PluginType("dbt_runtime", "floe.dbt_runtimes", "DBTRuntimePlugin", "local", "Where dbt runs"),
    PluginType("orchestrator", "floe.orchestrators", "OrchestratorPlugin", "dagster", "How jobs are scheduled"),
    PluginType("catalog", "floe.catalogs", "CatalogPlugin", "polaris", "Where table metadata is kept"),
    PluginType("storage", "floe.storages", "StoragePlugin", "s3", "Where data is kept"),
    PluginType(
        "observability",
        "floe.observability_backends",
        "ObservabilityPlugin",
        "jaeger",
        "Where traces are sent",
    ),
    PluginType("lineage", "floe.lineage_backends", "LineagePlugin", "file", "Where lineage events are sent"),
    PluginType("semantic_layer", "floe.semantic_layers", "SemanticLayerPlugin", "cube", "How data is consumed"),
    PluginType("ingestion", "floe.ingestions", "IngestionPlugin", "dlt", "How data is ingested"),
    PluginType("data_quality", "floe.data_quality", "DataQualityPlugin", "dbt_bouncer", "How quality is judged"),
    PluginType("secrets", "floe.secrets", "SecretsPlugin", "k8s_secrets", "Where secrets come from"),
    PluginType("identity", "floe.identities", "IdentityPlugin", "keycloak", "Who may do what"),
)

BY_KEY: Final[dict[str, PluginType]] = {row.key: row for row in TYPES}
BY_ANY_NAME: Final[dict[str, PluginType]] = {name: row for row in TYPES for name in (row.key, row.plural, row.group)}


def unknown_plugin(plugin_type: str, name: str, known: tuple[str, ...], where: Where | None) -> Problem:
    """The problem of a name that no plugin of that type has."""
    near = get_close_matches(name, known, n=1)
    guess = f": did you mean `{near[0]}`?" if near else ""
    offered = ", ".join(f"`{n}`" for n in known) or "none"
    return Problem(
        "FLOE-R010",
        f"there is no {plugin_type} plugin `{name}`{guess}",
        where,
        f"Installed {plugin_type} plugins: {offered}.",
    )
