"""A document tells where its values stand, and shares nothing between them."""

from __future__ import annotations

from typing import Any

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.load.yaml_door import parse_document, parse_foreign
from floe_compiler.model.documents import Document

TARGETS = b"""\
defaults: &defaults
  config: {threads: 4, tags: [a, b]}
targets:
  dev: *defaults
  prod: *defaults
"""


@pytest.fixture
def document() -> Document:
    return parse_document(TARGETS, file="platform.yaml")


def test_every_value_has_the_place_where_its_text_starts(document: Document) -> None:
    assert str(document.where(("defaults", "config", "tags", 1))) == "platform.yaml:2:34"


def test_every_key_has_a_place_of_its_own(document: Document) -> None:
    assert str(document.where_key(("defaults", "config", "tags"))) == "platform.yaml:2:24"


def test_a_place_shows_its_line(document: Document) -> None:
    assert document.where(("targets", "dev")).text == "  dev: *defaults"


def test_an_alias_stands_where_it_is_written_and_its_parts_where_theirs_are(document: Document) -> None:
    assert str(document.where(("targets", "prod"))) == "platform.yaml:5:9"
    assert str(document.where(("targets", "prod", "config", "threads"))) == "platform.yaml:2:21"
    assert str(document.where_key(("targets", "prod", "config", "threads"))) == "platform.yaml:2:12"


def test_an_unknown_pointer_has_the_place_of_what_is_nearest_above_it(document: Document) -> None:
    assert document.where(("targets", "dev", "nothing", 3)) == document.where(("targets", "dev"))
    assert document.where_key(("nothing",)) == document.where(())
    assert str(document.where(())) == "platform.yaml:1:1"


def test_a_list_element_has_no_key_and_so_its_own_place(document: Document) -> None:
    tag = ("defaults", "config", "tags", 0)
    assert document.where_key(tag) == document.where(tag)


def test_a_value_is_found_by_its_pointer(document: Document) -> None:
    assert document.at(("targets", "dev", "config", "tags", 1)) == "b"
    assert document.at(("targets", "dev", "config", "tags", 2)) is None
    assert document.at(("targets", "dev", "config", "tags", "x")) is None
    assert document.at(()) == document.value


def test_aliases_share_nothing_that_can_change(document: Document) -> None:
    collections: list[Any] = []
    pending = [document.value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict | list):
            collections.append(item)
            pending.extend(item.values() if isinstance(item, dict) else item)
    assert len({id(item) for item in collections}) == len(collections) == 11


def test_what_is_merged_stands_where_its_text_is() -> None:
    content = b"base: &base {a: 1, b: {c: 2}}\ndev:\n  <<: *base\n  a: 3\n"
    document = parse_foreign(content, file="dbt_project.yml")
    assert document.value["dev"] == {"a": 3, "b": {"c": 2}}
    assert document.value["dev"]["b"] is not document.value["base"]["b"]
    assert str(document.where(("dev", "a"))) == "dbt_project.yml:4:6"
    assert str(document.where(("dev", "b", "c"))) == "dbt_project.yml:1:27"
    assert str(document.where_key(("dev", "b"))) == "dbt_project.yml:1:20"


def test_a_document_reports_at_most_twenty_problems() -> None:
    with pytest.raises(FloeError) as raised:
        parse_document(b"- NO\n" * 1000, file="floe.yaml")
    assert len(raised.value.problems) == 20


def test_the_same_key_may_stand_in_two_mappings() -> None:
    assert parse_document(b"- {a: 1}\n- {a: 1}\n", file="floe.yaml").value == [{"a": 1}, {"a": 1}]


def test_a_repeated_key_points_at_both_places() -> None:
    with pytest.raises(FloeError) as raised:
        parse_document(b"name: x\nowner: z\n'name': z\n", file="floe.yaml")
    (problem,) = raised.value.problems
    assert str(problem.where) == "floe.yaml:3:1"
    assert problem.message == "the key `name` stands here and in line 1, column 1"
