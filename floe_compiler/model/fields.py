"""What a model says of a place in a document: which keys are valid there, what they mean, whether one is secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from floe_compiler.model.documents import Pointer
from floe_compiler.model.values import SENSITIVE


def keys_at(model: type[BaseModel], pointer: Pointer) -> list[str]:
    """The valid keys of the mapping at a place, sorted; none where any key is valid or it is no mapping."""
    owner = next(_models_at(model, pointer), None)
    return sorted(field.alias or name for name, field in owner.model_fields.items()) if owner else []


def description_at(model: type[BaseModel], pointer: Pointer) -> str | None:
    """What the model says of the value at a place, or of the nearest one around it."""
    for length in range(len(pointer), 0, -1):
        field = _field_at(model, pointer[:length])
        if field is not None and field.description:
            return field.description
    return None


def is_sensitive(model: type[BaseModel], pointer: Pointer) -> bool:
    """Whether a literal at a place would be a secret in plain text."""
    field = _field_at(model, pointer)
    return field is not None and (SENSITIVE in field.metadata or SENSITIVE in _annotations(field.annotation))


def _field_at(model: type[BaseModel], pointer: Pointer) -> FieldInfo | None:
    if not pointer:
        return None
    fields = (item for owner in _models_at(model, pointer[:-1]) for item in owner.model_fields.items())
    return next((field for name, field in fields if pointer[-1] in (name, field.alias)), None)


def _models_at(model: type[BaseModel], pointer: Pointer) -> Iterator[type[BaseModel]]:
    current: Any = model
    for part in pointer:
        current = _inner(current, part)
    return _models(current)


def _inner(annotation: Any, part: str | int) -> Any:
    """The annotation of what stands under a key, or at an index."""
    for model in _models(annotation):
        for name, field in model.model_fields.items():
            if part in (name, field.alias):
                return field.annotation
    for member in union_members(annotation):
        if get_origin(member) in (list, tuple, dict, Mapping):
            return get_args(member)[-1]
    return None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    return (m for m in union_members(annotation) if isinstance(m, type) and issubclass(m, BaseModel))


def union_members(annotation: Any) -> Iterator[Any]:
    """The members of a union, without their annotations."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from union_members(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from union_members(member)
    else:
        yield annotation


def _annotations(annotation: Any) -> Iterator[Any]:
    """What `Annotated` says of an annotation and of the members of a union."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        yield from more
        yield from _annotations(inner)
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _annotations(member)
