"""What a container of the deployment takes from outside: variables and secrets, by reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from floe_compiler.kubernetes import object_name
from floe_compiler.model.values import references
from floe_compiler.plugins.contracts import SecretsPlugin
from floe_compiler.plugins.registry import blame

if TYPE_CHECKING:
    from floe_compiler.compile.plugins import ConfiguredPlugins
    from floe_compiler.model.bundle import BundleHead

_TELLING: Final = ("observability", "lineage")
"""The types whose tools tell of a run while it runs; what they need must not keep it from running."""
_OPTIONAL: Final = frozenset({"configMapKeyRef", "secretKeyRef"})

EnvVar = dict[str, Any]


def environment_map(head: BundleHead) -> str:
    """The ConfigMap from which a product's variables come. The platform makes it: floe knows their names only."""
    return object_name(f"{head.product.name}-environment")


def container_variables(configured: ConfiguredPlugins, head: BundleHead) -> list[EnvVar]:
    """Kubernetes EnvVars, sorted: what a run needs, and then what it tells of itself with. Raises FLOE-P003."""
    needed = dict(_named(configured, head, set(head.environment.variables), set(head.environment.secrets)))
    telling = [configured.by_type[key].config for key in _TELLING if key in configured.by_type]
    variables, secrets = references(telling)
    optional = dict(_named(configured, head, variables - needed.keys(), secrets - needed.keys()))
    return [
        *({"name": name, "valueFrom": source} for name, source in sorted(needed.items())),
        *({"name": name, "valueFrom": _if_there(source)} for name, source in sorted(optional.items())),
    ]


def _named(
    configured: ConfiguredPlugins,
    head: BundleHead,
    variables: set[str] | frozenset[str],
    secrets: set[str] | frozenset[str],
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in variables:
        yield name, {"configMapKeyRef": {"name": environment_map(head), "key": name}}
    chosen = configured.by_type["secrets"]
    with blame(chosen.offer):
        for name in secrets:
            plugin = cast(SecretsPlugin, chosen.plugin)
            yield name, plugin.container_variable(chosen.config, head, name)


def _if_there(source: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        kind: {**reference, "optional": True} if kind in _OPTIONAL else reference for kind, reference in source.items()
    }
