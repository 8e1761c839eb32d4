"""Waivers hold for the nodes that they name, until the day that they name, and no longer."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floe_compiler.errors import FloeError, PolicyRefused
from floe_compiler.load import load
from floe_compiler.model.policy_report import PolicyReport
from floe_compiler.pipeline import compile_product
from floe_compiler.recall import Request, recall
from floe_compiler.store.layout import Store
from tests.unit.policies.conftest import Judge
from tests.unit.policies.products import TARGETS, change, with_policies
from tests.warm import WarmRegistry

LAST_DAY = date(2027, 1, 31)
# One rule that needs no tool: every model but `harvest` is a view.
TABLES_ONLY = """
policies:
  allowed_materializations: {{default: [table], severity: {severity}}}
  waivers:
"""
WAIVER = (
    '    - {{policy: allowed_materializations, nodes: [{nodes}], owner: {owner}, reason: Soon., until: "{until}"}}\n'
)


def tables_only(product: Path, *waivers: tuple[str, date], severity: str = "error") -> None:
    lines = [WAIVER.format(nodes=nodes, owner="ana", until=until.isoformat()) for nodes, until in waivers]
    with_policies(product, TABLES_ONLY.format(severity=severity) + ("".join(lines) or "    []\n"))


def refused(judged: Judge, today: date) -> list[str]:
    with pytest.raises(PolicyRefused) as error:
        judged(today)
    return sorted(Path(problem.where.file).stem for problem in error.value.problems if problem.where)


def test_a_waiver_holds_on_its_last_day_and_not_on_the_next(governed: Path, judged: Judge) -> None:
    tables_only(governed, ('"model.governed.*"', LAST_DAY))
    assert judged(LAST_DAY).outcome == "passed"
    assert refused(judged, LAST_DAY + timedelta(1)) == ["legacy_baskets", "stg_herbs"]


def test_an_expired_waiver_is_named_beside_what_it_no_longer_waives(governed: Path, judged: Judge) -> None:
    tables_only(governed, ('"model.governed.*"', LAST_DAY))
    with pytest.raises(PolicyRefused) as error:
        judged(LAST_DAY + timedelta(1))
    assert str(error.value.problems[0].hint).startswith("Its waiver ended on 2027-01-31.")
    finding = PolicyReport.model_validate_json(error.value.report).findings[0]
    assert finding.verdict == "failed" and finding.waiver and finding.waiver.until == "2027-01-31"


def test_what_is_waived_says_by_whom_why_and_until_when(governed: Path, judged: Judge) -> None:
    tables_only(governed, ('"model.governed.*"', LAST_DAY))
    waivers = [finding.waiver for finding in judged(LAST_DAY).findings]
    assert [(w.owner, w.reason, w.until) for w in waivers if w] == [("ana", "Soon.", "2027-01-31")] * 2


def test_a_waiver_waives_no_other_node(governed: Path, judged: Judge) -> None:
    tables_only(governed, ("model.governed.stg_herbs", LAST_DAY))
    assert refused(judged, LAST_DAY) == ["legacy_baskets"]


def test_a_waiver_waives_no_other_policy(governed: Path, judged: Judge) -> None:
    tables_only(governed, ('"model.governed.*"', LAST_DAY))
    change(governed / "platform-manifest.yaml", "policies:\n", "policies:\n  required_schedule: {}\n")
    change(governed / "platform-manifest.yaml", "policy: allowed_materializations", "policy: required_schedule")
    assert refused(judged, LAST_DAY) == ["legacy_baskets", "stg_herbs"]


def test_of_two_waivers_the_one_that_lasts_longer_counts(governed: Path, judged: Judge) -> None:
    tables_only(governed, ('"*"', LAST_DAY), ('"model.governed.*"', date(2026, 1, 1)))
    assert judged(LAST_DAY).outcome == "passed"


def test_a_warning_can_be_waived_and_comes_back(governed: Path, judged: Judge) -> None:
    tables_only(governed, ('"*"', LAST_DAY), severity="warn")
    assert {finding.verdict for finding in judged(LAST_DAY).findings} == {"waived"}
    assert {finding.verdict for finding in judged(LAST_DAY + timedelta(1)).findings} == {"warned"}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.integers(-500, 500), later=st.integers(0, 500))
def test_time_only_takes_away(governed: Path, judged: Judge, days: int, later: int) -> None:
    tables_only(governed, ('"*"', LAST_DAY))
    first, second = LAST_DAY + timedelta(days), LAST_DAY + timedelta(days + later)
    assert not (_passes(judged, second) and not _passes(judged, first))


class TestWaiversThatWaiveNothing:
    """They are told of, so that they do not stay for ever."""

    def test_of_a_node_that_satisfies_the_policy(self, governed: Path, judged: Judge) -> None:
        tables_only(governed, ('"*"', LAST_DAY), ("model.governed.harvest", LAST_DAY))
        (idle,) = judged(LAST_DAY, targets=TARGETS).idle_waivers
        assert (idle.nodes, idle.owner) == (["model.governed.harvest"], "ana")

    def test_of_a_node_that_is_gone(self, governed: Path, judged: Judge) -> None:
        tables_only(governed, ('"*"', LAST_DAY), ("model.governed.cellar", LAST_DAY))
        assert [idle.nodes for idle in judged(LAST_DAY, targets=TARGETS).idle_waivers] == [["model.governed.cellar"]]

    def test_but_not_of_another_product(self, governed: Path, judged: Judge) -> None:
        tables_only(governed, ('"*"', LAST_DAY), ("model.orchard.apples", LAST_DAY), ("product.orchard", LAST_DAY))
        assert judged(LAST_DAY, targets=TARGETS).idle_waivers == []

    def test_nor_while_a_target_is_left_out_that_may_need_it(self, governed: Path, judged: Judge) -> None:
        tables_only(governed, ('"*"', LAST_DAY), ("model.governed.harvest", LAST_DAY))
        assert judged(LAST_DAY, targets=("dev",)).idle_waivers == []


class TestWhatAWaiverMustSay:
    """Who, why and until when; and a day that there is."""

    @pytest.mark.parametrize(
        "key", ["owner: ana, ", "reason: Soon., ", ', until: "2027-01-31"', "nodes: [model.a.b], "]
    )
    def test_nothing_may_be_missing(self, governed: Path, key: str) -> None:
        tables_only(governed, ("model.a.b", LAST_DAY))
        change(governed / "platform-manifest.yaml", key, "")
        assert codes_of_loading(governed) == ["FLOE-L052"]

    @pytest.mark.parametrize("day", ["2027-02-30", "31.1.2027", "soon", "20270131"])
    def test_the_day_must_be_one(self, governed: Path, day: str) -> None:
        tables_only(governed, ("model.a.b", LAST_DAY))
        change(governed / "platform-manifest.yaml", "2027-01-31", day)
        assert codes_of_loading(governed) == ["FLOE-L054"]


class TestOnAnUnchangedCompile:
    """What waivers decided is remembered only for as long as they hold."""

    def test_the_bundle_is_recognised_until_the_first_waiver_in_it_ends(
        self, governed: Path, registry: WarmRegistry
    ) -> None:
        last_day = date(2999, 12, 31)
        tables_only(governed, ("model.governed.stg_herbs", last_day), ("model.governed.legacy_baskets", date.max))
        compiled = compile_product(governed, registry=registry)
        store = Store(governed / ".floe")
        known = recall(store, Request(governed), last_day)
        assert known and known.digest == compiled.digest
        assert recall(store, Request(governed), last_day + timedelta(1)) is None

    def test_without_waivers_it_is_recognised_for_ever(self, governed: Path, registry: WarmRegistry) -> None:
        with_policies(governed, "policies: {required_owner: {}}")
        compile_product(governed, registry=registry)
        assert recall(Store(governed / ".floe"), Request(governed), date.max)


def codes_of_loading(product: Path) -> list[str]:
    with pytest.raises(FloeError) as refused:
        load(product, Store(product / ".floe"))
    return [problem.code for problem in refused.value.problems]


def _passes(judged: Judge, today: date) -> bool:
    try:
        judged(today)
    except PolicyRefused:
        return False
    return True
