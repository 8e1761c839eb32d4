"""Secrets as environment variables that are set wherever the bundle runs: a laptop, a CI job, a container.

Source: https://kubernetes.io/docs/tasks/inject-data-application/distribute-credentials-secure/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from floe_compiler.kubernetes import object_name
from floe_compiler.model.bundle import BundleHead
from floe_compiler.plugins.contracts import Manifests, PluginConfig, SecretsPlugin

SUFFIX: Final = "-environment"


class EnvSecrets(SecretsPlugin):
    """Somebody sets the variables.

    For a container that is the Secret `<product>-environment`, as `kubectl create secret generic --from-env-file`
    makes one. Nothing is rendered but the references to it.
    """

    summary = "environment variables, set where the bundle runs"

    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        return {}

    def container_variable(self, config: PluginConfig, head: BundleHead, secret: str) -> Mapping[str, Any]:
        return {"secretKeyRef": {"name": object_name(head.product.name + SUFFIX), "key": secret}}
