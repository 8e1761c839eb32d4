"""Who calls a macro, reads a variable or reads a build constant: directly, or through which macros.

dbt knows who calls a macro (`depends_on.macros`) and that is followed. It does not say who reads a variable or an
environment variable: `var('name')` and `env_var('NAME')` are looked for in the Jinja of nodes and macros, as text, and
in the configuration and the YAML of a node as they were before rendering. A name that is put together out of parts is
not found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from floe_compiler.diff.compare.facts import Node
from floe_compiler.diff.compare.pair import Pair
from floe_compiler.diff.compare.text import calls_with, collapsed
from floe_compiler.model.change_set import Affected

_MATERIALIZATION: Final = "materialization_"
_READING: Final = ("nodes", "sources")
Compiled = Literal["same", "different", "not_known"]


class Callers:
    """The calls of one pair of manifests, as they are in the new one."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._macros: Mapping[str, Node] = pair.new.get("macros") or {}
        sections = [pair.section(section) for section in _READING]
        self._old = {name: node for old, _ in sections for name, node in old.items()}
        self._nodes = {name: node for _, new in sections for name, node in new.items() if name in self._old}
        self._calling: dict[str, list[str]] = {}
        self._using: dict[str, list[str]] = {}
        for name, macro in self._macros.items():
            for called in (macro.get("depends_on") or {}).get("macros") or ():
                self._calling.setdefault(called, []).append(name)
        materializations = self._materializations()
        for name, node in self._nodes.items():
            for called in (node.get("depends_on") or {}).get("macros") or ():
                self._using.setdefault(called, []).append(name)
            for called in materializations.get(str((node.get("config") or {}).get("materialized")), ()):
                self._using.setdefault(called, []).append(name)

    def of_macros(self, starts: Iterable[str]) -> tuple[Affected, ...]:
        """The nodes that call one of the macros, each by a shortest chain of calls."""
        starts = list(starts)
        return self._through(starts, frozenset(starts), ())

    def reading(self, function: str, name: str, package: str = "") -> tuple[Affected, ...]:
        """The nodes, of one package or all, that read a variable with `var` or `env_var`, by themselves or through
        macros."""
        macros = [
            macro
            for macro, node in self._macros.items()
            if _belongs(node, package) and calls_with(str(node.get("macro_sql")), function, name)
        ]
        direct = [
            node
            for node, found in self._nodes.items()
            if _belongs(found, package) and self._reads(found, function, name)
        ]
        return self._through(macros, frozenset(), direct)

    def calling_anew(self, macro: str) -> tuple[Affected, ...]:
        """The nodes that call a macro now and did not before, or the other way round, though neither their own text
        nor that of the macros between changed: another macro of the same name took the place."""
        old_macros = self._pair.old.get("macros") or {}
        starts = [name for name, node in self._macros.items() if _turned(old_macros.get(name), node, macro)]
        direct = [name for name, node in self._nodes.items() if _turned(self._old[name], node, macro)]
        return self._through(starts, frozenset(), direct)

    def _reads(self, node: Node, function: str, name: str) -> bool:
        if calls_with(str(node.get("raw_code") or ""), function, name):
            return True
        written = (*_texts(node.get("unrendered_config")), *self._pair.new_project.written(node))
        return any(calls_with(text, function, name) for text in written)

    def _through(self, starts: list[str], silent: frozenset[str], direct: Iterable[str]) -> tuple[Affected, ...]:
        """`silent` macros are what changed itself, and so no step of a chain that starts with them."""
        chains: dict[str, tuple[str, ...]] = {}
        found: dict[str, tuple[str, ...]] = dict.fromkeys(direct, ())
        pending = [(start, () if start in silent else (start,)) for start in sorted(starts)]
        for macro, chain in pending:
            if macro in chains:
                continue
            chains[macro] = chain
            for node in self._using.get(macro, ()):
                found.setdefault(node, chain)
            pending.extend((caller, (*chain, caller)) for caller in sorted(self._calling.get(macro, ())))
        return tuple(self._affected(name, chain) for name, chain in sorted(found.items()))

    def _affected(self, name: str, chain: tuple[str, ...]) -> Affected:
        node = self._nodes[name]
        steps = tuple(self._pair.step("calls", macro, self._macros[macro]) for macro in chain)
        return Affected(node=self._pair.ref(name, node), through=steps, compiled=compiled(self._old[name], node))

    def _materializations(self) -> dict[str, list[str]]:
        """The macros that carry out a materialization, by its name: dbt does not list them among a node's macros."""
        found: dict[str, list[str]] = {}
        adapter = str((self._pair.new.get("metadata") or {}).get("adapter_type"))
        for name, macro in self._macros.items():
            title = str(macro.get("name"))
            if title.startswith(_MATERIALIZATION):
                kind, _, of = title.removeprefix(_MATERIALIZATION).rpartition("_")
                if of in ("default", adapter):
                    found.setdefault(kind, []).append(name)
        return found


def _belongs(node: Node, package: str) -> bool:
    return not package or node.get("package_name") == package


def _turned(old: Node | None, new: Node, macro: str) -> bool:
    """Whether a node or macro with the same text calls the macro on one side only."""
    if old is None or _text(old) != _text(new):
        return False
    return (macro in _called(old)) != (macro in _called(new))


def _text(node: Node) -> str:
    return collapsed(str(node.get("raw_code") or node.get("macro_sql") or ""))


def _called(node: Node) -> list[str]:
    return (node.get("depends_on") or {}).get("macros") or []


def compiled(old: Node, new: Node) -> Compiled:
    """Whether dbt compiled a node to the same SQL in both bundles."""
    before, after = old.get("compiled_code"), new.get("compiled_code")
    if not (before and after):
        return "not_known"
    return "same" if collapsed(before) == collapsed(after) else "different"


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    pending = [value]
    while pending:
        match pending.pop():
            case str() as text:
                yield text
            case dict() as mapping:
                pending.extend(mapping.values())
            case list() as sequence:
                pending.extend(sequence)
            case _:
                pass
