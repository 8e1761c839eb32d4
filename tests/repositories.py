"""Git repositories for tests: nobody's configuration, a clock that stands still."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_IDENTITY = {
    "GIT_AUTHOR_NAME": "Ilse",
    "GIT_AUTHOR_EMAIL": "ilse@corner.example",
    "GIT_COMMITTER_NAME": "Ilse",
    "GIT_COMMITTER_EMAIL": "ilse@corner.example",
    "GIT_AUTHOR_DATE": "2026-03-01T06:00:00Z",
    "GIT_COMMITTER_DATE": "2026-03-01T06:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *arguments: str) -> str:
    """What git prints."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _IDENTITY
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout.strip()


def repository(folder: Path, branch: str = "main") -> Path:
    """A repository of all that lies in the folder, in one commit."""
    git(folder, "init", "--quiet", f"--initial-branch={branch}")
    commit(folder, "As it was")
    return folder


def commit(folder: Path, message: str) -> str:
    """Commits everything that git does not ignore, and returns the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", f"--message={message}")
    return git(folder, "rev-parse", "HEAD")
