"""All tiers as one platform manifest, and as the document that one file with the same content would be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from floe_compiler.model.documents import Document, Pointer
from floe_compiler.model.inputs import PlatformManifest
from floe_compiler.resolve.tiers import Cell, Key, Tier, choice_of, merge, tier_of

if TYPE_CHECKING:
    from floe_compiler.errors import Where
    from floe_compiler.load.tiers import Tiers

_WAIVERS: Final = ("policies", "waivers")


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform as all tiers together decide it. In `document`, every value has the place that decided it."""

    tier: Tier
    model: PlatformManifest
    document: Document

    def choice(self, *path: str) -> Cell | None:
        """What is said of one value."""
        return self.tier.cells.get(Key(path))

    def configuration(self, *path: str, plugin: str) -> dict[str, Cell]:
        """What is configured at a path for a plugin, by the plugin's own keys."""
        return {
            key.path[-1]: cell
            for key, cell in self.tier.cells.items()
            if key.path[:-1] == (*path, "config") and key.plugin == plugin
        }

    def shared_configuration(self, compute: str) -> dict[str, Cell]:
        """What the platform configures for all targets with this compute: it must be the platform's own."""
        own = self.choice("plugins", "compute")
        return self.configuration("plugins", "compute", plugin=compute) if own and own.value == compute else {}

    def in_force(self) -> Iterator[tuple[Key, Cell]]:
        """Every value, but for the configuration of plugins that are not chosen."""
        return _in_force(self.tier)


def merged(tiers: Tiers) -> Platform:
    """The tiers, of which the nearest is first, merged from the highest down."""
    highest_first = [tier_of(loaded) for loaded in reversed(tiers)]
    tier = reduce(merge, highest_first)
    value = _value(tier, tiers[0].model)
    return Platform(tier, PlatformManifest.model_validate(value), _document(tiers, value))


def _in_force(tier: Tier) -> Iterator[tuple[Key, Cell]]:
    for key, cell in tier.cells.items():
        choice = tier.cells.get(choice_of(key)) if key.plugin else None
        if choice is None or choice.value == key.plugin:
            yield key, cell


def _value(tier: Tier, leaf: PlatformManifest) -> dict[str, Any]:
    value: dict[str, Any] = {"apiVersion": leaf.apiVersion, "kind": leaf.kind}
    for key, cell in _in_force(tier):
        is_plugin = key.path[:-1] == ("plugins",)
        _insert(value, (*key.path, "use") if is_plugin else key.path, cell.value)
    if tier.waivers:
        _insert(value, _WAIVERS, [waiver.value.model_dump() for waiver in tier.waivers])
    return value


def _insert(value: dict[str, Any], path: tuple[str, ...], item: Any) -> None:
    *above, last = path
    for part in above:
        value = value.setdefault(part, {})
    value[last] = item


def _document(tiers: Tiers, value: dict[str, Any]) -> Document:
    nearest = tiers[0].document
    places: dict[Pointer, Where] = {}
    keys: dict[Pointer, Where] = {}
    for loaded in reversed(tiers):
        places.update(_without_waivers(loaded.document.places))
        keys.update(_without_waivers(loaded.document.keys))
    first = 0
    for loaded in tiers:
        places.update(_moved_waivers(loaded.document.places, first))
        first += len(loaded.model.policies.waivers) if loaded.model.policies else 0
    return Document(nearest.file, value, places, keys, nearest.digest)


def _without_waivers(places: Mapping[Pointer, Where]) -> dict[Pointer, Where]:
    return {pointer: where for pointer, where in places.items() if pointer[:2] != _WAIVERS}


def _moved_waivers(places: Mapping[Pointer, Where], by: int) -> Iterator[tuple[Pointer, Where]]:
    """Waivers are a list to which every tier adds its own: their indexes move."""
    for pointer, where in places.items():
        match pointer:
            case ("policies", "waivers", int(i), *rest):
                yield ("policies", "waivers", i + by, *rest), where
