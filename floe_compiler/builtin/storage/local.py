"""A folder of the machine, embedded: for a first day and for tests. Source: https://py.iceberg.apache.org/configuration/#fileio"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from floe_compiler.model.bundle import BundleHead
from floe_compiler.plugins.contracts import Manifests, PluginConfig, Properties, StoragePlugin


class LocalConfig(PluginConfig):
    """A folder. The default is made where the first table is written."""

    path: Annotated[
        str,
        Field(
            min_length=1,
            description="The folder of tables; a relative one is below the folder in which a tool is started.",
        ),
    ] = "warehouse"


class LocalStorage(StoragePlugin):
    """Says where tables are. It has no file of its own: a folder needs no settings."""

    summary = "A folder of the machine"
    config_model = LocalConfig

    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        return {}

    def file_io(self, config: PluginConfig) -> Properties:
        assert isinstance(config, LocalConfig)  # noqa: S101 - the registry pairs plugin and model
        return {"warehouse": config.path}
