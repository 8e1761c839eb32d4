"""Where every resolved value comes from: what decided it, and what that overrode or confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from floe_compiler.resolve.choices import Origin, PluginChosen, ResolvedTarget, origin_of

if TYPE_CHECKING:
    from floe_compiler.load import Loaded
    from floe_compiler.model.documents import Pointer
    from floe_compiler.model.inputs import DataProduct
    from floe_compiler.resolve.platform import Platform
    from floe_compiler.resolve.tiers import Cell, Key

Chain = tuple[Origin, ...]
"""All that was said of one value; what decided it is first."""
Origins = Mapping[str, Chain]
"""By dotted path, as in the files; the platform's own metadata is `platform.metadata`."""


def origins_of(
    platform: Platform,
    product: Loaded[DataProduct],
    plugins: Mapping[str, PluginChosen],
    targets: Sequence[ResolvedTarget],
) -> Origins:
    """Of every value of the product, and of the platform as far as it holds for these targets."""
    found: dict[str, Chain] = {f"plugins.{key}": (plugin.origin,) for key, plugin in plugins.items()}
    found.update((_shown(key), _chain(cell)) for key, cell in platform.in_force())
    found.update(_deployment(platform))
    for i, waiver in enumerate(platform.tier.waivers):
        found[f"policies.waivers.{i}"] = (origin_of(waiver),)
    for target in targets:
        found.update(_target(platform, target))
    found.setdefault("compiled_sql", (Origin(None, "compiled_sql", platform.model.compiled_sql),))
    if "default_target" not in found and len(platform.model.targets) <= 1:
        found["default_target"] = (Origin(None, "a platform with one target", targets[0].name),)
    return {**found, **dict(_product(product))}


def _target(platform: Platform, target: ResolvedTarget) -> Iterator[tuple[str, Chain]]:
    """A target's own configuration overrides the platform's for the same compute."""
    at = f"targets.{target.name}"
    own = platform.configuration("targets", target.name, plugin=target.compute.name)
    shared = platform.shared_configuration(target.compute.name)
    for key in {**shared, **own}:
        yield f"{at}.config.{key}", (*_chain(own.get(key)), *_chain(shared.get(key)))
    chosen = platform.choice("targets", target.name, "compute") or platform.choice("plugins", "compute")
    yield f"{at}.compute", _chain(chosen) or (target.compute.origin,)


def _deployment(platform: Platform) -> Iterator[tuple[str, Chain]]:
    """Every value of the deployment: what the tiers say of it, and the default beneath."""
    defaults = type(platform.model.deployment)().model_dump(mode="json")
    for pointer, value in _leaves(defaults, ("deployment",)):
        path = ".".join(map(str, pointer))
        yield path, (*_chain(platform.choice(*path.split("."))), Origin(None, path, value))


def _product(product: Loaded[DataProduct]) -> Iterator[tuple[str, Chain]]:
    """Every value of floe.yaml, and the defaults of what it leaves out."""
    for pointer, value in _leaves(product.model.model_dump(mode="json", exclude_none=True), ()):
        written = pointer in product.document.places
        where = product.document.where(pointer) if written else None
        origin = Origin(where, None if written else "floe.yaml", value, product.document.file if written else None)
        yield ".".join(map(str, pointer)), (origin,)


def _chain(cell: Cell | None) -> Chain:
    return tuple(origin_of(statement) for statement in cell.said) if cell else ()


def _shown(key: Key) -> str:
    return f"platform.{key}" if key.path[0] == "metadata" else str(key)


def _leaves(value: Any, pointer: Pointer) -> Iterator[tuple[Pointer, Any]]:
    if isinstance(value, dict) and value:
        nested = list(value.items())
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        nested = list(enumerate(value))
    else:
        yield pointer, value
        return
    for key, item in nested:
        yield from _leaves(item, (*pointer, key))
