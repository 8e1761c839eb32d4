"""Facts of a member that both manifests have: its SQL, configuration, columns, relation and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from floe_compiler.diff.compare import fields
from floe_compiler.diff.compare.columns import column_facts
from floe_compiler.diff.compare.facts import Fact, Node
from floe_compiler.diff.compare.matching import Matching, Same
from floe_compiler.diff.compare.pair import Pair
from floe_compiler.diff.compare.structure import leaves
from floe_compiler.diff.compare.text import collapsed, with_word_replaced, without_config
from floe_compiler.diff.lineage import display_name
from floe_compiler.model.change_set import Change, Place, Step, Thing

_SORTS: Final[Mapping[str, fields.Sort]] = {
    "nodes": fields.BUILT,
    "sources": fields.SOURCES,
    "functions": fields.FUNCTIONS,
    "unit_tests": fields.UNIT_TESTS,
    **{sort.section: sort for sort in fields.DEFINED},
}
_SQL_ASPECTS: Final = {"analysis": "analysis.sql", "operation": "config.hook", "test": "test.sql"}
_MOVES: Final = frozenset({"model", "seed", "snapshot", "analysis", "macro", "function"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the facts of one member need to know of the others."""

    pair: Pair
    matching: Matching
    docs: frozenset[str] = field(default_factory=frozenset)
    """Documentation blocks that changed: descriptions made of them are no facts of their own."""


def member_facts(around: Surroundings, same: Same) -> Iterator[Fact]:
    """Everything in which a member differs, but for what other members do to it."""
    member = Member(around, same)
    yield from _identity(member)
    yield from _code(member)
    yield from _relation(member)
    yield from _fields(member, _sort(same))
    if same.section in ("nodes", "sources", "functions"):
        yield from column_facts(member.fact, same.old, same.new, member.mute, around.pair)


@dataclass(frozen=True, slots=True)
class Member:
    """A member that differs, and how facts of it are made."""

    around: Surroundings
    same: Same

    @property
    def mute(self) -> bool:
        """Whether its descriptions are made of documentation blocks that changed."""
        blocks = set(self.same.new.get("doc_blocks") or ())
        for column in (self.same.new.get("columns") or {}).values():
            blocks.update(column.get("doc_blocks") or ())
        return bool(blocks & self.around.docs)

    def fact(
        self,
        aspect: str,
        *,
        of: str | None,
        before: Any = None,
        after: Any = None,
        change: Change = "changed",
        names: tuple[str, ...] = (),
        where: Place | None = None,
        what: str | None = None,
    ) -> Fact:
        """A fact of this member; `names` lead to the property in its YAML file."""
        same, project = self.same, self.around.pair.new_project
        place = where or project.place(same.new, *names)
        thing = thing_of(same.new_id, same.new)
        step = Step(
            what=what or f"{of or thing.kind} {change}", kind=thing.kind, id=thing.id, name=thing.name, where=place
        )
        return Fact(aspect, change, thing, of, before, after, place, (step,), old=same.old, new=same.new)


def thing_of(name: str, node: Node) -> Thing:
    """A member of a manifest as the object of a fact."""
    return Thing(kind=str(node.get("resource_type")), id=name, name=display_name(node))


def _sort(same: Same) -> fields.Sort:
    return fields.SNAPSHOTS if same.new.get("resource_type") == "snapshot" else _SORTS[same.section]


def _identity(member: Member) -> Iterator[Fact]:
    same = member.same
    files = same.old.get("original_file_path"), same.new.get("original_file_path")
    where = member.around.pair.new_project.file_place(same.new)
    if same.old_id != same.new_id:
        yield member.fact("node.renamed", of=None, before=same.old_id, after=same.new_id, change="renamed", where=where)
    elif files[0] != files[1] and same.new.get("resource_type") in _MOVES:
        yield member.fact("node.moved", of=None, before=files[0], after=files[1], change="moved", where=where)


def _code(member: Member) -> Iterator[Fact]:
    same, pair = member.same, member.around.pair
    old, new = str(same.old.get("raw_code") or ""), str(same.new.get("raw_code") or "")
    kind = str(same.new.get("resource_type"))
    if kind == "seed":
        before, after = pair.old_project.content_digest(same.old), pair.new_project.content_digest(same.new)
        if before != after:
            file = pair.new_project.file_of(same.new)
            where = Place(file=file) if file else None
            yield member.fact("seed.content", of="content", before=before, after=after, where=where)
        return
    if same.old.get("language") != same.new.get("language"):
        languages = same.old.get("language"), same.new.get("language")
        yield member.fact("language", of="language", before=languages[0], after=languages[1])
    if code_of(same.old) == code_of(same.new):
        return
    aspect = _SQL_ASPECTS.get(kind) or _aspect_of_sql(member, old, new)
    where = pair.new_project.code_place(same.new, old, new)
    yield member.fact(aspect, of="sql", before=old, after=new, where=where, what="SQL edited")


def code_of(node: Node) -> str:
    """What a node says, blanks and `config()` calls apart."""
    return collapsed(without_config(str(node.get("raw_code") or "")))


def _aspect_of_sql(member: Member, old: str, new: str) -> str:
    before, after = member.same.old.get("compiled_code"), member.same.new.get("compiled_code")
    if before and after and collapsed(before) == collapsed(after):
        return "sql.same_compiled"
    for was, becomes in member.around.matching.renamed.items():
        old = with_word_replaced(old, _short(was), _short(becomes))
    return "sql.follows_rename" if collapsed(old) == collapsed(new) else "sql"


def _short(unique_id: str) -> str:
    """The name by which SQL refers to it."""
    return unique_id.split(".")[2] if unique_id.count(".") > 1 else unique_id


def _relation(member: Member) -> Iterator[Fact]:
    old, new = member.same.old.get("relation_name"), member.same.new.get("relation_name")
    kind = member.same.new.get("resource_type")
    if old == new or not (old and new) or kind in ("test", "analysis", "operation") or _only_renamed(member.same):
        return
    names = next((name for name in ("alias", "schema", "database") if _config_differs(member.same, name)), "")
    aspect = "source.relation" if kind == "source" else "relation"
    yield member.fact(aspect, of="relation", before=old, after=new, names=("config", names) if names else ())


def _only_renamed(same: Same) -> bool:
    """Whether the relation goes by another name for nothing but the member's own new name."""
    places = ((node.get("database"), node.get("schema"), _config(node).get("alias")) for node in (same.old, same.new))
    return same.old_id != same.new_id and len(set(places)) == 1


def _config_differs(same: Same, name: str) -> bool:
    return bool(_config(same.old).get(name) != _config(same.new).get(name))


def _config(node: Node) -> Mapping[str, Any]:
    return node.get("config") or {}


def _fields(member: Member, sort: fields.Sort) -> Iterator[Fact]:
    old, new = member.same.old, member.same.new
    old_config, new_config = _config(old), _config(new)
    if member.same.section == "exposures":
        was, becomes = sorted(member.around.matching.now(name) for name in reads(old)), sorted(reads(new))
        if was != becomes:
            yield member.fact("exposure", of="depends_on", before=was, after=becomes, names=("depends_on",))
    for name in sorted(old.keys() | new.keys()):
        if name in old_config or name in new_config:
            continue
        aspect = sort.fields.get(name, "field")
        if aspect and not (aspect == "described" and member.mute):
            yield from _values(member, aspect, name, old.get(name), new.get(name), (name,))
    for name in sorted(old_config.keys() | new_config.keys()):
        before, after = old_config.get(name), new_config.get(name)
        if name == "contract":
            yield from _contract(member, before or {}, after or {})
        elif aspect := sort.config.get(name, "config"):
            place = (name,) if aspect == "described" else ("config", name)
            yield from _values(member, aspect, name, before, after, place)


def _values(member: Member, aspect: str, name: str, before: Any, after: Any, names: tuple[str, ...]) -> Iterator[Fact]:
    if before == after or (_empty(before) and _empty(after)):
        return
    if aspect == "latest_version" and not _tells_of_latest(member, before, after):
        return
    if aspect == "definition":
        for path, was, becomes in leaves(_named(before), _named(after), name):
            note = path.rpartition(".")[2] in ("description", "label", "meta")
            yield member.fact("described" if note else aspect, of=path, before=was, after=becomes, names=names)
    else:
        yield member.fact(aspect, of=name, before=before, after=after, names=names)


def _tells_of_latest(member: Member, before: Any, after: Any) -> bool:
    """Every version says which is the latest: the one that is speaks for all, or the one that was, if it is new."""
    same, versions = member.same, (member.same.old.get("version"), member.same.new.get("version"))
    old_nodes, _ = member.around.pair.section("nodes")
    known = f"{same.new_id.rpartition('.')[0]}.v{after}" in old_nodes
    return bool(versions[1] == after if known else versions[0] == before)


def reads(node: Node) -> list[str]:
    """The ids of what it reads."""
    return (node.get("depends_on") or {}).get("nodes") or []


def _contract(member: Member, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Fact]:
    for name in sorted(before.keys() | after.keys()):
        if name != "checksum" and before.get(name) != after.get(name):
            aspect = "contract" if name == "enforced" else "config"
            values = before.get(name), after.get(name)
            yield member.fact(
                aspect, of=f"contract.{name}", before=values[0], after=values[1], names=("config", "contract")
            )


def _empty(value: Any) -> bool:
    """Whether dbt could have written it or left it out."""
    return value is None or value in ("", [], {})


def _named(value: Any) -> Any:
    """Lists of things with names as mappings, so that one more of them is one difference."""
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {str(item["name"]): {k: _named(v) for k, v in item.items() if k != "name"} for item in value}
    return {key: _named(item) for key, item in value.items()} if isinstance(value, dict) else value
