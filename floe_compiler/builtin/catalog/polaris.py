"""Apache Polaris, an Iceberg REST catalog. Source: https://polaris.apache.org/releases/latest/getting-started/

dbt's catalogs.yml follows https://docs.getdbt.com/docs/mesh/iceberg/about-catalogs. An adapter of dbt refuses an
integration of a kind that it does not know, dbt-duckdb every one: so there is none unless it is configured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import yaml
from pydantic import Field

from floe_compiler.builtin.catalog._pyiceberg import LOADED_BY, pyiceberg_files
from floe_compiler.model.bundle import BundleHead
from floe_compiler.model.values import Address, EnvRef, SecretRef, Sensitive
from floe_compiler.plugins.contracts import CatalogPlugin, LoadedBy, Manifests, PluginConfig, Properties

CATALOGS: Final = "catalogs.yml"


class WriteIntegration(PluginConfig):
    """A way in which dbt writes tables of the catalog, in the words of dbt's catalogs.yml."""

    name: Annotated[str, Field(min_length=1, description="The integration's name.")]
    catalog_type: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="Its kind, as the adapter calls it: `iceberg_rest`.")
    ] = "iceberg_rest"
    table_format: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="The format of tables: `iceberg`.")
    ] = "iceberg"
    external_volume: Annotated[str | None, Field(description="The warehouse's name for the storage.")] = None
    file_format: Annotated[str | None, Field(description="The format of data files: `parquet`.")] = None
    adapter_properties: Annotated[
        dict[str, str | int | bool],
        Field(description="What only one adapter knows: `catalog_linked_database` of Snowflake."),
    ] = {}


class PolarisConfig(PluginConfig):
    """A catalog of a Polaris, and a principal that reads and writes it. Nothing of it is reached before it is used."""

    name: Annotated[
        str,
        Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", description="What the tools call the catalog."),
    ] = "polaris"
    uri: Annotated[
        Address,
        Field(pattern=r"^https?://[^?#\s]+$", description="The address of the Iceberg REST API, without `/v1`."),
    ] = "http://localhost:8181/api/catalog"
    warehouse: Annotated[str, Field(min_length=1, description="The catalog's name in Polaris.")] = "lakehouse"
    credential: Annotated[
        Sensitive, Field(description="The principal's `client-id:client-secret`, for a token by OAuth 2.")
    ] = SecretRef(secret="POLARIS_CREDENTIAL")  # noqa: S106 - the name of a secret
    token_uri: Annotated[
        Address | None,
        Field(
            pattern=r"^https?://[^?#\s]+$",
            description="Where the token is got; without it from the catalog itself, `v1/oauth/tokens`.",
        ),
    ] = None
    scope: Annotated[str, Field(min_length=1, description="What the token is for.")] = "PRINCIPAL_ROLE:ALL"
    write_integrations: Annotated[
        list[WriteIntegration],
        Field(description="How dbt writes tables of the catalog, the active integration first. dbt-duckdb knows none."),
    ] = []


class PolarisCatalog(CatalogPlugin):
    """Renders the catalog for PyIceberg and for dbt."""

    summary = "Apache Polaris: an Iceberg REST catalog"
    config_model = PolarisConfig
    loaded_by = (
        *LOADED_BY,
        LoadedBy(
            CATALOGS,
            "dbt 1.10 or later, beside dbt_project.yml",
            'cp -r ../../project "$RUN_DIR/project" && cp catalogs.yml "$RUN_DIR/project" && '
            'dbt parse --project-dir "$RUN_DIR/project" --profiles-dir ../../profiles',
            "tool",
        ),
    )

    def render(
        self, config: PluginConfig, head: BundleHead, manifests: Manifests, file_io: Properties
    ) -> Mapping[str, bytes]:
        assert isinstance(config, PolarisConfig)  # noqa: S101 - the registry pairs plugin and model
        own: dict[str, str | EnvRef | SecretRef] = {
            "type": "rest",
            "uri": config.uri,
            "warehouse": config.warehouse,
            "credential": config.credential,
            "scope": config.scope,
            "oauth2-server-uri": config.token_uri or f"{config.uri.rstrip('/')}/v1/oauth/tokens",
        }
        return {**pyiceberg_files(config.name, {**file_io, **own}), CATALOGS: _catalogs_yml(config)}


def _catalogs_yml(config: PolarisConfig) -> bytes:
    integrations = [_written(integration) for integration in config.write_integrations]
    catalog = {
        "name": config.name,
        "active_write_integration": next((integration["name"] for integration in integrations), None),
        "write_integrations": integrations,
    }
    document = {"catalogs": [catalog] if integrations else []}
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000)
    return text.encode()


def _written(integration: WriteIntegration) -> dict[str, Any]:
    """What is set, in dbt's order."""
    return {name: value for name, value in integration.model_dump().items() if value not in (None, {})}
