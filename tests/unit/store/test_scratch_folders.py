"""Scratch folders: the living keep theirs, the dead leave theirs to the next."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from floe_compiler.store.scratch import scratch_folder, sweep
from floe_compiler.store.tree import write_tree
from tests.processes import end_of, start

FILES = {"project/models/a.sql": b"", "b": b""}


def leave_behind(parent: Path, prefix: str = "") -> None:
    """A process writes a read-only tree into a scratch folder and is killed before it can tidy up."""

    def die_while_writing() -> None:
        with scratch_folder(parent, prefix) as scratch:
            write_tree(scratch / "bundle", FILES, sealed=True)
            os.kill(os.getpid(), signal.SIGKILL)

    assert end_of(start(die_while_writing)) == -signal.SIGKILL


def test_a_scratch_folder_is_gone_afterwards_with_all_that_is_in_it(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as scratch:
        write_tree(scratch / "bundle", FILES, sealed=True)
    assert list(tmp_path.iterdir()) == []


def test_it_is_gone_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(KeyError), scratch_folder(tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_behind_is_swept_by_the_next(tmp_path: Path) -> None:
    leave_behind(tmp_path)
    assert len(list(tmp_path.rglob("*"))) > len(FILES)
    with scratch_folder(tmp_path) as scratch:
        assert list(tmp_path.iterdir()) == [scratch]


def test_what_a_living_process_holds_is_left_alone(tmp_path: Path) -> None:
    leave_behind(tmp_path)
    with scratch_folder(tmp_path) as ours:
        (ours / "half-written").touch()
        assert end_of(start(lambda: sweep(tmp_path))) == 0
        assert (ours / "half-written").exists()


def test_a_child_that_tidies_up_its_own_leaves_ours_alone(tmp_path: Path) -> None:
    def use_one() -> None:
        with scratch_folder(tmp_path):
            pass

    with scratch_folder(tmp_path) as ours:
        assert end_of(start(use_one)) == 0
        assert list(tmp_path.iterdir()) == [ours]


def test_processes_that_come_and_go_never_lose_theirs(tmp_path: Path) -> None:
    def use_many() -> None:
        for _ in range(400):
            with scratch_folder(tmp_path) as scratch:
                (scratch / "file").touch()

    assert [end_of(child) for child in [start(use_many) for _ in range(4)]] == [0] * 4
    assert list(tmp_path.iterdir()) == []


def test_only_what_has_the_prefix_is_swept(tmp_path: Path) -> None:
    leave_behind(tmp_path, ".one-")
    (tmp_path / "somebody's").mkdir()
    (tmp_path / ".one-file").touch()
    with scratch_folder(tmp_path, ".other-"):
        pass
    assert len(list(tmp_path.iterdir())) == 3
    with scratch_folder(tmp_path, ".one-"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".one-file", "somebody's"]


def test_a_link_among_scratch_folders_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp/link").symlink_to(tmp_path / "precious")
    leave_behind(tmp_path / "tmp")
    next((tmp_path / "tmp").glob("*-*")).joinpath("inside").symlink_to(tmp_path / "precious")
    sweep(tmp_path / "tmp")
    assert (tmp_path / "precious/file").exists()
