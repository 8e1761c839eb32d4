"""Revisions are checked out beside the repository, and nothing that the repository says is started for it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.revisions import (
    Range,
    Repository,
    checked_out,
    commit_of,
    fork_of,
    parse_range,
    repository_of,
    shallowness,
)
from tests.bundles import codes_of
from tests.repositories import commit, git, repository


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A repository with a product in a folder of it, and two commits."""
    product = tmp_path / "home" / "product"
    product.mkdir(parents=True)
    (product / "floe.yaml").write_text("first\n")
    repository(product.parent)
    git(product.parent, "tag", "v1")
    (product / "floe.yaml").write_text("second\n")
    commit(product.parent, "Second")
    return product.parent


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def of(folder: Path) -> Repository:
    found = repository_of(folder)
    assert found is not None
    return found


def check_out(home: Path, scratch: Path, revision: str = "HEAD") -> dict[str, str]:
    """The files of a revision, as they are checked out."""
    found = of(home)
    wanted = commit_of(found, revision)
    assert wanted is not None
    with checked_out(found, wanted, scratch) as tree:
        files = [file for file in tree.rglob("*") if file.is_file() and file.name != ".git"]
        return {file.relative_to(tree).as_posix(): file.read_text() for file in files}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("main", None),
        ("main..HEAD", Range("main", "HEAD", since_fork=False)),
        ("main...topic", Range("main", "topic", since_fork=True)),
        ("main..", Range("main", "HEAD", since_fork=False)),
        ("...topic", Range("HEAD", "topic", since_fork=True)),
        ("v1.2..v1.3", Range("v1.2", "v1.3", since_fork=False)),
    ],
)
def test_a_range_is_written_as_for_git_diff(text: str, expected: Range | None) -> None:
    assert parse_range(text) == expected


def test_a_repository_knows_where_the_product_lies(home: Path, tmp_path: Path) -> None:
    assert (of(home).root, of(home).within) == (home.resolve(), "")
    assert of(home / "product").within == "product"
    assert repository_of(tmp_path) is None


def test_a_revision_is_a_branch_a_tag_a_commit_or_what_leads_to_one(home: Path) -> None:
    head = git(home, "rev-parse", "HEAD")
    found = of(home)
    assert [commit_of(found, name) for name in ("main", "HEAD", head[:8], "v1^{}", "HEAD~1")][:3] == [head] * 3
    assert commit_of(found, "HEAD~1") == commit_of(found, "v1")
    for name in ("no-such-branch", "HEAD:product", "--all", "", "v1..main"):
        assert commit_of(found, name) is None


def test_the_files_of_a_revision_are_there_while_they_are_needed(home: Path, scratch: Path) -> None:
    assert check_out(home, scratch, "v1") == {"product/floe.yaml": "first\n"}
    assert check_out(home, scratch) == {"product/floe.yaml": "second\n"}


def test_nothing_of_a_checkout_is_left(home: Path, scratch: Path) -> None:
    before = sorted(file for file in home.rglob("*") if file.is_file())
    check_out(home, scratch)
    assert list(scratch.iterdir()) == []
    assert not (home / ".git" / "worktrees").exists()
    assert sorted(file for file in home.rglob("*") if file.is_file()) == before


def test_nothing_is_left_of_a_block_that_fails(home: Path, scratch: Path) -> None:
    found = of(home)
    with pytest.raises(KeyboardInterrupt), checked_out(found, str(commit_of(found, "v1")), scratch):
        raise KeyboardInterrupt
    assert list(scratch.iterdir()) == []
    assert len(git(home, "worktree", "list").splitlines()) == 1


_KILLED = """\
import os, pathlib, signal, sys
from floe_compiler.revisions import checked_out, commit_of, repository_of
repository = repository_of(pathlib.Path(sys.argv[1]))
with checked_out(repository, commit_of(repository, "HEAD"), pathlib.Path(sys.argv[2])) as tree:
    assert (tree / "product" / "floe.yaml").exists()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_floe_left_goes_with_the_next_checkout(home: Path, scratch: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    git(home, "worktree", "add", "--quiet", "--detach", str(others), "v1")
    others.rename(tmp_path / "moved away")
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(home), str(scratch)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(git(home, "worktree", "list").splitlines()) == 3
    assert len(list(scratch.iterdir())) == 1

    check_out(home, scratch)
    assert list(scratch.iterdir()) == []
    left = git(home, "worktree", "list", "--porcelain")
    assert str(others) in left, "a worktree that is somebody else's is nobody's business"
    assert str(scratch) not in left


def test_a_hook_is_not_run(home: Path, scratch: Path, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    for hook in ("post-checkout", "post-index-change", "reference-transaction"):
        file = home / ".git" / "hooks" / hook
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\ntouch '{marks}/{hook}'\n")
        file.chmod(0o755)
    git(home, "config", "core.fsmonitor", f"touch '{marks}/fsmonitor'; false")
    check_out(home, scratch)
    assert list(marks.iterdir()) == []
    git(home, "worktree", "add", "--quiet", "--detach", str(tmp_path / "ours"), "HEAD")
    assert (marks / "post-checkout").exists(), "the hook does nothing, so this test shows nothing"


def test_a_filter_is_not_run_and_a_product_that_needs_one_is_refused(home: Path, scratch: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    (home / "elsewhere.bin").write_text("as git keeps it\n")
    (home / "product" / "big.csv").write_text("id\n1\n")
    (home / ".gitattributes").write_text("*.bin filter=lfs\n*.csv filter=undeclared\n")
    commit(home, "Kept by a filter")
    for key, value in {
        "smudge": f"touch '{mark}'; cat",
        "process": f"touch '{mark}'; false",
        "required": "true",
    }.items():
        git(home, "config", f"filter.lfs.{key}", value)
    assert check_out(home / "product", scratch)["elsewhere.bin"] == "as git keeps it\n"

    git(home, "config", "filter.undeclared.smudge", f"touch '{mark}'; cat")
    with pytest.raises(FloeError) as refused:
        check_out(home / "product", scratch)
    assert codes_of(refused.value) == ["FLOE-D105"]
    assert "product/big.csv" in refused.value.problems[0].message
    assert not mark.exists()
    assert len(git(home, "worktree", "list").splitlines()) == 1


def test_a_submodule_is_not_fetched(home: Path, scratch: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "file").write_text("inner\n")
    repository(inner)
    git(home, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "inner")
    commit(home, "With a submodule")
    git(home, "config", "submodule.recurse", "true")
    assert "inner/file" not in check_out(home, scratch)


def test_a_sparse_checkout_hides_nothing(home: Path, scratch: Path) -> None:
    git(home, "sparse-checkout", "set", "--no-cone", "/nothing")
    assert check_out(home, scratch) == {"product/floe.yaml": "second\n"}


def test_variables_of_a_hook_lead_to_no_other_repository(
    home: Path, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    assert check_out(home, scratch) == {"product/floe.yaml": "second\n"}


def test_the_fork_is_where_two_branches_parted(home: Path) -> None:
    git(home, "switch", "--quiet", "--orphan", "stranger")
    (home / "file").write_text("x\n")
    stranger = commit(home, "From nowhere")
    git(home, "switch", "--quiet", "--create", "topic", "v1")
    (home / "file").write_text("y\n")
    topic = commit(home, "From v1")
    found = of(home)
    assert fork_of(found, str(commit_of(found, "main")), topic) == commit_of(found, "v1")
    assert fork_of(found, topic, stranger) is None


def test_a_shallow_clone_is_named_as_the_reason(home: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{home}", "shallow")
    assert "fetch-depth: 0" in shallowness(of(tmp_path / "shallow"))
    assert shallowness(of(home)) == ""


def test_git_that_is_not_there_is_a_problem(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FloeError) as refused:
        repository_of(home)
    assert codes_of(refused.value) == ["FLOE-D102"]


def test_a_repository_that_git_will_not_read_is_a_problem(home: Path) -> None:
    (home / ".git" / "config").write_text("[core\n")
    with pytest.raises(FloeError) as refused:
        repository_of(home)
    assert codes_of(refused.value) == ["FLOE-D102"]


def test_a_system_that_refuses_the_checkout_is_a_problem(home: Path, scratch: Path) -> None:
    found = of(home)
    objects = home / ".git" / "objects"
    objects.rename(objects.with_name("gone"))
    with pytest.raises(FloeError) as refused, checked_out(found, "1" * 40, scratch):
        pass
    assert codes_of(refused.value) == ["FLOE-D102"]
    assert list(scratch.iterdir()) == []
