"""Decision records: a question, options, a choice and its price, on one page, in the index."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, Page

FOLDER = DOCS / "architecture" / "adr"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
HEADINGS = ["Question", "Options", "Choice", "Price"]


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_question_options_choice_and_price_in_this_order(path: Path) -> None:
    found = [heading for heading in Page(path).headings if heading in HEADINGS]
    assert found == HEADINGS


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_stays_under_sixty_lines(path: Path) -> None:
    assert len(Page(path).text.splitlines()) < 60


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_titled_by_its_number(path: Path) -> None:
    assert Page(path).headings[0].startswith(f"ADR-{path.name[:4]}: ")


def test_the_index_lists_every_record_in_order() -> None:
    rows = Page(FOLDER / "README.md").table("Record")
    assert [re.findall(r"\(([^)]+)\)", row["Record"])[0] for row in rows] == [path.name for path in RECORDS]


def test_every_record_that_code_and_pages_name_exists() -> None:
    numbers = {path.name[:4] for path in RECORDS}
    texts = [*(ROOT / "floe_compiler").rglob("*.py"), *DOCS.rglob("*.md"), *ROOT.glob("*.md")]
    named = {(file.name, number) for file in texts for number in re.findall(r"ADR-(\d{4})", file.read_text())}
    assert {(name, number) for name, number in named if number not in numbers} == set()


def test_records_speak_of_code_that_exists() -> None:
    names = {path.stem for path in (ROOT / "floe_compiler").rglob("*.py")}
    assert {"recall", "codes", "enforced", "types"} <= names
    assert ast.parse((ROOT / "floe_compiler" / "recall.py").read_text())
