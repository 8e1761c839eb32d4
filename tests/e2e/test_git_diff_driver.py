"""`git diff` of bundles, and of their indexes, says what `floe diff` says: through git's own configuration."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from floe_compiler.pipeline import compile_product, export_bundle
from floe_compiler.store.listing import INDEX
from tests.docs.pages import page
from tests.repositories import commit, git, repository
from tests.warm import WarmRegistry

DRIVER = 'f() { floe diff "$2" "$5" --product corner-shop || true; }; f'


@pytest.fixture
def sealed(shop: Path, registry: WarmRegistry, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a bundle as a single file and an index alone, both of before an edit and, not committed, after
    it."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    home = shop.parent
    (home / ".gitattributes").write_text(f"*.bundle diff=floe\n{INDEX} diff=floe\n")
    _seal(shop, registry)
    repository(home)
    git(home, "config", "diff.floe.command", DRIVER)
    models = shop / "models" / "_models.yml"
    models.write_text(models.read_text().replace(", unique", ""))
    _seal(shop, registry)
    return home


def _seal(shop: Path, registry: WarmRegistry) -> None:
    compiled = compile_product(shop, registry=registry)
    (shop.parent / "shop.bundle").unlink(missing_ok=True)
    export_bundle(compiled, archive=shop.parent / "shop.bundle")
    (shop.parent / INDEX).write_bytes((compiled.path / INDEX).read_bytes())


def test_the_driver_is_the_one_in_the_guide() -> None:
    assert f"git config diff.floe.command '{DRIVER}'" in page("guides/07-review-changes.md").text


@pytest.mark.parametrize("file", ["shop.bundle", INDEX])
def test_git_diff_says_what_will_run_differently(sealed: Path, file: str) -> None:
    said = git(sealed, "diff", "--", file)
    assert "test unique_price_list_id" in said
    assert "risky" in said


def test_git_show_of_a_commit_does_too(sealed: Path) -> None:
    commit(sealed, "Sealed anew")
    assert "test unique_price_list_id" in git(sealed, "show", "--ext-diff", "HEAD", "--", "shop.bundle")


def test_an_index_whose_bundle_is_not_in_the_store_ends_no_git_diff(sealed: Path) -> None:
    (sealed / INDEX).write_text('{"no": "bundle"}')
    assert git(sealed, "diff", "--", INDEX) == ""
