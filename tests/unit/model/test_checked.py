"""From a document to a model: what does not fit is told once, where it stands, in words for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from floe_compiler.errors import FloeError, Problem
from floe_compiler.load.yaml_door import parse_document
from floe_compiler.model.checked import FORMS, checked
from floe_compiler.model.inputs import DataProduct
from floe_compiler.model.values import EnvRef, SecretRef, Sensitive

SCHEMAS = Path(__file__).parents[3] / "schemas"
ENFORCED = "FLOE-R002"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Oven(Strict):
    """A configuration with one of everything that can go wrong."""

    name: Annotated[str, Field(description="What it is called.")]
    heat: Annotated[int, Field(ge=50, le=300, description="Degrees.")] = 220
    racks: Annotated[list[str], Field(min_length=1)] = ["top"]
    mode: Annotated[str | EnvRef, Field(description="How it bakes.")] = "fan"
    key: Annotated[Sensitive | None, Field(description="Opens it.")] = None
    limits: dict[str, int | float] = {}


def problems_of(text: str, model: type[BaseModel] = Oven) -> tuple[Problem, ...]:
    with pytest.raises(FloeError) as refusal:
        checked(model, parse_document(text.encode(), file="oven.yaml"))
    return refusal.value.problems


def messages_of(text: str) -> list[str]:
    return [problem.message for problem in problems_of(text)]


def test_a_document_that_fits_is_the_model() -> None:
    assert checked(Oven, parse_document(b"{name: big, heat: 250}", file="oven.yaml")) == Oven(name="big", heat=250)


def test_an_unknown_key_is_told_with_the_nearest_valid_one_at_the_key() -> None:
    (problem,) = problems_of("name: big\nheta: 250\n")
    assert problem.message == "unknown key `heta`: did you mean `heat`?"
    assert str(problem.where) == "oven.yaml:2:1"
    assert problem.hint == "Valid keys here: `heat`, `key`, `limits`, `mode`, `name`, `racks`."


def test_a_key_that_is_only_mistyped_is_not_missing_too() -> None:
    assert messages_of("nam: big\n") == ["unknown key `nam`: did you mean `name`?"]


def test_a_missing_key_is_told_with_what_it_is_for() -> None:
    (problem,) = problems_of("heat: 250\n")
    assert (problem.code, problem.message) == ("FLOE-L052", "`name` is missing")
    assert problem.hint == "Add `name`. What it is called."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("heat: hot", "`heat` is text, but must be a whole number"),
        ('heat: "250"', "`heat` is text, but must be a whole number"),
        ("heat: 220.5", "`heat` is a number, but must be a whole number"),
        ("heat: true", "`heat` is true or false, but must be a whole number"),
        ("heat:", "`heat` is empty, but must be a whole number"),
        ("racks: top", "`racks` is text, but must be a list"),
        ("racks: [1]", "`racks[0]` is a number, but must be text"),
        ("mode: 1", "`mode` is a number, but must be text or `{env: NAME}`"),
        ("limits: {low: deep}", "`limits.low` is text, but must be a number"),
        ("limits: []", "`limits` is a list, but must be a mapping"),
    ],
)
def test_a_wrong_type_is_told_in_the_words_of_yaml_and_nothing_is_converted(text: str, message: str) -> None:
    (problem,) = problems_of(f"name: big\n{text}\n")
    assert (problem.code, problem.message) == ("FLOE-L053", message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("heat: 20", "`heat` is 20, but must be 50 or more"),
        ("heat: 400", "`heat` is 400, but must be 300 or less"),
        ("racks: []", "`racks` is empty"),
        ("mode: {env: oven}", "`mode.env` is `oven`, but must be capitals, digits and `_`, with no digit first"),
    ],
)
def test_a_value_that_is_not_allowed_is_shown_beside_what_is(text: str, message: str) -> None:
    (problem,) = problems_of(f"name: big\n{text}\n")
    assert (problem.code, problem.message) == ("FLOE-L054", message)


def test_of_a_union_only_the_member_that_is_meant_is_spoken_of() -> None:
    assert messages_of("name: big\nmode: {envv: OVEN}\n") == ["unknown key `envv`: did you mean `env`?"]
    assert messages_of("name: big\nmode: {env: OVEN, fan: high}\n") == ["unknown key `fan`"]


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    found = problems_of("racks: []\nname: 1\nheat: hot\nfan: high\n")
    assert [str(problem.where) for problem in found] == [f"oven.yaml:{at}" for at in ("1:8", "2:7", "3:7", "4:1")]


def test_a_secret_that_is_written_out_is_refused_and_never_shown() -> None:
    (problem,) = problems_of("name: big\nkey: rye-and-salt\n")
    assert problem.code == "FLOE-L055"
    assert problem.where is not None
    assert problem.where.text is None
    assert "rye" not in str(problem)


def test_a_secret_in_the_place_of_its_name_is_not_shown_either() -> None:
    (problem,) = problems_of("name: big\nkey: {secret: rye-and-salt}\n")
    assert "rye" not in str(problem)


def test_no_problem_shows_a_line_in_which_a_secret_is_written_out() -> None:
    found = problems_of("{name: big, key: rye-and-salt, heat: hot}\n")
    assert [problem.code for problem in found] == ["FLOE-L055", "FLOE-L053"]
    assert all(problem.where and problem.where.text is None for problem in found)


def test_a_secret_under_a_mistyped_key_is_not_shown_either() -> None:
    (problem,) = problems_of("name: big\nkey_: rye-and-salt\n")
    assert problem.message == "unknown key `key_`: did you mean `key`?"
    assert problem.where is not None
    assert problem.where.text is None


def test_references_to_secrets_are_taken() -> None:
    document = parse_document(b"{name: big, key: {secret: OVEN_KEY}}", file="oven.yaml")
    assert checked(Oven, document).key == SecretRef(secret="OVEN_KEY")


@pytest.mark.parametrize("text", ["", "just text\n", "- a list\n", "12\n"])
def test_a_file_that_is_no_mapping_is_refused_as_a_whole(text: str) -> None:
    (problem,) = problems_of(text)
    assert problem.code == "FLOE-L053"
    assert problem.message.startswith("the file is ")
    assert problem.hint == "Its keys: `heat`, `key`, `limits`, `mode`, `name`, `racks`."


PRODUCT = {
    "apiVersion": "floe.dev/v1",
    "kind": "DataProduct",
    "metadata": {"name": "loaves", "version": "1.0.0"},
    "platform": "platform.yaml",
    "transforms": [{"type": "dbt", "path": "."}],
}


def codes_of_product(**changes: Any) -> list[str]:
    changed = {key: value for key, value in {**PRODUCT, **changes}.items() if value is not ...}
    return [problem.code for problem in problems_of(json.dumps(changed), DataProduct)]


@pytest.mark.parametrize("transforms", [[], None, ...], ids=["empty", "null", "missing"])
def test_a_product_without_transforms_builds_nothing(transforms: Any) -> None:
    assert codes_of_product(transforms=transforms) == ["FLOE-R001"]


@pytest.mark.parametrize("transform", [{"type": "sql", "path": "."}, {"type": 1, "path": "."}, {"path": "."}])
def test_a_transform_that_is_not_dbt_is_refused_with_where_that_was_decided(transform: dict[str, Any]) -> None:
    changed = {**PRODUCT, "transforms": [transform]}
    (problem,) = problems_of(json.dumps(changed), DataProduct)
    assert problem.code == ENFORCED
    assert problem.hint is not None
    assert "ADR-0009" in problem.hint
    assert "dbt_runtime" in problem.hint


def test_of_a_file_of_another_kind_nothing_else_is_told() -> None:
    assert codes_of_product(kind="PlatformManifest", plugins={}, platform=...) == ["FLOE-L054"]
    assert codes_of_product(apiVersion="floe.dev/v2", everything={"is": "different"}) == ["FLOE-L054"]


def patterns_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for key, text in value.items() if key == "pattern" and isinstance(text, str))
        for key, item in value.items():
            yield from patterns_in(item)
            yield from patterns_of_keys(key, item)
    elif isinstance(value, list):
        for item in value:
            yield from patterns_in(item)


def patterns_of_keys(key: str, item: Any) -> Iterator[str]:
    if key == "patternProperties":
        yield from item


@pytest.mark.parametrize("name", ["floe", "platform-manifest"])
def test_every_pattern_that_people_have_to_meet_has_words(name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    assert set(patterns_in(schema)) <= FORMS.keys()
