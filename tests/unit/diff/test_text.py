"""Blanks, words and calls in texts, and lines in YAML."""

from __future__ import annotations

import pytest

from floe_compiler.diff.compare.text import (
    calls_with,
    collapsed,
    first_difference,
    mentions_word,
    with_word_replaced,
    without_config,
)
from floe_compiler.diff.compare.yaml_events import line_of, tree

YAML = b"""\
# models of the coast
models:
  - name: lamps
    columns:
      - name: id
        data_type: integer
      - {name: height, data_type: double}
  - description: reports
    name: reports
"""


def test_runs_of_blanks_are_one() -> None:
    assert collapsed(" select\n\t1  as id\n") == "select 1 as id"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("select amount from x", True),
        ("select o.AMOUNT, 1", True),
        ('select "amount"', True),
        ("select amounts", False),
        ("select net_amount", False),
        ("select amount_net", False),
        ("", False),
    ],
)
def test_a_word_stands_by_itself(text: str, found: bool) -> None:
    assert mentions_word(text, "amount") is found


def test_words_are_replaced_and_parts_of_words_are_not() -> None:
    assert (
        with_word_replaced("ref('orders'), orders_old, orders", "orders", "sales") == "ref('sales'), orders_old, sales"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ var('cutoff') }}", True),
        ('{{ var( "cutoff", 1) }}', True),
        ("{{ var\n('cutoff') }}", True),
        ("{{ env_var('cutoff') }}", False),
        ("{{ my_var('cutoff') }}", False),
        ("{{ var('cutoff_day') }}", False),
        ("{{ var(cutoff) }}", False),
        ("select 'cutoff'", False),
    ],
)
def test_calls_of_a_function_with_a_name_are_found(text: str, found: bool) -> None:
    assert calls_with(text, "var", "cutoff") is found


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("{{ config(a=1) }}select 1", "select 1"),
        ("{{- config(\n  a='}}', b={'c': {'d': 1}})\n-}} select 1", " select 1"),
        ('{{ config(a="it\'s") }}select {{ x }}', "select {{ x }}"),
        ("select {{ configure(1) }}", "select {{ configure(1) }}"),
        ("{{config(a=1)}}{{config(b=2)}}x", "x"),
        ("{{ config(", ""),
    ],
)
def test_config_calls_are_left_out(text: str, left: str) -> None:
    assert without_config(text) == left


def test_the_first_line_that_differs_in_more_than_blanks() -> None:
    assert first_difference("a\nb\nc", "a\n  b \nd") == 3
    assert first_difference("a\nb", "a") == 1


def test_names_lead_to_lines() -> None:
    found = tree(YAML)
    assert line_of(found, "models", "lamps", "columns", "height", "data_type") == 7
    assert line_of(found, "models", "lamps", "columns", "id", "data_type") == 6
    assert line_of(found, "models", "reports") == 9
    assert line_of(found, "models", "nobody") is None
