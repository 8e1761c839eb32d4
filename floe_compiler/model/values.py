"""Typed values: a literal, `{env: NAME}` or `{secret: NAME}`. Nothing is guessed from a key's name."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

SENSITIVE: Final = "sensitive"
"""Marks a field whose content no message may show."""
CREDENTIAL: Final = "credential"
"""The kind of the error of a value that has a credential in it, which no message may show."""
EnvName = Annotated[
    str,
    Field(
        pattern=r"^[A-Z_][A-Z0-9_]*$",
        max_length=200,
        description="The name of an environment variable: capitals, digits and underscores.",
    ),
]


class EnvRef(BaseModel):
    """`{env: NAME}`: the value of an environment variable where the bundle runs."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    env: EnvName


class SecretRef(BaseModel):
    """`{secret: NAME}`: the same, handled as a secret and fed by the secrets plugin."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    secret: Annotated[EnvName, SENSITIVE]


Text = str | EnvRef | SecretRef
"""A text field that may also be a reference."""


def _only_a_reference(value: Any) -> Any:
    """What is no reference is replaced before anything looks at it, so that no message can show a part of it."""
    match value:
        case EnvRef() | SecretRef():
            return value
        case {"env": str(name)} | {"secret": str(name)} if len(value) == 1 and _NAME.fullmatch(name):
            return value
    return _WRITTEN_OUT


def _no_secret(value: Any) -> Any:
    if isinstance(value, SecretRef) or (isinstance(value, dict) and "secret" in value):
        raise ValueError("dbt shows this to every model, as `target`, and a model can print it")
    return value


def _without_password(address: Any) -> Any:
    if isinstance(address, str) and _PASSWORD.search(address):
        raise PydanticCustomError(CREDENTIAL, "an address with a password in it is a secret")
    return address


_WRITTEN_OUT: Final = "a literal"
_PASSWORD: Final = re.compile(r"://[^/@:]*:[^@]*@")
_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
Sensitive = Annotated[SecretRef | EnvRef, BeforeValidator(_only_a_reference), SENSITIVE]
"""A field that takes a reference, and nothing that is written out."""
Shown = Annotated[str | int | float | bool | EnvRef, BeforeValidator(_no_secret)]
"""A field that dbt shows to models, so it takes no secret."""
Address = Annotated[str, BeforeValidator(_without_password)]
"""A field that takes an address, without a password in it."""


def references(value: Any) -> tuple[frozenset[str], frozenset[str]]:
    """The names of all environment variables and of all secrets that a configuration refers to."""
    env: set[str] = set()
    secrets: set[str] = set()
    pending = [value]
    while pending:
        match pending.pop():
            case EnvRef(env=name):
                env.add(name)
            case SecretRef(secret=name):
                secrets.add(name)
            case BaseModel() as model:
                pending.extend(getattr(model, name) for name in type(model).model_fields)
            case dict() as mapping:
                pending.extend(mapping.values())
            case list() | tuple() as sequence:
                pending.extend(sequence)
            case _:
                pass
    return frozenset(env), frozenset(secrets)
