"""dbt packages that git does not keep, lent to a checkout by the folder in which they are installed.

Most projects leave `dbt_packages/` out of git. A checkout of such a project has none of them, and installing them
would need a network; where both folders ask for the same packages, those of the one are those of the other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from floe_compiler.errors import FloeError
from floe_compiler.load.project import packages_folder
from floe_compiler.load.whereabouts import whereabouts

_ASKED_FOR_IN: Final = ("packages.yml", "dependencies.yml", "package-lock.yml")


def lend_packages(product: Path, checkout: Path, *, root: Path, checkout_root: Path) -> None:
    """Links the installed packages of a product into a checkout of it that has none.

    What `dbt deps` linked from inside of the repository is linked from inside of the checkout: it is part of the
    revision. Does nothing where the two ask for different packages, or where one of them cannot be read: what is
    wrong with it is said by the compile.
    """
    try:
        lender, borrower = whereabouts(product).project, whereabouts(checkout).project
        folder = packages_folder(borrower)
    except FloeError:
        return
    if (borrower / folder).exists() or not (lender / folder).is_dir() or not _ask_for_the_same(lender, borrower):
        return
    (borrower / folder).mkdir(parents=True)
    for package in sorted((lender / folder).iterdir()):
        real = package.resolve()
        own = real.relative_to(root) if package.is_symlink() and real.is_relative_to(root) else None
        (borrower / folder / package.name).symlink_to(real if own is None else checkout_root / own)


def _ask_for_the_same(lender: Path, borrower: Path) -> bool:
    return all(_content(lender / name) == _content(borrower / name) for name in _ASKED_FOR_IN)


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
