"""What tests of the runtime `cloud` work with: a product under git, dbt Cloud beside it, a runtime between them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from floe_compiler.builtin.dbt_runtime.cloud import CloudConfig, CloudDBTPlugin
from floe_compiler.manifest import normal_manifest
from floe_compiler.model.runs import DBTRunResult
from tests.doubles.dbt_cloud.platform import ACCOUNT, JOBS, TOKEN, DbtCloud

PRODUCT = Path(__file__).parent / "product"
SCHEMA = "bells"
OUTPUT = {"type": "duckdb", "path": "bells.duckdb", "schema": SCHEMA, "threads": 2}
BUILD = "dbt build --exclude tag:quarrel"
PARSE = "dbt parse --no-partial-parse"


def git(folder: Path, *arguments: str) -> str:
    """git, as somebody with a name, at one moment: the same content is the same commit."""
    who = {"NAME": "Sexton", "EMAIL": "sexton@bells.example", "DATE": "2026-03-01T06:00:00Z"}
    environ = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    environ |= {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass(frozen=True)
class Repository:
    """The product as it was committed and pushed; `origin` is what dbt Cloud clones."""

    origin: Path
    clone: Path
    commit: str


@dataclass
class Bench:
    """A clone of the product to work in, dbt Cloud, and a runtime that knows both."""

    root: Path
    product: Path
    repository: Repository
    cloud: DbtCloud
    address: str
    manifest: bytes
    environ: dict[str, str] = field(default_factory=lambda: {"DBT_CLOUD_TOKEN": TOKEN})

    def __post_init__(self) -> None:
        """Lays out what a bundle would hold: the profile, the manifest, and what the compile leaves for runs."""
        self.write_profile()
        self.sealed.write_bytes(normal_manifest(self.manifest, "dev")[0])
        self.sealed_dir.mkdir()
        (self.sealed_dir / "source.json").write_text(json.dumps({"git_sha": self.repository.commit}))

    @property
    def profiles(self) -> Path:
        return self.root / "profiles"

    @property
    def sealed(self) -> Path:
        return self.root / "sealed.json"

    @property
    def sealed_dir(self) -> Path:
        return self.root / "dbt_runtime"

    def write_profile(self, **changed: Any) -> None:
        """The profile as the compute plugin renders it."""
        self.profiles.mkdir(exist_ok=True)
        profile = {"target": "dev", "outputs": {"dev": {**OUTPUT, **changed}}}
        (self.profiles / "profiles.yml").write_text(json.dumps({"bells": profile}))

    def config(self, **changed: Any) -> dict[str, Any]:
        """A configuration that hurries."""
        quick = {"poll_seconds": 0.01, "retry_seconds": 8.0, "wait_seconds": 60.0}
        return {"account": ACCOUNT, "jobs": JOBS, "url": self.address, **quick, **changed}

    def runtime(self, **changed: Any) -> CloudDBTPlugin:
        return CloudDBTPlugin(CloudConfig.model_validate(self.config(**changed)), self.environ)

    def compile(self, changed: dict[str, Any] | None = None, **options: Any) -> bytes:
        """What the runtime compiles of the product."""
        given: dict[str, Any] = {"target_path": self.root / "target", "log_path": self.root / "logs", **options}
        runtime = self.runtime(**(changed or {}))
        return runtime.compile_project(self.product, self.profiles, "dev", **given).read_bytes()

    def run(self, changed: dict[str, Any] | None = None, **options: Any) -> DBTRunResult:
        """What the runtime runs of what was sealed: everything but what is meant to fail."""
        given: dict[str, Any] = {
            "command": "build",
            "exclude": "tag:quarrel",
            "manifest": self.sealed,
            "sealed_dir": self.sealed_dir,
            "target_path": self.root / "target",
            "log_path": self.root / "logs",
        }
        runtime = self.runtime(**(changed or {}))
        return runtime.run_models(self.product, self.profiles, "dev", **given | options)
