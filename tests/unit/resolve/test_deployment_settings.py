"""`deployment` in the platform manifest: merged key by key, explained, locked, and refused where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from floe_compiler.explanation import Explanation, explain
from floe_compiler.pipeline import decide_product
from tests.unit.resolve.products import decided, refusal, write_product


def explained(folder: Path, platform: str, path: str) -> Explanation:
    found = explain(path, *decide_product(write_product(folder, platform)))
    assert isinstance(found, Explanation)
    return found


def test_a_default_is_told_as_one(tmp_path: Path) -> None:
    found = explained(tmp_path, "", "deployment.image")
    assert found.value == "{product}:{version}"
    assert [str(origin) for origin in found.chain] == ["default of deployment.image"]


def test_what_the_platform_says_overrides_the_default(tmp_path: Path) -> None:
    found = explained(
        tmp_path, "deployment: {resources: {limits: {memory: 8Gi}}}", "deployment.resources.limits.memory"
    )
    assert found.value == "8Gi"
    assert [origin.value for origin in found.chain] == ["8Gi", "4Gi"]
    assert found.chain[0].where and found.chain[0].where.file.endswith("tier0.yaml")


def test_the_other_values_of_a_mapping_keep_their_defaults(tmp_path: Path) -> None:
    resolved = decided(write_product(tmp_path, "deployment: {resources: {limits: {memory: 8Gi}}, suspend: true}"))
    settings = resolved.platform.deployment
    assert (settings.resources.limits.memory, settings.resources.limits.cpu) == ("8Gi", "2")
    assert settings.suspend is True


@pytest.mark.parametrize(
    ("deployment", "code", "said"),
    [
        ("{imgae: floe}", "FLOE-L051", "did you mean `image`"),
        ("{resources: {limits: {memory: plenty}}}", "FLOE-L054", "an amount, as in 500m, 2 or 1.5Gi"),
        ("{resources: {limits: {gpu: 1}}}", "FLOE-L051", "unknown key `gpu`"),
        ("{image: 'floe {year}'}", "FLOE-L054", "an image, as in"),
        ("{namespace: Sales}", "FLOE-L054", "lower-case letters"),
        ("{suspend: please}", "FLOE-L053", "true or false"),
        ("docker", "FLOE-R020", "Kubernetes is enforced"),
        ("{enabled: false}", "FLOE-R020", "Kubernetes is enforced"),
    ],
)
def test_what_is_wrong_is_refused_with_what_is_right(tmp_path: Path, deployment: str, code: str, said: str) -> None:
    problem = refusal(write_product(tmp_path, f"deployment: {deployment}"))
    assert problem.code == code
    assert said in problem.message
