"""The example in fixtures/products/three-tier: a group, a domain, a platform, and a product on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from floe_compiler.load import load
from floe_compiler.store.layout import Store
from tests.unit.resolve.products import decided, refusal, values

EXAMPLE = Path(__file__).parents[3] / "fixtures" / "products" / "three-tier"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy that a test may change, in a repository of its own."""
    shutil.copytree(EXAMPLE, tmp_path / "halden")
    (tmp_path / "halden" / ".git").mkdir()
    return tmp_path / "halden"


def edit(example: Path, tier: str, old: str, new: str) -> None:
    file = example / tier / "platform-manifest.yaml"
    content = file.read_text()
    assert old in content
    file.write_text(content.replace(old, new))


def test_three_teams_decide_together(example: Path) -> None:
    resolved = decided(example / "product", ["dev", "prod"])
    assert [(t.name, t.compute.config["threads"], t.compute.config["path"]) for t in resolved.targets] == [
        ("dev", 2, "dev.duckdb"),
        ("prod", 8, "prod.duckdb"),
    ]
    assert resolved.targets[0].compute.config["settings"] == {"TimeZone": "UTC"}
    assert resolved.platform.metadata.name == "halden-ferries"
    assert resolved.platform.approved.compute == ["duckdb"]
    assert resolved.platform.approved.products == ["ferry-*", "rail-timetables"]
    policies = resolved.platform.policies
    assert policies and policies.required_schedule and policies.max_bundle_size and policies.allowed_materializations
    assert policies.required_schedule.severity == "error"
    assert (policies.max_bundle_size.severity, policies.max_bundle_size.bytes) == ("error", 10_000_000)
    assert policies.allowed_materializations.by_target == {"prod": ["table", "incremental"]}
    assert policies.checks["staging-names"].severity == "error"
    assert values(resolved, "targets.prod.config.threads") == [8, 2, 4]


def test_all_three_and_the_product_are_inputs(example: Path) -> None:
    documents = load(example / "product", Store(example / "store"))
    tiers = [example / tier / "platform-manifest.yaml" for tier in ("platform", "domain", "enterprise")]
    assert documents.inputs == tuple(map(str, [example / "product" / "floe.yaml", *tiers]))


def test_what_the_group_locked_the_platform_cannot_change(example: Path) -> None:
    edit(example, "platform", "plugins:\n", "plugins:\n  dbt_runtime: cloud\n")
    problem = refusal(example / "product")
    assert problem.code == "FLOE-R033"
    assert "halden-group 3.1.0 locked `plugins.dbt_runtime`" in problem.message
    assert problem.hint == "Keep the value that is locked, or ask data-governance@halden.example."


def test_what_the_domain_took_away_the_platform_cannot_give_back(example: Path) -> None:
    edit(example, "platform", "compute: [duckdb]", "compute: [duckdb, databricks]")
    problem = refusal(example / "product")
    assert problem.code == "FLOE-R030"
    assert "halden-mobility 2.0.0 decided it at" in problem.message


def test_a_warning_of_the_group_may_become_an_error_and_not_a_warning_again(example: Path) -> None:
    edit(example, "platform", "policies:\n", "policies:\n  required_schedule: {severity: warn}\n")
    problem = refusal(example / "product")
    assert problem.code == "FLOE-R031"
    assert "halden-mobility" in problem.message


def test_another_domains_product_is_not_approved(example: Path) -> None:
    file = example / "product" / "floe.yaml"
    file.write_text(file.read_text().replace("name: ferry-punctuality", "name: finance-ledger"))
    assert refusal(example / "product").code == "FLOE-R022"
