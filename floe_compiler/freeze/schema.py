"""The published schema, applied to what is about to be published: `schemas/` and the code cannot part ways."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from floe_compiler.errors import FloeError, Problem
from floe_compiler.published import schema


def check_schema(index: Any) -> None:
    """Raises FLOE-F004 naming every mismatch: an index that does not match is a bug of floe or of a plugin."""
    mismatches = [
        Problem("FLOE-F004", f"the index does not match its schema at {error.json_path}: {error.message}")
        for error in _validator().iter_errors(index)
    ]
    if mismatches:
        raise FloeError(mismatches)


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(schema("compiled-artifacts"))
