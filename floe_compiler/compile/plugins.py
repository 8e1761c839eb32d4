"""Chosen plugins, loaded, with their configuration checked by their own models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from floe_compiler.errors import Problem, Where, raise_if_any
from floe_compiler.model.bundle import PluginInfo
from floe_compiler.model.checked import problems_of
from floe_compiler.model.documents import Document
from floe_compiler.plugins.contracts import Plugin, PluginConfig
from floe_compiler.plugins.types import BY_KEY

if TYPE_CHECKING:
    from floe_compiler.plugins.registry import Offer, PluginRegistry
    from floe_compiler.resolve import PluginChosen, ResolvedProduct

P = TypeVar("P", bound=Plugin)


@dataclass(frozen=True, slots=True)
class Configured:
    """A plugin that is ready to be called."""

    offer: Offer
    plugin: Plugin
    config: PluginConfig

    @property
    def info(self) -> PluginInfo:
        """What the bundle says of it."""
        version = self.offer.version or self.plugin.version
        config = self.config.model_dump(mode="json", by_alias=True, exclude_none=True)
        return PluginInfo(name=self.offer.name, distribution=self.offer.distribution, version=version, config=config)


@dataclass(frozen=True, slots=True)
class ConfiguredPlugins:
    """The plugins of all types, and the compute of every target."""

    by_type: Mapping[str, Configured]
    computes: Mapping[str, Configured]


def configure(
    resolved: ResolvedProduct, registry: PluginRegistry, needed: Callable[[PluginChosen], bool] = lambda chosen: True
) -> ConfiguredPlugins:
    """Loads what was chosen, so far as it is `needed`, and checks every configuration. Raises FloeError: FLOE-L05x,
    FLOE-P00x."""
    problems: list[Problem] = []
    wanted = {key: chosen for key, chosen in resolved.plugins.items() if needed(chosen)}
    by_type = {key: _configured(chosen, registry, problems) for key, chosen in wanted.items()}
    computes = {target.name: _configured(target.compute, registry, problems) for target in resolved.targets}
    raise_if_any(problems)
    return ConfiguredPlugins(
        {key: plugin for key, plugin in by_type.items() if plugin},
        {name: plugin for name, plugin in computes.items() if plugin},
    )


def is_to_be_checked(chosen: PluginChosen, registry: PluginRegistry) -> bool:
    """Whether anything could be wrong with it: floe's own default of a type is sound while it is not configured."""
    if chosen.type == "data_quality":
        return True  # it is asked for the checks of the policies
    is_default = chosen.name == BY_KEY[chosen.type].default and registry.offer(chosen.type, chosen.name).built_in
    return bool(chosen.config) or not is_default


def _configured(chosen: PluginChosen, registry: PluginRegistry, problems: list[Problem]) -> Configured | None:
    offer = registry.offer(chosen.type, chosen.name)
    plugin = registry.get_plugin(chosen.type, chosen.name)
    try:
        return Configured(offer, plugin, plugin.config_model.model_validate(dict(chosen.config)))
    except ValidationError as error:
        problems.extend(problems_of(error, plugin.config_model, _document(chosen)))
        return None


def _document(chosen: PluginChosen) -> Document:
    """The configuration as a document of its own, so that its problems are shown at their lines."""
    root = chosen.origin.where or Where("default")
    places: dict[tuple[str | int, ...], Where] = {(): root}
    _place(dict(chosen.config), (), root, chosen.places, places)
    return Document(root.file, dict(chosen.config), places, {(key,): at for key, at in chosen.places.items()}, "")


def _place(
    value: Any,
    pointer: tuple[str | int, ...],
    nearest: Where,
    known: Mapping[str, Where],
    places: dict[tuple[str | int, ...], Where],
) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        at = (*pointer, key)
        places[at] = known.get(str(key), nearest) if not pointer else nearest
        _place(item, at, places[at], known, places)
