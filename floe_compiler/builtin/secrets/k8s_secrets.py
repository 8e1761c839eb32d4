"""Kubernetes Secrets. Source: https://kubernetes.io/docs/concepts/configuration/secret/

The Secrets themselves are made by whoever knows their values; what floe renders refers to them by name and key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from floe_compiler.kubernetes import object_name
from floe_compiler.model.bundle import BundleHead
from floe_compiler.plugins.contracts import Manifests, PluginConfig, SecretsPlugin


class K8sSecretsConfig(PluginConfig):
    """Which Secret holds what. By default each product has one, with an entry for every secret of its own name."""

    name: Annotated[
        str,
        Field(
            pattern=r"^([a-z0-9-]|\{product\}|\{secret\})+$",
            description="The Secret's name; `{product}` and `{secret}` stand for the names of both.",
        ),
    ] = "{product}-secrets"
    key: Annotated[
        Literal["as_written", "lower", "kebab"],
        Field(
            description="How WAREHOUSE_PASSWORD is called in it: `as_written`, `lower` as warehouse_password, "
            "`kebab` as warehouse-password."
        ),
    ] = "as_written"


class K8sSecrets(SecretsPlugin):
    """Refers to entries of Secrets that are there already. It has no file of its own: the deployment refers."""

    summary = "Kubernetes Secrets, by name and key"
    config_model = K8sSecretsConfig

    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        return {}

    def container_variable(self, config: PluginConfig, head: BundleHead, secret: str) -> Mapping[str, Any]:
        assert isinstance(config, K8sSecretsConfig)  # noqa: S101 - the registry pairs plugin and model
        name = config.name.replace("{product}", head.product.name).replace("{secret}", secret)
        keys = {"as_written": secret, "lower": secret.lower(), "kebab": object_name(secret)}
        return {"secretKeyRef": {"name": object_name(name), "key": keys[config.key]}}
