"""The native files of the chosen plugins: each renders what its own tool loads, below `<plugin key>/<name>/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from floe_compiler.plugins.contracts import CatalogPlugin, NativePlugin, StoragePlugin
from floe_compiler.plugins.registry import blame

if TYPE_CHECKING:
    from floe_compiler.compile.plugins import Configured, ConfiguredPlugins
    from floe_compiler.model.bundle import BundleHead
    from floe_compiler.plugins.contracts import Properties

Manifests = Mapping[str, Mapping[str, Any]]


def native_files(configured: ConfiguredPlugins, head: BundleHead, manifests: Manifests) -> dict[str, bytes]:
    """By path in the bundle. `manifests` are in normal form, by target. Raises FLOE-P003."""
    return dict(_native_files(configured, head, manifests))


def _native_files(configured: ConfiguredPlugins, head: BundleHead, manifests: Manifests) -> Iterator[tuple[str, bytes]]:
    file_io = _file_io(configured.by_type.get("storage"))
    for key, chosen in configured.by_type.items():
        with blame(chosen.offer):
            for path, content in _rendered(chosen, head, manifests, file_io).items():
                yield f"{key}/{chosen.offer.name}/{path}", content


def _rendered(chosen: Configured, head: BundleHead, manifests: Manifests, file_io: Properties) -> Mapping[str, bytes]:
    match chosen.plugin:
        case CatalogPlugin() as catalog:
            return catalog.render(chosen.config, head, manifests, file_io)
        case NativePlugin() as plugin:
            return plugin.render(chosen.config, head, manifests)
    return {}


def _file_io(chosen: Configured | None) -> Properties:
    if chosen is None or not isinstance(chosen.plugin, StoragePlugin):
        return {}
    with blame(chosen.offer):
        return chosen.plugin.file_io(chosen.config)
