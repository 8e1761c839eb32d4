"""What a resolved value is and why: what decided it, and what that overrode or confirmed.

The stages know where values come from; the defaults of a plugin's configuration are known to the plugin only.
Here the two are joined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_jsonable_python

from floe_compiler.model.fields import is_sensitive
from floe_compiler.resolve import Origin, Origins, ResolvedProduct

if TYPE_CHECKING:
    from pydantic import BaseModel

    from floe_compiler.compile.plugins import Configured, ConfiguredPlugins
    from floe_compiler.model.documents import Pointer


HIDDEN: Final = "(not shown)"
_LONG_FORM: Final = re.compile(r"plugins\.[a-z_]+\.use")


@dataclass(frozen=True, slots=True)
class Explanation:
    """A value at a path, and its chain: what decided it is first. `beneath` are the values below the path."""

    path: str
    value: Any
    chain: tuple[Origin, ...]
    beneath: tuple[Explanation, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no value at the path; `near` is the path that was perhaps meant."""

    path: str
    near: str | None


def explain(path: str, resolved: ResolvedProduct, configured: ConfiguredPlugins) -> Explanation | Unknown:
    """The value at a dotted path, spelled as in the files, in the long form of a choice too."""
    if _LONG_FORM.fullmatch(path):
        path = path.removesuffix(".use")
    origins = {**resolved.origins, **_with_defaults(resolved.origins, configured)}
    beneath = tuple(_of(key, origins, resolved) for key in sorted(origins) if key.startswith(f"{path}."))
    if path in origins:
        leaf = _of(path, origins, resolved)
        return Explanation(path, leaf.value, leaf.chain, beneath)
    if beneath:
        return Explanation(path, None, (), beneath)
    near = get_close_matches(path, origins, n=1)
    return _inside(path, origins, resolved) or Unknown(path, near[0] if near else None)


def _of(path: str, origins: Origins, resolved: ResolvedProduct) -> Explanation:
    """Most values are what was said last; to what a policy says, every tier may have added."""
    chain = origins[path]
    is_of_a_policy = path.startswith("policies.")
    value = resolved.platform_document.at(path.split(".")) if is_of_a_policy else chain[0].value
    return Explanation(path, to_jsonable_python(chain[0].value if value is None else value), chain)


def _inside(path: str, origins: Origins, resolved: ResolvedProduct) -> Explanation | None:
    """A part of a value that is decided as a whole: one parameter of a check, one setting of a mapping."""
    above, _, key = path.rpartition(".")
    if not above:
        return None
    whole = _of(above, origins, resolved) if above in origins else _inside(above, origins, resolved)
    if whole is None or not isinstance(whole.value, dict) or key not in whole.value:
        return None
    return Explanation(path, whole.value[key], whole.chain)


def _with_defaults(origins: Origins, configured: ConfiguredPlugins) -> Origins:
    """What was said of every field of every configuration, and the default beneath."""
    found: dict[str, tuple[Origin, ...]] = {}
    places: Mapping[str, Configured] = {
        **{f"plugins.{key}": plugin for key, plugin in configured.by_type.items()},
        **{f"targets.{name}": compute for name, compute in configured.computes.items()},
    }
    for at, plugin in places.items():
        for field, default in _defaults(plugin):
            path = f"{at}.config.{field}"
            found[path] = (*_without_secrets(origins.get(path, ()), plugin, field), *default)
    return found


def _defaults(plugin: Configured) -> Iterator[tuple[str, tuple[Origin, ...]]]:
    """Every field of a configuration, and its default if it has one."""
    default_of = f"{plugin.offer.type.key} plugin {plugin.offer.name}"
    for name, field in type(plugin.config).model_fields.items():
        value = to_jsonable_python(field.get_default(call_default_factory=True), fallback=str)
        yield field.alias or name, () if field.is_required() else (Origin(None, default_of, value),)


def _without_secrets(chain: tuple[Origin, ...], plugin: Configured, field: str) -> tuple[Origin, ...]:
    """A literal that was overridden was checked by nobody: where a secret belongs, it may be one."""
    model = type(plugin.config)
    return tuple(replace(origin, value=_without_secret(origin.value, model, (field,))) for origin in chain)


def _without_secret(value: Any, model: type[BaseModel], at: Pointer) -> Any:
    if _is_reference(value):
        return value
    if isinstance(value, dict):
        return {key: _without_secret(item, model, (*at, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_secret(item, model, (*at, i)) for i, item in enumerate(value)]
    return HIDDEN if is_sensitive(model, at) and isinstance(value, str) else value


def _is_reference(value: Any) -> bool:
    match value:
        case {"env": str(name)} | {"secret": str(name)} if len(value) == 1:
            return name.isidentifier() and name.upper() == name
    return False
