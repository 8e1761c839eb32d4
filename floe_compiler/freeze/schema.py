"""The published schema, applied to what is about to be published: `schemas/` and the code cannot part ways."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jsonschema_rs import Draft202012Validator

from floe_compiler.errors import FloeError, Problem


def check_schema(index: Any, schema: Any) -> None:
    """Raises FLOE-F004 naming every mismatch: an index that does not match is a bug of floe or of a plugin."""
    mismatches = [
        Problem("FLOE-F004", f"the index does not match its schema at {_path(error.instance_path)}: {error.message}")
        for error in Draft202012Validator(schema).iter_errors(index)
    ]
    if mismatches:
        raise FloeError(mismatches)


def _path(steps: Iterable[str | int]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
