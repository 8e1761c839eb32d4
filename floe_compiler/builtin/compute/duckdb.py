"""DuckDB, through dbt-duckdb. Source: https://docs.getdbt.com/docs/core/connect-data-platform/duckdb-setup"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field

from floe_compiler.model.values import Sensitive, Shown, Text
from floe_compiler.plugins.contracts import ComputePlugin, PluginConfig, ProfileOutput, Properties


class DuckDBSecret(PluginConfig):
    """A credential in DuckDB's secrets manager, for as long as a run lasts; dbt shows it to no model.

    Source: https://duckdb.org/docs/stable/configuration/secrets_manager
    """

    type: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="What it opens: `s3`, `gcs`, `r2`, `azure`, `http`.")
    ]
    provider: Annotated[
        str | None, Field(pattern=r"^[a-z][a-z0-9_]*$", description="Who brings it: `config` or `credential_chain`.")
    ] = None
    scope: Annotated[str | list[str] | None, Field(description="Only for addresses that begin so: `s3://lake`.")] = None
    key_id: Annotated[Sensitive | None, Field(description="The access key's id.")] = None
    secret: Annotated[Sensitive | None, Field(description="The access key's secret.")] = None
    session_token: Annotated[Sensitive | None, Field(description="The token of a temporary access key.")] = None
    bearer_token: Annotated[Sensitive | None, Field(description="The token that `http` sends.")] = None
    connection_string: Annotated[Sensitive | None, Field(description="How `azure` connects.")] = None
    client_secret: Annotated[Sensitive | None, Field(description="The secret of a service principal in `azure`.")] = (
        None
    )
    client_id: Annotated[Text | None, Field(description="The id of a service principal in `azure`.")] = None
    tenant_id: Annotated[Text | None, Field(description="The tenant of a service principal in `azure`.")] = None
    account_name: Annotated[Text | None, Field(description="The storage account in `azure`.")] = None
    account_id: Annotated[Text | None, Field(description="The account in `r2`.")] = None
    region: Annotated[Text | None, Field(description="The region of the buckets.")] = None
    endpoint: Annotated[Text | None, Field(description="The host of a storage that only speaks like S3.")] = None
    url_style: Annotated[str | None, Field(pattern=r"^(path|vhost)$", description="`path` or `vhost`.")] = None
    use_ssl: Annotated[bool | None, Field(description="Whether to connect encrypted; without it, yes.")] = None


class DuckDBConfig(PluginConfig):
    """A DuckDB file, or `:memory:`. The defaults need nothing."""

    path: Annotated[
        str,
        Field(
            min_length=1,
            description="The database file; a relative path is below the run directory. dbt names the database so.",
        ),
    ] = "floe.duckdb"
    schema_: Annotated[str, Field(alias="schema", min_length=1, description="The schema that models are built in.")] = (
        "main"
    )
    threads: Annotated[int, Field(ge=1, le=1024, description="How many nodes dbt runs at once.")] = 4
    extensions: Annotated[list[str], Field(description="DuckDB extensions to load: `httpfs`, `iceberg`.")] = []
    settings: Annotated[
        dict[str, Shown], Field(description="DuckDB settings. dbt shows them to every model; `secrets` it does not.")
    ] = {}
    secrets: Annotated[list[DuckDBSecret], Field(description="What DuckDB opens other storages with.")] = []


class DuckDBCompute(ComputePlugin):
    """Renders one dbt-duckdb output."""

    summary = "DuckDB: an analytical database in a file"
    config_model = DuckDBConfig
    adapter_package = "dbt-duckdb"

    def render_output(self, config: PluginConfig) -> ProfileOutput:
        assert isinstance(config, DuckDBConfig)  # noqa: S101 - the registry pairs plugin and model
        values: dict[str, Any] = {
            "type": "duckdb",
            "path": config.path,
            "schema": config.schema_,
            "threads": config.threads,
            **({"extensions": config.extensions} if config.extensions else {}),
            **({"settings": config.settings} if config.settings else {}),
            **({"secrets": [_written(secret) for secret in config.secrets]} if config.secrets else {}),
        }
        return ProfileOutput(values)

    def with_storage(self, output: ProfileOutput, file_io: Properties) -> ProfileOutput:
        """With a secret for the storage, where an access key is configured and the target has no secret of its kind.

        DuckDB loads its extension for S3 (httpfs) for such a secret, so without an access key there is none.
        """
        own: Any = output.values.get("secrets", [])
        if "s3.access-key-id" not in file_io or any(secret["type"] == "s3" for secret in own):
            return output
        return ProfileOutput({**output.values, "secrets": [*own, _s3_secret(file_io)]})


_OF_S3 = {
    "warehouse": "scope",
    "s3.access-key-id": "key_id",
    "s3.secret-access-key": "secret",
    "s3.session-token": "session_token",
    "s3.region": "region",
}
"""DuckDB's names for properties of a storage."""


def _s3_secret(file_io: Properties) -> dict[str, Any]:
    """The storage in DuckDB's words, which wants a host for an endpoint."""
    secret: dict[str, Any] = {"type": "s3", **{_OF_S3[name]: file_io[name] for name in _OF_S3 if name in file_io}}
    if endpoint := file_io.get("s3.endpoint"):
        address = urlsplit(str(endpoint))
        virtual = file_io.get("s3.force-virtual-addressing") == "true"
        style = "vhost" if virtual else "path"
        secret |= {"endpoint": address.netloc, "use_ssl": address.scheme == "https", "url_style": style}
    return secret


def _written(secret: DuckDBSecret) -> dict[str, Any]:
    """What is set, references as they are."""
    return {name: value for name in type(secret).model_fields if (value := getattr(secret, name)) is not None}
