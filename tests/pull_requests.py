"""A pull request over the demo product, and what `floe diff main..HEAD` says of it.

`fixtures/pull-requests/spring-cleaning.patch` is the pull request: eight changes, and a model that is only laid out
anew. `spring-cleaning.txt` is what a reviewer reads. `python -m tests.pull_requests --write` writes it anew.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Final
from unittest.mock import patch

from fixtures.demo import PRODUCT, copy_products
from floe_compiler import stages
from floe_compiler.cli.main import main
from tests.repositories import commit, git, repository
from tests.warm import WarmRegistry

FOLDER: Final = Path(__file__).parent.parent / "fixtures" / "pull-requests"
PATCH: Final = FOLDER / "spring-cleaning.patch"
SCREEN: Final = FOLDER / "spring-cleaning.txt"


def pull_request(folder: Path) -> Path:
    """The demo's products under git, and the pull request in a branch that is checked out. Returns the product."""
    copy_products(folder)
    ignored = folder / ".gitignore"
    ignored.write_text(re.sub(r".*found_ledger.*\n", "", ignored.read_text()))
    repository(folder)
    git(folder, "switch", "--quiet", "--create", "spring-cleaning")
    git(folder, "apply", str(PATCH))
    commit(folder, "Spring cleaning")
    return folder / PRODUCT


def said(product: Path, registry: WarmRegistry, *arguments: str) -> str:
    """What `floe diff` prints in the product's folder; commits are always the same, and so is this."""
    with (
        contextlib.chdir(product),
        patch.object(stages, "PluginRegistry", lambda: registry, create=True),
        contextlib.redirect_stdout(io.StringIO()) as out,
    ):
        status = main(["diff", *arguments])
    assert status == 0
    return out.getvalue()


def _write() -> None:
    registry = WarmRegistry()
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            SCREEN.write_text(said(pull_request(Path(folder) / "city"), registry, "main..HEAD"), encoding="utf-8")
    finally:
        registry.end()


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(__doc__)
    _write()
