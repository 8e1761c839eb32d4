"""What the deployment starts, started: the container's command, in its environment, on a root that nobody can write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from floe_compiler.pipeline import compile_product, export_bundle
from tests.containers import AVAILABLE, run_in_container
from tests.warm import WarmRegistry

pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(not AVAILABLE, reason="needs mount namespaces, which this user cannot make"),
]
SETTINGS = "settings: {memory_limit: {env: WAREHOUSE_MEMORY}}"


@pytest.fixture
def bundle(shop: Path, registry: WarmRegistry) -> Path:
    """The corner shop on a platform that leaves one setting to wherever it runs."""
    platform = shop.parent / "platform" / "corner-shop.yaml"
    platform.write_text(platform.read_text().replace("threads: 2", f"threads: 2, {SETTINGS}"))
    compiled = compile_product(shop, registry=registry)
    return export_bundle(compiled, out=shop.parent / "exported")


@pytest.fixture
def volumes(tmp_path: Path, bundle: Path) -> dict[str, Path]:
    """What the pod mounts, and the bundle as its image holds it."""
    folders = {"/bundle": bundle, "/run/floe": tmp_path / "run", "/tmp": tmp_path / "scratch"}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    return folders


def environment(bundle: Path, container: dict[str, Any], given: dict[str, dict[str, str]]) -> dict[str, str]:
    """As the kubelet makes it; `given` are the ConfigMaps and Secrets that the platform has made, by name."""
    rendered = yaml.safe_load((bundle / "deployment" / "configmap.yaml").read_text())
    maps = {rendered["metadata"]["name"]: rendered["data"], **given}
    found = dict(maps[container["envFrom"][0]["configMapRef"]["name"]])
    for variable in container.get("env", []):
        ((_, reference),) = variable["valueFrom"].items()
        found[variable["name"]] = maps[reference["name"]][reference["key"]]
    return found


def pod_of(bundle: Path) -> dict[str, Any]:
    cron_job = yaml.safe_load((bundle / "deployment" / "cronjob.yaml").read_text())
    pod: dict[str, Any] = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return pod


def test_the_container_builds_the_product_and_writes_into_its_volumes_only(
    bundle: Path, volumes: dict[str, Path], tmp_path: Path
) -> None:
    pod = pod_of(bundle)
    given = {"corner-shop-environment": {"WAREHOUSE_MEMORY": "500MB"}}
    (tmp_path / "root").mkdir()
    done = run_in_container(pod, environment(bundle, pod["containers"][0], given), volumes, tmp_path / "root")
    assert done.returncode == 0, done.stderr
    report = json.loads((volumes["/run/floe"] / "report.json").read_text())
    assert (report["success"], report["target"]) == (True, "dev")
    assert (volumes["/run/floe"] / "report.json").stat().st_uid == pod["securityContext"]["runAsUser"]
    with duckdb.connect(str(volumes["/run/floe"] / "shop.duckdb"), read_only=True) as tables:
        assert tables.execute("select count(*) from shop.shop.price_list").fetchone() != (0,)


def test_a_container_without_its_variable_says_which_one(
    bundle: Path, volumes: dict[str, Path], tmp_path: Path
) -> None:
    pod = pod_of(bundle)
    (tmp_path / "root").mkdir()
    rendered = yaml.safe_load((bundle / "deployment" / "configmap.yaml").read_text())["data"]
    done = run_in_container(pod, rendered, volumes, tmp_path / "root")
    assert done.returncode == 6
    assert "FLOE-X001: the environment variable WAREHOUSE_MEMORY is not set" in done.stderr
