"""Documents to models: every mismatch becomes a problem at its line, with the nearest valid key or value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.load.documents import Document, Pointer

M = TypeVar("M", bound=BaseModel)
_WRONG_TYPE: Final = "FLOE-L053"

ENFORCED_DBT: Final = (
    "dbt is enforced as the SQL transformation framework (ADR-0009); where dbt runs is pluggable: "
    "`dbt_runtime` in the platform manifest."
)


def checked(model: type[M], document: Document) -> M:
    """The document as a model. Raises FloeError with every mismatch: FLOE-L05x, FLOE-R001, FLOE-R002."""
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        problems = problems_of(error, model, document)
    raise FloeError(problems)


def problems_of(
    error: ValidationError, model: type[BaseModel], document: Document, at: Pointer = ()
) -> list[Problem]:
    """The problems of a failed validation; `at` is where the validated value lies in the document."""
    found: dict[tuple[Pointer, str], Problem] = {}
    for detail in error.errors(include_url=False):
        pointer = at + _pointer(detail, document, at)
        problem = _problem(detail, pointer, model, document, at)
        found.setdefault((pointer, problem.code), problem)
    return [
        problem
        for (pointer, code), problem in found.items()
        if not _is_of_another_member(pointer, code, found)
    ]


def _pointer(detail: ErrorDetails, document: Document, at: Pointer) -> Pointer:
    """The location without the parts that pydantic adds for the members of unions."""
    pointer: Pointer = ()
    *_, last = range(len(detail["loc"]))
    for i, part in enumerate(detail["loc"]):
        is_missing_key = i == last and detail["type"] == "missing"
        if is_missing_key or (*at, *pointer, part) in document.places:
            pointer = (*pointer, part)
    return pointer


def _is_of_another_member(pointer: Pointer, code: str, found: Iterable[tuple[Pointer, str]]) -> bool:
    """Whether a type mismatch only says that the value is not the other member of a union."""
    if code != _WRONG_TYPE:
        return False
    return any(
        (other[: len(pointer)] == pointer and len(other) > len(pointer)) or (other == pointer and its != code)
        for other, its in found
    )


def _problem(
    detail: ErrorDetails, pointer: Pointer, model: type[BaseModel], document: Document, at: Pointer
) -> Problem:
    name = ".".join(str(part) for part in pointer) or "the document"
    special = _SPECIAL.get((_without_indexes(pointer), detail["type"]))
    if special is not None:
        return special(document.where(pointer), detail)
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_key(pointer, model, document, at)
        case "missing":
            return Problem("FLOE-L052", f"`{name}` is missing", document.where(pointer[:-1]))
        case "literal_error" | "enum":
            expected = str(detail.get("ctx", {}).get("expected", ""))
            message = f"`{name}` is {_shown(detail['input'])}, but must be {expected}"
            return Problem("FLOE-L054", message, document.where(pointer))
        case (
            "string_pattern_mismatch"
            | "too_short"
            | "string_too_short"
            | "string_too_long"
            | "value_error"
            | ("greater_than_equal" | "less_than_equal")
        ):
            message = f"`{name}` is {_shown(detail['input'])}: {detail['msg'][0].lower()}{detail['msg'][1:]}"
            return Problem(
                "FLOE-L054", message, document.where(pointer), _described(model, pointer[len(at) :])
            )
        case _:
            message = f"`{name}` is {_kind(detail['input'])}, but {_lower(detail['msg'])}"
            return Problem(
                _WRONG_TYPE, message, document.where(pointer), _described(model, pointer[len(at) :])
            )


def _unknown_key(pointer: Pointer, model: type[BaseModel], document: Document, at: Pointer) -> Problem:
    owner = _model_at(model, pointer[len(at) : -1])
    valid = sorted(field.alias or name for name, field in owner.model_fields.items()) if owner else []
    near = get_close_matches(str(pointer[-1]), valid, n=1, cutoff=0.6)
    guess = f": did you mean `{near[0]}`?" if near else ""
    hint = f"Valid keys here: {', '.join(f'`{key}`' for key in valid)}." if valid else None
    return Problem("FLOE-L051", f"unknown key `{pointer[-1]}`{guess}", document.where_key(pointer), hint)


def _model_at(model: type[BaseModel], pointer: Pointer) -> type[BaseModel] | None:
    current: Any = model
    for part in pointer:
        current = _inner(current, part)
        if current is None:
            return None
    return next(iter(_models(current)), None)


def _inner(annotation: Any, part: str | int) -> Any:
    for candidate in _models(annotation):
        for name, field in candidate.model_fields.items():
            if part in (name, field.alias):
                return field.annotation
    for candidate in _flat(annotation):
        if get_origin(candidate) in (list, dict, Mapping):
            return get_args(candidate)[-1]
    return None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    return (c for c in _flat(annotation) if isinstance(c, type) and issubclass(c, BaseModel))


def _flat(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _flat(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _flat(member)
    else:
        yield annotation


def _described(model: type[BaseModel], pointer: Pointer) -> str | None:
    owner = _model_at(model, pointer[:-1])
    if owner is None or not pointer:
        return None
    for name, field in owner.model_fields.items():
        if pointer[-1] in (name, field.alias):
            return field.description
    return None


def _without_indexes(pointer: Pointer) -> tuple[str, ...]:
    return tuple(part for part in pointer if isinstance(part, str))


def _no_transforms(where: Where, _detail: ErrorDetails) -> Problem:
    hint = "Name the dbt project: `transforms: [{type: dbt, path: .}]`."
    return Problem("FLOE-R001", "the product has no transforms, so there is nothing to compile", where, hint)


def _not_dbt(where: Where, detail: ErrorDetails) -> Problem:
    return Problem(
        "FLOE-R002", f"a transform is of type {_shown(detail['input'])}, not `dbt`", where, ENFORCED_DBT
    )


_SPECIAL: Final[dict[tuple[tuple[str, ...], str], Callable[[Where, ErrorDetails], Problem]]] = {
    (("transforms",), "missing"): _no_transforms,
    (("transforms",), "too_short"): _no_transforms,
    (("transforms", "type"), "literal_error"): _not_dbt,
}


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, str) else f"`{value}`"
    return text if len(text) <= 60 else text[:57] + "..."


def _kind(value: Any) -> str:
    names: dict[type, str] = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "true or false",
        int: "a number",
    }
    return "empty" if value is None else names.get(type(value), "a number")


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
