"""What a refusal of a plain scalar tells its author to write instead."""

from __future__ import annotations

import pytest

from floe_compiler.load.plain_scalars import Unclear, foreign_meaning, strict_meaning


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("NO", 'Quote it if text is meant: "NO"; if not, write true or false.'),
        ("010", 'Quote it if text is meant: "010"; if not, leave the leading 0 out.'),
        ("12:30:45", 'Quote it if text is meant: "12:30:45".'),
        ("1_000", 'Quote it if text is meant: "1_000"; if not, write the number without `_`.'),
        ("1.10", 'Quote it if text, such as a version, is meant: "1.10"; if not, write 1.1.'),
        ("5.", 'Quote it if text is meant: "5."; if not, write digits on both sides of the point.'),
        ("9007199254740992", 'Quote it if text is meant: "9007199254740992".'),
    ],
)
def test_a_refusal_says_what_to_write(text: str, hint: str) -> None:
    meaning = strict_meaning(text)
    assert isinstance(meaning, Unclear)
    assert meaning.hint == hint


@pytest.mark.parametrize("text", ["1.4.0", "2026-11-23", "1.10.x", "10.0.0.1", "1e", "0x", "-", ".", "NOT", "yess"])
def test_what_only_resembles_a_number_or_a_word_is_text(text: str) -> None:
    assert strict_meaning(text) == text
    assert foreign_meaning(text) == text


@pytest.mark.parametrize(
    "text",
    ["yes", "Off", "TRUE", "y", "N", "Null", "08", "0o7", "0b1", "0xff", "1:30", "1__0", "+0", "+.5", "1e5"],
)
def test_what_yaml_versions_read_differently_has_no_meaning(text: str) -> None:
    meaning = strict_meaning(text)
    assert isinstance(meaning, Unclear)
    assert meaning.code == "FLOE-L036"
