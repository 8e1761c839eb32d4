"""`floe validate` says no: to everything that the closest existing system takes without a word, and more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from floe_compiler.cli.main import main
from floe_compiler.codes import REFUSED
from tests.unit.resolve.products import BUILDS, write_product, write_tier

PLATFORMS = {
    "an unknown key": ("plugns: {compute: duckdb}", "FLOE-L051"),
    "an unknown orchestrator": ("plugins: {orchestrator: dagstr}", "FLOE-R010"),
    "a key twice": ("default_target: dev\ndefault_target: prod", "FLOE-L024"),
    "a parent that is not there": ("extends: nowhere/platform-manifest.yaml", "FLOE-L001"),
    "itself as a parent": ("extends: tier0.yaml", "FLOE-L066"),
    "an unknown default target": ("default_target: prood\ntargets: {prod: {compute: duckdb}}", "FLOE-R011"),
    "another table format": ("table_format: delta", "FLOE-R020"),
}


def status_and_codes(product: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    status = main(["validate", str(product), "--json"])
    return status, [problem["code"] for problem in json.loads(capsys.readouterr().out)["problems"]]


@pytest.mark.parametrize("fault", PLATFORMS)
def test_a_faulty_platform_is_refused(tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    body, code = PLATFORMS[fault]
    assert status_and_codes(write_product(tmp_path, body), capsys) == (REFUSED, [code])


def test_a_bad_cron_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    product = write_product(tmp_path, "", floe=f'{BUILDS}\nschedule: {{cron: "every morning"}}')
    assert status_and_codes(product, capsys) == (REFUSED, ["FLOE-L073"])


def test_a_circle_of_parents_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tier(tmp_path, 0, "", extends="tier1.yaml")
    write_tier(tmp_path, 1, "", extends="tier0.yaml")
    assert status_and_codes(write_product(tmp_path, platform="../tier1.yaml"), capsys) == (REFUSED, ["FLOE-L066"])


def test_a_sound_product_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_and_codes(write_product(tmp_path, "", "", ""), capsys) == (0, [])


def test_nothing_is_written(tmp_path: Path) -> None:
    product = write_product(tmp_path, "")
    before = sorted(tmp_path.rglob("*"))
    assert main(["validate", str(product)]) == 0
    assert sorted(tmp_path.rglob("*")) == before
