"""Documents that no text fixture can hold: other encodings, broken bytes, characters that nobody sees."""

from __future__ import annotations

import codecs

import pytest

from floe_compiler import canonical
from floe_compiler.errors import FloeError, Problem
from floe_compiler.load.yaml_door import parse_document, parse_foreign


def refusal(content: bytes) -> Problem:
    with pytest.raises(FloeError) as raised:
        parse_document(content, file="floe.yaml")
    (problem,) = raised.value.problems
    return problem


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"a: 1\nname: \xff\n", "FLOE-L010", "floe.yaml:2:7"),
        ("größe: é".encode("latin-1"), "FLOE-L010", "floe.yaml:1:3"),
        ("é: ".encode() + b"\xc3", "FLOE-L010", "floe.yaml:1:4"),
        (b"a: \xed\xa0\x80", "FLOE-L010", "floe.yaml:1:4"),
        ("a: 1".encode("utf-16"), "FLOE-L011", "floe.yaml:1:1"),
        ("a: 1".encode("utf-16-le"), "FLOE-L011", "floe.yaml:1:1"),
        ("a: 1".encode("utf-16-be"), "FLOE-L011", "floe.yaml:1:1"),
        ("a: 1".encode("utf-32"), "FLOE-L011", "floe.yaml:1:1"),
        ("a: 1".encode("utf-32-be"), "FLOE-L011", "floe.yaml:1:1"),
        (codecs.BOM_UTF8 + b"a: 1", "FLOE-L012", "floe.yaml:1:1"),
        (b"a: 1\n# \0", "FLOE-L013", "floe.yaml:2:3"),
        (b"a: \x07", "FLOE-L014", "floe.yaml:1:4"),
        (b"a: \x7f", "FLOE-L014", "floe.yaml:1:4"),
        ("a: \ufeffb".encode(), "FLOE-L014", "floe.yaml:1:4"),
        ("a: 1 # \u2028b: 2".encode(), "FLOE-L014", "floe.yaml:1:8"),
        ("a: b\x85c: d".encode(), "FLOE-L014", "floe.yaml:1:5"),
        ("a: 1\n# \u202e".encode(), "FLOE-L015", "floe.yaml:2:3"),
        ("'\u2067a': 1".encode(), "FLOE-L015", "floe.yaml:1:2"),
        ("a\u200db: 1".encode(), "FLOE-L014", "floe.yaml:1:1"),
        ("a\u200fb: 1".encode(), "FLOE-L015", "floe.yaml:1:1"),
    ],
)
def test_bytes_that_people_and_machines_would_read_differently_are_refused(
    content: bytes, code: str, place: str
) -> None:
    problem = refusal(content)
    assert (problem.code, str(problem.where)) == (code, place)


def test_a_bad_byte_is_named_with_its_offset() -> None:
    assert refusal(b"a: 1\nname: \xff\n").message == "byte 11 of the file (0xFF) is not UTF-8"


def test_a_bad_byte_shows_its_line() -> None:
    where = refusal(b"a: 1\nname: \xff\n").where
    assert where is not None
    assert where.text == "name: \ufffd"


def test_what_cannot_be_seen_is_shown_as_one_symbol_so_that_columns_stay_right() -> None:
    where = refusal("x: a\x07\u202eb".encode().replace(b"\xe2\x80\xae", b"")).where
    assert where is not None
    assert where.text == "x: a␇b"


def test_a_long_line_is_cut() -> None:
    where = refusal(b"a: NO" + b" " * 5000 + b"# x").where
    assert where is not None
    assert where.text is not None
    assert len(where.text) == 200
    assert where.text.endswith("…")


def test_line_ends_of_any_system_count_as_one_line_each() -> None:
    document = parse_document(b"a: 1\r\nb:\r  - x\n  - z\r\n", file="floe.yaml")
    assert document.value == {"a": 1, "b": ["x", "z"]}
    assert [str(document.where(("b", index))) for index in (0, 1)] == ["floe.yaml:3:5", "floe.yaml:4:5"]


def test_the_digest_is_that_of_the_bytes() -> None:
    content = b"a: 1 # one\n"
    assert parse_document(content, file="floe.yaml").digest == canonical.digest(content)


@pytest.mark.parametrize("content", [b"a: \xff", "a: 1".encode("utf-16"), b"a: \0", b"%YAML 1.1\n---\na: 1\n"])
def test_files_of_dbt_get_the_same_protection(content: bytes) -> None:
    with pytest.raises(FloeError):
        parse_foreign(content, file="dbt_project.yml")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a: *b", "FLOE-L027"),
        (b"a: &a [*a]", "FLOE-L028"),
        (b"- &a 1\n- &a 2", "FLOE-L030"),
        (b"a: !python/name:os.system x", "FLOE-L023"),
        (b"a: !!int x", "FLOE-L023"),
        (b"a: !!binary aGk=", "FLOE-L023"),
        (b"? [a]\n: b", "FLOE-L025"),
        (b"<<: 1", "FLOE-L026"),
        (b"<<: [{a: 1}, 2]", "FLOE-L026"),
        (b"a: 0b_", "FLOE-L036"),
        (b"a: " + b"7" * 5000, "FLOE-L033"),
        (b"9007199254740992: a", "FLOE-L033"),
        (b"a: 1\n---\nb: 2", "FLOE-L021"),
        (b"[" * 200, "FLOE-L031"),
    ],
)
def test_what_pyyaml_refuses_or_chokes_on_is_refused_in_files_of_dbt(content: bytes, code: str) -> None:
    with pytest.raises(FloeError) as raised:
        parse_foreign(content, file="dbt_project.yml")
    assert [problem.code for problem in raised.value.problems] == [code]
