"""Laws of the YAML door, for any document at all."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_compiler.canonical import MAX_SAFE_INTEGER
from floe_compiler.errors import FloeError
from floe_compiler.load.plain_scalars import Unclear, foreign_meaning, strict_meaning
from floe_compiler.load.yaml_door import parse_document, parse_foreign
from floe_compiler.model.documents import Document, Pointer

# Everything that YAML allows to stand in a file and that the door does not refuse to be shown.
TEXT = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=["Cs", "Cc", "Zl", "Zp"],
        exclude_characters="\ufeff\ufffe\uffff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    )
    | st.sampled_from("\n\t")
)
NAMES = TEXT.filter(str.isprintable)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=30,
)
FRAGMENTS = [
    *(
        "a",
        "b: ",
        "- ",
        "? ",
        ": ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "\n",
        "\n  ",
        "\n    ",
        "\t",
        " ",
        "# ",
        "|\n",
        ">-\n",
    ),
    *(
        "&x ",
        "*x",
        "*y",
        "<<: ",
        "!!int ",
        "!x ",
        "! ",
        "---",
        "...",
        "\n---\n",
        "\n...\n",
        "%YAML 1.1\n",
        "%",
        "@",
    ),
    *(
        '"',
        "'",
        "\\",
        "\\x00",
        "\\u202E",
        "\\ud800",
        "1.10",
        "010",
        "0x",
        "1_0",
        "NO",
        "~",
        "null",
        "true",
        "12:30",
    ),
    *(
        "1e400",
        ".inf",
        "9" * 20,
        "é",
        "\u2028",
        "\x85",
        "\ufeff",
        "\0",
        "\U0001f602",
        "\r",
        "\r\n",
        "=",
        "<<",
    ),
]
SCALARS = st.text("-+.0123456789_:eE", max_size=8) | st.text("-+.019_:eExXoOnNaAiIfFyYsStTrRuUlLbB=<~", max_size=8)
CORE_SCHEMA = {  # YAML 1.2.2, section 10.3.2
    type(None): "null|Null|NULL|~|",
    bool: "true|True|TRUE|false|False|FALSE",
    int: "[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    float: r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    str: "(?s:.*)",
}
YAMLISH = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)


@given(VALUES)
def test_json_text_is_yaml_that_means_the_same(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert _exact(parse_document(text.encode(), file="a.yaml").value) == _exact(value)


@given(VALUES)
def test_what_pyyaml_writes_in_blocks_is_read_or_refused_but_never_changed(value: Any) -> None:
    content = yaml.safe_dump(value, allow_unicode=True).encode()
    try:
        found = parse_document(content, file="a.yaml").value
    except FloeError:
        return
    assert _exact(found) == _exact(value)


@given(st.binary(max_size=200) | TEXT.map(str.encode) | YAMLISH.map(str.encode))
@settings(max_examples=400)
def test_no_input_ends_in_anything_but_a_document_or_a_code(content: bytes) -> None:
    for door in (parse_document, parse_foreign):
        try:
            document = door(content, file="a.yaml")
        except FloeError as refusal:
            assert all(problem.where and problem.where.file == "a.yaml" for problem in refusal.problems)
        else:
            json.dumps(document.value)


@given(YAMLISH | VALUES.map(lambda value: yaml.safe_dump(value, allow_unicode=True)))
@settings(max_examples=200)
def test_what_the_strict_door_lets_in_pyyaml_reads_alike(text: str) -> None:
    try:
        strict = parse_document(text.encode(), file="a.yaml").value
    except FloeError:
        return
    foreign = parse_foreign(text.encode(), file="a.yaml").value
    assert _exact(foreign, floats_as_text=True) == _exact(strict, floats_as_text=True)


@given(YAMLISH)
@settings(max_examples=400)
def test_a_file_of_dbt_means_what_pyyaml_makes_of_it(text: str) -> None:
    try:
        found = parse_foreign(text.encode(), file="a.yml").value
        expected = yaml.load(text, Loader=yaml.CSafeLoader)
    except (FloeError, yaml.YAMLError, ValueError, IndexError):  # PyYAML lets all of them out
        return
    assert _exact(found) == _exact(expected)


@given(VALUES, st.sampled_from([None, 0, 2]))
def test_every_value_has_a_place_at_which_its_text_starts(value: Any, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    document = parse_document(text.encode(), file="a.yaml")
    lines = re.split("\r\n|\r|\n", text)
    assert set(document.places) == set(_pointers(value))
    for pointer, where in document.places.items():
        written = json.dumps(document.at(pointer), ensure_ascii=False, indent=indent)
        assert lines[where.line - 1][where.column - 1 :].startswith(written.split("\n")[0])
    for pointer, where in document.keys.items():
        written = json.dumps(pointer[-1], ensure_ascii=False)
        assert lines[where.line - 1][where.column - 1 :].startswith(written)


@given(YAMLISH)
@settings(max_examples=200)
def test_every_place_lies_within_the_file(text: str) -> None:
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)
    for where in _all_places(text):
        assert 1 <= where.line <= len(lines)
        assert 1 <= where.column <= len(lines[where.line - 1]) + 1


@given(SCALARS)
@settings(max_examples=1000)
def test_a_plain_scalar_with_a_meaning_means_the_same_to_yaml_1_1(text: str) -> None:
    meaning = strict_meaning(text)
    if isinstance(meaning, Unclear):
        return
    elsewhere = foreign_meaning(text)
    if isinstance(meaning, float) and isinstance(elsewhere, str):
        assert re.fullmatch(r"-?[0-9]+[eE][-+][0-9]+", text)  # JSON writes it, YAML 1.1 wants a point
    else:
        assert _exact(meaning) == _exact(elsewhere)


@given(SCALARS)
@settings(max_examples=1000)
def test_a_plain_scalar_with_a_meaning_means_the_same_to_yaml_1_2(text: str) -> None:
    meaning = strict_meaning(text)
    if not isinstance(meaning, Unclear):
        expected = next(kind for kind, pattern in CORE_SCHEMA.items() if re.fullmatch(pattern, text))
        assert type(meaning) is expected


def _all_places(text: str) -> list[Any]:
    try:
        document: Document = parse_foreign(text.encode(), file="a.yaml")
    except FloeError as refusal:
        return [problem.where for problem in refusal.problems]
    return [*document.places.values(), *document.keys.values()]


def _pointers(value: Any, at: Pointer = ()) -> list[Pointer]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(pointer for key, part in parts for pointer in _pointers(part, (*at, key)))]


def _exact(value: Any, *, floats_as_text: bool = False) -> Any:
    """The value in a form that equals another only if every type and every bit of it does."""
    if isinstance(value, dict):
        return {(type(k), repr(k)): _exact(v, floats_as_text=floats_as_text) for k, v in value.items()}
    if isinstance(value, list):
        return [_exact(item, floats_as_text=floats_as_text) for item in value]
    if floats_as_text and isinstance(value, str) and re.fullmatch(r"-?[0-9]+e[-+][0-9]+", value):
        return float, repr(float(value))
    return type(value), repr(value)
