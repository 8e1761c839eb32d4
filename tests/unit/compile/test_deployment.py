"""The deployment is what the settings say, and nothing of a secret but its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from floe_compiler.compile.container import container_variables
from floe_compiler.compile.plugins import Configured, ConfiguredPlugins
from floe_compiler.kubernetes import label_value, object_name
from floe_compiler.model.bundle import BundleHead
from floe_compiler.model.values import EnvRef, SecretRef, Sensitive, Text
from floe_compiler.plugins.contracts import LineagePlugin, PluginConfig
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.plugins.types import BY_KEY
from tests.bundles import index_value
from tests.deployments import cases, expected, rendered, rendered_for


def cron_job(files: dict[str, bytes]) -> dict[str, Any]:
    return yaml.safe_load(files["cronjob.yaml"])["spec"]


def container(files: dict[str, bytes]) -> dict[str, Any]:
    return cron_job(files)["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_case_renders_what_lies_beside_it(case: Path) -> None:
    assert rendered(case) == expected(case), "python -m tests.deployments --write"


def test_without_a_schedule_nothing_starts_by_itself() -> None:
    spec = cron_job(rendered_for())
    assert spec["suspend"] is True
    assert "timeZone" not in spec


def test_a_schedule_starts_runs_unless_an_orchestrator_does() -> None:
    schedule = {"cron": "0 6 * * *", "timezone": "Europe/Zurich"}
    spec = cron_job(rendered_for(schedule=schedule))
    assert (spec["schedule"], spec["timeZone"], spec["suspend"]) == ("0 6 * * *", "Europe/Zurich", False)
    assert cron_job(rendered_for(schedule=schedule, deployment={"suspend": True}))["suspend"] is True


def test_what_a_run_needs_comes_by_reference_and_plain_constants_do_not_come_again() -> None:
    environment = {"constants": {"YEAR": "2025"}, "variables": ["USER_NAME"], "secrets": ["PASSWORD"]}
    assert container(rendered_for(environment=environment))["env"] == [
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "orders-secrets", "key": "PASSWORD"}}},
        {"name": "USER_NAME", "valueFrom": {"configMapKeyRef": {"name": "orders-environment", "key": "USER_NAME"}}},
    ]
    assert "env" not in container(rendered_for())


@pytest.mark.parametrize("name", PluginRegistry([]).names()["secrets"])
def test_every_secrets_plugin_gives_a_container_one_reference(name: str) -> None:
    files = rendered_for(environment={"secrets": ["PASSWORD"]}, secrets={"use": name})
    (variable,) = container(files)["env"]
    assert variable["name"] == "PASSWORD"
    assert len(variable["valueFrom"]) == 1
    assert variable["valueFrom"].keys() <= {"secretKeyRef", "configMapKeyRef", "fieldRef", "resourceFieldRef"}


class Told(PluginConfig):
    """What a backend of lineage could want to know."""

    url: Text = EnvRef(env="LINEAGE_URL")
    token: Sensitive = SecretRef(secret="LINEAGE_TOKEN")


class Backend(LineagePlugin):
    """A backend that lies somewhere else."""

    summary = "somewhere"
    config_model = Told

    def render(self, *arguments: Any) -> dict[str, bytes]:
        """Nothing: what counts is its configuration."""
        return {}


def test_what_a_run_tells_of_itself_with_need_not_be_there() -> None:
    registry = PluginRegistry([])
    secrets = registry.offer("secrets", "k8s_secrets")
    lineage = secrets.__class__(BY_KEY["lineage"], "somewhere", "", "floe-somewhere", "1")
    plugin = registry.get_plugin("secrets", "k8s_secrets")
    value = index_value()
    head = BundleHead(**{name: value[name] for name in BundleHead.model_fields if name in value})
    configured = {
        "secrets": Configured(secrets, plugin, plugin.config_model()),
        "lineage": Configured(lineage, Backend(), Told()),
    }
    found = {each["name"]: each["valueFrom"] for each in container_variables(ConfiguredPlugins(configured, {}), head)}
    assert found["LINEAGE_URL"]["configMapKeyRef"]["optional"] is True
    assert found["LINEAGE_TOKEN"]["secretKeyRef"]["optional"] is True
    assert not value["environment"]["variables"], "what a run needs has not become more"


@pytest.mark.parametrize("targets", [("dev",), ("dev", "a_target_with_a_name_of_some_length")])
def test_names_fit_however_long_the_product_s_is_and_stay_apart(targets: tuple[str, ...]) -> None:
    names = set()
    for product in ("orders_" + "x" * 90, "orders_" + "x" * 91):
        files = rendered_for(product={"name": product, "version": "1.0.0+build.7"}, targets=targets)
        prefix = "base/" if len(targets) > 1 else ""
        document = yaml.safe_load(files[f"{prefix}cronjob.yaml"])
        suffix = max((len(target) + 1 for target in targets), default=0) if len(targets) > 1 else 0
        assert len(document["metadata"]["name"]) + suffix <= 52
        assert document["metadata"]["labels"]["app.kubernetes.io/version"] == "1.0.0_build.7"
        names.add(document["metadata"]["name"])
    assert len(names) == 2


def test_names_and_labels_are_those_that_kubernetes_takes() -> None:
    assert object_name("WAREHOUSE_PASSWORD") == "warehouse-password"
    assert object_name("orders") == "orders"
    assert label_value("1.0.0+eu") == "1.0.0_eu"
    assert len(label_value("x" * 100)) == 63


def test_the_pod_keeps_to_the_strictest_of_the_pod_security_standards() -> None:
    """Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    files = rendered_for()
    pod = cron_job(files)["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert {"emptyDir"} == {key for volume in pod["volumes"] for key in volume} - {"name"}
    security = container(files)["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["readOnlyRootFilesystem"] is True
