"""Whether a manifest belongs to these files.

https://schemas.getdbt.com/dbt/manifest/v12.json. A manifest repeats the code of models, analyses, tests and
macros, and has a checksum of each node's file. The two engines make checksums by different rules: dbt-core
takes the text without blanks around it, the Rust engine takes it with every run of blanks as one. Neither
shows what was written in YAML: that is covered by the commit, which is checked before.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

from floe_compiler.errors import Problem, Where
from floe_compiler.load.project import DbtProject
from floe_compiler.load.yaml_door import parse_foreign
from floe_compiler.sources import PATH_KINDS, paths_of

Checksum = Callable[[str], str]

WHOLE_FILE: Final = frozenset({"model", "analysis", "test"})
"""Nodes whose code is their file; snapshots and macros are a part of theirs."""
NODES_BY_FILE: Final = tuple(kind for kind in PATH_KINDS if kind.key in {"model-paths", "seed-paths"})
CORE: Final = "dbt-core"
RUST: Final = "dbt-fusion"
FIRST_RUST: Final = 2
MADE_OF_CODE: Final = frozenset({".sql", ".py"})


def _core(text: str) -> str:
    return sha256(text.strip().encode()).hexdigest()


def _rust(text: str) -> str:
    return sha256(" ".join(text.split()).encode()).hexdigest()


RULES: Final[Mapping[str, Mapping[str, Checksum]]] = {
    CORE: dict.fromkeys(("model", "analysis", "test", "seed", "snapshot", "operation"), _core),
    RUST: {"model": _rust, "analysis": _rust, "seed": _core},
}
"""How each engine makes the checksum of a kind of node, where it makes one of the file."""


def engine_of(dbt_version: str) -> str:
    """Which engine has a version: the Rust engine begins with 2."""
    major = dbt_version.partition(".")[0]
    return RUST if major.isdigit() and int(major) >= FIRST_RUST else CORE


class Member(NamedTuple):
    """A node or a macro of a manifest, as far as it can be compared with a file."""

    unique_id: str
    kind: str
    package: str
    file: str
    code: str
    checksum: str | None
    generic: bool

    @classmethod
    def of(cls, unique_id: str, raw: Mapping[str, Any]) -> Member:
        checksum = raw.get("checksum") or {}
        return cls(
            unique_id=unique_id,
            kind=str(raw.get("resource_type", "")),
            package=str(raw.get("package_name", "")),
            file=posixpath.normpath(str(raw.get("original_file_path", ""))),
            code=str(raw.get("raw_code") or raw.get("macro_sql") or ""),
            checksum=str(checksum.get("checksum")) if checksum.get("name") == "sha256" else None,
            generic=bool(raw.get("test_metadata")),
        )


class Searched(NamedTuple):
    """A folder in which each file is a node: its path in the project, and the endings that count."""

    package: str
    folder: str
    path: str
    suffixes: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """The files of a project, as dbt names them: by package and path in it.

    `packages` holds each package's folder in the project by its name; the project's own is "".
    """

    name: str
    packages: Mapping[str, str]
    searched: tuple[Searched, ...]
    files: Mapping[str, bytes]

    @classmethod
    def of(cls, project: DbtProject) -> Source:
        packages: dict[str, str] = {}
        searched: list[Searched] = []
        for package in project.layout.packages:
            folder = f"{package.path}/" if package.path else ""
            settings = parse_foreign(project.files[f"{folder}dbt_project.yml"], file="dbt_project.yml").value
            name = str(settings["name"])
            packages[name] = folder
            for kind in NODES_BY_FILE:
                searched += [Searched(name, folder, path, kind.suffixes) for path in paths_of(settings, kind)]
        return cls(project.name, packages, tuple(searched), project.files)

    def node_files(self) -> Iterator[tuple[str, str, str]]:
        """The package, the path in it and the path in the project of every model and seed that is not empty."""
        for package, folder, path, suffixes in self.searched:
            for file, content in self.files.items():
                if file.startswith(f"{folder}{path}/") and file.endswith(suffixes) and content.strip():
                    yield package, file.removeprefix(folder), file

    def text(self, member: Member) -> str | None:
        """The file that a member was read from, or None."""
        folder = self.packages.get(member.package)
        content = None if folder is None else self.files.get(folder + member.file)
        return None if content is None else _lines(content.decode("utf-8", "replace"))


def foreign_parts(manifest: Mapping[str, Any], project: DbtProject) -> Iterator[Problem]:
    """What of a manifest is not of these files, or is missing in it: FLOE-C255 for each node."""
    source = Source.of(project)
    name = manifest["metadata"].get("project_name")
    if name != source.name:
        message = f"the manifest is of the project `{name}`, and this one is `{source.name}`"
        yield Problem("FLOE-C255", message, Where("dbt_project.yml"))
        return
    rules = RULES[engine_of(str(manifest["metadata"].get("dbt_version")))]
    nodes = [Member.of(unique_id, raw) for unique_id, raw in manifest["nodes"].items()]
    for node in nodes:
        if why := _unlike(node, source, rules):
            yield Problem("FLOE-C255", f"{node.unique_id} {why}", Where(node.file))
    for unique_id, raw in manifest.get("macros", {}).items():
        macro = Member.of(unique_id, raw)
        text = source.text(macro)
        if macro.package in source.packages and (text is None or _lines(macro.code).strip() not in text):
            yield Problem("FLOE-C255", f"{unique_id} is not what {macro.file} says here", Where(macro.file))
    disabled = [Member.of(uid, raw) for uid, raws in (manifest.get("disabled") or {}).items() for raw in raws]
    known = {(member.package, member.file) for member in (*nodes, *disabled)}
    for package, file, path in source.node_files():
        if (package, file) not in known:
            yield Problem("FLOE-C255", f"{path} is here, and the manifest has no node of it", Where(path))


def _unlike(node: Member, source: Source, rules: Mapping[str, Checksum]) -> str | None:
    """How a node differs from its file, or None."""
    if node.package not in source.packages:
        return f"is of the package {node.package}, which is not installed here"
    text = source.text(node)
    if text is None:
        return f"is of {node.file}, which is not here"
    if not node.generic and posixpath.splitext(node.file)[1] in MADE_OF_CODE:
        code = _lines(node.code).strip()
        if node.kind in WHOLE_FILE and code != text.strip():
            return "has other code than its file"
        if node.kind == "snapshot" and code not in text:
            return "has other code than its file"
    rule = rules.get(node.kind)
    if rule and node.checksum and not node.generic and node.checksum not in _checksums(rule, text):
        return f"has another checksum than {node.file}"
    return None


def _checksums(rule: Checksum, text: str) -> set[str]:
    """Of the text with either line end: git may have changed them on the way."""
    return {rule(text), rule(text.replace("\n", "\r\n"))}


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")
