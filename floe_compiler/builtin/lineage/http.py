"""OpenLineage events over HTTP, to Marquez and kin. Source: https://openlineage.io/docs/client/python/configuration#http

`floe run` keeps every event in the run directory too, and sends without waiting for answers while dbt works.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from floe_compiler.builtin.lineage._openlineage_files import LOADED_BY, Namespace, openlineage_files, to_file
from floe_compiler.model.bundle import BundleHead
from floe_compiler.model.values import EnvRef, Sensitive
from floe_compiler.plugins.contracts import LineagePlugin, Manifests, PluginConfig

Url = Annotated[str, Field(pattern=r"^https?://[^\s@'\"$`\\]+$")]


class HttpConfig(PluginConfig):
    """Where events are sent. The defaults send nothing."""

    url: Annotated[
        Url | EnvRef | None,
        Field(description="The backend: `http://marquez:5000`. Without it, events go to a file in the run directory."),
    ] = None
    endpoint: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]*$", description="The path that takes events.")
    ] = "api/v1/lineage"
    api_key: Annotated[Sensitive | None, Field(description="What the backend knows the platform by.")] = None
    timeout: Annotated[float, Field(gt=0, description="How many seconds an answer may take.")] = 5.0
    namespace: Namespace = None


class LineageHttp(LineagePlugin):
    """Renders what OpenLineage's client is started from."""

    summary = "OpenLineage events, sent to Marquez or another backend; without a url, a file in the run directory"
    config_model = HttpConfig
    loaded_by = LOADED_BY

    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        assert isinstance(config, HttpConfig)  # noqa: S101 - the registry pairs plugin and model
        if config.url is None:
            return openlineage_files(to_file("lineage/events.jsonl"), config.namespace, head)
        transport: dict[str, Any] = {"type": "http", "endpoint": config.endpoint, "timeout": config.timeout}
        variables = {}
        if isinstance(config.url, EnvRef):
            variables["OPENLINEAGE__TRANSPORT__URL"] = f"${{{config.url.env}}}"
        else:
            transport["url"] = config.url
        if config.api_key is not None:
            name = config.api_key.env if isinstance(config.api_key, EnvRef) else config.api_key.secret
            transport["auth"] = {"type": "api_key"}
            # The client reads the variable as JSON where it can: in quotes, a key of digits stays as it is.
            variables["OPENLINEAGE__TRANSPORT__AUTH__APIKEY"] = f'\\"${{{name}}}\\"'
        return openlineage_files(transport, config.namespace, head, variables)
