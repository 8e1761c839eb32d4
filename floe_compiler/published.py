"""The JSON schemas that floe publishes, as files: what tools and editors see is what floe itself checks with."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

SCHEMAS: Final = ("acknowledged", "change-set", "compiled-artifacts", "floe", "platform-manifest")
_INSTALLED: Final = Path(__file__).parent / "schemas"
_CHECKED_OUT: Final = Path(__file__).parent.parent / "schemas"


@cache
def schema_text(name: str) -> str:
    """The text of `<name>.schema.json`. Raises KeyError for a name that is not in `SCHEMAS`."""
    if name not in SCHEMAS:
        raise KeyError(name)
    folder = _INSTALLED if _INSTALLED.is_dir() else _CHECKED_OUT
    return (folder / f"{name}.schema.json").read_text(encoding="utf-8")


def schema(name: str) -> Any:
    """The same, parsed."""
    return json.loads(schema_text(name))
