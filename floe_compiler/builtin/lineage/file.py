"""OpenLineage events in a file. Source: https://openlineage.io/docs/client/python/configuration#file

The client takes a relative path from where it is started, and the bundle is read-only: so whoever starts it does so in
a run directory, as `floe run` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from floe_compiler.builtin.lineage._openlineage_files import LOADED_BY, Namespace, openlineage_files, to_file
from floe_compiler.model.bundle import BundleHead
from floe_compiler.plugins.contracts import LineagePlugin, Manifests, PluginConfig


class FileConfig(PluginConfig):
    """Which file. The defaults need nothing."""

    path: Annotated[
        str,
        Field(
            pattern=r"^[^\x00-\x1f\x7f:]+$",
            description="The file, one event a line; a relative path is below the run directory.",
        ),
    ] = "lineage/events.jsonl"
    namespace: Namespace = None


class LineageFile(LineagePlugin):
    """Renders what OpenLineage's client is started from."""

    summary = "OpenLineage events, appended to a file in the run directory"
    config_model = FileConfig
    loaded_by = LOADED_BY

    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        assert isinstance(config, FileConfig)  # noqa: S101 - the registry pairs plugin and model
        return openlineage_files(to_file(config.path), config.namespace, head)
