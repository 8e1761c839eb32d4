"""What is installed of dbt, read from the distributions' metadata. dbt is not imported."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Final

from floe_compiler.errors import FloeError, Problem

DISTRIBUTION: Final = "dbt-core"


def version() -> str:
    """The version of dbt-core. Raises FloeError FLOE-P206 when there is none."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError as error:
        problem = Problem(
            "FLOE-P206",
            "dbt-core is not installed.",
            hint='Install it into the environment that floe runs in: pip install "dbt-core>=1.10,<1.12".',
        )
        raise FloeError(problem) from error


def installed(distribution: str) -> str:
    """The version of a distribution. Raises FloeError FLOE-P206 when there is none."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError as error:
        hint = f"Install it: pip install {distribution}"
        raise FloeError(Problem("FLOE-P206", f"{distribution} is not installed", hint=hint)) from error


def distributions() -> dict[str, str]:
    """Name and version of every installed distribution of the dbt family."""
    return {dist.name: dist.version for dist in _family()}


def adapters() -> dict[str, str]:
    """Name and version of the installed adapters: distributions with a dbt project for a warehouse."""
    return {dist.name: dist.version for dist in _family() if _is_adapter(dist)}


def _family() -> list[importlib.metadata.Distribution]:
    """The first distribution of each name that starts with `dbt`, as imports would find them."""
    found: dict[str, importlib.metadata.Distribution] = {}
    for dist in importlib.metadata.distributions():
        # Reading every distribution's metadata takes 100 ms; the name of its folder says enough.
        folder = getattr(dist, "_path", None)
        if folder is None or folder.name.lower().startswith("dbt"):
            found.setdefault(dist.name, dist)
    return [found[name] for name in sorted(found)]


def _is_adapter(dist: importlib.metadata.Distribution) -> bool:
    warehouse = dist.name.removeprefix("dbt-").replace("-", "_")
    return Path(str(dist.locate_file(f"dbt/include/{warehouse}/dbt_project.yml"))).is_file()
