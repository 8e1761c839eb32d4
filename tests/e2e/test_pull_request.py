"""A pull request with eight changes: all of them are seen, each for what it is, and nothing else is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from floe_compiler.model.change_set import LEVELS
from tests.pull_requests import SCREEN, pull_request, said
from tests.repositories import git
from tests.warm import WarmRegistry

pytestmark = pytest.mark.tools

EIGHT = {
    ("model", "line_league.v1", "breaking"): "a version that others may use is gone",
    ("model", "forgetting_index", "breaking"): "a column under contract has another type",
    ("model", "fct_umbrellas", "breaking"): "an incremental model has another unique key",
    ("var", "drizzle_mm", "risky"): "a var, which dbt's state:modified does not see",
    ("seed", "found_ledger", "risky"): "a line of a seed of more than 1 MiB, which dbt does not see either",
    ("test", "not_null_letters_answered_answer", "risky"): "a test only warns",
    ("schedule", "schedule", "risky"): "it runs half an hour earlier",
    ("model", "busiest_hours", "safe"): "a new model",
}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pull_request(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def changes(product: Path, registry: WarmRegistry) -> Any:
    return json.loads(said(product, registry, "main..HEAD", "--json"))


def test_the_eight_changes_are_found_at_their_levels(changes: Any) -> None:
    worst: dict[tuple[str, str], str] = {}
    for finding in changes["findings"]:
        thing = (finding["object"]["kind"], finding["object"]["name"])
        worst[thing] = min(worst.get(thing, "safe"), finding["level"], key=LEVELS.index)
    found = {(kind, name, level) for (kind, name), level in worst.items()}
    assert {(kind, name, level) for kind, name, level in found if kind != "file"} == set(EIGHT)
    assert {level for kind, _, level in found if kind == "file"} == {"safe"}, "what follows from them is told as such"


def test_a_model_that_is_only_laid_out_anew_is_no_change(product: Path, changes: Any) -> None:
    assert "models/marts/city_diary.sql" in git(product, "diff", "--stat", "main")
    nodes = {node["name"]: node["state"] for node in changes["graph"]["nodes"]}
    assert nodes["city_diary"] == "impacted"


def test_the_change_of_a_var_leads_through_macros_to_the_board_at_the_station(changes: Any) -> None:
    (drizzle,) = [finding for finding in changes["findings"] if finding["object"]["name"] == "drizzle_mm"]
    (reached,) = drizzle["affected"]
    assert reached["node"]["name"] == "int_weather_turns"
    assert [step["name"] for step in reached["through"]] == ["is_wet", "weather_turn"]
    assert [exposure["name"] for exposure in drizzle["impact"]["exposures"]] == ["morning_board"]


def test_a_reviewer_reads_what_was_reviewed(product: Path, registry: WarmRegistry) -> None:
    assert _without_commits(said(product, registry, "main..HEAD")) == _without_commits(SCREEN.read_text("utf-8"))


def _without_commits(screen: str) -> str:
    """Any change of the demo makes them others."""
    return re.sub(r"\([0-9a-f]{7}\)", "(commit)", screen)


def test_the_other_way_round_it_is_the_mirror(product: Path, registry: WarmRegistry) -> None:
    back = json.loads(said(product, registry, "HEAD..main", "--json"))
    (league,) = [finding for finding in back["findings"] if finding["object"]["name"] == "line_league.v1"]
    assert league["change"] == "added"
