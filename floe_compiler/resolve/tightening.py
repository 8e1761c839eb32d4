"""A child may only tighten. Every statement of a tier is held against what the tiers above it say.

Both places are named: the line that loosens is shown, the one that it goes against is in the message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, Final

from floe_compiler.errors import Problem
from floe_compiler.resolve.rules import rule_of
from floe_compiler.resolve.tiers import Cell, Key, Lock, Statement, Tier, choice_of

_LOCKABLE: Final = frozenset({"plugins", "targets", "default_target", "deployment", "compiled_sql"})
_NOTHING: Final = object()
_MATERIALIZATIONS: Final = ("policies", "allowed_materializations")


def loosenings(tier: Tier) -> Iterator[Problem]:
    """Every place at which a tier loosens what is above it: FLOE-R030 an approved list grows, R031 a severity
    falls, R032 a policy is weakened, R033 a locked value changes; and R034 for a lock that holds nothing."""
    for key, cell in tier.cells.items():
        yield from _against_rule(key, cell)
    yield from _against_default_list(tier)
    yield from _against_policies_above(tier)
    for lock in tier.locks:
        yield from _against_lock(lock, tier)


def _against_rule(key: Key, cell: Cell) -> Iterator[Problem]:
    """Each statement against the next one above it: not to loosen is transitive, so one fault is told once."""
    for statement, above in pairwise(cell.said):
        yield from _compared(key, statement, above)


def _against_default_list(tier: Tier) -> Iterator[Problem]:
    """A target's first own list of materializations takes the place of the default list above it."""
    defaults = tier.cells.get(Key((*_MATERIALIZATIONS, "default")))
    for key, cell in tier.cells.items():
        if defaults and key.path[:3] == (*_MATERIALIZATIONS, "by_target"):
            first = cell.said[-1]
            nearest = [above for above in defaults.said if tier.is_above(above.where, first.where)][:1]
            for above in nearest:
                yield from _compared(key, first, above)


def _compared(key: Key, statement: Statement, above: Statement) -> Iterator[Problem]:
    rule = rule_of(key.path)
    if how := rule.loosens(above.value, statement.value):
        yield _loosened(rule.code, f"`{key}` {how}", statement, above)


def _against_policies_above(tier: Tier) -> Iterator[Problem]:
    """Who sets a policy may waive it, and so may whoever is above; nobody below."""
    for waiver in tier.waivers:
        name = waiver.value.policy
        of_it = [
            statement
            for key, cell in tier.cells.items()
            if key.path[0] == "policies" and name in key.path[1:3]
            for statement in cell.said
            if tier.is_above(statement.where, waiver.where)
        ]
        if of_it:
            yield _loosened("FLOE-R032", f"`{name}` is waived", waiver, of_it[0])


def _loosened(code: str, what: str, statement: Statement, above: Statement) -> Problem:
    message = f"{what}; {above.author} decided it at {above.where}"
    hint = f"A tier may only tighten what it extends. Keep what is above it, or ask {above.author.owner}."
    return Problem(code, message, statement.where, hint)


def _against_lock(lock: Lock, tier: Tier) -> Iterator[Problem]:
    held = tier.said_by(lock.where)
    locked = {key: value for key, value in held.items() if key.path[0] in _LOCKABLE and _is_beneath(key, lock.path)}
    if not locked:
        yield _holds_nothing(lock, held)
    for key, cell in tier.cells.items():
        for statement in cell.said:
            if tier.is_above(lock.where, statement.where) and _changes(key, statement.value, lock.path, locked, held):
                message = f"`{key}` is changed, but {lock.author} locked `{lock.path}` at {lock.where}"
                hint = f"Keep the value that is locked, or ask {lock.author.owner}."
                where = statement.where.hidden() if key.plugin else statement.where  # a configuration may hold secrets
                yield Problem("FLOE-R033", message, where, hint)


def _changes(key: Key, value: Any, path: str, locked: Mapping[Key, Any], held: Mapping[Key, Any]) -> bool:
    """Whether saying this of the key changes what the lock holds.

    A locked configuration also holds the choice of its plugin, without which it would not count; and one of
    `plugins.compute` holds for the targets with that compute, whose own configuration goes before it.
    """
    if key in {choice_of(inner) for inner in locked if inner.plugin}:
        return bool(value != held[key])
    if _is_beneath(key, path):
        is_of_another_plugin = key.plugin and held.get(choice_of(key)) != key.plugin  # the choice is refused
        return not is_of_another_plugin and held.get(key, _NOTHING) != value
    if key.plugin and key.path[0] == "targets":
        shared = locked.get(Key(("plugins", "compute", "config", key.path[-1]), key.plugin), _NOTHING)
        return shared is not _NOTHING and value not in (shared, held.get(key, _NOTHING))
    return False


def _holds_nothing(lock: Lock, held: Mapping[Key, Any]) -> Problem:
    if any(_is_beneath(key, lock.path) for key in held):
        message = f"`{lock.path}` needs no lock: it is not for a tier below to loosen"
        hint = "Remove it. Locks are for `plugins`, `targets`, `default_target`, `deployment` and `compiled_sql`."
        return Problem("FLOE-R034", message, lock.where, hint)
    near = get_close_matches(lock.path, sorted(str(key) for key in held if key.path[0] in _LOCKABLE), n=1)
    guess = f": did you mean `{near[0]}`?" if near else ""
    message = f"`{lock.path}` is locked, but this file does not say what it is{guess}"
    return Problem("FLOE-R034", message, lock.where, "A lock holds a value of its own file: write the value, too.")


def _is_beneath(key: Key, path: str) -> bool:
    return str(key) == path or str(key).startswith(f"{path}.")
