"""DuckDB, through dbt-duckdb. Source: https://docs.getdbt.com/docs/core/connect-data-platform/duckdb-setup"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from floe_compiler.model.values import EnvRef
from floe_compiler.plugins.contracts import ComputePlugin, PluginConfig, ProfileOutput


class DuckDBConfig(PluginConfig):
    """A DuckDB file, or `:memory:`. The defaults need nothing."""

    path: Annotated[
        str,
        Field(
            min_length=1,
            description="The database file. A relative path lies in the run directory. dbt names the database after it.",
        ),
    ] = "floe.duckdb"
    schema_: Annotated[
        str, Field(alias="schema", min_length=1, description="The schema that models are built in.")
    ] = "main"
    threads: Annotated[int, Field(ge=1, le=1024, description="How many nodes dbt runs at once.")] = 4
    extensions: Annotated[list[str], Field(description="DuckDB extensions to load: `httpfs`, `iceberg`.")] = []
    settings: Annotated[
        dict[str, str | int | float | bool | EnvRef],
        Field(description="DuckDB settings. No secrets: dbt shows these to every model."),
    ] = {}


class DuckDBCompute(ComputePlugin):
    """Renders one dbt-duckdb output."""

    summary = "DuckDB: an analytical database in a file"
    config_model = DuckDBConfig
    adapter_package = "dbt-duckdb"

    def render_output(self, config: PluginConfig) -> ProfileOutput:
        assert isinstance(config, DuckDBConfig)  # noqa: S101 - the registry pairs plugin and model
        values = {
            "type": "duckdb",
            "path": config.path,
            "schema": config.schema_,
            "threads": config.threads,
            **({"extensions": config.extensions} if config.extensions else {}),
            **({"settings": config.settings} if config.settings else {}),
        }
        return ProfileOutput(values)
