"""What Dagster is given for products of every kind, without Dagster."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from floe_compiler.builtin.orchestrator.dagster import Dagster, DagsterConfig
from floe_compiler.model.bundle import (
    BundleHead,
    Environment,
    Owner,
    PlatformInfo,
    PluginInfo,
    ProductInfo,
    Runtime,
    Schedule,
    Target,
    Transform,
)


def plugin(name: str) -> PluginInfo:
    return PluginInfo(name=name, distribution="floe-compiler", version="1", config={})


def head(**changes: Any) -> BundleHead:
    """A product with a target on DuckDB and one on Snowflake."""
    described: dict[str, Any] = {
        "product": ProductInfo(name="night-watch", version="1.0.0", owner=Owner(email="watch@pier.example")),
        "platform": PlatformInfo(name="pier", version="1.0.0", owner="platform@pier.example"),
        "plugins": {"dbt_runtime": plugin("local"), "orchestrator": plugin("dagster")},
        "targets": {
            "dev": Target(compute=plugin("duckdb"), manifest="targets/dev/manifest.json", nodes=1),
            "prod": Target(compute=plugin("snowflake"), manifest="targets/prod/manifest.json", nodes=1),
        },
        "transforms": [Transform()],
        "schedule": Schedule(cron="15 4 * * *", timezone="Asia/Kathmandu"),
        "dependencies": [],
        "environment": Environment(constants={}, variables=[], secrets=[]),
        "runtime": Runtime(profile="watch", project="project", profiles="profiles", requirements=["dbt-core==1.11.16"]),
    }
    return BundleHead(**{**described, **changes})


def definitions(default_target: str = "dev", config: DagsterConfig | None = None, **changes: Any) -> str:
    others = {"dev", "prod"} - {default_target}
    manifests: dict[str, dict[str, Any]] = {name: {} for name in (default_target, *others)}
    return Dagster().render(config or DagsterConfig(), head(**changes), manifests)["definitions.py"].decode("ascii")


def value_of(text: str, name: str) -> Any:
    """What a name is set to, when nothing needs to be imported for it."""
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            return eval(ast.unparse(statement.value), {"EVERYTHING": "fqn:*"})
    raise AssertionError(f"{name} is not set")


def test_it_imports_dagster_the_standard_library_and_nothing_of_floe() -> None:
    roots = set()
    for node in ast.walk(ast.parse(definitions())):
        if isinstance(node, ast.Import):
            roots |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add(str(node.module).partition(".")[0])
    standard = {"collections", "hashlib", "json", "os", "pathlib", "re", "signal", "subprocess", "sys", "tempfile"}
    assert roots == {"dagster", "dagster_dbt", *standard}


def test_without_a_schedule_there_is_none() -> None:
    assert "15 4 * * *" in definitions()
    assert "Schedule" not in definitions(schedule=None)
    ast.parse(definitions(schedule=None))


def test_the_default_target_is_that_of_the_first_manifest() -> None:
    assert 'os.environ.get("FLOE_TARGET", "dev")' in definitions("dev")
    assert 'os.environ.get("FLOE_TARGET", "prod")' in definitions("prod")


def test_every_target_has_the_selection_of_the_transforms_that_its_compute_gets() -> None:
    transforms = [Transform(select="staging"), Transform(select="tag:daily marts", compute="snowflake")]
    assert value_of(definitions(transforms=transforms), "SELECTIONS") == {
        "dev": "staging",
        "prod": "staging tag:daily marts",
    }
    assert value_of(definitions(), "SELECTIONS") == {"dev": "fqn:*", "prod": "fqn:*"}


@pytest.mark.parametrize("email", ["watch@pier", "n\N{LATIN SMALL LETTER O WITH DIAERESIS}@pier.example", None])
def test_an_owner_whom_dagster_would_refuse_is_left_out(email: str | None) -> None:
    owner = Owner(name="The watch", email=email)
    assert "or []" in definitions(product=ProductInfo(name="night-watch", version="1.0.0", owner=owner))
    assert 'or ["watch@pier.example"]' in definitions()


def test_what_is_configured_stays_text_whatever_it_looks_like() -> None:
    tags = {'quo"te': "back\\slash", "brace": "{{ 7 * 7 }}", "umlaut": "\N{LATIN SMALL LETTER U WITH DIAERESIS}"}
    text = definitions(config=DagsterConfig(run_tags=tags))
    [call] = [
        node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "job" and isinstance(node.value, ast.Call)
    ]
    [found] = [keyword.value for keyword in call.keywords if keyword.arg == "tags"]
    assert ast.literal_eval(found) == tags


@pytest.mark.parametrize("runtime", ["cloud", "fusion", "somebody_else_s"])
def test_what_only_floe_can_start_is_started_by_floe(runtime: str) -> None:
    text = definitions(plugins={"dbt_runtime": plugin(runtime)})
    assert '"floe", "run"' in text
    assert "sealed_dbt" not in text
    ast.parse(text)
