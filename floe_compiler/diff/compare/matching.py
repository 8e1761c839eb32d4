"""Which member of the new manifest is which of the old: by its id, else by its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from floe_compiler.canonical import canonical_bytes, digest
from floe_compiler.diff.compare.facts import Node
from floe_compiler.diff.compare.pair import Pair
from floe_compiler.diff.compare.sealed import SealedProject
from floe_compiler.diff.compare.text import collapsed
from floe_compiler.model.change_set import Change

SECTIONS: Final = (
    "nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "functions", "unit_tests",
    "groups", "macros", "docs",
)  # fmt: skip
_OF_THE_NAME: Final = frozenset(
    {"unique_id", "name", "fqn", "path", "original_file_path", "patch_path", "label", "description", "meta", "config",
     "unrendered_config", "tags", "docs", "package_name", "doc_blocks", "columns", "identifier"}
)  # fmt: skip


class Same(NamedTuple):
    """One member in both manifests; its ids differ where it was renamed."""

    section: str
    old_id: str
    new_id: str
    old: Node
    new: Node


class Single(NamedTuple):
    """A member that only one of the manifests has."""

    section: str
    id: str
    node: Node


@dataclass(frozen=True, slots=True)
class Matching:
    """Members that differ, that are new (`added`), and that are gone (`removed`).

    Tests are not matched here: they go by what they test.
    """

    differing: tuple[Same, ...]
    added: tuple[Single, ...]
    removed: tuple[Single, ...]
    old_tests: Mapping[str, Node]
    new_tests: Mapping[str, Node]
    renamed: Mapping[str, str]
    """Old ids to new ones."""

    @property
    def singles(self) -> Iterator[tuple[Change, Single]]:
        """Members that are new or gone."""
        yield from (("added", member) for member in self.added)
        yield from (("removed", member) for member in self.removed)

    def now(self, old_id: str) -> str:
        """The id that a member of the old manifest has in the new one."""
        return self.renamed.get(old_id, old_id)


def match(pair: Pair) -> Matching:
    """Compares the members of all sections. Equal members cost one comparison and are gone from here on."""
    differing: list[Same] = []
    added: list[Single] = []
    removed: list[Single] = []
    old_tests: dict[str, Node] = {}
    new_tests: dict[str, Node] = {}
    for section in SECTIONS:
        old, new = pair.section(section)
        for name in old.keys() | new.keys():
            before, after = old.get(name), new.get(name)
            if before is not None and after is not None and not _differ(pair, before, after):
                continue
            if is_test(after or before or {}):
                old_tests |= {} if before is None else {name: before}
                new_tests |= {} if after is None else {name: after}
            elif before is None:
                added.append(Single(section, name, new[name]))
            elif after is None:
                removed.append(Single(section, name, before))
            else:
                differing.append(Same(section, name, name, before, after))
    renames = list(_renames(removed, added, pair))
    gone, come = {found.old_id for found in renames}, {found.new_id for found in renames}
    return Matching(
        differing=tuple(sorted([*differing, *renames], key=lambda found: found.new_id)),
        added=tuple(sorted((item for item in added if item.id not in come), key=lambda item: item.id)),
        removed=tuple(sorted((item for item in removed if item.id not in gone), key=lambda item: item.id)),
        old_tests=old_tests,
        new_tests=new_tests,
        renamed={found.old_id: found.new_id for found in renames},
    )


def _differ(pair: Pair, before: Node, after: Node) -> bool:
    """Columns have an order, which a contract gives to the table. For a seed of more than 1 MiB the manifest has no
    checksum of its content, so its file is looked at."""
    if before != after or list(before.get("columns") or ()) != list(after.get("columns") or ()):
        return True
    seed = after.get("resource_type") == "seed"
    return seed and pair.old_project.content_digest(before) != pair.new_project.content_digest(after)


def is_test(node: Node) -> bool:
    """Whether it is a data test or a unit test."""
    return node.get("resource_type") in ("test", "unit_test")


def _renames(removed: list[Single], added: list[Single], pair: Pair) -> Iterator[Same]:
    """Where exactly one member that is gone and one that is new, of one sort and package, have the same content."""
    old_by_content = _by_content(removed, pair.old_project)
    new_by_content = _by_content(added, pair.new_project)
    for content, old in old_by_content.items():
        new = new_by_content.get(content, [])
        if len(old) == 1 and len(new) == 1:
            yield Same(old[0].section, old[0].id, new[0].id, old[0].node, new[0].node)


def _by_content(members: list[Single], project: SealedProject) -> dict[str, list[Single]]:
    found: dict[str, list[Single]] = {}
    for member in members:
        kind = str(member.node.get("resource_type"))
        content = _CONTENT.get(kind, _definition)(member.node, project)
        if content:
            found.setdefault(f"{kind} of {member.node.get('package_name')}: {content}", []).append(member)
    return found


def _code(node: Node, _project: SealedProject) -> str | None:
    return collapsed(str(node.get("raw_code") or "")) or None


def _seed(node: Node, project: SealedProject) -> str | None:
    return project.content_digest(node)


def _macro(node: Node, _project: SealedProject) -> str | None:
    return collapsed(str(node.get("macro_sql") or "").replace(str(node.get("name")), "", 1)) or None


def _documentation(node: Node, _project: SealedProject) -> str | None:
    return str(node.get("block_contents") or "") or None


def _group(_node: Node, _project: SealedProject) -> None:
    """A group is nothing but its name."""
    return


def _definition(node: Node, _project: SealedProject) -> str | None:
    return digest(canonical_bytes({key: value for key, value in node.items() if key not in _OF_THE_NAME}))


_CONTENT: Final[Mapping[str, Callable[[Node, SealedProject], str | None]]] = {
    "model": _code,
    "snapshot": _code,
    "analysis": _code,
    "operation": _code,
    "function": _code,
    "seed": _seed,
    "macro": _macro,
    "doc": _documentation,
    "group": _group,
}
