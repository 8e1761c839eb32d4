"""What is compared: two manifests of one target, with the projects that they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from floe_compiler.canonical import NotCanonical, parse
from floe_compiler.diff.compare.facts import Node
from floe_compiler.diff.compare.sealed import SealedProject
from floe_compiler.diff.lineage import reference
from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.model.change_set import NodeRef, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_compiler.verify import VerifiedBundle

Manifest = Mapping[str, Any]
_SECTIONS: Final = (
    "nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "functions",
    "unit_tests", "groups", "macros", "docs", "selectors",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """One target, in both bundles."""

    target: str
    old: Manifest
    new: Manifest
    old_project: SealedProject
    new_project: SealedProject

    def section(self, name: str) -> tuple[Mapping[str, Node], Mapping[str, Node]]:
        """A section of the manifest, before and after; empty where a manifest has none."""
        return self.old.get(name) or {}, self.new.get(name) or {}

    def member(self, section: str, name: str) -> Node:
        """A member as it is now, or as it was where it is gone."""
        old, new = self.section(section)
        return new.get(name) or old.get(name) or {}

    def ref(self, name: str, node: Node) -> NodeRef:
        """A node as it is referred to."""
        return reference(name, node, self.new_project.file_of(node))

    def step(self, what: str, name: str, node: Node) -> Step:
        """A node as a step of a chain of causes."""
        place = self.new_project.place(node)
        return Step(what=what, kind=str(node.get("resource_type")), id=name, name=str(node.get("name")), where=place)

    @property
    def same(self) -> bool:
        """Whether the two manifests are one."""
        return self.old is self.new


def pairs(
    old: VerifiedBundle, new: VerifiedBundle, before: SealedProject, after: SealedProject, *, skip_same: bool
) -> Iterator[Pair]:
    """The manifests of every target that both bundles have; equal digests are read once and are one object, or not
    at all with `skip_same`. Raises FLOE-D002."""
    old_digests = {artifact.path: artifact.digest for artifact in old.index.artifacts}
    new_digests = {artifact.path: artifact.digest for artifact in new.index.artifacts}
    for target in sorted(old.index.targets.keys() & new.index.targets.keys()):
        old_path, new_path = old.index.targets[target].manifest, new.index.targets[target].manifest
        same = old_digests[old_path] == new_digests[new_path]
        if same and skip_same:
            continue
        was = _manifest(old, old_path)
        yield Pair(target, was, was if same else _manifest(new, new_path), before, after)


def _manifest(bundle: VerifiedBundle, path: str) -> Manifest:
    """The manifest, of which only the form is known to be right. Raises FLOE-D002."""
    try:
        found = parse(bundle.read(path))
        sections = [found[name] for name in _SECTIONS if found.get(name) is not None]
        sound = all(isinstance(member, dict) for section in sections for member in section.values())
    except (NotCanonical, AttributeError):
        sound = False
    if not sound:
        hint = "Compile the product again; dbt's runtime wrote something else."
        raise FloeError(Problem("FLOE-D002", f"{path} of {bundle.digest} is no manifest of dbt", Where(path), hint))
    manifest: Manifest = found
    return manifest
