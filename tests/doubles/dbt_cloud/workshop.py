"""Where the double's runs are carried out: git checks out the commit, and real dbt parses and builds it.

Each tree of files is parsed and built once; a run that selects nodes is given the results of those nodes. That is what
dbt would report as long as no node that is left out makes another one fail or skip, as in the product here.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from floe_compiler.errors import FloeError
from floe_compiler.plugins.contracts import DBTRuntimePlugin

Artifacts = Mapping[str, bytes]
ADDS_AN_EXECUTED_NODE = {"compiled": True, "compiled_code": "select 1"}
SELECTING = ("--select", "--exclude")


class StepFailed(Exception):
    """A step ended in an error; what it printed, and what it left behind."""

    def __init__(self, logs: str, artifacts: Artifacts | None = None) -> None:
        super().__init__(logs)
        self.logs = logs
        self.artifacts: Artifacts = artifacts or {}


@dataclass(frozen=True)
class Outcome:
    """A dbt command that went well."""

    logs: str
    artifacts: Artifacts


@dataclass
class Workshop:
    """Real git and real dbt, for as long as a test session lasts."""

    dbt: DBTRuntimePlugin
    root: Path
    _made: dict[tuple[str, ...], bytes] = field(default_factory=dict)

    def check_out(self, repository: Path, commit: str) -> Path:
        """The commit's files. Raises StepFailed with git's words."""
        folder = self.root / commit
        if not folder.exists():
            self._git("clone", "--quiet", "--no-checkout", str(repository), str(folder))
        self._git("-C", str(folder), "-c", "advice.detachedHead=false", "checkout", "--quiet", commit)
        return folder

    def invoke(self, checkout: Path, target: str, schema: str, command: str) -> Outcome:
        """One command of a job. Raises StepFailed."""
        program, verb, *words = shlex.split(command)
        assert program == "dbt"
        made_of = (self._git("-C", str(checkout), "rev-parse", "HEAD^{tree}"), target, schema)
        manifest = self._once(("parse", *made_of), lambda: self._parse(checkout, target, schema))
        if verb == "parse":
            return Outcome("Running with dbt\nPerformance info: target/perf_info.json\n", {"manifest.json": manifest})
        results = self._once(("build", *made_of), lambda: self._build(checkout, target, schema))
        nodes: dict[str, Any] = json.loads(manifest)["nodes"]
        ran = json.loads(results)
        ran["results"] = [result for result in ran["results"] if _selected(nodes[result["unique_id"]], words)]
        artifacts = {"manifest.json": _as_executed(manifest, ran), "run_results.json": json.dumps(ran).encode()}
        failed = [result for result in ran["results"] if result["status"] in {"error", "fail"}]
        if failed:
            raise StepFailed(f"Completed with {len(failed)} error", artifacts)
        return Outcome("Completed successfully", artifacts)

    def _once(self, key: tuple[str, ...], make: Callable[[], bytes]) -> bytes:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _parse(self, checkout: Path, target: str, schema: str) -> bytes:
        try:
            return self.dbt.compile_project(
                checkout, self._profiles(target, schema), target, target_path=self.root / "target"
            ).read_bytes()
        except FloeError as error:
            raise StepFailed(f"Encountered an error:\n{error}") from error

    def _build(self, checkout: Path, target: str, schema: str) -> bytes:
        target_path = self.root / "target"
        profiles = self._profiles(target, schema)
        self.dbt.run_models(checkout, profiles, target, command="build", working_dir=self.root, target_path=target_path)
        return (target_path / "run_results.json").read_bytes()

    def _profiles(self, target: str, schema: str) -> Path:
        """What the environment's connection is in dbt Cloud."""
        output = {"type": "duckdb", "path": str(self.root / "bells.duckdb"), "schema": schema, "threads": 2}
        folder = self.root / "profiles"
        folder.mkdir(exist_ok=True)
        (folder / "profiles.yml").write_text(json.dumps({"bells": {"target": target, "outputs": {target: output}}}))
        return folder

    def _git(self, *arguments: str) -> str:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(["git", *arguments], env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StepFailed(done.stderr)
        return done.stdout


def _selected(node: Mapping[str, Any], words: list[str]) -> bool:
    option, picked, left_out = "", list[bool](), False
    for word in words:
        if word.startswith("--"):
            option = word
        elif option in SELECTING:
            hit = word.removeprefix("tag:") in node["tags"] if word.startswith("tag:") else word == node["name"]
            left_out |= hit and option == "--exclude"
            picked += [hit] if option == "--select" else []
    return not left_out and (any(picked) or not picked)


def _as_executed(manifest: bytes, ran: Mapping[str, Any]) -> bytes:
    """dbt adds compiled code to what it runs: a run's last manifest is not the one that it parsed."""
    document = json.loads(manifest)
    for result in ran["results"]:
        document["nodes"][result["unique_id"]] |= ADDS_AN_EXECUTED_NODE
    return json.dumps(document).encode()
