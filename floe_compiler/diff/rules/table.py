"""The table of rules, and how a fact finds its row. Adding a rule is one row, a case in `fixtures/diffs`, no more."""

from __future__ import annotations

from typing import Final

from floe_compiler.diff.rules.dbt_rows import CONFIG_ROWS, NODE_ROWS, PROMISE_ROWS
from floe_compiler.diff.rules.product_rows import PRODUCT_ROWS
from floe_compiler.diff.rules.quality_rows import CAUSE_ROWS, QUALITY_ROWS
from floe_compiler.diff.rules.rule import Case, Rule

SECTIONS: Final[dict[str, tuple[Rule, ...]]] = {
    "Models and what they are built from": NODE_ROWS,
    "Promises to readers": PROMISE_ROWS,
    "Configuration": CONFIG_ROWS,
    "Tests, sources, seeds and metrics": QUALITY_ROWS,
    "Macros, variables and packages": CAUSE_ROWS,
    "Product and platform": PRODUCT_ROWS,
}
"""The rows under the headings of docs/reference/changes.md."""
NOT_KNOWN: Final = Rule(
    "not-known",
    "No rule knows this",
    "unknown",
    "It differs, and that is all that is known. It is never shown as safe.",
    "something that a newer floe wrote",
    (),
)
RULES: Final[tuple[Rule, ...]] = (*(row for rows in SECTIONS.values() for row in rows), NOT_KNOWN)
_BY_ASPECT: Final[dict[str, list[Rule]]] = {}
for _row in RULES:
    for _aspect in _row.aspects:
        _BY_ASPECT.setdefault(_aspect, []).append(_row)


def rule_for(case: Case) -> Rule:
    """The first row for the fact's aspect whose condition holds."""
    return next((row for row in _BY_ASPECT.get(case.fact.aspect, ()) if row.when(case)), NOT_KNOWN)
