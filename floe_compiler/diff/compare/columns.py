"""Facts of columns: promises where the model has a contract, documentation where it has none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from floe_compiler.diff.compare import fields
from floe_compiler.diff.compare.facts import Fact, Node
from floe_compiler.diff.compare.pair import Pair
from floe_compiler.diff.compare.text import mentions_word
from floe_compiler.model.change_set import Change, NodeRef

_PROMISED = frozenset({"column.added", "column.removed", "column.type", "column.order"})


class FactOf(Protocol):
    """Makes a fact of the node whose columns these are."""

    def __call__(
        self,
        aspect: str,
        *,
        of: str | None,
        before: Any = ...,
        after: Any = ...,
        change: Change = ...,
        names: tuple[str, ...] = ...,
    ) -> Fact: ...


def column_facts(fact_of: FactOf, old: Node, new: Node, mute: bool, pair: Pair) -> Iterator[Fact]:
    """What is new, gone or different among the columns. `mute` leaves descriptions out."""
    before: Mapping[str, Any] = old.get("columns") or {}
    after: Mapping[str, Any] = new.get("columns") or {}
    promised = _enforced(old) and _enforced(new)
    for name in [*before, *(name for name in after if name not in before)]:
        path = f"columns.{name}"
        if name not in after:
            yield _removed(fact_of, name, before[name], promised, new, pair)
        elif name not in before:
            aspect = _aspect("column.added", promised)
            yield fact_of(aspect, of=path, after=_shown(after[name]), change="added", names=("columns", name))
        else:
            for aspect, key, was, becomes in _properties(before[name], after[name]):
                if not (mute and aspect == "described"):
                    yield fact_of(
                        _aspect(aspect, promised),
                        of=f"{path}.{key}",
                        before=was,
                        after=becomes,
                        names=("columns", name, key),
                    )
    if promised and [n for n in before if n in after] != [n for n in after if n in before]:
        yield fact_of("contract.column.order", of="columns", before=[*before], after=[*after], names=("columns",))


def _removed(fact_of: FactOf, name: str, column: Any, promised: bool, new: Node, pair: Pair) -> Fact:
    fact = fact_of(
        _aspect("column.removed", promised),
        of=f"columns.{name}",
        before=_shown(column),
        change="removed",
        names=("columns",),
    )
    return fact.with_broken(tuple(still_mentioning(name, new, pair))) if promised else fact


def still_mentioning(column: str, new: Node, pair: Pair) -> Iterator[NodeRef]:
    """The nodes that read this one and whose SQL, or whose test, still has the column's name in it as a word."""
    nodes = pair.new.get("nodes") or {}
    for child in sorted((pair.new.get("child_map") or {}).get(new.get("unique_id"), ())):
        node = nodes.get(child)
        if node is None:
            continue
        metadata = node.get("test_metadata")
        text = "" if metadata else str(node.get("compiled_code") or node.get("raw_code") or "")
        tested = metadata and str(node.get("column_name") or "").casefold() == column.casefold()
        if tested or mentions_word(text, column):
            yield pair.ref(child, node)


def _properties(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    was, becomes = {**(before.get("config") or {}), **before}, {**(after.get("config") or {}), **after}
    for key in sorted(was.keys() | becomes.keys()):
        aspect = fields.COLUMN.get(key, "column.field")
        if aspect and was.get(key) != becomes.get(key) and (was.get(key) or becomes.get(key)):
            yield aspect, key, was.get(key), becomes.get(key)


def _aspect(aspect: str, promised: bool) -> str:
    return f"contract.{aspect}" if promised and aspect in _PROMISED else aspect


def _enforced(node: Node) -> bool:
    return bool(((node.get("config") or {}).get("contract") or {}).get("enforced"))


def _shown(column: Mapping[str, Any]) -> Any:
    """What a reviewer wants to see of a whole column."""
    return {key: column[key] for key in ("data_type", "description") if column.get(key)}
