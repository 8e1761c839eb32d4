"""Documents to models: every mismatch becomes a problem at its line, with the nearest valid key or value.

pydantic says what is wrong in a programmer's words; the tables of this module say it in a reader's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from floe_compiler.errors import FloeError, Problem
from floe_compiler.model.documents import Document, Pointer
from floe_compiler.model.fields import description_at, is_sensitive, keys_at
from floe_compiler.model.values import CREDENTIAL

M = TypeVar("M", bound=BaseModel)

ENFORCED_DBT: Final = (
    "dbt is enforced as the SQL transformation framework (ADR-0009); where dbt runs is pluggable: "
    "`dbt_runtime` in the platform manifest."
)
LONGEST_SHOWN: Final = 60
_WHAT_IT_IS: Final = (("apiVersion",), ("kind",))
"""A file that is not what was expected differs in everything else too."""

TYPES: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "none_required": "empty",
}
"""What a value must be, by the kind of pydantic's error."""
REFERENCES: Final = {"EnvRef": "`{env: NAME}`", "SecretRef": "`{secret: NAME}`"}
"""Models that people write in one way only."""
LIMITS: Final = {
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
    "less_than": "must be less than {lt}",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have {max_length} characters or fewer",
    "too_short": "must have {min_length} entries or more",
    "too_long": "must have {max_length} entries or fewer",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
}
"""What a value of the right type must be, filled from the context of pydantic's error."""
FORMS: Final = {
    r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$": "lower-case letters, digits, `-` and `_`, with a letter or digit at both ends",
    r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$": "lower-case letters, digits and `-`, with a letter or digit at both ends",
    r"^[a-z][a-z0-9_]*$": "lower-case letters, digits and `_`, with a letter first",
    r"^[A-Z_][A-Z0-9_]*$": "capitals, digits and `_`, with no digit first",
    r"^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$": "three numbers with points, as in 1.4.0",
    r"^[^@\s]+@[^@\s]+$": "an address, as in name@company.example",
    r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$": "an amount, as in 500m, 2 or 1.5Gi",
    r"^([A-Za-z0-9._:/@-]|\{product\}|\{version\})+$": "an image, as in registry.example/data/{product}:{version}",
    r"^check_[a-z0-9_]+$": "the name of a dbt-bouncer check, as in check_model_names",
    r"^\d{4}-\d{2}-\d{2}$": "a date, as in 2027-01-31",
    r"^([a-z0-9][a-z0-9_-]*)?\*?$": "a product's name, or the beginning of names with `*` at its end",
    r"^[0-9a-f]{24}$": "a fingerprint: 24 digits 0-9a-f, as `floe diff` prints it",
    r"^sha256:[0-9a-f]{64}$": "a digest: `sha256:` and 64 digits 0-9a-f",
}
"""The patterns of the input models in words; a test finds the ones that are missing."""


def checked(model: type[M], document: Document) -> M:
    """The document as a model. Raises FloeError with every mismatch: FLOE-L05x, FLOE-R001, FLOE-R002."""
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        problems = problems_of(error, model, document)
    raise FloeError(problems)


def problems_of(error: ValidationError, model: type[BaseModel], document: Document, at: Pointer = ()) -> list[Problem]:
    """The problems of a failed validation; `at` is where the validated value lies in the document.

    One problem for each value; of a file of another kind or format, only that. No line that holds a secret is
    shown.
    """
    details = error.errors(include_url=False)
    faults = _of_meant_members([_fault(detail, document, at) for detail in details])
    faults = [fault for fault in faults if fault.pointer in _WHAT_IT_IS and fault.kind == "literal_error"] or faults
    by_pointer: dict[Pointer, list[_Fault]] = {}
    for fault in faults:
        by_pointer.setdefault(fault.pointer, []).append(fault)
    checking = _Checking(model, document, at, tuple(faults))
    problems = [problem for group in by_pointer.values() if (problem := checking.problem(group))]
    return _without_secrets(problems)


class _Fault(NamedTuple):
    """One of pydantic's errors. `pointer` leads to the value, from the document's root.

    `union` leads to the value of which a union's `member` was tried; both are empty where there is none.
    """

    pointer: Pointer
    kind: str
    detail: ErrorDetails
    union: Pointer = ()
    member: str = ""

    @property
    def of_key(self) -> bool:
        return self.detail["loc"][-1:] == ("[key]",)

    @property
    def is_mismatch(self) -> bool:
        return self.kind in TYPES


def _fault(detail: ErrorDetails, document: Document, at: Pointer) -> _Fault:
    """pydantic's location has parts that the document has not: the names of the members of unions."""
    pointer = union = at
    member = ""
    *_, last = (None, *detail["loc"])
    for part in detail["loc"]:
        if (*pointer, part) in document.places or (detail["type"] == "missing" and part == last):
            pointer = (*pointer, part)
        elif part != "[key]" and not member:
            union, member = pointer, str(part)
    return _Fault(pointer, detail["type"], detail, union, member)


def _of_meant_members(faults: list[_Fault]) -> list[_Fault]:
    """Without what only says that a value is not the member of a union that it was never meant to be.

    The member that is meant is the one whose own keys fit best. Where the value is of no member's type, all
    are kept: together they say what it may be.
    """
    members: dict[Pointer, dict[str, list[_Fault]]] = {}
    for fault in faults:
        if fault.member:
            members.setdefault(fault.union, {}).setdefault(fault.member, []).append(fault)
    refused: set[tuple[Pointer, str]] = set()
    for union, by_member in members.items():
        fitting = {
            name: sum(f.kind in {"missing", "extra_forbidden"} for f in found)
            for name, found in by_member.items()
            if not any(f.pointer == union and f.is_mismatch for f in found)
        }
        if fitting:
            meant = min(fitting, key=lambda name: (fitting[name], name))
            refused |= {(union, name) for name in by_member if name != meant}
    return [fault for fault in faults if (fault.union, fault.member) not in refused]


class _Checking(NamedTuple):
    """A failed validation, whose faults are told one by one."""

    model: type[BaseModel]
    document: Document
    at: Pointer
    faults: tuple[_Fault, ...]

    def problem(self, group: list[_Fault]) -> Problem | None:
        """What to say of the faults of one value."""
        fault = next((f for f in group if not f.is_mismatch), group[0])
        if special := _SPECIAL.get((_without_indexes(fault.pointer), fault.kind)):
            return special(self, fault)
        if fault.kind == CREDENTIAL:
            return self._credential(fault)
        if self._is_plain_secret(fault):
            return self._plain_secret(fault)
        if fault.kind == "extra_forbidden":
            return self._unknown_key(fault)
        if fault.kind == "missing":
            return self._missing_key(fault)
        return self._type(group) if fault.is_mismatch else self._value(fault)

    def _unknown_key(self, fault: _Fault) -> Problem:
        *_, key = fault.pointer
        valid, near = self._valid_keys(fault.pointer[:-1]), self._near_key(fault)
        where = self.document.where_key(fault.pointer)
        if near and is_sensitive(self.model, self._in_model((*fault.pointer[:-1], near))):
            where = where.hidden()
        guess = f": did you mean `{near}`?" if near else ""
        hint = f"Valid keys here: {', '.join(f'`{name}`' for name in valid)}." if valid else None
        return Problem("FLOE-L051", f"unknown key `{key}`{guess}", where, hint)

    def _missing_key(self, fault: _Fault) -> Problem | None:
        """Nothing, when an unknown key beside it is so near that it must be the one."""
        *parent, key = fault.pointer
        if any(self._near_key(other) == key for other in self._unknown_keys_in(tuple(parent))):
            return None
        hint = f"Add `{key}`. {self._description(fault.pointer) or ''}".strip()
        return Problem("FLOE-L052", f"`{_named(fault.pointer)}` is missing", self.document.where(parent), hint)

    def _type(self, group: list[_Fault]) -> Problem:
        pointer, value = group[0].pointer, group[0].detail["input"]
        message = f"{_subject(pointer)} is {_kind(value)}, but must be {_either(map(_expected, group))}"
        hint = self._description(pointer) or self._keys_needed(pointer)
        return Problem("FLOE-L053", message, self.document.where(pointer), hint)

    def _value(self, fault: _Fault) -> Problem:
        hint = self._description(fault.pointer)
        if fault.of_key:
            *parent, key = fault.pointer
            message = f"`{key}` cannot be a key of `{_named(tuple(parent))}`: it {_limit(fault)}"
            return Problem("FLOE-L054", message, self.document.where_key(fault.pointer), hint)
        value = fault.detail["input"]
        shown = "" if isinstance(value, dict | list) else f" is {_shown(value)}, but"
        fault_in_words = "is empty" if value in ("", []) else f"{shown} {_limit(fault)}{_guess(fault)}".strip()
        message = f"{_subject(fault.pointer)} {fault_in_words}"
        return Problem("FLOE-L054", message, self.document.where(fault.pointer), hint)

    def _is_plain_secret(self, fault: _Fault) -> bool:
        return fault.kind != "missing" and is_sensitive(self.model, self._in_model(fault.pointer))

    def _plain_secret(self, fault: _Fault) -> Problem:
        name = _named(fault.pointer)
        message = f"`{name}` is written out, but a bundle holds the names of secrets and never their values"
        hint = f"Write `{{secret: NAME}}`, or `{{env: NAME}}`. {self._description(fault.pointer) or ''}".strip()
        return Problem("FLOE-L055", message, self.document.where(fault.pointer).hidden(), hint)

    def _credential(self, fault: _Fault) -> Problem:
        subject = _subject(fault.pointer)
        message = f"{subject} has a password in it, but a bundle holds the names of secrets and never their values"
        where = self.document.where(fault.pointer).hidden()
        return Problem("FLOE-L055", message, where, self._description(fault.pointer))

    def _unknown_keys_in(self, parent: Pointer) -> Iterable[_Fault]:
        return (f for f in self.faults if f.kind == "extra_forbidden" and f.pointer[:-1] == parent)

    def _near_key(self, fault: _Fault) -> str | None:
        valid = self._valid_keys(fault.pointer[:-1])
        return next(iter(get_close_matches(str(fault.pointer[-1]), valid, n=1)), None)

    def _valid_keys(self, pointer: Pointer) -> list[str]:
        return keys_at(self.model, self._in_model(pointer))

    def _description(self, pointer: Pointer) -> str | None:
        return description_at(self.model, self._in_model(pointer))

    def _keys_needed(self, pointer: Pointer) -> str | None:
        keys = self._valid_keys(pointer)
        return f"Its keys: {', '.join(f'`{key}`' for key in keys)}." if keys else None

    def _in_model(self, pointer: Pointer) -> Pointer:
        return pointer[len(self.at) :]


def _no_transforms(checking: _Checking, fault: _Fault) -> Problem | None:
    if any(checking._near_key(other) == "transforms" for other in checking._unknown_keys_in(())):
        return None
    if fault.kind == "list_type" and fault.detail["input"] is not None:
        return checking._type([fault])
    hint = "Name the dbt project: `transforms: [{type: dbt, path: .}]`."
    message = "the product has no transforms, so there is nothing to compile"
    return Problem("FLOE-R001", message, checking.document.where(fault.pointer), hint)


def _not_dbt(checking: _Checking, fault: _Fault) -> Problem | None:
    missing = fault.kind == "missing"
    what = "has no `type`; it must be `dbt`" if missing else f"is of type {_shown(fault.detail['input'])}, not `dbt`"
    return Problem("FLOE-R002", f"a transform {what}", checking.document.where(fault.pointer), ENFORCED_DBT)


_SPECIAL: Final[dict[tuple[tuple[str, ...], str], Callable[[_Checking, _Fault], Problem | None]]] = {
    (("transforms",), "missing"): _no_transforms,
    (("transforms",), "too_short"): _no_transforms,
    (("transforms",), "list_type"): _no_transforms,
    (("transforms", "type"), "literal_error"): _not_dbt,
    (("transforms", "type"), "missing"): _not_dbt,
}


def _without_secrets(problems: list[Problem]) -> list[Problem]:
    """Hides every line in which one of the problems is that a secret stands there."""
    secret = {(p.where.file, p.where.line) for p in problems if p.where and p.where.text is None}
    return [
        replace(p, where=p.where.hidden()) if p.where and (p.where.file, p.where.line) in secret else p
        for p in problems
    ]


def _without_indexes(pointer: Pointer) -> tuple[str, ...]:
    return tuple(part for part in pointer if isinstance(part, str))


def _named(pointer: Pointer) -> str:
    """`transforms[0].path`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in pointer)
    return "".join(parts).removeprefix(".")


def _subject(pointer: Pointer) -> str:
    return f"`{_named(pointer)}`" if pointer else "the file"


def _expected(fault: _Fault) -> str:
    class_name = str(fault.detail.get("ctx", {}).get("class_name", ""))
    return REFERENCES.get(class_name) or TYPES[fault.kind]


def _either(expected: Iterable[str]) -> str:
    """The words in their order, each once: `text, a number or a list`."""
    words = list(dict.fromkeys(expected))
    if "a number" in words and "a whole number" in words:
        words.remove("a whole number")
    *first, last = words
    comma = "," if any(" or " in word for word in first) else ""
    return f"{', '.join(first)}{comma} or {last}" if first else last


def _limit(fault: _Fault) -> str:
    context = fault.detail.get("ctx", {})
    if fault.kind == "string_pattern_mismatch":
        pattern = str(context.get("pattern"))
        return f"must be {FORMS[pattern]}" if pattern in FORMS else f"must match `{pattern}`"
    if fault.kind in LIMITS:
        return LIMITS[fault.kind].format(**{key: _backticked(value) for key, value in context.items()})
    message = fault.detail["msg"].removeprefix("Value error, ")
    return f"is not valid: {message[:1].lower()}{message[1:]}"


def _guess(fault: _Fault) -> str:
    """The nearest of the allowed values, where they are listed."""
    allowed = re.findall(r"'([^']*)'", str(fault.detail.get("ctx", {}).get("expected", "")))
    near = get_close_matches(str(fault.detail["input"]), allowed, n=1) if len(allowed) > 1 else []
    return f": did you mean `{near[0]}`?" if near else ""


def _backticked(value: Any) -> str:
    return str(value).replace("'", "`")


def _shown(value: Any) -> str:
    text = f"`{value}`" if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def _kind(value: Any) -> str:
    names: dict[type, str] = {dict: "a mapping", list: "a list", str: "text", bool: "true or false"}
    return "empty" if value is None else names.get(type(value), "a number")
