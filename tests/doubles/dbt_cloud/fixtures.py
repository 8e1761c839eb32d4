"""Fixtures around the double: a product in a git repository that was pushed, and dbt Cloud beside it.

A test module asks for them by `pytest_plugins = ["tests.doubles.dbt_cloud.fixtures"]`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from floe_compiler.builtin.dbt_runtime.cloud import CloudConfig, CloudDBTPlugin
from floe_compiler.manifest import normal_bytes
from floe_compiler.model.runs import DBTRunResult
from tests.doubles.dbt_cloud.platform import ACCOUNT, JOBS, TOKEN, DbtCloud
from tests.doubles.dbt_cloud.server import serving
from tests.doubles.dbt_cloud.workshop import Workshop
from tests.warm import WarmRegistry

PRODUCT = Path(__file__).parent / "product"
SCHEMA = "bells"
OUTPUT = {"type": "duckdb", "path": "bells.duckdb", "schema": SCHEMA, "threads": 2}
BUILD = "dbt build --exclude tag:quarrel"
PARSE = "dbt parse --no-partial-parse"


def git(folder: Path, *arguments: str) -> str:
    """git, as somebody with a name."""
    identity = {"GIT_AUTHOR_NAME": "Sexton", "GIT_AUTHOR_EMAIL": "s@bells.example", "GIT_CONFIG_GLOBAL": os.devnull}
    identity |= {"GIT_COMMITTER_NAME": "Sexton", "GIT_COMMITTER_EMAIL": "s@bells.example", "LC_ALL": "C"}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=os.environ | identity, capture_output=True, text=True, check=True
    )
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
    repeats: bool = False
    """Whether the test means to have the same run more than once."""

    @property
    def sealed(self) -> Path:
        """The manifest as a bundle would hold it."""
        path = self.root / "sealed.json"
        path.write_bytes(normal_bytes(self.manifest, "dev")[0])
        return path

    @property
    def sealed_dir(self) -> Path:
        """What a bundle would hold of the compile."""
        folder = self.root / "dbt_runtime"
        folder.mkdir(exist_ok=True)
        (folder / "source.json").write_text(json.dumps({"git_sha": self.repository.commit}))
        return folder

    def config(self, **changed: Any) -> dict[str, Any]:
        """A configuration that hurries."""
        quick = {"poll_seconds": 0.01, "retry_seconds": 8.0, "wait_seconds": 60.0}
        return {"account": ACCOUNT, "jobs": JOBS, "url": self.address, **quick, **changed}

    def runtime(self, **changed: Any) -> CloudDBTPlugin:
        return CloudDBTPlugin(CloudConfig.model_validate(self.config(**changed)), self.environ)

    def compile(self, changed: dict[str, Any] | None = None, **options: Any) -> bytes:
        """What the runtime compiles of the product."""
        places = {"target_path": self.root / "target", "log_path": self.root / "logs"}
        runtime = self.runtime(**(changed or {}))
        return runtime.compile_project(self.product, self.profiles(), "dev", **places, **options).read_bytes()

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
        return runtime.run_models(self.product, self.profiles(), "dev", **given | options)

    def profiles(self, **changed: Any) -> Path:
        """The profile that the compute plugin renders."""
        folder = self.root / "profiles"
        folder.mkdir(exist_ok=True)
        profile = {"target": "dev", "outputs": {"dev": {**OUTPUT, **changed}}}
        (folder / "profiles.yml").write_text(json.dumps({"bells": profile}))
        return folder


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The product, committed and pushed."""
    root = tmp_path_factory.mktemp("bells")
    git(root, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    clone = root / "clone"
    shutil.copytree(PRODUCT, clone)
    git(clone, "init", "--quiet", "--initial-branch=main")
    (clone / ".gitignore").write_text(".floe/\ntarget/\nlogs/\ndbt_packages/\n")
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message=Ring")
    git(clone, "remote", "add", "origin", str(root / "origin.git"))
    git(clone, "push", "--quiet", "--set-upstream", "origin", "main")
    return Repository(root / "origin.git", clone, git(clone, "rev-parse", "HEAD"))


@pytest.fixture(scope="session")
def workshop(
    repository: Repository, registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Workshop:
    """Real dbt, which has parsed and built the product: afterwards every run is quick."""
    made = Workshop(registry.get_runtime("local", {}, {}), tmp_path_factory.mktemp("workshop"))
    checkout = made.check_out(repository.origin, repository.commit)
    made.invoke(checkout, "dev", SCHEMA, BUILD)
    return made


@pytest.fixture
def bench(repository: Repository, workshop: Workshop, tmp_path: Path) -> Iterator[Bench]:
    """Everything together. Whatever a test does, no run is started twice and every exchange is in order."""
    product = tmp_path / "bells"
    shutil.copytree(repository.clone, product)
    checkout = workshop.check_out(repository.origin, repository.commit)
    manifest = workshop.invoke(checkout, "dev", SCHEMA, PARSE).artifacts["manifest.json"]
    cloud = DbtCloud(repository.origin, workshop)
    with serving(cloud) as address:
        made = Bench(tmp_path, product, repository, cloud, address, manifest)
        yield made
    assert cloud.mismatches == []
    assert made.repeats or len(set(cloud.triggered)) == len(cloud.triggered), cloud.triggered
