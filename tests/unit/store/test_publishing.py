"""Publishing into a store: what is written, what is found there, what is repaired."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from floe_compiler.errors import FloeError, Problem
from floe_compiler.store.integrity import check_folder
from floe_compiler.store.layout import Store
from floe_compiler.store.listing import INDEX
from floe_compiler.store.publish import publish
from floe_compiler.store.scratch import remove_tree
from floe_compiler.verify import verify
from tests.bundles import codes_of, make_bundle
from tests.privileges import without_privileges

BUNDLE = make_bundle()
MODEL = "project/models/orders.sql"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".floe")


def test_a_published_bundle_verifies_under_its_digest(store: Store) -> None:
    folder = publish(store, BUNDLE)
    assert folder == store.bundle(BUNDLE.digest)
    assert folder.name == "sha256-" + BUNDLE.digest[7:]
    assert verify(folder, BUNDLE.digest).index == BUNDLE.index
    assert check_folder(folder, BUNDLE.digest) == []


def test_a_published_bundle_is_read_only(store: Store) -> None:
    folder = publish(store, BUNDLE)
    for path in (folder, *folder.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o555 if path.is_dir() else 0o444), path


def test_nothing_of_the_writing_is_left_behind(store: Store) -> None:
    publish(store, BUNDLE)
    assert list(store.tmp.iterdir()) == list(store.quarantine.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="cannot tell what a descriptor is")
def test_everything_is_synced_before_the_bundle_can_be_seen(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: dict[bool, set[str]] = {True: set(), False: set()}

    def record(descriptor: int, fsync: Callable[[int], None] = os.fsync) -> None:
        fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced[store.bundle(BUNDLE.digest).exists()].add(str(path).rpartition("/bundle")[2])

    monkeypatch.setattr(os, "fsync", record)
    folder = publish(store, BUNDLE)
    everything = {str(path).removeprefix(str(folder)) for path in (folder, *folder.rglob("*"))}
    assert everything <= synced[False]
    assert synced[True] == {"s"}  # bundles/ itself


def test_publishing_again_leaves_the_files_as_they_are(store: Store) -> None:
    before = (publish(store, BUNDLE) / INDEX).stat()
    after = (publish(store, BUNDLE) / INDEX).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_an_ordinary_user_can_publish_and_repair() -> None:
    with without_privileges() as own:
        store = Store(own / ".floe")
        folder = publish(store, BUNDLE)
        assert publish(store, BUNDLE) == folder
        (folder / INDEX).chmod(0o644)
        (folder / INDEX).write_bytes(b"{}")
        publish(store, BUNDLE)
        assert verify(folder, BUNDLE.digest)


def flip(folder: Path) -> None:
    (folder / MODEL).chmod(0o644)
    (folder / MODEL).write_bytes(b"select 2 as id\n")


def add(folder: Path) -> None:
    (folder / "project").chmod(0o755)
    (folder / "project/extra.sql").write_bytes(b"")


def remove_all(folder: Path) -> None:
    remove_tree(folder)
    folder.mkdir()


def become_a_file(folder: Path) -> None:
    remove_tree(folder)
    folder.write_bytes(b"")


def become_a_link(folder: Path) -> None:
    folder.rename(folder.parent.parent / "elsewhere")
    folder.symlink_to(folder.parent.parent / "elsewhere")


def become_a_dangling_link(folder: Path) -> None:
    remove_tree(folder)
    folder.symlink_to("nowhere")


DAMAGES: list[Callable[[Path], None]] = [
    flip, add, remove_all, become_a_file, become_a_link, become_a_dangling_link
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_bundle_is_replaced_and_told_of(store: Store, damage: Callable[[Path], None]) -> None:
    folder = publish(store, BUNDLE)
    damage(folder)
    told: list[Problem] = []
    assert publish(store, BUNDLE, told.append) == folder
    assert not folder.is_symlink()
    assert verify(folder, BUNDLE.digest)
    empty = damage is remove_all  # an empty folder is replaced by the rename itself: nothing is lost
    assert [problem.code for problem in told] == ([] if empty else ["FLOE-F105"])
    assert len(list(store.quarantine.iterdir())) == len(told)


def test_the_same_bundle_damaged_twice_is_set_aside_twice(store: Store) -> None:
    for _ in range(2):
        flip(publish(store, BUNDLE))
    publish(store, BUNDLE)
    assert len(list(store.quarantine.iterdir())) == 2


def test_a_store_that_may_not_be_written_is_the_environments_fault() -> None:
    with without_privileges() as own:
        (own / "closed").mkdir(mode=0o555)
        with pytest.raises(FloeError) as caught:
            publish(Store(own / "closed/.floe"), BUNDLE)
    assert codes_of(caught.value) == ["FLOE-F104"]
    assert caught.value.exit_status == 6
    assert "closed/.floe" in str(caught.value)
