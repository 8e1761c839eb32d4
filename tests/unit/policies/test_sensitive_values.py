"""Fields that take secrets take references only, and no message shows what else was written there."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from floe_compiler.builtin.compute.duckdb import DuckDBCompute, DuckDBConfig
from floe_compiler.errors import Problem
from floe_compiler.load.yaml_door import parse_document
from floe_compiler.model.checked import problems_of
from floe_compiler.model.values import EnvRef, SecretRef, Sensitive, Text
from floe_compiler.plugins.contracts import PluginConfig

SECRET = "hunter2-hunter2"


class Connection(PluginConfig):
    """A plugin that wants a password, and may have a token."""

    password: Annotated[Sensitive, Field(description="How to get in.")]
    tokens: Annotated[list[Sensitive] | None, Field(description="Other ways.")] = None
    token: Sensitive | None = None
    account: Text = "acme"


def problems(text: str, model: type[PluginConfig] = Connection) -> list[Problem]:
    document = parse_document(text.encode(), file="platform-manifest.yaml")
    try:
        model.model_validate(document.value)
    except ValidationError as error:
        return problems_of(error, model, document)
    return []


@pytest.mark.parametrize(
    ("written", "meant"), [("{secret: OVEN}", SecretRef(secret="OVEN")), ("{env: OVEN}", EnvRef(env="OVEN"))]
)
def test_a_reference_is_taken(written: str, meant: EnvRef | SecretRef) -> None:
    document = parse_document(f"password: {written}\ntoken: {written}\n".encode(), file="p.yaml")
    assert Connection.model_validate(document.value) == Connection(password=meant, token=meant)


WRITTEN_OUT = [
    SECRET,
    f"{{value: {SECRET}}}",
    f"{{secret: {SECRET}}}",
    f"{{env: {SECRET}}}",
    f"{{secret: OVEN, or: {SECRET}}}",
    f"{{secret: {{env: {SECRET}}}}}",
    f"[{SECRET}]",
    f"{{{SECRET}: OVEN}}",
    f"|\n  {SECRET}\n",
]


@pytest.mark.parametrize("key", ["password", "token"])
@pytest.mark.parametrize("written", WRITTEN_OUT)
def test_a_literal_is_refused_at_its_line_and_never_shown(key: str, written: str) -> None:
    other = "" if key == "password" else "password: {secret: OVEN}\n"
    (problem,) = problems(f"{other}{key}: {written}\n")
    assert problem.code == "FLOE-L055"
    assert problem.where and problem.where.line == (1 if key == "password" else 2) and problem.where.text is None
    assert SECRET not in repr(problem)


def test_nor_is_it_shown_where_the_name_of_a_secret_belongs() -> None:
    (problem,) = problems(f"password: {{secret: OVEN}}\naccount: {{secret: {SECRET}}}\n")
    assert (problem.code, problem.where and problem.where.line) == ("FLOE-L055", 2)
    assert SECRET not in repr(problem)


def test_nor_is_it_shown_by_another_problem_of_its_line() -> None:
    found = problems(f"{{password: {SECRET}, acount: acme, account: 5}}\n")
    assert [problem.code for problem in found] == ["FLOE-L055", "FLOE-L053", "FLOE-L051"]
    assert SECRET not in repr(found)


@given(
    st.recursive(
        st.text("aQ7", min_size=6, max_size=12),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("bR8", min_size=6), inner, max_size=3),
        max_leaves=8,
    )
)
def test_whatever_is_written_there_no_part_of_it_is_shown(value: Any) -> None:
    shown = repr(problems(json.dumps({"password": value, "tokens": [value]})))
    assert "FLOE-L055" in shown
    assert not any(part in shown for part in _texts(value))


def test_settings_of_duckdb_take_no_secret_because_models_see_them() -> None:
    (problem,) = problems("settings: {s3_secret_access_key: {secret: LAKE}}\n", DuckDBConfig)
    assert problem.code == "FLOE-L054"
    assert "dbt shows this to every model" in problem.message and "`secrets`" in str(problem.hint)


def test_settings_of_duckdb_take_literals_and_variables() -> None:
    assert problems("settings: {memory_limit: 1GB, threads: 2, home_directory: {env: LAKE_HOME}}\n", DuckDBConfig) == []


def test_secrets_of_duckdb_reach_its_secrets_manager_by_reference() -> None:
    document = parse_document(
        b"secrets: [{type: s3, key_id: {env: ID}, secret: {secret: LAKE}, use_ssl: false}]\n", file="p.yaml"
    )
    output = DuckDBCompute().render_output(DuckDBConfig.model_validate(document.value))
    assert output.values["secrets"] == [
        {"type": "s3", "key_id": EnvRef(env="ID"), "secret": SecretRef(secret="LAKE"), "use_ssl": False}
    ]


def test_secrets_of_duckdb_are_no_literals() -> None:
    assert [p.code for p in problems(f"secrets: [{{type: s3, secret: {SECRET}}}]\n", DuckDBConfig)] == ["FLOE-L055"]


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for item in value.values() for text in _texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value]
