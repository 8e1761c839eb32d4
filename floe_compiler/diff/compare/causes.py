"""Facts of what nodes are made with: macros, packages, variables, build constants, documentation blocks.

Each is one fact, however many nodes it reaches; the nodes are listed with the way by which it reaches them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from floe_compiler.diff.compare.callers import Callers
from floe_compiler.diff.compare.facts import Fact, Node
from floe_compiler.diff.compare.members import Member, Surroundings, thing_of
from floe_compiler.diff.compare.pair import Pair
from floe_compiler.diff.compare.product import PRODUCT, product_fact
from floe_compiler.diff.compare.sealed import SealedProject
from floe_compiler.diff.compare.text import collapsed
from floe_compiler.digests import digest
from floe_compiler.model.change_set import REDACTED, Affected, Change, Step

_HIDDEN: Final = "DBT_ENV_SECRET"
_LISTS: Final = ("packages.yml", "dependencies.yml", "package-lock.yml")


def macro_facts(around: Surroundings, callers: Callers) -> Iterator[Fact]:
    """Macros of the project itself that say something else, or took the place of others."""
    pair = around.pair
    for same in around.matching.differing:
        before, after = str(same.old.get("macro_sql")), str(same.new.get("macro_sql"))
        if same.section != "macros" or not _own(pair, same.new) or collapsed(before) == collapsed(after):
            continue
        if same.old_id != same.new_id:
            continue
        where = pair.new_project.code_place(same.new, before, after)
        fact = Member(around, same).fact(
            "macro", of="macro_sql", before=before, after=after, where=where, what="macro edited"
        )
        yield fact.reaching(callers.of_macros([same.new_id]))
    for change, member in around.matching.singles:
        if member.section == "macros" and _own(pair, member.node):
            affected = callers.calling_anew(member.id)
            if affected:
                yield _override(pair, member.id, member.node, change).reaching(affected)


def package_facts(around: Surroundings, callers: Callers) -> Iterator[Fact]:
    """Packages that are new, gone, of another version, or with macros that say something else."""
    pair = around.pair
    old, new = _versions(pair.old_project), _versions(pair.new_project)
    changed = _changed_macros(around)
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            change: Change = "added" if name not in old else "removed"
            project = pair.new_project if change == "added" else pair.old_project
            place = project.setting_place(project.folders[name])
            yield product_fact(
                f"package.{change}", change, "package", name, place, before=old.get(name), after=new.get(name)
            )
            continue
        macros = changed.get(name, {})
        place = pair.new_project.setting_place(pair.new_project.folders[name], "version")
        fact: Fact | None = None
        if old[name] != new[name]:
            fact = product_fact(
                "package.changed", "changed", "package", name, place, field="version", before=old[name], after=new[name]
            )
        elif macros:
            before = {title: versions[0] for title, versions in macros.items()}
            after = {title: versions[1] for title, versions in macros.items()}
            fact = product_fact(
                "package.changed", "changed", "package", name, place, field="macros", before=before, after=after
            )
        if fact:
            yield fact.reaching(callers.of_macros(macros))


def package_lists(old: SealedProject, new: SealedProject) -> Iterator[Fact]:
    """Files that name packages and say something else, where what is installed is the same."""
    if _versions(old) != _versions(new):
        return
    for file in _LISTS:
        before, after = old.yaml(file), new.yaml(file)
        if before != after:
            place = new.setting_place("").model_copy(update={"file": file, "line": None})
            yield product_fact(
                "package.list", "changed", "setting", file, place, before=_value(before), after=_value(after)
            )


def var_facts(pair: Pair, callers: Callers) -> Iterator[Fact]:
    """Variables of dbt_project.yml, of the project and of packages."""
    old, new = _vars(pair.old_project), _vars(pair.new_project)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name) or (name in old) != (name in new):
            package, _, short = name.rpartition(".")
            folder = pair.new_project.folders.get(package, "")
            scoped = "vars" in pair.new_project.settings.get(folder, {})
            place = pair.new_project.setting_place(folder if package and scoped else "", "vars", *_path(pair, name))
            fact = product_fact(
                "var", _change(name, old, new), "var", name, place, before=old.get(name), after=new.get(name)
            )
            yield fact.reaching(callers.reading("var", short, package))


def constant_facts(old: Mapping[str, str], new: Mapping[str, str], callers: Callers) -> Iterator[Fact]:
    """Build constants of floe.yaml. A value whose name is one of dbt's secrets is not shown."""
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            hidden = name.startswith(_HIDDEN)
            before, after = (REDACTED if hidden and name in side else side.get(name) for side in (old, new))
            fact = product_fact(
                "constant", _change(name, old, new), "constant", name, PRODUCT, before=before, after=after
            )
            yield fact.reaching(callers.reading("env_var", name))


def doc_facts(around: Surroundings) -> Iterator[Fact]:
    """Documentation blocks of the project, each with the nodes that show it."""
    pair = around.pair
    nodes = pair.new.get("nodes") or {}
    for same in around.matching.differing:
        before, after = same.old.get("block_contents"), same.new.get("block_contents")
        if same.section == "docs" and before != after and same.old_id == same.new_id:
            where = pair.new_project.code_place(same.new, str(before), str(after))
            showing = [name for name, node in nodes.items() if same.new_id in _blocks(node)]
            affected = tuple(Affected(node=pair.ref(name, nodes[name])) for name in sorted(showing))
            fact = Member(around, same).fact(
                "doc", of="block_contents", before=before, after=after, where=where, what="documentation edited"
            )
            yield fact.reaching(affected)


def _own(pair: Pair, node: Node) -> bool:
    return node.get("package_name") == pair.new_project.name


def _override(pair: Pair, name: str, node: Node, change: Change) -> Fact:
    thing = thing_of(name, node)
    project = pair.new_project if change == "added" else pair.old_project
    place = project.place(node)
    step = Step(what=f"macro {change}", kind="macro", id=name, name=thing.name, where=place)
    return Fact("macro.override", change, thing, where=place, cause=(step,))


def _versions(project: SealedProject) -> dict[str, str]:
    return {name: str(project.settings[folder].get("version")) for name, folder in project.folders.items() if folder}


def _changed_macros(around: Surroundings) -> dict[str, dict[str, tuple[str | None, str | None]]]:
    """By package: the ids of its macros that differ, with the digests of what they say."""
    found: dict[str, dict[str, tuple[str | None, str | None]]] = {}
    for same in around.matching.differing:
        if same.section == "macros":
            before, after = _meaning(same.old), _meaning(same.new)
            if before != after:
                found.setdefault(str(same.new.get("package_name")), {})[same.new_id] = (before, after)
    for change, member in around.matching.singles:
        if member.section == "macros":
            meaning = _meaning(member.node)
            sides = (None, meaning) if change == "added" else (meaning, None)
            found.setdefault(str(member.node.get("package_name")), {})[member.id] = sides
    return found


def _meaning(macro: Node) -> str:
    return digest(collapsed(str(macro.get("macro_sql"))).encode("utf-8", "surrogatepass"))


def _vars(project: SealedProject) -> dict[str, Any]:
    """Every variable that dbt_project.yml files set, those of one package under `package.name`. What the project sets
    for a package goes before what the package sets for itself."""
    found: dict[str, Any] = {}
    for name, folder in sorted(project.folders.items(), key=lambda item: (item[1] == "", item)):
        own = project.settings[folder].get("vars")
        for key, value in own.items() if isinstance(own, dict) else ():
            if isinstance(value, dict) and (key in project.folders) and not folder:
                found.update({f"{key}.{inner}": item for inner, item in value.items()})
            elif isinstance(value, dict) and key == name:
                found.update({f"{name}.{inner}": item for inner, item in value.items()})
            else:
                found[f"{name}.{key}" if folder else str(key)] = value
    return found


def _path(pair: Pair, name: str) -> Iterable[str]:
    """The keys under `vars` that lead to a variable in the file that sets it."""
    package, _, short = name.rpartition(".")
    own = pair.new_project.settings.get("", {}).get("vars") or {}
    return (package, short) if package and isinstance(own, dict) and package in own else (short,)


def _change(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
    return "added" if name not in old else "removed" if name not in new else "changed"


def _blocks(node: Node) -> set[str]:
    columns: Mapping[str, Any] = node.get("columns") or {}
    return {*(node.get("doc_blocks") or ()), *(b for c in columns.values() for b in c.get("doc_blocks") or ())}


def _value(settings: Mapping[str, Any]) -> Any:
    return dict(settings) or None
