"""The project as the Rust engine gets it: without the files that name packages.

https://docs.getdbt.com/docs/build/packages

Before it parses, the engine resolves packages.yml anew, through a package hub and git, unless package-lock.yml is of
its own making; and it asks for the folders of `local:` packages, which no bundle holds. Without those files it takes
the installed packages as they are: what was sealed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.load.yaml_door import parse_foreign
from floe_compiler.sources import installed_packages

NAMING_PACKAGES: Final = ("packages.yml", "dependencies.yml", "package-lock.yml")
PROJECT_FILE: Final = "dbt_project.yml"
PACKAGES_DIR: Final = "dbt_packages"


def view_of(project_dir: Path, scratch: Path) -> Path:
    """The project itself where it names no packages; else a folder in `scratch` that shows all but those files.

    Raises FloeError: FLOE-C204 when packages are not installed.
    """
    if not any((project_dir / name).exists() for name in NAMING_PACKAGES):
        return project_dir
    configured = _read(project_dir / PROJECT_FILE).get("packages-install-path")
    _refuse_missing_packages(project_dir, str(configured or PACKAGES_DIR))
    view = scratch / "project"
    view.mkdir()
    for entry in project_dir.iterdir():
        if entry.name not in NAMING_PACKAGES:
            (view / entry.name).symlink_to(entry)
    return view


def _refuse_missing_packages(project_dir: Path, packages_dir: str) -> None:
    """As dbt-core does it: by counting."""
    naming = [name for name in NAMING_PACKAGES[:2] if (project_dir / name).is_file()]
    named = sum(len(_read(project_dir / name).get("packages") or ()) for name in naming)
    installed = len(installed_packages(str(project_dir), packages_dir))
    if named > installed:
        message = f"{' and '.join(naming)}: {named} packages are named, {installed} are installed in {packages_dir}."
        raise FloeError(Problem("FLOE-C204", message, Where(naming[0]), "Run `dbt deps`, or compile with `--deps`."))


def _read(path: Path) -> dict[str, Any]:
    """A file that dbt would read; one that is none of dbt's has nothing to say here, and the engine will refuse it."""
    try:
        value = parse_foreign(path.read_bytes(), file=path.name).value
    except (FloeError, OSError):
        return {}
    return value if isinstance(value, dict) else {}
