"""text: what a reviewer reads in a terminal."""

from __future__ import annotations

from floe_compiler.diff.render.text import render
from tests.change_sets import ADDED, KNOWN, REMOVED, change_set, finding, large, report

SCREEN = """\
bakery: main (5f6a7b8) → working tree

BREAKING  somebody's queries or runs will fail, or a table is built anew

  ~ model loaves  on dev, prod
      columns.weight removed
      Column removed from a contract  [contract-column-removed]  shop/dbt/models/_models.yml:12
      downstream: 1 exposure (board), 2 models
      probably broken, since the name still stands in their SQL: sales

RISKY  results can differ, or a check is gone: look before merging

  ~ model loaves  on dev, prod
      sql: 1 line added and 1 line removed
      SQL changed  [sql-changed]  shop/dbt/models/loaves.sql:3
      acknowledged by bo@bakery.example until 2026-01-31, which is over

  ~ macro grams
      sql: 2 lines added and 1 line removed
      Macro changed  [macro-changed]  shop/dbt/models/loaves.sql:3
      reaches sales
      downstream: 1 model (sales_by_day)

UNKNOWN  no rule knows this change: do not take it for safe

  ~ model loaves  on dev, prod
      config.quux: 1 → [2,null]
      A change that no rule knows  [not-known]

SAFE  nothing that anybody reads becomes different
  + model crumbs: added  on dev

ACKNOWLEDGED
  - test unique_loaves_id: removed
      ana@bakery.example, until 2027-01-31: The key is checked upstream.

TELL
  board (Front desk, desk@bakery.example): 1 breaking: loaves

1 breaking, 2 risky, 1 unknown, 1 safe (1 acknowledged).
"""


def test_the_worst_comes_first_and_the_totals_last() -> None:
    assert render(report()) == SCREEN


def test_colours_are_for_terminals_and_change_no_word() -> None:
    import re

    coloured = render(report(colour=True))
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == SCREEN


def test_what_was_added_and_removed_as_a_whole_has_its_sign() -> None:
    removed = finding(7, change="removed", field=None, before=None, after=None)
    lines = render(report(change_set([removed, ADDED]))).splitlines()
    assert "  - model loaves  on dev, prod" in lines
    assert "  + model crumbs: added  on dev" in lines


def test_findings_of_one_object_stand_under_one_heading() -> None:
    both = [finding(1), finding(2, field="materialized", before="view", after="table")]
    written = render(report(change_set(both)))
    assert written.count("~ model loaves") == 1
    assert "materialized: view → table" in written


def test_what_is_safe_does_not_fill_the_screen() -> None:
    many = [ADDED.model_copy(update={"fingerprint": f"{number:024x}"}) for number in range(50)]
    written = render(report(change_set(many)))
    assert written.count("crumbs: added") == 20
    assert "and 30 more" in written


def test_a_large_change_set_is_not_cut_where_it_matters() -> None:
    assert render(report(large(60, 60))).count("SQL changed") == 60


def test_only_what_nobody_answers_for_is_counted() -> None:
    written = render(report(change_set([REMOVED, KNOWN])))
    assert written.rstrip().endswith("1 breaking (1 acknowledged).")
