"""profiles.yml holds names and never values, and dbt reads back exactly what a compute plugin rendered."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from floe_compiler.compile.profiles import profiles_yml, variable_of
from floe_compiler.model.values import EnvRef, SecretRef
from floe_compiler.plugins.contracts import ProfileOutput

VALUES = {"SNOWFLAKE_USER": "ilse", "DBT_ENV_SECRET_SNOWFLAKE_PASSWORD": "rye-and-salt"}
HOSTILE = ["{{ 1 }}", "{% if x %}", "{# gone #}", "}}", "it's {{ 'a' }}", 'say "{{ b }}"', "{{ a\\b\n }}", "ß{{ü}}"]


def as_dbt_reads(content: bytes) -> Any:
    """YAML first, then each text as a template, like dbt's profile renderer."""
    return rendered(yaml.safe_load(content))


def rendered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: rendered(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rendered(item) for item in value]
    if isinstance(value, str):
        return (
            jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(value).render(env_var=VALUES.__getitem__)
        )
    return value


def output_of(**values: Any) -> Any:
    profile = as_dbt_reads(profiles_yml("bakery", "dev", {"dev": ProfileOutput(values)}))["bakery"]
    return profile["outputs"]["dev"]


def test_references_are_written_as_names() -> None:
    values = {"user": EnvRef(env="SNOWFLAKE_USER"), "password": SecretRef(secret="SNOWFLAKE_PASSWORD")}
    content = profiles_yml("bakery", "dev", {"dev": ProfileOutput(values)})
    assert yaml.safe_load(content)["bakery"]["outputs"]["dev"] == {
        "user": "{{ env_var('SNOWFLAKE_USER') }}",
        "password": "{{ env_var('DBT_ENV_SECRET_SNOWFLAKE_PASSWORD') }}",
    }
    assert output_of(**values) == {"user": "ilse", "password": "rye-and-salt"}


def test_a_secret_goes_by_the_prefix_that_dbt_keeps_out_of_its_logs() -> None:
    assert variable_of(SecretRef(secret="TOKEN")) == "DBT_ENV_SECRET_TOKEN"
    assert variable_of(EnvRef(env="TOKEN")) == "TOKEN"


@pytest.mark.parametrize("text", HOSTILE)
def test_what_looks_like_a_template_is_read_back_as_the_text_that_it_is(text: str) -> None:
    assert output_of(options=[{"note": text}]) == {"options": [{"note": text}]}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_every_literal_is_read_back_as_it_was(value: Any) -> None:
    written = yaml.safe_load(profiles_yml("bakery", "dev", {"dev": ProfileOutput({"x": value})}))
    read = written["bakery"]["outputs"]["dev"]["x"]
    assert read == value or "{" in repr(value)


def test_every_target_has_its_output_and_their_order_never_matters() -> None:
    outputs = {"prod": ProfileOutput({"b": 1, "a": 2}), "dev": ProfileOutput({"a": 2, "b": 1})}
    content = profiles_yml("bakery", "dev", outputs)
    assert content == profiles_yml("bakery", "dev", dict(reversed(outputs.items())))
    profile = yaml.safe_load(content)["bakery"]
    assert profile["target"] == "dev"
    assert profile["outputs"].keys() == {"dev", "prod"}
