"""A product in dbt Cloud as the surroundings of a refusal: `dbt_cloud` in the `case.toml` of `fixtures/broken`."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from floe_compiler import stages
from tests.doubles.dbt_cloud.bench import PARSE, PRODUCT, SCHEMA, git
from tests.doubles.dbt_cloud.faults import Fault, Way
from tests.doubles.dbt_cloud.platform import ACCOUNT, JOBS, TOKEN, DbtCloud
from tests.doubles.dbt_cloud.server import serving
from tests.doubles.dbt_cloud.workshop import Workshop

PLATFORM = {
    "apiVersion": "floe.dev/v1",
    "kind": "PlatformManifest",
    "metadata": {"name": "parish", "version": "1.0.0", "owner": "platform@parish.example"},
    "default_target": "dev",
    "targets": {"dev": {"compute": "duckdb", "config": {"path": "bells.duckdb", "schema": "bells", "threads": 2}}},
}


@contextmanager
def a_product_in_dbt_cloud(
    product: Path,
    *,
    token: str = TOKEN,
    pushed: bool = True,
    other_commit: bool = False,
    config: Mapping[str, Any] | None = None,
    faults: Sequence[Mapping[str, Any]] = (),
    spoil: Mapping[str, Any] | None = None,
    spare: int = 0,
    **state: Any,
) -> Iterator[None]:
    """The product under git, dbt Cloud with its repository, and a platform that names both.

    `spoil` sets members of manifest.json by dotted place, `spare` of them are left as they are. `state` is that of
    the double.
    """
    with tempfile.TemporaryDirectory(prefix="floe-origin-") as folder:
        origin = Path(folder) / "origin.git"
        commit = _committed(product, origin, pushed=pushed)
        workshop = _workshop()
        if pushed:  # dbt takes its time now, rather than while somebody waits for an answer
            workshop.invoke(workshop.check_out(origin, commit), "dev", SCHEMA, PARSE)
        cloud = DbtCloud(origin, workshop)
        cloud.other_commit = git(product, "rev-parse", f"{commit}^") if other_commit else None
        cloud.faults = [Fault(**{**fault, "way": Way[fault.get("way", "STATUS")]}) for fault in faults]
        cloud.spoiled["manifest.json"] = _spoiling(spoil or {}, spare)
        for name, value in state.items():
            assert hasattr(cloud, name), name
            setattr(cloud, name, value)
        with serving(cloud) as address, mock.patch.dict(os.environ, {"DBT_CLOUD_TOKEN": token}):
            if not token:
                del os.environ["DBT_CLOUD_TOKEN"]
            quick = {"poll_seconds": 0.01, "retry_seconds": 8.0}
            runtime = {"account": ACCOUNT, "jobs": {"dev": JOBS["dev"]}, "url": address, **quick, **(config or {})}
            platform = PLATFORM | {"plugins": {"compute": "duckdb", "dbt_runtime": {"use": "cloud", "config": runtime}}}
            (product / "platform-manifest.yaml").write_text(json.dumps(platform, indent=2))
            yield
    assert cloud.mismatches == []


def _committed(product: Path, origin: Path, *, pushed: bool) -> str:
    """Two commits of the same files, so that there is another one."""
    git(origin.parent, "init", "--quiet", "--bare", "--initial-branch=main", origin.name)
    shutil.copytree(PRODUCT, product)
    git(product, "init", "--quiet", "--initial-branch=main")
    git(product, "add", ".")
    git(product, "commit", "--quiet", "--message=Ring")
    git(product, "commit", "--quiet", "--message=Ring again", "--allow-empty")
    git(product, "remote", "add", "origin", str(origin))
    if pushed:
        git(product, "push", "--quiet", "origin", "main")
    return git(product, "rev-parse", "HEAD")


@cache
def _workshop() -> Workshop:
    """One for all cases: the product's commit is always the same, so dbt parses it once."""
    root = tempfile.mkdtemp(prefix="floe-workshop-")
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return Workshop(stages.PluginRegistry().get_runtime("local", {}, {}), Path(root))


def _spoiling(members: Mapping[str, Any], spare: int) -> Callable[[bytes], bytes]:
    left = [spare]

    def spoil(content: bytes) -> bytes:
        left[0] -= 1
        if left[0] >= 0 or not members:
            return content
        value = json.loads(content)
        for place, new in members.items():
            section, *way, last = place.split("/")
            inner = value[section]
            for step in way:
                inner = inner[step]
            inner[last] = new
        return json.dumps(value).encode()

    return spoil
