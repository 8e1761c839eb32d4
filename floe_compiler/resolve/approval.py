"""What may be chosen at all: plugins, the computes of targets and transforms, and the product itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from floe_compiler.errors import Problem, Where
from floe_compiler.resolve.rules import covers

if TYPE_CHECKING:
    from floe_compiler.load import Loaded
    from floe_compiler.model.inputs import DataProduct
    from floe_compiler.resolve.choices import PluginChosen
    from floe_compiler.resolve.platform import Platform


def unapproved(
    platform: Platform, product: Loaded[DataProduct], plugins: Mapping[str, PluginChosen]
) -> Iterator[Problem]:
    """FLOE-R021 for a plugin, FLOE-R022 for a product that is not in the platform's `approved` lists."""
    for key, plugin in plugins.items():
        if _is_used(plugin, platform):
            yield from _plugin(platform, key, plugin.name, f"plugins.{key}", plugin.origin.where)
    for name in platform.model.targets:
        cell = platform.choice("targets", name, "compute")
        if cell:
            yield from _plugin(platform, "compute", cell.value, f"targets.{name}.compute", cell.said[0].where)
    for i, transform in enumerate(product.model.transforms):
        if transform.compute:
            where = product.document.where(("transforms", i, "compute"))
            yield from _plugin(platform, "compute", transform.compute, f"transforms.{i}.compute", where)
    yield from _product(platform, product)


def _is_used(plugin: PluginChosen, platform: Platform) -> bool:
    """A default compute is not, where every target names its own."""
    return not (plugin.type == "compute" and plugin.origin.where is None and platform.model.targets)


def _plugin(platform: Platform, plugin_type: str, name: str, at: str, where: Where | None) -> Iterator[Problem]:
    approved = platform.choice("approved", plugin_type)
    if approved is None or name in approved.value:
        return
    how = "is" if where else "is by default"
    decided = approved.said[0]
    message = f"`{at}` {how} `{name}`, which is not in `approved.{plugin_type}` at {decided.where}"
    hint = f"Approved by {decided.author}: {_listed(approved.value)}. Ask {decided.author.owner} for another."
    yield Problem("FLOE-R021", message, where or decided.where, hint)


def _product(platform: Platform, product: Loaded[DataProduct]) -> Iterator[Problem]:
    approved, name = platform.choice("approved", "products"), product.model.metadata.name
    if approved is None or covers(approved.value, name):
        return
    decided = approved.said[0]
    message = f"the product `{name}` is not in `approved.products` at {decided.where}"
    hint = f"Ask {decided.author.owner} to approve it for {decided.author}."
    yield Problem("FLOE-R022", message, product.document.where(("metadata", "name")), hint)


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
