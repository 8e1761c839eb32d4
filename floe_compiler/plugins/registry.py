"""Finds plugins, and names the one that failed.

Built-ins are the files of `builtin/<type>/`; third parties come through the entry-point groups of the table.
Both become an `Offer`; only a chosen one is imported. A plugin is checked when it is loaded, so that a call
can only fail by the plugin's own doing, and then the problem names it, its distribution and its version.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final, cast

from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.plugins import contracts
from floe_compiler.plugins.contracts import DBTRuntimePlugin, Plugin
from floe_compiler.plugins.types import BY_ANY_NAME, TYPES, PluginType, unknown_plugin

BUILT_IN_DISTRIBUTION: Final = "floe-compiler"
_BUILT_INS: Final = Path(__file__).parent.parent / "builtin"


@dataclass(frozen=True, slots=True)
class Offer:
    """A plugin that can be chosen; nothing of it is imported yet.

    `target` is `module` for a built-in (its one plugin class is meant) and `module:Class` for a third party.
    """

    type: PluginType
    name: str
    target: str
    distribution: str
    version: str | None

    @property
    def built_in(self) -> bool:
        return self.version is None

    def __str__(self) -> str:
        origin = self.distribution if self.built_in else f"{self.distribution} {self.version}"
        return f"{self.type.key} plugin `{self.name}` ({origin})"


class PluginRegistry:
    """All plugins that are installed here. `third_party` replaces the installed entry points, for tests.

    Raises FLOE-P001 or FLOE-P002 when two plugins claim one name.
    """

    def __init__(self, third_party: Iterable[EntryPoint] | None = None) -> None:
        self._third_party = None if third_party is None else tuple(third_party)
        self._installed: Any = None
        self._offers: dict[str, dict[str, Offer]] = {}
        self._instances: dict[Offer, Plugin] = {}

    def offers(self, plugin_type: str) -> Mapping[str, Offer]:
        """By name, sorted. `plugin_type` is a key, a group, or a group without its prefix."""
        row = BY_ANY_NAME[plugin_type]
        if row.key not in self._offers:
            self._offers[row.key] = _offers_of(row, self._points(row.group))
        return self._offers[row.key]

    def _points(self, group: str) -> Iterable[EntryPoint]:
        if self._third_party is not None:
            return [point for point in self._third_party if point.group == group]
        if self._installed is None:
            self._installed = entry_points()  # one scan of all distributions serves all types
        found: Iterable[EntryPoint] = self._installed.select(group=group)
        return found

    def names(self) -> dict[str, tuple[str, ...]]:
        """The names offered for every type: all that resolving needs to know of plugins."""
        return {row.key: tuple(self.offers(row.key)) for row in TYPES}

    def offer(self, plugin_type: str, name: str, where: Where | None = None) -> Offer:
        """Raises FLOE-R010 with the nearest name."""
        offers = self.offers(plugin_type)
        if name not in offers:
            raise FloeError(unknown_plugin(BY_ANY_NAME[plugin_type].key, name, tuple(offers), where))
        return offers[name]

    def get_plugin(self, plugin_type: str, name: str) -> Plugin:
        """A plugin with its default configuration: `get_plugin("dbt_runtimes", "local")`. One instance each.

        Raises FLOE-R010 for an unknown name, FLOE-P003 or FLOE-P004 for a faulty plugin.
        """
        offer = self.offer(plugin_type, name)
        if offer not in self._instances:
            with blame(offer):
                self._instances[offer] = self.plugin_class(offer)()
        return self._instances[offer]

    def plugin_class(self, offer: Offer) -> type[Plugin]:
        """The class behind an offer, checked against its contract. Raises FLOE-P003, FLOE-P004."""
        with blame(offer):
            return _load(offer)

    def get_runtime(self, name: str, config: Mapping[str, Any], environ: Mapping[str, str]) -> DBTRuntimePlugin:
        """A dbt runtime for one configuration. Raises what `get_plugin` raises."""
        offer = self.offer("dbt_runtime", name)
        runtime_class = cast(type[DBTRuntimePlugin], self.plugin_class(offer))
        with blame(offer):
            return runtime_class(runtime_class.config_model.model_validate(dict(config)), environ)


@contextmanager
def blame(offer: Offer) -> Iterator[None]:
    """Turns whatever a plugin raises into a problem that names it; its own coded problems pass."""
    try:
        yield
    except FloeError:
        raise
    except Exception as error:
        message = f"{offer} failed: {type(error).__name__}: {error}"
        hint = f"This is a fault of {offer.distribution}, not of your product; report it there."
        raise FloeError(Problem("FLOE-P003", message, hint=hint)) from error


@contextmanager
def warmed_up(offer: Offer, runtime: DBTRuntimePlugin) -> Iterator[None]:
    """A dbt runtime that gets ready while the block prepares what it will be asked for, and is closed after it."""
    try:
        with blame(offer):
            runtime.warm_up()
        yield
    finally:
        with blame(offer):
            runtime.close()


def _offers_of(row: PluginType, third_party: Iterable[EntryPoint]) -> dict[str, Offer]:
    found = {name: _built_in(row, name) for name in _built_in_names(row)}
    for point in sorted(third_party, key=lambda p: (p.name, p.value)):
        offer = _third_party(row, point)
        rival = found.get(point.name)
        if rival is None:
            found[point.name] = offer
        elif rival.built_in:
            raise FloeError(Problem("FLOE-P001", f"{offer} takes the name of a built-in"))
        elif rival != offer:
            raise FloeError(Problem("FLOE-P002", f"{rival} and {offer} claim one name"))
    return dict(sorted(found.items()))


def _built_in_names(row: PluginType) -> list[str]:
    folder = _BUILT_INS / row.key
    return sorted(file.stem for file in folder.glob("[!_]*.py")) if folder.is_dir() else []


def _built_in(row: PluginType, name: str) -> Offer:
    target = f"floe_compiler.builtin.{row.key}.{name}"
    return Offer(row, name, target, BUILT_IN_DISTRIBUTION, None)


def _third_party(row: PluginType, point: EntryPoint) -> Offer:
    distribution = point.dist
    name, version = (distribution.name, distribution.version) if distribution else ("unknown", "0")
    return Offer(row, point.name, point.value, name, version)


def _load(offer: Offer) -> type[Plugin]:
    module_name, _, class_name = offer.target.partition(":")
    module = importlib.import_module(module_name)
    contract: type[Plugin] = getattr(contracts, offer.type.contract)
    if class_name:
        plugin_class = getattr(module, class_name)
    else:
        (plugin_class,) = (
            value
            for value in vars(module).values()
            if inspect.isclass(value) and issubclass(value, contract) and value.__module__ == module_name
        )
    _check(offer, plugin_class, contract)
    return cast(type[Plugin], plugin_class)


def _check(offer: Offer, plugin_class: object, contract: type[Plugin]) -> None:
    if not (inspect.isclass(plugin_class) and issubclass(plugin_class, contract)):
        raise FloeError(Problem("FLOE-P004", f"{offer} is not a {contract.__name__}"))
    missing = sorted(getattr(plugin_class, "__abstractmethods__", ()))
    if missing:
        raise FloeError(Problem("FLOE-P004", f"{offer} does not implement {', '.join(missing)}"))
