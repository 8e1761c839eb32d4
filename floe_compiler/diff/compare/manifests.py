"""Facts of dbt's manifests: what is built, with what, from what; one target at a time, then put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from floe_compiler.diff.compare.callers import Callers, compiled
from floe_compiler.diff.compare.causes import constant_facts, doc_facts, macro_facts, package_facts, var_facts
from floe_compiler.diff.compare.facts import Fact, Node
from floe_compiler.diff.compare.matching import Same, Single, match
from floe_compiler.diff.compare.members import Surroundings, code_of, member_facts, reads, thing_of
from floe_compiler.diff.compare.pair import Pair
from floe_compiler.diff.compare.product import PLATFORM, product_fact
from floe_compiler.diff.compare.tests import test_facts
from floe_compiler.diff.compare.text import calls_with, mentions_word
from floe_compiler.diff.fingerprints import value_digest
from floe_compiler.model.change_set import Affected, Change, NodeRef, Step

_NAMING: Final = ("generate_schema_name", "generate_database_name", "generate_alias_name")
_PARTS: Final = ("schema", "database", "catalog", "project", "dataset", "path")
"""Keys of a target's configuration by which relations go by another name, most likely first."""
_RELATION: Final = ("database", "schema", "alias", "identifier")
_RENAMING: Final = ("relation", "source.relation", "node.renamed")
_EXPLAINING: Final = ("sql", "language", "upstream", "config", "node.", "test.")
"""Beginnings of aspects: what compiles to other SQL for these reasons is no fact of its own."""
_SILENT: Final = frozenset({"macros", "docs"})
Constants = Mapping[str, str]


def manifest_facts(pair: Pair, constants: tuple[Constants, Constants], of_target: Sequence[Fact]) -> list[Fact]:
    """Everything in which two manifests of a target differ. `of_target` are the facts of the target itself, which
    come back with the nodes that they reach."""
    matching = match(pair)
    docs = frozenset(same.new_id for same in matching.differing if same.section == "docs")
    around = Surroundings(pair, matching, docs)
    callers = Callers(pair)
    roots = [
        *macro_facts(around, callers),
        *package_facts(around, callers),
        *var_facts(pair, callers),
        *constant_facts(*constants, callers),
        *doc_facts(around),
    ]
    reached = {found.node.id for fact in roots for found in fact.affected if fact.aspect != "doc"}
    facts = [
        *_lifecycle(around, roots),
        *(_explained(around, fact, roots) for same in matching.differing for fact in _of_member(around, same)),
        *test_facts(around),
        *_upstream(around, reached),
        *_selectors(pair),
    ]
    compiled_anew = list(_compiled(around, reached, facts))
    return [*_moved_together(facts, roots, list(of_target), around), *compiled_anew]


def together(by_target: Mapping[str, Iterable[Fact]]) -> list[Fact]:
    """The same fact on several targets as one fact."""
    found: dict[tuple[str, ...], tuple[Fact, list[str]]] = {}
    for target, facts in by_target.items():
        for fact in facts:
            key = _key(fact)
            if key not in found:
                found[key] = (fact, [])
            found[key][1].append(target)
            first = found[key][0]
            if fact.affected and fact is not first:
                known = {item.node.id for item in first.affected}
                more = tuple(item for item in fact.affected if item.node.id not in known)
                found[key] = (first.reaching((*first.affected, *more)), found[key][1])
    return [
        fact if fact.thing.kind in _OF_NO_TARGET or fact.thing.targets else fact.on(tuple(targets))
        for fact, targets in found.values()
    ]


_OF_NO_TARGET: Final = frozenset({"package", "var", "constant", "requirement"})


def engine_fact(pair: Pair) -> Fact | None:
    """Another version of dbt, as the manifests know it."""
    old, new = ((side.get("metadata") or {}).get("dbt_version") for side in (pair.old, pair.new))
    if old == new:
        return None
    return product_fact("requirement", "changed", "requirement", "dbt", PLATFORM, before=old, after=new)


def _key(fact: Fact) -> tuple[str, ...]:
    return (
        fact.aspect,
        fact.change,
        fact.thing.kind,
        fact.thing.id,
        fact.field or "",
        value_digest([fact.before, fact.after]),
    )


def _of_member(around: Surroundings, same: Same) -> Iterator[Fact]:
    """Macros and documentation that are not the project's own come with their package, or with dbt."""
    internal = same.section in _SILENT and same.new.get("package_name") != around.pair.new_project.name
    return iter(()) if internal else member_facts(around, same)


def _lifecycle(around: Surroundings, roots: Sequence[Fact]) -> Iterator[Fact]:
    replaced = {fact.thing.id for fact in roots if fact.aspect == "macro.override"}
    for change, member in around.matching.singles:
        own = member.node.get("package_name") == around.pair.new_project.name
        if member.id not in replaced and (own or member.section not in _SILENT):
            yield _after_package(_single(around, member, change), roots)


def _single(around: Surroundings, member: Single, change: Change) -> Fact:
    pair, thing = around.pair, thing_of(member.id, member.node)
    project = pair.new_project if change == "added" else pair.old_project
    place = project.place(member.node)
    disabled = change == "removed" and member.id in (pair.new.get("disabled") or {})
    what = f"{thing.kind.replace('_', ' ')} {'disabled' if disabled else change}"
    step = Step(what=what, kind=thing.kind, id=thing.id, name=thing.name, where=place)
    if change == "added":
        return Fact("node.added", change, thing, where=place, cause=(step,), new=member.node)
    fact = Fact("node.removed", change, thing, where=place, cause=(step,), old=member.node)
    return fact.with_broken(tuple(_still_naming(member, pair)))


def _still_naming(member: Single, pair: Pair) -> Iterator[NodeRef]:
    """Nodes that read a removed one and whose SQL still has its name in it, as a word."""
    nodes = pair.new.get("nodes") or {}
    name = str(member.node.get("alias") or member.node.get("name"))
    for child in sorted((pair.old.get("child_map") or {}).get(member.id, ())):
        node = nodes.get(child)
        if node and mentions_word(str(node.get("compiled_code") or node.get("raw_code") or ""), name):
            yield pair.ref(child, node)


def _explained(around: Surroundings, fact: Fact, roots: Sequence[Fact]) -> Fact:
    """With the variable, constant or package before its own cause, where its configuration was rendered from it."""
    if fact.field and fact.aspect.startswith(("config", "relation", "source.", "tags", "contract")):
        keys = _RELATION if fact.field == "relation" else (fact.field.partition(".")[0],)
        written = [text for key in keys for text in _before_rendering(around, fact.new, key)]
        for root in roots:
            function = {"var": "var", "constant": "env_var"}.get(root.thing.kind)
            if function and any(calls_with(text, function, _short(root)) for text in written):
                return fact.because_of(*root.cause)
    return _after_package(fact, roots)


def _before_rendering(around: Surroundings, node: Node, key: str) -> Iterator[str]:
    """What stood under a key of the configuration, in SQL, YAML or dbt_project.yml."""
    yield str((node.get("unrendered_config") or {}).get(key))
    yield from around.pair.new_project.written(node, "config", key)
    yield from around.pair.new_project.written(node, key)


def _short(root: Fact) -> str:
    return root.thing.id.rpartition(".")[2] if root.thing.kind == "var" else root.thing.id


def _after_package(fact: Fact, roots: Sequence[Fact]) -> Fact:
    package = (fact.new or fact.old).get("package_name")
    for root in roots:
        if root.thing.kind == "package" and root.thing.id == package:
            return fact.because_of(*root.cause)
    return fact


def _upstream(around: Surroundings, reached: set[str]) -> Iterator[Fact]:
    """Nodes with the same text that read others than before."""
    for same in around.matching.differing:
        kind = same.new.get("resource_type")
        if (
            same.section != "nodes"
            or kind == "seed"
            or same.new_id in reached
            or code_of(same.old) != code_of(same.new)
        ):
            continue
        before = sorted(around.matching.now(name) for name in reads(same.old))
        after = sorted(reads(same.new))
        if before != after:
            thing = thing_of(same.new_id, same.new)
            place = around.pair.new_project.place(same.new)
            step = Step(what="references resolved anew", kind=thing.kind, id=thing.id, name=thing.name, where=place)
            causes = [_latest(around, name) for name in after if name not in before]
            yield Fact(
                "upstream", "changed", thing, "depends_on", before, after, place,
                (*(cause for cause in causes if cause), step), old=same.old, new=same.new,
            )  # fmt: skip


def _latest(around: Surroundings, name: str) -> Step | None:
    """The step that says that another version is the latest."""
    old, new = around.pair.section("nodes")
    before, after = old.get(name, {}).get("latest_version"), new.get(name, {}).get("latest_version")
    if after is None or before == after:
        return None
    return around.pair.step(f"latest version: {before} → {after}", name, new[name])


def _selectors(pair: Pair) -> Iterator[Fact]:
    old, new = pair.section("selectors")
    place = PLATFORM.model_copy(update={"file": "selectors.yml"})
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            change: Change = "added" if before is None else "removed"
            yield product_fact(f"node.{change}", change, "selector", name, place)
        else:
            for field in sorted(before.keys() | after.keys()):
                if before.get(field) != after.get(field):
                    aspect = "selector" if field == "definition" else "described"
                    values: tuple[Any, Any] = before.get(field), after.get(field)
                    yield product_fact(
                        aspect, "changed", "selector", name, place, field=field, before=values[0], after=values[1]
                    )


def _moved_together(
    facts: Sequence[Fact], roots: list[Fact], of_target: list[Fact], around: Surroundings
) -> list[Fact]:
    """Relations that go by another name because of a macro or the target are reached by the fact of that."""
    moved = [fact for fact in facts if fact.aspect == "relation" and not _renamed_by_itself(fact)]
    naming = [fact for fact in (*roots, *facts) if fact.thing.kind == "macro" and fact.thing.name in _NAMING]
    cause = min(naming, key=lambda fact: fact.thing.id, default=None) or min(of_target, key=_likeliest, default=None)
    if not moved or cause is None:
        return [*roots, *facts, *of_target]
    reached = tuple(Affected(node=around.pair.ref(fact.thing.id, fact.new)) for fact in moved)
    reaching = cause.moving(reached)
    return [reaching if fact is cause else fact for fact in (*roots, *facts, *of_target) if fact not in moved]


def _renamed_by_itself(fact: Fact) -> bool:
    old, new = fact.old.get("config") or {}, fact.new.get("config") or {}
    own = any(old.get(key) != new.get(key) for key in ("schema", "database", "alias", "target_schema", "quoting"))
    return own or fact.old.get("alias") != fact.new.get("alias")


def _likeliest(fact: Fact) -> int:
    name = (fact.field or "").rpartition(".")[2]
    return _PARTS.index(name) if name in _PARTS else len(_PARTS)


def _compiled(around: Surroundings, reached: set[str], facts: Iterable[Fact]) -> Iterator[Fact]:
    """Nodes that compile to other SQL, with nothing in sight that explains it."""
    facts = list(facts)
    if any(fact.aspect in _RENAMING for fact in facts):
        return
    explained = reached | {fact.thing.id for fact in facts if fact.aspect.startswith(_EXPLAINING)}
    differing = {same.new_id: same for same in around.matching.differing if same.section == "nodes"}
    for name, same in differing.items():
        if name in explained or compiled(same.old, same.new) != "different" or _has_it_from_above(same, differing):
            continue
        thing, place = thing_of(name, same.new), around.pair.new_project.place(same.new)
        step = Step(what="compiled to other SQL", kind=thing.kind, id=thing.id, name=thing.name, where=place)
        yield Fact(
            "compiled", "changed", thing, "compiled_code", same.old.get("compiled_code"),
            same.new.get("compiled_code"), place, (step,), old=same.old, new=same.new,
        )  # fmt: skip


def _has_it_from_above(same: Same, differing: Mapping[str, Same]) -> bool:
    """Whether an ephemeral model changed, whose SQL dbt writes into that of the nodes that read it."""
    parents = (differing[name].new for name in reads(same.new) if name in differing)
    return any((parent.get("config") or {}).get("materialized") == "ephemeral" for parent in parents)
