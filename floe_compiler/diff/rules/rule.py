"""A rule: which facts it grades, how, and what a reviewer reads about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from floe_compiler.diff.compare.facts import Fact
from floe_compiler.model.change_set import Impact, Level


@dataclass(frozen=True, slots=True)
class Case:
    """A fact, and who is downstream of it: what a rule may ask about."""

    fact: Fact
    impact: Impact


Condition = Callable[[Case], bool]


def always(_case: Case) -> bool:
    """The condition of a rule that has none."""
    return True


class Rule(NamedTuple):
    """A row of the table. The first row for an aspect whose condition holds grades the fact."""

    id: str
    title: str
    level: Level
    explanation: str
    example: str
    aspects: tuple[str, ...]
    when: Condition = always
