"""The rules that are floe's own: what a product must satisfy beside its models' conventions. Pure.

A rule is a function from its parameters and the subject to what does not satisfy it; adding one is a field of
`Policies` and a row of `RULES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from floe_compiler.load import DbtProject
    from floe_compiler.model.policies import (
        AllowedMaterializations,
        ForbiddenPackages,
        MaxBundleSize,
        Policies,
        RequiredOwner,
        RequiredSchedule,
    )
    from floe_compiler.resolve import ResolvedProduct

PROJECT_FILE: Final = "dbt_project.yml"
_PACKAGE_FILES: Final = ("packages.yml", "dependencies.yml", "package-lock.yml")


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A node that does not satisfy a policy, or the product (`product.<name>`); `line` counts from 1."""

    policy: str
    node: str
    file: str
    line: int
    message: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: `manifests` are dbt's, by target, in normal form; `size` is that of what would be sealed."""

    resolved: ResolvedProduct
    manifests: Mapping[str, Mapping[str, Any]]
    size: int

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(self.manifests)

    @property
    def product(self) -> str:
        return f"product.{self.resolved.product.metadata.name}"

    @property
    def product_file(self) -> str:
        return PurePosixPath(self.resolved.product_document.file).name

    def packages(self) -> frozenset[str]:
        """The names of all dbt packages that a manifest knows, the project's own included."""
        sections = (m[section].values() for m in self.manifests.values() for section in ("nodes", "macros"))
        return frozenset(member["package_name"] for members in sections for member in members)


def own_findings(policies: Policies, subject: Subject) -> Iterator[Found]:
    """What does not satisfy the rules that a platform sets."""
    for name, rule in RULES.items():
        parameters = getattr(policies, name)
        if parameters is not None:
            yield from rule(name, parameters, subject)


def place_of(member: Mapping[str, Any], project: DbtProject) -> tuple[str, int]:
    """The file of a node or macro, below the dbt project, and the line on which its name is given to it."""
    file = _below_project(member["original_file_path"], member["package_name"], project)
    if PurePosixPath(file).suffix in (".yml", ".yaml") or member["resource_type"] in ("macro", "snapshot"):
        return file, _line_naming(project.files.get(file, b""), _names_of(member))
    return file, 1


def _materializations(policy: str, rule: AllowedMaterializations, subject: Subject) -> Iterator[Found]:
    for target, manifest in subject.manifests.items():
        allowed = rule.by_target.get(target, rule.default)
        if allowed is None:
            continue
        for node_id, node in manifest["nodes"].items():
            kind = node["config"].get("materialized")
            if node["resource_type"] == "model" and kind not in allowed:
                message = f"`{node['name']}` is materialized as {kind}; allowed are {', '.join(allowed) or 'none'}"
                yield Found(policy, node_id, *place_of(node, subject.resolved.project), message, (target,))


def _owner(policy: str, _rule: RequiredOwner, subject: Subject) -> Iterator[Found]:
    owner = subject.resolved.product.owner
    if owner is None or not (owner.name or owner.email):
        yield _of_product(policy, subject, "the product names no `owner`")


def _schedule(policy: str, _rule: RequiredSchedule, subject: Subject) -> Iterator[Found]:
    if subject.resolved.product.schedule is None:
        yield _of_product(policy, subject, "the product has no `schedule`")


def _size(policy: str, rule: MaxBundleSize, subject: Subject) -> Iterator[Found]:
    if subject.size > rule.bytes:
        message = f"the bundle would have {subject.size:,} bytes; allowed are {rule.bytes:,}"
        yield _of_product(policy, subject, message)


def _packages(policy: str, rule: ForbiddenPackages, subject: Subject) -> Iterator[Found]:
    files = subject.resolved.project.files
    for name in sorted(set(rule.names) & subject.packages()):
        file = next((f for f in _PACKAGE_FILES if name.encode() in files.get(f, b"")), PROJECT_FILE)
        line = _line_with(files.get(file, b""), re.escape(name.encode()))
        yield Found(policy, f"package.{name}", file, line, f"the package `{name}` is installed", subject.targets)


def _of_product(policy: str, subject: Subject, message: str) -> Found:
    return Found(policy, subject.product, subject.product_file, 1, message, subject.targets)


RULES: Final[dict[str, Callable[[str, Any, Subject], Iterator[Found]]]] = {
    "allowed_materializations": _materializations,
    "forbidden_packages": _packages,
    "max_bundle_size": _size,
    "required_owner": _owner,
    "required_schedule": _schedule,
}


def _below_project(file: str, package: str, project: DbtProject) -> str:
    """dbt names the files of a package from the package's own folder."""
    if package == project.name:
        return file
    folders = (p.path for p in project.layout.packages if PurePosixPath(p.path).name == package)
    folder = next(folders, "")
    return f"{folder}/{file}" if folder else file


def _names_of(member: Mapping[str, Any]) -> tuple[str, ...]:
    """What the file may call it: its name; for a generic test, the model that it is attached to."""
    attached = str(member.get("attached_node") or "").split(".")
    return (member["name"], member["name"].removeprefix("test_"), *attached[2:3])


def _line_naming(content: bytes, names: tuple[str, ...]) -> int:
    for name in names:
        line = _line_with(content, rb"\b(?:name:\s*[\"']?|(?:macro|snapshot|test)\s+)%s\b" % re.escape(name.encode()))
        if line > 1:
            return line
    return 1


def _line_with(content: bytes, pattern: bytes) -> int:
    found = re.search(pattern, content)
    return content.count(b"\n", 0, found.start()) + 1 if found else 1
