"""Facts of data tests and unit tests, which go by what they test.

dbt makes a generic test's id from its arguments, so a test with other arguments is one that is gone and one that is
new: they are one where they have the same name on the same column. A test of something that is itself new or gone is
part of that, and no fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from floe_compiler.diff.compare import fields
from floe_compiler.diff.compare.facts import Fact, Node
from floe_compiler.diff.compare.matching import Same
from floe_compiler.diff.compare.members import Member, Surroundings, member_facts, thing_of
from floe_compiler.diff.compare.pair import Pair
from floe_compiler.diff.compare.text import collapsed
from floe_compiler.model.change_set import Change, Step

_GIVEN: Final = frozenset({"model", "column_name"})
_Key = tuple[str, str, str, str]


def test_facts(around: Surroundings) -> Iterator[Fact]:
    """What is tested less, more, or otherwise."""
    old, new = dict(around.matching.old_tests), dict(around.matching.new_tests)
    gone, come = {m.id for m in around.matching.removed}, {m.id for m in around.matching.added}
    both = [(name, name) for name in old.keys() & new.keys()]
    both += _same_question(
        {name: node for name, node in old.items() if name not in new},
        {name: node for name, node in new.items() if name not in old},
        around,
    )
    for old_id, new_id in sorted(both, key=lambda ids: ids[1]):
        yield from _changed(around, old_id, old.pop(old_id), new_id, new.pop(new_id))
    for name, node in sorted(old.items()):
        if not _about(node) & gone:
            yield _single(around.pair, "removed", name, node)
    for name, node in sorted(new.items()):
        if not _about(node) & come:
            yield _single(around.pair, "added", name, node)


def _same_question(
    removed: Mapping[str, Node], added: Mapping[str, Node], around: Surroundings
) -> list[tuple[str, str]]:
    """Pairs of ids, where only one test on each side asks it."""
    old: dict[_Key, list[str]] = {}
    new: dict[_Key, list[str]] = {}
    for name, node in removed.items():
        kind, about, question, column = _question(node)
        old.setdefault((kind, around.matching.now(about), question, column), []).append(name)
    for name, node in added.items():
        new.setdefault(_question(node), []).append(name)
    return [(ids[0], new[key][0]) for key, ids in old.items() if len(ids) == 1 and len(new.get(key, ())) == 1]


def _question(node: Node) -> _Key:
    kind = str(node.get("resource_type"))
    metadata = node.get("test_metadata")
    about = next(iter(sorted(_about(node))), "")
    if metadata:
        question = f"{metadata.get('namespace') or ''}.{metadata.get('name')}"
        return kind, about, question, str(node.get("column_name") or "")
    return kind, about, collapsed(str(node.get("raw_code") or "")) or str(node.get("name")), ""


def _about(node: Node) -> set[str]:
    """What is tested: a generic test is attached to it; a unit test depends on it; a singular one on what it reads."""
    attached = node.get("attached_node")
    return {attached} if attached else set((node.get("depends_on") or {}).get("nodes") or ())


def _single(pair: Pair, change: Change, name: str, node: Node) -> Fact:
    project = pair.new_project if change == "added" else pair.old_project
    place = project.place(node)
    thing = thing_of(name, node)
    step = Step(what=f"{thing.kind.replace('_', ' ')} {change}", kind=thing.kind, id=name, name=thing.name, where=place)
    sides = (node, {}) if change == "removed" else ({}, node)
    return Fact(
        f"test.{change}", change, thing, where=place, cause=(step,), reaches=tuple(sorted(_about(node))),
        old=sides[0], new=sides[1],
    )  # fmt: skip


def _changed(around: Surroundings, old_id: str, old: Node, new_id: str, new: Node) -> Iterator[Fact]:
    section = "unit_tests" if new.get("resource_type") == "unit_test" else "nodes"
    member = Member(around, Same(section, old_id, new_id, old, new))
    for fact in _differences(member):
        yield fact.from_ids(tuple(sorted(_about(new))))


def _differences(member: Member) -> Iterator[Fact]:
    old, new = member.same.old, member.same.new
    if new.get("resource_type") == "unit_test":
        yield from member_facts(member.around, member.same)
        return
    was, becomes = _arguments(old), _arguments(new)
    if was != becomes:
        yield member.fact("test.arguments", of="arguments", before=was, after=becomes)
    if not new.get("test_metadata") and collapsed(_sql(old)) != collapsed(_sql(new)):
        where = member.around.pair.new_project.code_place(new, _sql(old), _sql(new))
        yield member.fact("test.sql", of="sql", before=_sql(old), after=_sql(new), where=where, what="SQL edited")
    before, after = old.get("config") or {}, new.get("config") or {}
    for key in sorted(before.keys() | after.keys()):
        aspect = fields.TEST_CONFIG.get(key, "config")
        if aspect and before.get(key) != after.get(key):
            values = _worded(key, before.get(key)), _worded(key, after.get(key))
            yield member.fact(aspect, of=key, before=values[0], after=values[1])
    if old.get("description") != new.get("description") and not member.mute:
        yield member.fact("described", of="description", before=old.get("description"), after=new.get("description"))


def _arguments(node: Node) -> dict[str, Any]:
    arguments = (node.get("test_metadata") or {}).get("kwargs") or {}
    return {key: value for key, value in arguments.items() if key not in _GIVEN}


def _sql(node: Node) -> str:
    return str(node.get("raw_code") or "")


def _worded(key: str, value: Any) -> Any:
    return str(value).lower() if key == "severity" and value else value
