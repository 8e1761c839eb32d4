"""What the tools of Kubernetes say of the deployment: its published schemas, closed, and kustomize."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployments import cases, expected
from tests.tool_environments import ROOT, program

JUDGE = ROOT / "tests" / "kubernetes_schemas.py"
KUBECTL = shutil.which("kubectl")
VERSIONS = ("1.27", "1.33")
"""The first in which a CronJob has a time zone for good, and one of today."""
every_case = pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
with_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed here")


def manifests(case: Path) -> list[dict[str, Any]]:
    """The documents that Kubernetes is given; a kustomization is read by kustomize alone."""
    found = [yaml.safe_load(text) for path, text in sorted(expected(case).items()) if path.endswith(".yaml")]
    return [document for document in found if document["kind"] != "Kustomization"]


def overlays(case: Path) -> list[Path]:
    """What can be applied."""
    folder = case / "expected"
    return sorted((folder / "overlays").iterdir()) if (folder / "overlays").is_dir() else [folder]


def judged(documents: list[Any], version: str) -> list[str | None]:
    done = subprocess.run(
        [program("kubernetes", "python"), JUDGE, version],
        input=json.dumps(documents) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts: list[str | None] = json.loads(done.stdout)
    return verdicts


def built(folder: Path) -> list[dict[str, Any]]:
    """What `kubectl kustomize` makes of a folder."""
    assert KUBECTL
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr
    return list(yaml.safe_load_all(done.stdout))


def with_a_typo(value: Any) -> Iterator[Any]:
    """The document with an unknown key, once in every mapping whose keys are not for people to choose."""
    for path in _mappings(value, ()):
        spoiled = copy.deepcopy(value)
        inner = spoiled
        for part in path:
            inner = inner[part]
        inner["typo"] = {"of": "somebody"}
        yield spoiled


def _mappings(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _mappings(item, (*path, key))


@pytest.mark.tools
@every_case
@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_one_that_kubernetes_takes(case: Path, version: str) -> None:
    assert len(manifests(case)) == 3
    assert judged(manifests(case), version) == [None, None, None]


@pytest.mark.tools
def test_a_typo_anywhere_would_be_found() -> None:
    spoiled = [each for case in cases() for document in manifests(case) for each in with_a_typo(document)]
    verdicts = judged(spoiled, VERSIONS[-1])
    assert len(verdicts) > 100 and all(verdicts)


@pytest.mark.tools
@with_kubectl
@every_case
def test_kustomize_builds_what_kubernetes_takes(case: Path) -> None:
    for folder in overlays(case):
        documents = built(folder)
        assert sorted(document["kind"] for document in documents) == ["ConfigMap", "CronJob", "ServiceAccount"]
        assert judged(documents, VERSIONS[-1]) == [None, None, None]


@with_kubectl
def test_an_overlay_is_whole_and_shares_no_object_with_another() -> None:
    (case,) = (case for case in cases() if case.name == "several-targets")
    names = set()
    for folder in overlays(case):
        by_kind = {document["kind"]: document for document in built(folder)}
        pod = by_kind["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        name = by_kind["ConfigMap"]["metadata"]["name"]
        assert container["envFrom"] == [{"configMapRef": {"name": name}}]
        assert pod["serviceAccountName"] == by_kind["ServiceAccount"]["metadata"]["name"]
        assert by_kind["ConfigMap"]["data"]["FLOE_TARGET"] == folder.name
        assert container["env"][0]["valueFrom"]["secretKeyRef"]["name"] == "orders-environment", "it is not floe's own"
        names.add(name)
    assert names == {"orders-dev", "orders-pre-prod"}


@with_kubectl
def test_the_image_and_the_namespace_are_set_from_outside(tmp_path: Path) -> None:
    """As a platform's own overlay does it, which lies outside of the bundle."""
    (case,) = (case for case in cases() if case.name == "default")
    shutil.copytree(case / "expected", tmp_path / "bundle" / "deployment")
    own = tmp_path / "applied"
    own.mkdir()
    (own / "kustomization.yaml").write_text(
        "resources: [../bundle/deployment]\nnamespace: sales\n"
        "images: [{name: orders, newName: registry.example/data/orders, newTag: sha256-1f2e}]\n"
    )
    by_kind = {document["kind"]: document for document in built(own)}
    assert {document["metadata"]["namespace"] for document in by_kind.values()} == {"sales"}
    pod = by_kind["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "registry.example/data/orders:sha256-1f2e"
