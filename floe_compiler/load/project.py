"""Reads a dbt project: the few facts of dbt_project.yml that floe needs, and the bytes that dbt will read."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from floe_compiler.digests import digest
from floe_compiler.errors import FloeError, Problem, Where, raise_if_any
from floe_compiler.load.source_text import visible
from floe_compiler.load.yaml_door import parse_foreign, read_file
from floe_compiler.model.documents import Document, Pointer
from floe_compiler.sources import IGNORE_FILE, PATH_KINDS, Layout, installed_packages, layout_of, walk

MAX_PROJECT_FILE: Final = 512 * 1024 * 1024
PROJECT_FILE: Final = "dbt_project.yml"
_PACKAGES_DIR_KEY: Final = "packages-install-path"
_DEFAULT_PACKAGES_DIR: Final = "dbt_packages"
_PORTABLE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_ !#$%&'()+,.;=@[]^{}~-/")


@dataclass(frozen=True, slots=True)
class DbtProject:
    """A dbt project as read: `files` are all that dbt reads, by path in the project.

    `profile` is the name under which the project looks up its connection.
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
        return Where(self._shown(path))

    def seen(self, problem: Problem) -> Problem:
        """The same problem: of a file of the project, with its place as people see it."""
        if problem.where is None or problem.where.file not in self.files:
            return problem
        return replace(problem, where=replace(problem.where, file=self._shown(problem.where.file)))

    @contextmanager
    def as_people_see(self) -> Iterator[None]:
        """Gives problems in files of the project, raised in the block, their places as people see them."""
        try:
            yield
        except FloeError as error:
            raise FloeError(map(self.seen, error.problems)) from error

    def _shown(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.shown_as, path))


def load_project(directory: Path, shown_as: str, asked_at: Where) -> DbtProject:
    """Raises FloeError: FLOE-L060 without a dbt_project.yml, FLOE-L06x for what cannot be sealed, FLOE-L00x for
    what cannot be read."""
    with _reading(directory, shown_as):
        is_project = (directory / PROJECT_FILE).is_file()
    if not is_project:
        raise FloeError(_no_project(directory, shown_as, asked_at))
    root = _settings(directory, "", shown_as)
    profile = _profile(root)
    packages_dir = _packages_dir(root)
    with _reading(directory, shown_as):
        packages = installed_packages(str(directory), packages_dir)
    settings = {"": root.value} | {path: _settings(directory, path, shown_as).value for path in packages}
    layout = layout_of(settings, packages_dir)
    return DbtProject(
        directory=directory,
        shown_as=shown_as,
        name=str(root.value["name"]),
        profile=profile,
        layout=layout,
        files=_read_all(directory, layout, shown_as),
    )


def packages_folder(directory: Path) -> str:
    """Where a project keeps its installed packages, below its own folder. Raises FloeError."""
    return _packages_dir(_settings(directory, "", str(directory)))


def _no_project(directory: Path, shown_as: str, asked_at: Where) -> Problem:
    what = f"there is no {PROJECT_FILE} in `{shown_as}`" if directory.is_dir() else f"there is no folder `{shown_as}`"
    return Problem("FLOE-L060", what, asked_at, "`path` names the dbt project's folder, relative to floe.yaml.")


def _settings(directory: Path, package: str, shown_as: str) -> Document:
    """A dbt_project.yml: a mapping with a name, whose paths can be sealed."""
    shown = posixpath.normpath(posixpath.join(shown_as, package, PROJECT_FILE))
    document = parse_foreign(read_file(directory / package / PROJECT_FILE, shown_as=shown), file=shown)
    if not isinstance(document.value, dict) or not isinstance(document.value.get("name"), str):
        raise FloeError(Problem("FLOE-L061", f"{shown} has no `name`", document.where_key(("name",))))
    raise_if_any(
        Problem(
            "FLOE-L062",
            f"`{pointer[0]}` names `{path}`, which {why}",
            document.where(pointer),
            "floe seals what lies in the project; share code through a package (`local:` in packages.yml).",
        )
        for pointer, path in _named_paths(document)
        if (why := _unusable(path))
    )
    return document


def _named_paths(document: Document) -> Iterator[tuple[Pointer, str]]:
    """Every folder that the file names, and where it does."""
    for key in (*(key for kind in PATH_KINDS for key in (kind.key, kind.former_key)), "docs-paths"):
        paths = document.value.get(key)
        for index, path in enumerate(paths if isinstance(paths, list) else ()):
            yield (key, index), str(path)
    if install_path := document.value.get(_PACKAGES_DIR_KEY):
        yield (_PACKAGES_DIR_KEY,), str(install_path)


def _unusable(path: str) -> str | None:
    if "{{" in path:
        return "is a Jinja expression"
    normal = posixpath.normpath(path)
    if posixpath.isabs(path) or normal == ".." or normal.startswith("../"):
        return "leaves the project"
    return None


def _packages_dir(document: Document) -> str:
    return posixpath.normpath(str(document.value.get(_PACKAGES_DIR_KEY) or _DEFAULT_PACKAGES_DIR))


def _profile(document: Document) -> str:
    """The name of the profile, which floe renders and dbt looks up."""
    profile, name = document.value.get("profile"), document.value["name"]
    if not isinstance(profile, str):
        what = "has no `profile`" if profile is None else "has a `profile` that is no text"
        hint = f"Add `profile: {name}`: any name will do, floe writes the profile of that name."
        raise FloeError(Problem("FLOE-L069", f"{document.file} {what}", document.where(("profile",)), hint))
    if "{{" in profile:
        message = "`profile` is a Jinja expression; floe needs the name as it stands"
        hint = "Write the name; targets are chosen in the platform manifest."
        raise FloeError(Problem("FLOE-L063", message, document.where(("profile",)), hint))
    return profile


def _read_all(directory: Path, layout: Layout, shown_as: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    with _reading(directory, shown_as):
        found = sorted(walk(str(directory), layout))
    for path, file in found:
        shown = posixpath.normpath(posixpath.join(shown_as, path))
        if not _PORTABLE.issuperset(path):
            problems.append(_not_portable(shown))
            continue
        try:
            files[path] = read_file(Path(file), shown_as=shown, max_size=MAX_PROJECT_FILE)
        except FloeError as error:
            problems.extend([_leads_nowhere(shown)] if _is_broken_link(Path(file)) else error.problems)
    raise_if_any(problems)
    return files


def _not_portable(path: str) -> Problem:
    message = f"the file name `{visible(path)}` is not portable, so the bundle could not be unpacked everywhere"
    return Problem("FLOE-L064", message, Where(visible(path)), "Use ASCII letters, digits, `_` and `-`.")


def _is_broken_link(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _leads_nowhere(path: str) -> Problem:
    hint = "Remove the link, or put a file where it points."
    return Problem("FLOE-L001", f"{path} is a link that leads nowhere", Where(path), hint)


@contextmanager
def _reading(directory: Path, shown_as: str) -> Iterator[None]:
    """What the system or .dbtignore keeps from being found, as problems."""
    try:
        yield
    except OSError as error:
        shown = posixpath.normpath(posixpath.join(shown_as, os.path.relpath(error.filename or directory, directory)))
        message = f"{shown} cannot be read: {error.strerror}"
        raise FloeError(Problem("FLOE-L002", message, Where(shown), "Check its permissions.")) from error
    except ValueError as error:
        shown = posixpath.normpath(posixpath.join(shown_as, IGNORE_FILE))
        reason = "it is not UTF-8" if isinstance(error, UnicodeError) else str(error)
        hint = "Write it as a .gitignore is written."
        problem = Problem("FLOE-L070", f"{IGNORE_FILE} cannot be used: {reason}", Where(shown), hint)
        raise FloeError(problem) from error
