"""dbt Cloud for any project of the fixtures: committed and pushed as it is, run by real dbt with every option."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from floe_compiler.errors import FloeError
from floe_compiler.plugins.contracts import DBTRuntimePlugin
from tests.doubles.dbt_cloud import document
from tests.doubles.dbt_cloud.bench import git
from tests.doubles.dbt_cloud.platform import ACCOUNT, JOBS, DbtCloud
from tests.doubles.dbt_cloud.server import serving
from tests.doubles.dbt_cloud.workshop import Outcome, StepFailed, Workshop

PROFILES = Path(__file__).parents[3] / "fixtures" / "projects" / "profiles"
LEFT_OUT = ".env\ntarget/\nlogs/\n"


class Anywhere:
    """An account whose one repository takes every project, each commit under a name of its own."""

    def __init__(self, root: Path, dbt: DBTRuntimePlugin) -> None:
        git(root, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
        self._origin = root / "origin.git"
        (root / "workshop").mkdir()
        self.cloud = DbtCloud(self._origin, ThoroughWorkshop(dbt, root / "workshop"))

    @contextmanager
    def configured(self) -> Iterator[dict[str, Any]]:
        """The configuration of a runtime that reaches it; every exchange is as published."""
        if document.available():
            document.prepare()
        with serving(self.cloud) as address:
            yield {"account": ACCOUNT, "jobs": JOBS, "url": address, "poll_seconds": 0.01, "retry_seconds": 60.0}
        assert self.cloud.mismatches == []

    def push(self, project: Path) -> None:
        """Commits whatever is not committed, and pushes it."""
        if not (project / ".git").exists():
            git(project, "init", "--quiet", "--initial-branch=main")
            (project / ".git" / "info" / "exclude").write_text(LEFT_OUT)
            git(project, "remote", "add", "origin", str(self._origin))
        if git(project, "--no-optional-locks", "status", "--porcelain"):
            git(project, "add", ".")
            git(project, "commit", "--quiet", "--message=As it is")
            commit = git(project, "rev-parse", "HEAD")
            git(project, "push", "--quiet", "--force", "origin", f"HEAD:refs/heads/at-{commit}")


class ThoroughWorkshop(Workshop):
    """Carries out every command by itself, and knows no project in particular.

    Variables do not reach `dbt parse` here: the projects use them in SQL only.
    """

    def invoke(self, checkout: Path, target: str, schema: str, command: str) -> Outcome:
        _, verb, *words = shlex.split(command)
        place = Path(tempfile.mkdtemp(dir=self.root))
        try:
            manifest = self.dbt.compile_project(checkout, PROFILES, target, target_path=place, log_path=place)
            artifacts = {"manifest.json": manifest.read_bytes()}
            if verb == "parse":
                return Outcome("Performance info: target/perf_info.json\n", artifacts)
            options = {"working_dir": place, "target_path": place, "log_path": place, **_options(words)}
            result = self.dbt.run_models(checkout, PROFILES, target, command=verb, **options)
        except FloeError as error:
            raise StepFailed(_said_by_dbt(checkout, target, place, verb, words)) from error
        artifacts["run_results.json"] = result.artifacts["run_results"].read_bytes()
        if not result.success:
            raise StepFailed(f"Completed with {len(result.failed)} error", artifacts)
        return Outcome("Completed successfully", artifacts)


def _options(words: list[str]) -> dict[str, Any]:
    """dbt's words as options of a run."""
    options: dict[str, Any] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word.removeprefix("--").replace("-", "_")
            options[name] = True
        else:
            options[name] = word if options[name] is True else f"{options[name]} {word}"
    if "vars" in options:
        options["vars"] = orjson.loads(options["vars"])
    return options


def _said_by_dbt(checkout: Path, target: str, place: Path, verb: str, words: list[str]) -> str:
    """What dbt's own command line prints of what it refuses."""
    (place / ".env").touch()
    places = ("--project-dir", checkout, "--profiles-dir", PROFILES, "--target-path", place, "--log-path", place)
    done = subprocess.run(
        [Path(sys.executable).parent / "dbt", verb, *places, "--target", target, "--no-use-colors", *words],
        cwd=place, env={"PATH": os.environ["PATH"], "HOME": str(place), "DO_NOT_TRACK": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout
