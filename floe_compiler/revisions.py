"""Git revisions of a product: which there are, and one of them as a folder. The one module that asks git for them.

https://git-scm.com/docs. Only the repository that the product lies in is read, and what it says about itself starts
nothing: no hook, no filter, no monitor of files, no fetch, no submodule. A revision is checked out as a worktree
(`git worktree add --detach`) in a scratch folder of the store; the record that git keeps of it goes with it, or, when
floe was killed, with the next one.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.store.scratch import scratch_folder

HEAD: Final = "HEAD"
SECONDS: Final = 600
_INHERITED: Final = ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR")
"""All that git is told of the environment: GIT_DIR, GIT_INDEX_FILE and their kin, which a hook of git has set, would
turn it to another repository."""
_ENVIRONMENT: Final = {
    "LC_ALL": "C",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "core.sparseCheckout=false",
    "submodule.recurse=false",
)
_FILTER_KEYS: Final = {"smudge": "", "clean": "", "process": "", "required": "false"}
_TREE: Final = "tree"
_FEW: Final = 3


class Range(NamedTuple):
    """Two revisions as `git diff` takes them: `A..B`, or `A...B` for what B has added since it left A."""

    old: str
    new: str
    since_fork: bool


def parse_range(text: str) -> Range | None:
    """The range that a text is, or None: a side that is left out is HEAD."""
    for dots in ("...", ".."):
        old, found, new = text.partition(dots)
        if found:
            return Range(old or HEAD, new or HEAD, since_fork=dots == "...")
    return None


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository of a product. `within` is the product's folder below its root, "" for the root itself."""

    root: Path
    within: str
    environ: dict[str, str] = field(repr=False)
    filters: frozenset[str] = field(repr=False)


def repository_of(folder: Path) -> Repository | None:
    """The repository that a folder lies in, or None. Raises FLOE-D102 when git cannot be asked."""
    environ = {name: os.environ[name] for name in _INHERITED if name in os.environ} | _ENVIRONMENT
    try:
        root, within = _git(folder, environ, "rev-parse", "--show-toplevel", "--show-prefix").split("\n")[:2]
    except _Refused as refused:
        if "not a git repository" in refused.said:
            return None
        raise FloeError(Problem("FLOE-D102", f"git cannot read this repository: {refused.said}")) from refused
    filters = _filters(folder, environ)
    return Repository(Path(root), within.rstrip("/"), environ | _switched_off(filters), filters)


def commit_of(repository: Repository, revision: str) -> str | None:
    """The commit that a revision names (a branch, a tag, `HEAD~2`, the beginning of a commit), or None."""
    if revision.startswith("-"):
        return None
    arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    try:
        return _git(repository.root, repository.environ, *arguments).split()[-1]
    except _Refused:
        return None


def names_in(repository: Repository) -> list[str]:
    """The branches and tags, as people write them."""
    with suppress(_Refused):
        names = _git(repository.root, repository.environ, "for-each-ref", "--format=%(refname:lstrip=2)")
        return names.splitlines()
    return []


def fork_of(repository: Repository, first: str, second: str) -> str | None:
    """The commit at which two commits parted, or None."""
    try:
        return _git(repository.root, repository.environ, "merge-base", first, second).strip()
    except _Refused:
        return None


def shallowness(repository: Repository) -> str:
    """What to do about a clone that lacks history, if this is one; else ""."""
    with suppress(_Refused):
        if _git(repository.root, repository.environ, "rev-parse", "--is-shallow-repository").strip() == "true":
            return "This clone is shallow: `git fetch --unshallow`, or `fetch-depth: 0` where CI checks it out."
    return ""


@contextmanager
def checked_out(repository: Repository, commit: str, parent: Path) -> Iterator[Path]:
    """The files of a commit in a folder below `parent`, as git would check them out; gone after the block.

    Raises FLOE-D102 when git does not answer, FLOE-D105 for a product whose files are made by a filter.
    """
    with scratch_folder(parent.resolve()) as scratch:
        _forget_the_dead(repository, parent)
        tree = scratch / f"{_TREE}-{scratch.name}"  # git's record of a worktree is called after its folder
        try:
            _check_out(repository, commit, tree)
            yield tree
        finally:
            with suppress(FloeError, _Refused):  # the next one will do
                _git(repository.root, repository.environ, "worktree", "remove", "--force", str(tree))


def _check_out(repository: Repository, commit: str, tree: Path) -> None:
    try:
        _git(repository.root, repository.environ, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        filtered = _filtered(repository, tree)
    except _Refused as refused:
        message = f"git cannot check out {commit[:12]}: {refused.said}"
        raise FloeError(Problem("FLOE-D102", message)) from refused
    if filtered:
        more = f" and {len(filtered) - _FEW} more" if len(filtered) > _FEW else ""
        message = f"git makes these files with a filter, which floe does not start: {', '.join(filtered[:_FEW])}{more}"
        hint = "Compile each revision where it is checked out, and compare the two bundles."
        raise FloeError(Problem("FLOE-D105", message, Where(filtered[0]), hint))


def _forget_the_dead(repository: Repository, parent: Path) -> None:
    """Git's records of worktrees below `parent` whose folders are gone. Those of others are others' business."""
    with suppress(_Refused):
        listed = _git(repository.root, repository.environ, "worktree", "list", "--porcelain")
        for line in listed.splitlines():
            path = Path(line.removeprefix("worktree "))
            if line.startswith("worktree ") and path.is_relative_to(parent.resolve()) and not path.exists():
                _git(repository.root, repository.environ, "worktree", "remove", "--force", str(path))


def _filters(folder: Path, environ: dict[str, str]) -> frozenset[str]:
    """The filters that git would start here, by name: those of Git LFS, say."""
    try:
        keys = _git(folder, environ, "config", "--name-only", "-z", "--get-regexp", r"^filter\.").split("\0")
    except _Refused:  # there are none
        return frozenset()
    return frozenset(key[len("filter.") : key.rindex(".")] for key in keys if key.count(".") > 1)


def _switched_off(filters: Collection[str]) -> dict[str, str]:
    """Settings for the environment: a name may hold what the command line has no words for."""
    settings = [(f"filter.{name}.{key}", value) for name in sorted(filters) for key, value in _FILTER_KEYS.items()]
    environ = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        environ |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return environ


def _filtered(repository: Repository, tree: Path) -> list[str]:
    """The files of the product that a filter should have made."""
    if not repository.filters:
        return []
    files = _git(tree, repository.environ, "ls-files", "-z", "--", repository.within or ".")
    fields = _git(tree, repository.environ, "check-attr", "--stdin", "-z", "filter", given=files).split("\0")
    return [path for path, _, value in zip(*[iter(fields)] * 3, strict=False) if value in repository.filters]


class _Refused(Exception):
    """Git ended with a status other than 0."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


def _git(folder: Path, environ: dict[str, str], *arguments: str, given: str = "") -> str:
    """What git prints. Raises FLOE-D102 when it cannot be run, _Refused when it says no."""
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    try:
        done = subprocess.run(
            ["git", *settings, "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            env=environ,
            input=given,
            capture_output=True,
            check=False,
            timeout=SECONDS,
            encoding="utf-8",
            errors="surrogateescape",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FloeError(Problem("FLOE-D102", f"git cannot be run: {error}")) from error
    if done.returncode:
        raise _Refused(done.stderr.strip().removeprefix("fatal: "))
    return done.stdout
