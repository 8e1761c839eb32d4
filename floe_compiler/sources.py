"""What dbt reads of a project, as dbt itself finds it: the files that are sealed, and nothing else.

dbt walks the configured paths of the project and of every installed package, does not follow linked folders,
skips names that begin with `.`, `#` or `~`, and obeys `.dbtignore`. This module does the same, so that a file
which dbt cannot see can change no bundle. It is on the path of the unchanged compile: standard library only.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

PROJECT_FILES: Final = (
    "dbt_project.yml",
    "packages.yml",
    "dependencies.yml",
    "package-lock.yml",
    "selectors.yml",
    "catalogs.yml",
    ".dbtignore",
)
IGNORE_FILE: Final = ".dbtignore"
STORE_FOLDER: Final = ".floe"
"""Where floe keeps bundles. The projects in there are no part of the one that they were made from."""
ACKNOWLEDGED: Final = "acknowledged.yaml"
"""The one file in there that belongs to the repository: which findings of `floe diff` somebody answers for."""
_SCHEMA_AND_DOCS: Final = (".md", ".yaml", ".yml")


class PathKind(NamedTuple):
    """A key of dbt_project.yml that names folders, its default, what dbt looks for in them, its former name."""

    key: str
    default: str
    suffixes: tuple[str, ...]
    former_key: str = ""


PATH_KINDS: Final = (
    PathKind("model-paths", "models", (".py", ".sql"), "source-paths"),
    PathKind("seed-paths", "seeds", (".csv",), "data-paths"),
    PathKind("snapshot-paths", "snapshots", (".sql",)),
    PathKind("analysis-paths", "analyses", (".sql",)),
    PathKind("macro-paths", "macros", (".sql",)),
    PathKind("test-paths", "tests", (".csv", ".sql")),
    PathKind("function-paths", "functions", (".py", ".sql")),
)


class Folder(NamedTuple):
    """A folder that dbt searches: below the project, with forward slashes, and the endings it looks for."""

    path: str
    suffixes: tuple[str, ...]


class Package(NamedTuple):
    """A dbt project or package: `path` is "" for the project itself, else its folder below the project."""

    path: str
    folders: tuple[Folder, ...]


class Layout(NamedTuple):
    """Where a project's files lie. It follows from dbt_project.yml files and the list of installed packages."""

    packages_dir: str
    packages: tuple[Package, ...]


def layout_of(settings: dict[str, dict[str, object]], packages_dir: str) -> Layout:
    """The layout, from the content of each dbt_project.yml by package path ("" is the project)."""
    return Layout(packages_dir, tuple(Package(path, _folders(path, found)) for path, found in settings.items()))


def installed_packages(project_dir: str, packages_dir: str) -> list[str]:
    """The dbt packages below `packages_dir`, relative to the project, sorted. Linked ones count: `dbt deps`
    links what lies in a local folder. Raises OSError."""
    root = os.path.join(project_dir, packages_dir)
    try:
        with os.scandir(root) as entries:
            names = [e.name for e in entries if not e.name.startswith("__") and _is_package(e.path)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(f"{packages_dir}/{name}" for name in names)


def walk(project_dir: str, layout: Layout) -> Iterator[tuple[str, str]]:
    """Every file that dbt reads: its path in the project, with forward slashes, and where it lies. Unsorted.

    What is no file but has the name of one (a pipe, a link that leads nowhere) is among them, to be refused by
    whoever reads it. Raises OSError, and ValueError for a .dbtignore that dbt could not use either.
    """
    for package in layout.packages:
        prefix = f"{package.path}/" if package.path else ""
        root = os.path.join(project_dir, package.path)
        for name in PROJECT_FILES:
            if os.path.isfile(os.path.join(root, name)):
                yield prefix + name, os.path.join(root, name)
        ignored = _ignored_by(root)
        seen: set[str] = set()
        for folder in package.folders:
            for relative, file in _files(root, folder):
                if relative not in seen and not ignored(relative):
                    seen.add(relative)
                    yield prefix + relative, file


def _folders(package: str, settings: dict[str, object]) -> tuple[Folder, ...]:
    suffixes: dict[str, set[str]] = {}
    for kind in PATH_KINDS:
        for path in paths_of(settings, kind):
            suffixes.setdefault(path, set()).update(kind.suffixes, _SCHEMA_AND_DOCS)
    docs = settings.get("docs-paths")
    for path in docs if isinstance(docs, list) else ():
        suffixes.setdefault(posixpath.normpath(str(path)), set()).add(".md")
    return tuple(Folder(path, tuple(sorted(found))) for path, found in sorted(suffixes.items()))


def paths_of(settings: dict[str, object], kind: PathKind) -> list[str]:
    """The folders that a dbt_project.yml names under a key, or the key's default."""
    configured = settings.get(kind.key, settings.get(kind.former_key))
    return [posixpath.normpath(str(p)) for p in configured] if isinstance(configured, list) else [kind.default]


def _files(root: str, folder: Folder) -> Iterator[tuple[str, str]]:
    pending = [("" if folder.path == "." else f"{folder.path}/", os.path.join(root, folder.path))]
    while pending:
        prefix, directory = pending.pop()
        try:
            entries = os.scandir(directory)
        except (FileNotFoundError, NotADirectoryError):
            continue
        with entries:
            for entry in entries:
                name = entry.name
                if entry.is_dir(follow_symlinks=False):
                    if name != STORE_FOLDER:
                        pending.append((f"{prefix}{name}/", entry.path))
                elif name[0] not in ".#~" and name.lower().endswith(folder.suffixes) and not entry.is_dir():
                    yield prefix + name, entry.path


def _is_package(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "dbt_project.yml"))


def _ignored_by(root: str) -> Callable[[str], bool]:
    file = os.path.join(root, IGNORE_FILE)
    if not os.path.isfile(file):
        return lambda _path: False
    from pathspec import PathSpec  # noqa: PLC0415 - dear, and few projects have a .dbtignore

    with open(file, encoding="utf-8") as lines:
        return PathSpec.from_lines("gitwildmatch", lines).match_file
