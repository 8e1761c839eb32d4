"""No identity provider. Who may read a table is then what dbt's grants say.

Source: https://docs.getdbt.com/reference/resource-configs/grants
"""

from __future__ import annotations

from collections.abc import Mapping

from floe_compiler.model.bundle import BundleHead
from floe_compiler.plugins.contracts import IdentityPlugin, Manifests, PluginConfig


class NoIdentity(IdentityPlugin):
    """Renders nothing."""

    summary = "no identity provider"

    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        return {}
