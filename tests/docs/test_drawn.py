"""What the pages show of the code is what the code says today: else `python -m tests.docs --write`."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from floe_compiler.model.bundle import CompiledArtifacts
from tests.docs.drawn import PICTURES, bundled_paths, drawn_files
from tests.docs.pages import Page, pages
from tests.docs.regions import REGIONS, drawn_anew
from tests.docs.stages import spine_in_words, stages
from tests.warm import WarmRegistry


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_page_shows_the_code_of_today(page: Page) -> None:
    assert drawn_anew(page.text) == page.text


def test_every_region_is_on_some_page() -> None:
    shown = "".join(page.text for page in pages())
    assert [name for name in REGIONS if f"<!-- drawn: {name}" not in shown] == []


def test_pictures_show_the_code_of_today(registry: WarmRegistry) -> None:
    for path, content in drawn_files(registry).items():
        assert path.read_text(encoding="utf-8") == content, path.name


def test_the_pipeline_is_drawn_with_the_stages_that_the_code_calls() -> None:
    drawn = [stage.name for stage in stages()]
    assert drawn == ["load", "resolve", "compile", "freeze", "publish", "verify", "run"]
    assert [name for name in spine_in_words() if name in drawn] == drawn


def test_every_stage_takes_what_the_one_before_it_gives() -> None:
    making = stages()[:5]
    assert [stage.gives for stage in making[:-1]] == [stage.takes for stage in making[1:]]


def test_the_bundle_is_drawn_with_every_file_and_every_field(registry: WarmRegistry) -> None:
    texts = [element.text for element in ElementTree.parse(PICTURES / "bundle.svg").iter() if element.text]
    assert {path.partition("/")[2] or path for path in bundled_paths(registry)} <= set(texts)
    assert set(CompiledArtifacts.model_fields) <= set(texts)


@pytest.mark.parametrize("name", ["pipeline.svg", "bundle.svg"])
def test_a_picture_needs_nothing_from_elsewhere(name: str) -> None:
    for element in ElementTree.parse(PICTURES / name).iter():
        assert not [value for key, value in element.items() if key.endswith("href")]
