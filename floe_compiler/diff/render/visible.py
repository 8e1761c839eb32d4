"""Names and values come from files that anybody may have written: nothing in them is obeyed by what shows them."""

from __future__ import annotations

import unicodedata
from typing import Final

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_KEPT: Final = frozenset("\n\t\u200d\ufe0f")


def visible(text: str) -> str:
    """The text with what cannot be seen (escape sequences, text that runs backwards) as a replacement character.

    Line ends and tabs stay. What XML has no form for is among what cannot be seen."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _INVISIBLE and c not in _KEPT else c for c in text
    )


def in_one_line(text: str) -> str:
    """The same with every run of blanks and line ends as one blank."""
    return " ".join(visible(text).split())
