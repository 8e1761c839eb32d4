"""The table of rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from floe_compiler.diff.compare.facts import Fact
from floe_compiler.diff.rules import NOT_KNOWN, RULES, Case, rule_for
from floe_compiler.model.change_set import Impact, Thing
from tests.diffs import CORPUS


def test_every_rule_has_a_name_of_its_own() -> None:
    names = [rule.id for rule in RULES]
    assert len(names) == len(set(names))


def test_what_no_rule_knows_is_unknown() -> None:
    fact = Fact("lighthouse.moved", "changed", Thing(kind="lighthouse", id="x", name="x"))
    assert rule_for(Case(fact, Impact())) is NOT_KNOWN
    assert NOT_KNOWN.level == "unknown"


def test_every_aspect_has_a_rule_without_a_condition_or_is_unknown() -> None:
    last = {aspect: rule for rule in RULES for aspect in rule.aspects}
    conditional = {aspect for aspect, rule in last.items() if rule.when.__name__ != "always"}
    assert conditional == {"node.removed", "target.compute"}


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule is not NOT_KNOWN], ids=lambda rule: rule.id)
def test_every_rule_is_met_by_a_case_or_a_test(rule) -> None:  # type: ignore[no-untyped-def]
    met = {f["rule"] for path in CORPUS.glob("*/expected.json") for f in json.loads(path.read_text("utf-8"))}
    texts = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert rule.id in met or f'"{rule.id}"' in texts
