"""What there is to say of a plugin: who offers it, what can be configured, who loads what it renders.

`floe plugins` and the reference page are both made from here.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from floe_compiler.model.fields import is_sensitive, union_members
from floe_compiler.model.values import EnvRef, SecretRef
from floe_compiler.plugins.contracts import LoadedBy
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.plugins.types import BY_KEY

REQUIRED: Final = "required"
_PAGE: Final = re.compile(r"https://[^\s)>\"']+")
_WORDS: Final[Mapping[Any, str]] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    EnvRef: "{env: NAME}",
    SecretRef: "{secret: NAME}",
    Any: "anything",
}
_LITERALS: Final = frozenset({str, int, float, bool})


class ConfigField(NamedTuple):
    """A key of a configuration, by its path: `secrets[].key_id`. `default` is JSON, or the word `required`."""

    path: str
    type: str
    default: str
    sensitive: bool
    description: str


class Description(NamedTuple):
    """One plugin. `page` is the vendor's, which its module names first; `proof` of a file stands in `loaded_by`."""

    type: str
    name: str
    is_default: bool
    distribution: str
    version: str
    summary: str
    page: str | None
    fields: tuple[ConfigField, ...]
    loaded_by: tuple[LoadedBy, ...]


def described(registry: PluginRegistry, plugin_type: str, name: str) -> Description:
    """Raises what `registry.get_plugin` raises: FLOE-R010, FLOE-P003, FLOE-P004."""
    offer = registry.offer(plugin_type, name)
    plugin = registry.plugin_class(offer)
    found = _PAGE.search(importlib.import_module(plugin.__module__).__doc__ or "")
    return Description(
        type=offer.type.key,
        name=name,
        is_default=name == BY_KEY[offer.type.key].default,
        distribution=offer.distribution,
        version=offer.version or plugin.version,
        summary=plugin.summary,
        page=found[0].rstrip(".,;") if found else None,
        fields=tuple(fields_of(plugin.config_model)),
        loaded_by=plugin.loaded_by,
    )


def fields_of(model: type[BaseModel], above: str = "") -> Iterator[ConfigField]:
    """Every field, followed by those of the models inside of it."""
    for name, field in model.model_fields.items():
        path = f"{above}{field.alias or name}"
        yield ConfigField(path, _type(field.annotation), _default(field), is_sensitive(model, (name,)), _said(field))
        for suffix, inner in _models(field.annotation, ""):
            yield from fields_of(inner, f"{path}{suffix}.")


def _type(annotation: Any) -> str:
    """In words, the members of a union in their order; what may be left out says so by its default."""
    members = [member for member in union_members(annotation) if member is not NoneType]
    words = [_one(member) for member in members]
    if set(members) >= _LITERALS:
        words = ["literal", *(_one(member) for member in members if member not in _LITERALS)]
    return " | ".join(dict.fromkeys(words))


def _one(member: Any) -> str:
    origin, arguments = get_origin(member), get_args(member)
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if origin in (list, tuple):
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"mapping of {_type(arguments[1])}"
    return _WORDS.get(member, "mapping")


def _models(annotation: Any, suffix: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models of a field's value, with what leads to them. References are values, not models to look into."""
    for member in union_members(annotation):
        origin, arguments = get_origin(member), get_args(member)
        if origin in (list, tuple):
            yield from _models(arguments[0], f"{suffix}[]")
        elif origin is dict:
            yield from _models(arguments[1], f"{suffix}.*")
        elif isinstance(member, type) and issubclass(member, BaseModel) and member not in _WORDS:
            yield suffix, member


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return REQUIRED
    value = to_jsonable_python(field.get_default(call_default_factory=True), by_alias=True)
    return json.dumps(value, ensure_ascii=False)


def _said(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())
