"""What git knows of a folder: the commit that stands for it, if it stands for it exactly.

https://git-scm.com/docs. Nothing is fetched: whether a commit was pushed is told by the remote branches as they
were last seen.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Final

from floe_compiler.errors import FloeError, Problem, Where, raise_if_any

SECONDS: Final = 60
INHERITED: Final = ("PATH", "HOME", "XDG_CONFIG_HOME")
"""All that git is told of the environment: GIT_DIR and its kin would turn it to another repository."""
NO_REPOSITORY: Final = "not a git repository"
READ_ONLY: Final = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def pushed_commit(folder: Path, files: Collection[str], fetched: Collection[str]) -> str:
    """The commit that holds a folder's `files` exactly as they are, and that a remote branch has.

    Paths are relative to the folder. What git does not track is let pass below the folders `fetched`.
    Raises FloeError: FLOE-C250 no commit, C251 what differs, C252 not pushed, C253 no git.
    """
    try:
        commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").strip()
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip()
        words = f": {said}" if said and NO_REPOSITORY not in said else ""
        message = f"the dbt project is in no git repository that has a commit{words}"
        raise FloeError(Problem("FLOE-C250", message)) from error
    try:
        raise_if_any(
            Problem("FLOE-C251", f"{path} {why}", Where(path), "dbt Cloud runs what is committed: commit and push.")
            for path, why in _differences(folder, files, tuple(f"{name}/" for name in fetched))
        )
        unpushed = _git(folder, "rev-list", "--max-count=1", "HEAD", "--not", "--remotes").strip()
        changed = _paths(_git(folder, "log", "--format=", "--name-only", "-z", "HEAD", "--not", "--remotes", "--", "."))
    except subprocess.CalledProcessError as error:
        raise FloeError(Problem("FLOE-C253", f"git does not answer: {error.stderr.strip()}")) from error
    if unpushed:
        files_in_it = f" (it changes {', '.join(sorted(set(changed)))})" if changed else ""
        message = f"the commit {commit} is on no remote branch{files_in_it}"
        raise FloeError(Problem("FLOE-C252", message, hint="dbt Cloud cannot check it out: push it."))
    return commit


def _differences(folder: Path, files: Collection[str], fetched: tuple[str, ...]) -> list[tuple[str, str]]:
    """Every path at which the folder and the commit are two things, and how."""
    prefix = _git(folder, "rev-parse", "--show-prefix").rstrip("\n")
    tracked = set(_paths(_git(folder, "ls-files", "-z")))
    status = _paths(_git(folder, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no", "--", "."))
    changed = {entry[3:].removeprefix(prefix) for entry in status}
    found = [(path, "is in the commit and deleted here") for path in changed if not (folder / path).exists()]
    for path in files:
        if path in changed:
            found.append((path, "differs from the commit"))
        elif path not in tracked and not path.startswith(fetched):
            found.append((path, "is not in the commit"))
    return found


def _git(folder: Path, *arguments: str) -> str:
    environ = {name: os.environ[name] for name in INHERITED if name in os.environ} | READ_ONLY
    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=SECONDS,
            encoding="utf-8",
            errors="surrogateescape",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FloeError(Problem("FLOE-C253", f"git cannot be run: {error}")) from error
    return done.stdout


def _paths(output: str) -> list[str]:
    return [path for path in output.split("\0") if path]
