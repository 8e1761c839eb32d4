"""The dbt project as it lies in a bundle: its packages, and the file of a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from floe_compiler.diff.compare.facts import Node
from floe_compiler.diff.compare.text import first_difference
from floe_compiler.diff.compare.yaml_events import Entry, line_of, texts, tree, values, within
from floe_compiler.model.change_set import Place

if TYPE_CHECKING:
    from floe_compiler.verify import VerifiedBundle

PROJECT_FILE: Final = "dbt_project.yml"
_SECTIONS: Final = {
    "model": "models",
    "seed": "seeds",
    "snapshot": "snapshots",
    "analysis": "analyses",
    "macro": "macros",
    "exposure": "exposures",
    "metric": "metrics",
    "semantic_model": "semantic_models",
    "saved_query": "saved_queries",
    "unit_test": "unit_tests",
    "group": "groups",
    "function": "functions",
}


class SealedProject:
    """The project of one bundle. Files are read when they are asked for, and YAML is read once."""

    def __init__(self, bundle: VerifiedBundle) -> None:
        self._bundle = bundle
        self._root = bundle.index.runtime.project
        self._texts: dict[str, str] = {}
        self._trees: dict[str, Entry | None] = {}
        self.digests: dict[str, str] = {
            artifact.path.removeprefix(f"{self._root}/"): artifact.digest
            for artifact in bundle.index.artifacts
            if artifact.path.startswith(f"{self._root}/")
        }
        """Of every file, by its path below the project."""
        self.settings: dict[str, Mapping[str, Any]] = {}
        """dbt_project.yml of the project and of every package, by the folder below the project, with its slash."""
        self.folders: dict[str, str] = {}
        """The same folders, by the package's name."""
        for path in self.digests:
            folder, _, name = path.rpartition("/")
            if name == PROJECT_FILE and self._is_package(folder):
                found = self.yaml(path)
                prefix = f"{folder}/" if folder else ""
                self.settings[prefix] = found
                self.folders[str(found.get("name"))] = prefix

    def _is_package(self, folder: str) -> bool:
        """The project itself, or a folder two levels down: packages are installed in `<packages>/<name>/`."""
        return folder.count("/") <= 1

    @property
    def name(self) -> str:
        """The name of the project itself."""
        return str(self.settings.get("", {}).get("name"))

    def yaml(self, path: str) -> Mapping[str, Any]:
        """The mapping in a YAML file; empty where there is none."""
        documents = values(self.read(path)) if path in self.digests else None
        return documents[0] if documents and isinstance(documents[0], dict) else {}

    def read(self, path: str) -> bytes:
        """The bytes of a file, by its path below the project."""
        return self._bundle.read(f"{self._root}/{path}")

    def file_of(self, node: Node) -> str | None:
        """The path of the file in which a node is defined, below the project."""
        file = node.get("original_file_path")
        folder = self.folders.get(str(node.get("package_name")), "")
        return folder + file.removeprefix("./") if isinstance(file, str) else None

    def content_digest(self, node: Node) -> str | None:
        """The digest of the file of a node, as it was sealed: that of a seed is right whatever its size."""
        return self.digests.get(self.file_of(node) or "")

    def code_place(self, node: Node, before: str, after: str) -> Place | None:
        """The first line of a node's own file that differs from the code before."""
        file = self.file_of(node)
        if file is None:
            return None
        text = self._text(file)
        start = text.find(after[:200]) if after else -1
        skipped = text.count("\n", 0, start) if start > 0 else 0
        return Place(file=file, line=first_difference(before, after) + skipped if text else None)

    def place(self, node: Node, *names: str) -> Place | None:
        """Where a property of a node stands: in its YAML file, in its own file, in dbt_project.yml; else the node."""
        own, described = self.file_of(node), self._yaml_file(node)
        for file, line in self._candidates(node, names, own, described):
            if line:
                return Place(file=file, line=line)
        known = described or own
        return Place(file=known) if known else None

    def written(self, node: Node, *names: str) -> Iterator[str]:
        """The texts of a node's entry in its YAML file, or of a property in it, as they were before rendering.

        A table of a source has what is written of the source."""
        file = self._yaml_file(node)
        path = _names(node)[:2] if node.get("resource_type") == "source" else _names(node)
        entry = within(self._tree(file), *path, *names) if file else None
        return texts(entry) if entry else iter(())

    def file_place(self, node: Node) -> Place | None:
        """The node's own file."""
        file = self.file_of(node)
        return Place(file=file) if file else None

    def setting_place(self, folder: str, *names: str) -> Place:
        """Where a setting stands in a dbt_project.yml; without it, the file."""
        file = folder + PROJECT_FILE
        return Place(file=file, line=line_of(self._tree(file), *names))

    def _candidates(
        self, node: Node, names: tuple[str, ...], own: str | None, described: str | None
    ) -> Iterator[tuple[str, int | None]]:
        path, version = _names(node), node.get("version")
        if described:
            tree = self._tree(described)
            if version is not None:
                yield described, line_of(tree, *path, "versions", str(version), *names)
            yield described, line_of(tree, *path, *names)
        if names and own and own != described:
            yield own, self._mention(own, names)
        if names:
            yield PROJECT_FILE, self._configured(node, names[-1])
        if described:
            for length in range(len(names), -1, -1):
                yield described, line_of(self._tree(described), *path, *names[:length])

    def _configured(self, node: Node, name: str) -> int | None:
        """The line of the nearest folder in dbt_project.yml that configures the node."""
        section, fqn = _SECTIONS.get(str(node.get("resource_type")), ""), list(node.get("fqn") or ())
        tree = self._tree(PROJECT_FILE)
        for length in range(len(fqn), -1, -1):
            for key in (f"+{name}", name):
                if line := line_of(tree, section, *fqn[:length], key):
                    return line
        return None

    def _yaml_file(self, node: Node) -> str | None:
        patch = node.get("patch_path")
        if isinstance(patch, str) and "://" in patch:
            package, _, path = patch.partition("://")
            return self.folders.get(package, "") + path
        file = self.file_of(node)
        return file if file and file.endswith((".yml", ".yaml")) else None

    def _mention(self, file: str, names: tuple[str, ...]) -> int | None:
        """The line of a file of Jinja in which the last name is first given a value."""
        if not file.endswith(".sql"):
            return None
        word = names[-1].replace("-", "_")
        lines = self._text(file).splitlines()
        return next((number for number, line in enumerate(lines, 1) if word in line and "=" in line), None)

    def _text(self, file: str) -> str:
        if file not in self._texts:
            self._texts[file] = self.read(file).decode("utf-8", "replace") if file in self.digests else ""
        return self._texts[file]

    def _tree(self, file: str) -> Entry | None:
        if file not in self._trees:
            self._trees[file] = tree(self.read(file)) if file in self.digests else None
        return self._trees[file]


def _names(node: Node) -> tuple[str, ...]:
    """The way to a node in its YAML file."""
    kind, name = str(node.get("resource_type")), str(node.get("name"))
    if kind == "source":
        return ("sources", str(node.get("source_name")), "tables", name)
    if kind == "operation":
        return tuple(str(tag) for tag in (node.get("tags") or ())[:1])
    if kind == "test":
        section, _, owner = str(node.get("file_key_name") or "").partition(".")
        column = str(node.get("column_name") or "")
        return (section, owner, *(("columns", column) if column else ()))
    return (_SECTIONS.get(kind, kind), name)
