"""Reads a dbt project: the few facts of dbt_project.yml that floe needs, and the bytes that dbt will read."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from floe_compiler.digests import digest
from floe_compiler.errors import FloeError, Problem, Where, raise_if_any
from floe_compiler.load.documents import Document
from floe_compiler.load.yaml_door import parse_foreign, read_file
from floe_compiler.sources import PATH_KINDS, Layout, installed_packages, layout_of, walk

MAX_PROJECT_FILE: Final = 512 * 1024 * 1024
_DEFAULT_PACKAGES_DIR: Final = "dbt_packages"
_PORTABLE: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_ !#$%&'()+,.;=@[]^{}~-/"
)


@dataclass(frozen=True, slots=True)
class DbtProject:
    """A dbt project as read: `files` are all that dbt reads, by path in the project.

    `packages_named` says whether a package file names packages; `profile` is what the project asks for.
    """

    directory: Path
    shown_as: str
    name: str
    profile: str
    layout: Layout
    files: Mapping[str, bytes]

    @property
    def digests(self) -> dict[str, str]:
        """The digest of every file, by path in the project."""
        return {path: digest(content) for path, content in self.files.items()}

    def where(self, path: str) -> Where:
        """The place of a project file, as people see it."""
        return Where(posixpath.join(self.shown_as, path) if self.shown_as != "." else path)


def load_project(directory: Path, shown_as: str, asked_at: Where) -> DbtProject:
    """Raises FloeError: FLOE-L060 without a dbt_project.yml, FLOE-L06x for what cannot be sealed."""
    if not (directory / "dbt_project.yml").is_file():
        raise FloeError(
            Problem(
                "FLOE-L060",
                f"there is no dbt_project.yml in `{shown_as}`",
                asked_at,
                "`path` names the dbt project's folder, relative to floe.yaml.",
            )
        )
    root = _settings(directory, "", shown_as)
    packages_dir = _packages_dir(root)
    settings = {"": root.value}
    for package in installed_packages(str(directory), packages_dir):
        if (directory / package / "dbt_project.yml").is_file():
            settings[package] = _settings(directory, package, shown_as).value
    layout = layout_of(settings, packages_dir)
    return DbtProject(
        directory=directory,
        shown_as=shown_as,
        name=str(root.value["name"]),
        profile=_text(root, "profile") or str(root.value["name"]),
        layout=layout,
        files=_read_all(directory, layout, shown_as),
    )


def _settings(directory: Path, package: str, shown_as: str) -> Document:
    file = directory / package / "dbt_project.yml"
    shown = posixpath.normpath(posixpath.join(shown_as, package, "dbt_project.yml"))
    document = parse_foreign(read_file(file, shown_as=shown), file=shown)
    if not isinstance(document.value, dict) or not isinstance(document.value.get("name"), str):
        raise FloeError(Problem("FLOE-L061", "dbt_project.yml has no `name`", Where(shown, 1, 1)))
    raise_if_any(
        Problem(
            "FLOE-L062",
            f"`{key}` names `{path}`, which {why}",
            document.where((key,)),
            "floe seals what lies in the project; share code through a package (`local:` in packages.yml).",
        )
        for key, path in _named_paths(document)
        if (why := _unusable(path))
    )
    return document


def _named_paths(document: Document) -> list[tuple[str, str]]:
    keys = [*(kind.key for kind in PATH_KINDS), "docs-paths"]
    named = [(key, str(path)) for key in keys for path in _list(document.value.get(key))]
    install_path = document.value.get("packages-install-path")
    return [*named, ("packages-install-path", str(install_path))] if install_path else named


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _unusable(path: str) -> str | None:
    if "{{" in path:
        return "is a Jinja expression"
    normal = posixpath.normpath(path)
    if posixpath.isabs(path) or normal == ".." or normal.startswith("../"):
        return "leaves the project"
    return None


def _packages_dir(document: Document) -> str:
    return posixpath.normpath(str(document.value.get("packages-install-path") or _DEFAULT_PACKAGES_DIR))


def _text(document: Document, key: str) -> str | None:
    value = document.value.get(key)
    if isinstance(value, str) and "{{" in value:
        raise FloeError(
            Problem(
                "FLOE-L063",
                f"`{key}` is a Jinja expression; floe needs the name as it stands",
                document.where((key,)),
                "Write the name; targets are chosen in the platform manifest.",
            )
        )
    return value if isinstance(value, str) else None


def _read_all(directory: Path, layout: Layout, shown_as: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    for path, file in walk(str(directory), layout):
        shown = posixpath.normpath(posixpath.join(shown_as, path))
        if not _PORTABLE.issuperset(path):
            message = (
                f"the file name `{path}` is not portable, so the bundle could not be unpacked everywhere"
            )
            problems.append(
                Problem("FLOE-L064", message, Where(shown), "Use ASCII letters, digits, `_` and `-`.")
            )
            continue
        try:
            files[path] = read_file(Path(file), shown_as=shown, max_size=MAX_PROJECT_FILE)
        except FloeError as error:
            problems.extend(error.problems)
    raise_if_any(problems)
    return dict(sorted(files.items()))
