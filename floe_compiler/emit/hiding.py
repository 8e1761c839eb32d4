"""Keeps values out of what is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

STARS: Final = "*****"
"""What dbt writes in the place of a secret."""


class Hiding:
    """Takes every one of the values out of a text."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = sorted(filter(None, values), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, STARS)
        return text
