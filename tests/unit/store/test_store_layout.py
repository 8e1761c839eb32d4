"""Making a store, and what is refused for one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.sources import ACKNOWLEDGED
from floe_compiler.store.layout import LAYOUT, MARKER, Store, check_layout, prepare
from tests.bundles import codes_of


def test_a_store_says_what_it_is_and_that_it_is_not_to_be_committed(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep/down/.floe")
    prepare(store)
    assert (store.root / MARKER).read_bytes() == LAYOUT
    assert (store.root / ".gitignore").read_text() == "*\n!acknowledged.yaml\n"
    assert (store.root / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert sorted(path.name for path in store.root.iterdir() if path.is_dir()) == [
        "bundles", "cache", "provenance", "quarantine", "refs", "runs", "tmp"
    ]  # fmt: skip


def test_a_store_whose_making_was_interrupted_is_completed(tmp_path: Path) -> None:
    store = Store(tmp_path / ".floe")
    store.root.mkdir()
    (store.root / MARKER).touch()
    check_layout(store)
    prepare(store)
    assert (store.root / MARKER).read_bytes() == LAYOUT
    (store.root / "tmp").rmdir()
    prepare(store)
    assert store.tmp.is_dir()


def test_acknowledgements_may_be_there_before_the_store_and_are_not_ignored(tmp_path: Path) -> None:
    store = Store(tmp_path / ".floe")
    store.root.mkdir()
    (store.root / ACKNOWLEDGED).write_text("kind: Acknowledgements\n")
    prepare(store)
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    listed = subprocess.run(["git", "ls-files"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert listed.stdout.split() == [".floe/acknowledged.yaml"]


def test_a_store_that_ignored_acknowledgements_no_longer_does(tmp_path: Path) -> None:
    store = Store(tmp_path / ".floe")
    prepare(store)
    (store.root / ".gitignore").write_bytes(b"*\n")
    prepare(store)
    assert (store.root / ".gitignore").read_text() == "*\n!acknowledged.yaml\n"


def other_layout(root: Path) -> None:
    root.mkdir()
    (root / MARKER).write_bytes(b"floe store 2\n")


def somebody_elses_folder(root: Path) -> None:
    root.mkdir()
    (root / "thesis.tex").write_text("\\section{}")


def a_file(root: Path) -> None:
    root.write_text("")


@pytest.mark.parametrize("make", [other_layout, somebody_elses_folder, a_file], ids=lambda make: make.__name__)
def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    store = Store(tmp_path / "place")
    make(store.root)
    before = sorted(tmp_path.rglob("*"))
    for use in (prepare, check_layout):
        with pytest.raises(FloeError) as caught:
            use(store)
        assert codes_of(caught.value) == ["FLOE-F106"]
    assert sorted(tmp_path.rglob("*")) == before
