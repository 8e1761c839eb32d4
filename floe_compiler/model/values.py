"""Typed values: a literal, `{env: NAME}` or `{secret: NAME}`. Nothing is guessed from a key's name."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

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
    secret: EnvName


class _Sensitive:
    """Marks a field in which a literal is refused."""

    def __repr__(self) -> str:
        return "Sensitive"


SENSITIVE = _Sensitive()
Literal_ = str | int | float | bool | None
Sensitive = Annotated[SecretRef | EnvRef, SENSITIVE]
Text = str | EnvRef | SecretRef
"""A text field that may also be a reference."""


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
