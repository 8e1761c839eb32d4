"""No sentence says that dbt is enforced, or hardcoded, without saying which layer of it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT, Page, pages, sentences_of
from tests.docs.wording import with_layers_swapped, without_layer

MISLEADING = [
    "dbt is enforced.",
    "floe enforces dbt.",
    "dbt is ENFORCED: all SQL is dbt models.",
    "dbt itself is enforced; this says who invokes it.",
    "In floe, dbt is hardcoded.",
    "We hard-coded dbt.",
    "dbt is not negotiable.",
    "| dbt | ENFORCED | ADR-0009 |",
    "Iceberg and dbt are enforced, the catalog is pluggable.",
    "dbt cannot be replaced.",
]
SWAPPED = [
    "The dbt runtime is enforced.",
    "dbtRunner is hardcoded.",
    "Where dbt runs is not pluggable.",
    "The SQL transformation framework is pluggable.",
]
CLEAR = [
    "floe enforces dbt as the SQL transformation framework.",
    "dbt is enforced as the framework; the runtime is pluggable.",
    "dbt is enforced as the SQL transformation framework, and where dbt runs is pluggable.",
    "dbt-core 1.11 is installed; the versions are enforced at run.",
    "Iceberg is enforced as the table format.",
    "The dbt runtime is pluggable.",
]


@pytest.mark.parametrize("sentence", MISLEADING)
def test_a_sentence_without_a_layer_is_found(sentence: str) -> None:
    assert list(without_layer(sentences_of(sentence)))


@pytest.mark.parametrize("sentence", SWAPPED)
def test_a_sentence_that_swaps_the_layers_is_found(sentence: str) -> None:
    assert list(with_layers_swapped(sentences_of(sentence)))


@pytest.mark.parametrize("sentence", CLEAR)
def test_a_clear_sentence_is_left_alone(sentence: str) -> None:
    found = list(sentences_of(sentence))
    assert not [*without_layer(found), *with_layers_swapped(found)]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_sentence_about_enforced_dbt_names_its_layer(page: Page) -> None:
    found = list(page.sentences())
    assert not list(without_layer(found))
    assert not list(with_layers_swapped(found))


def _strings_of_code(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _descriptions_of_schema(file: Path) -> Iterator[str]:
    pending: list[Any] = [json.loads(file.read_text(encoding="utf-8"))]
    while pending:
        match pending.pop():
            case dict() as mapping:
                yield from (text for text in [mapping.get("description")] if isinstance(text, str))
                pending.extend(mapping.values())
            case list() as sequence:
                pending.extend(sequence)


@pytest.mark.parametrize("folder, pattern", [("floe_compiler", "*.py"), ("schemas", "*.json")])
def test_so_does_every_text_that_the_code_shows(folder: str, pattern: str) -> None:
    texts = _strings_of_code if pattern == "*.py" else _descriptions_of_schema
    found = [
        f"{file.relative_to(ROOT)}: {sentence}"
        for file in sorted((ROOT / folder).rglob(pattern))
        for text in texts(file)
        for sentence in [*without_layer(sentences_of(text)), *with_layers_swapped(sentences_of(text))]
    ]
    assert not found
