"""Fixtures around the double; a test module asks for them with `pytest_plugins`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.dbt_cloud import document
from tests.doubles.dbt_cloud.bench import BUILD, PARSE, PRODUCT, SCHEMA, Bench, Repository, git
from tests.doubles.dbt_cloud.platform import DbtCloud
from tests.doubles.dbt_cloud.server import serving
from tests.doubles.dbt_cloud.workshop import Workshop
from tests.warm import WarmRegistry


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
def workshop(repository: Repository, registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Real dbt, which has parsed and built the product: afterwards every run is quick."""
    made = Workshop(registry.get_runtime("local", {}, {}), tmp_path_factory.mktemp("workshop"))
    checkout = made.check_out(repository.origin, repository.commit)
    made.invoke(checkout, "dev", SCHEMA, BUILD)
    if document.available():
        document.prepare()
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
    assert sorted(set(cloud.purposes)) == sorted(cloud.purposes), "nothing is run a second time"
