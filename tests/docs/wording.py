"""The statement that every document makes in the same words, and the sentences that would contradict it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

STATEMENT: Final = (
    "floe ENFORCES dbt as the SQL transformation framework (ADR-0009): all SQL transformations are dbt models, tests "
    "and macros; that is not negotiable. The dbt execution runtime is PLUGGABLE (ADR-0043): local (dbt-core through "
    "dbtRunner), cloud (dbt Cloud API), fusion (Rust). Data engineers write dbt models; platform teams choose where "
    "dbt runs."
)
_DBT: Final = re.compile(r"\bdbt\b(?!-)|\bdbtRunner\b", re.I)
_ENFORCED: Final = re.compile(
    r"\benforc(?:e[sd]?|ing)\b|\bhard-?\s?(?:coded|wired)\b|\b(?:not|non)[- ]negotiable\b|\bmandator(?:y|ily)\b"
    r"|\bcannot be (?:replaced|swapped|exchanged)\b",
    re.I,
)
_LAYER: Final = re.compile(r"\bframeworks?\b|\bruntimes?\b|\bdbt_runtime\b|\bwhere dbt runs\b", re.I)
_IS_ENFORCED: Final = (
    r"\W+(?:is|are|itself is)(?: \w+)? (?:enforced|hard-?\s?coded|hard-?\s?wired|mandatory|not pluggable)"
)
_SWAPPED: Final = re.compile(
    rf"\b(?:runtimes?|dbt_runtime|dbtRunner|where dbt runs){_IS_ENFORCED}"
    r"|\bframeworks?\W+(?:is|are)(?: \w+)? pluggable",
    re.I,
)


def without_layer(sentences: Iterable[str]) -> Iterator[str]:
    """The sentences that say dbt is enforced, or hardcoded, and not which layer of it."""
    return (s for s in sentences if _DBT.search(s) and _ENFORCED.search(s) and not _LAYER.search(s))


def with_layers_swapped(sentences: Iterable[str]) -> Iterator[str]:
    """The sentences that say of one layer what holds of the other."""
    return (s for s in sentences if _SWAPPED.search(s))


def flat(text: str) -> str:
    """Markdown in one line, without quotes' marks, links' targets, code marks and emphasis."""
    unquoted = re.sub(r"^> ?", "", text, flags=re.M)
    unlinked = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", unquoted)
    return " ".join(re.sub(r"[*`]", "", unlinked).split())
