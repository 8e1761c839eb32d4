"""The corpus of YAML documents in `fixtures/yaml`: one fault a file, what is expected beside it."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from floe_compiler.codes import CODES
from floe_compiler.errors import FloeError, Problem
from floe_compiler.load.yaml_door import parse_document, parse_foreign

CORPUS = Path(__file__).parents[3] / "fixtures" / "yaml"
REFUSED = sorted((CORPUS / "refused").glob("*.yaml"))
ACCEPTED = sorted((CORPUS / "accepted").glob("*.yaml"))
FOREIGN = sorted((CORPUS / "foreign").glob("*.yml"))

GENERATED_ELSEWHERE = {
    "FLOE-L010",
    "FLOE-L011",
    "FLOE-L012",
    "FLOE-L032",
}  # bytes, or too large for a fixture


def named(path: Path) -> str:
    return path.stem


def problems_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(FloeError) as refusal:
        parse_document(path.read_bytes(), file=path.name)
    return refusal.value.problems


@pytest.mark.parametrize("path", REFUSED, ids=named)
def test_a_refused_document_gives_the_expected_codes_at_the_expected_places(path: Path) -> None:
    found = [f"{p.code} {p.where.line}:{p.where.column}" for p in problems_of(path) if p.where]
    assert found == path.with_suffix(".expected").read_text().splitlines()


@pytest.mark.parametrize("path", REFUSED, ids=named)
def test_every_refusal_shows_its_line_and_a_way_out(path: Path) -> None:
    lines = [*path.read_text().split("\n")]
    for problem in problems_of(path):
        assert problem.where is not None
        assert problem.hint
        assert problem.where.file == path.name
        shown = problem.where.text or ""
        assert lines[problem.where.line - 1].replace("\t", "␉").startswith(shown.removesuffix("…"))
        assert len(shown) <= 200
        assert len(problem.message) < 400


def test_every_code_of_the_yaml_door_has_a_document_that_produces_it() -> None:
    expected = {line.split()[0] for path in REFUSED for line in _expectation(path)}
    assert expected | GENERATED_ELSEWHERE == {c for c in CODES if "FLOE-L010" <= c < "FLOE-L050"}


@pytest.mark.parametrize("path", ACCEPTED, ids=named)
def test_an_accepted_document_has_the_expected_value(path: Path) -> None:
    document = parse_document(path.read_bytes(), file=path.name)
    assert _typed(document.value) == _typed(json.loads(path.with_suffix(".json").read_text()))


@pytest.mark.parametrize("path", ACCEPTED, ids=named)
def test_an_accepted_document_means_the_same_to_the_readers_of_dbt_files(path: Path) -> None:
    content = path.read_bytes()
    strict, foreign = parse_document(content, file="a"), parse_foreign(content, file="a")
    if path.stem != "numbers":  # a number with an exponent but no point is text to PyYAML
        assert _typed(foreign.value) == _typed(strict.value)


@pytest.mark.parametrize("path", FOREIGN, ids=named)
def test_a_file_of_dbt_is_read_as_pyyaml_reads_it_but_for_dates(path: Path) -> None:
    content = path.read_bytes()
    expected = yaml.load(content, Loader=yaml.CSafeLoader)
    assert _typed(parse_foreign(content, file=path.name).value) == _typed(_dates_as_text(expected))


def _expectation(path: Path) -> list[str]:
    return path.with_suffix(".expected").read_text().splitlines()


def _typed(value: Any) -> Any:
    """The value with the type of every part, since 1 == 1.0 == True."""
    if isinstance(value, dict):
        return {(type(key), key): _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return type(value), value


def _dates_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _dates_as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_dates_as_text(item) for item in value]
    return value.isoformat() if isinstance(value, datetime.date) else value
