"""References for tools that read their settings from environment variables of names of their own.

Most tools' files cannot refer to a variable. What they need of the kind is rendered beside them, as a file that a
POSIX shell reads: the tool's variable on the left, the reference's name on the right, and never a value.
"""

from __future__ import annotations

from collections.abc import Mapping

from floe_compiler.model.values import EnvRef, SecretRef


def name_of(reference: EnvRef | SecretRef) -> str:
    """The environment variable that a reference stands for, outside of dbt."""
    return reference.env if isinstance(reference, EnvRef) else reference.secret


def exports(file: str, variables: Mapping[str, EnvRef | SecretRef]) -> bytes:
    """The content of the file of that name, by the tool's names.

    A shell that reads it stops where a reference is not set, and names it.
    """
    lines = (f'export {name}="${{{name_of(variables[name])}:?}}"\n' for name in sorted(variables))
    comment = f"# Names, no values. Before the tool is started: . ./{file}\n"
    return "".join((comment, *lines)).encode()
