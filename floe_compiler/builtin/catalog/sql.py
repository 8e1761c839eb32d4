"""PyIceberg's SQL catalog, embedded: a database file. Source: https://py.iceberg.apache.org/configuration/#sql-catalog"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from floe_compiler.builtin.catalog._pyiceberg import LOADED_BY, pyiceberg_files
from floe_compiler.model.bundle import BundleHead
from floe_compiler.model.values import Address, EnvRef, SecretRef
from floe_compiler.plugins.contracts import CatalogPlugin, Manifests, PluginConfig, Properties


class SqlConfig(PluginConfig):
    """A database. The default is a file that is made with the first table."""

    name: Annotated[
        str,
        Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", description="What the tools call the catalog."),
    ] = "sql"
    uri: Annotated[
        Address | EnvRef | SecretRef,
        Field(
            description="The database, as SQLAlchemy writes it. An address with a password in it is a `{secret: NAME}`."
        ),
    ] = "sqlite:///catalog.db"


class SqlCatalog(CatalogPlugin):
    """Renders the catalog for PyIceberg; tables are where the storage says."""

    summary = "PyIceberg's SQL catalog: a database file"
    config_model = SqlConfig
    loaded_by = LOADED_BY

    def render(
        self, config: PluginConfig, head: BundleHead, manifests: Manifests, file_io: Properties
    ) -> Mapping[str, bytes]:
        assert isinstance(config, SqlConfig)  # noqa: S101 - the registry pairs plugin and model
        own: dict[str, str | EnvRef | SecretRef] = {"type": "sql", "uri": config.uri}
        return pyiceberg_files(config.name, {**file_io, **own})
