"""A schedule is one that every orchestrator reads alike, in a time zone that every machine knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.resolve.products import BUILDS, decided, refusal, refusals, write_product


def scheduled(folder: Path, cron: str, timezone: str = "UTC") -> Path:
    schedule = f'schedule: {{cron: "{cron}", timezone: "{timezone}"}}'
    return write_product(folder, "", floe=f"{BUILDS}\n{schedule}")


@pytest.mark.parametrize(
    "cron",
    ["0 6 * * *", "*/15 0-5,22 1,15 * *", "0 6 * * MON-FRI", "30 4 1-7 jan,JUL sun", "0 0 29 2 *", "0 0 * * 0-6/2"],
)
def test_five_plain_fields_are_accepted(tmp_path: Path, cron: str) -> None:
    decided(scheduled(tmp_path, cron))


@pytest.mark.parametrize(
    "cron",
    [
        "", "0 6 * *", "0 0 6 * * *", "@daily", "0 25 * * *", "60 * * * *", "0 0 32 * *", "0 0 * 13 *", "0 0 0 * *",
        "*/0 * * * *", "0 0 30 2 *", "0 0 L * *", "0 0 15W * *", "0 0 ? * *", "0 0 * * 5#2", "0 0 * * 7",
        "0 0 * * MON-", "5-1 * * * *", "0 0 * * monday", "MON * * * *", "0 6 * * * extra", "every day at six",
        "5/10 * * * *",
    ],
)  # fmt: skip
def test_anything_else_is_refused_at_its_line(tmp_path: Path, cron: str) -> None:
    problem = refusals(scheduled(tmp_path, cron))[0]
    assert problem.code == ("FLOE-L073" if cron else "FLOE-L054")
    assert "floe.yaml:6:18" in str(problem.where)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Zurich", "America/Argentina/Ushuaia", "Etc/GMT+5"])
def test_iana_time_zones_are_accepted(tmp_path: Path, zone: str) -> None:
    decided(scheduled(tmp_path, "0 6 * * *", zone))


@pytest.mark.parametrize("zone", ["Europe/Zuerich", "CEST", "localtime", "europe/zurich", "../UTC", "posix/UTC"])
def test_what_only_this_machine_may_know_is_refused(tmp_path: Path, zone: str) -> None:
    assert refusal(scheduled(tmp_path, "0 6 * * *", zone)).code == "FLOE-L071"


def test_the_nearest_time_zone_is_suggested(tmp_path: Path) -> None:
    assert "`Europe/Zurich`" in refusal(scheduled(tmp_path, "0 6 * * *", "europe/zurich")).message


def test_both_are_reported_at_once(tmp_path: Path) -> None:
    assert [p.code for p in refusals(scheduled(tmp_path, "daily", "Mars"))] == ["FLOE-L073", "FLOE-L071"]
