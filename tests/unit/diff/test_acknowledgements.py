"""Who answers for a finding, and until when."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from floe_compiler import FloeError, diff_bundles
from floe_compiler.model.change_set import Finding
from tests.bundles import codes_of
from tests.resealed import Resealed

HEAD = "apiVersion: floe.dev/v1\nkind: Acknowledgements\nacknowledged:\n"


@pytest.fixture
def shorter_hours(beacons: Resealed) -> Resealed:
    return beacons.with_index(lambda index: index["schedule"].update(cron="0 9 * * *"))


def acknowledge(product: Path, *fingerprints: str, until: str = "2027-01-31") -> Path:
    (product / ".floe").mkdir(exist_ok=True)
    entries = (f'  - {{fingerprint: {f}, who: Ilse, why: We agreed, until: "{until}"}}\n' for f in fingerprints)
    (product / ".floe" / "acknowledged.yaml").write_text(HEAD + "".join(entries))
    return product


def only(old: Resealed, new: Resealed, product: Path | None = None, today: date | None = None) -> Finding:
    (finding,) = diff_bundles(old.bundle, new.bundle, product=product, today=today).findings
    return finding


def test_an_acknowledged_finding_is_told_and_not_counted(
    beacons: Resealed, shorter_hours: Resealed, tmp_path: Path
) -> None:
    product = acknowledge(tmp_path, only(beacons, shorter_hours).fingerprint)
    changes = diff_bundles(beacons.bundle, shorter_hours.bundle, product=product, today=date(2027, 1, 31))
    (finding,) = changes.findings
    assert finding.acknowledged and finding.acknowledged.who == "Ilse"
    assert (changes.totals.risky, changes.totals.acknowledged) == (0, 1)


def test_it_holds_until_its_last_day(beacons: Resealed, shorter_hours: Resealed, tmp_path: Path) -> None:
    product = acknowledge(tmp_path, only(beacons, shorter_hours).fingerprint)
    finding = only(beacons, shorter_hours, product, date(2027, 2, 1))
    assert finding.acknowledged is None
    assert finding.lapsed and finding.lapsed.until == "2027-01-31"


def test_it_holds_for_one_change_and_no_other(beacons: Resealed, shorter_hours: Resealed, tmp_path: Path) -> None:
    product = acknowledge(tmp_path, only(beacons, shorter_hours).fingerprint)
    still_later = beacons.with_index(lambda index: index["schedule"].update(cron="0 11 * * *"))
    finding = only(beacons, still_later, product, date(2026, 12, 1))
    assert (finding.acknowledged, finding.lapsed) == (None, None)


def test_a_fingerprint_does_not_depend_on_lines_files_and_other_findings(beacons: Resealed) -> None:
    def retyped(manifest: object) -> None:
        manifest["nodes"]["model.beacons.lamp_report.v2"]["columns"]["burnt_hours"]["data_type"] = "integer"  # type: ignore[index]

    first = only(beacons, beacons.with_manifest(retyped))
    moved = beacons.replacing(
        "project/models/marts/_marts.yml", "models:\n  - name: lamp_log", "\n\nmodels:\n  - name: lamp_log"
    )
    later = moved.with_manifest(retyped).with_index(lambda index: index["product"].update(version="2.0.0"))
    again = next(f for f in diff_bundles(beacons.bundle, later.bundle).findings if f.rule == first.rule)
    assert first.where and again.where and first.where.line != again.where.line
    assert again.fingerprint == first.fingerprint


def test_without_a_file_nothing_is_acknowledged(beacons: Resealed, shorter_hours: Resealed, tmp_path: Path) -> None:
    assert only(beacons, shorter_hours, tmp_path).acknowledged is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (HEAD + '  - {fingerprint: abc, who: Ilse, why: x, until: "2027-01-31"}\n', "FLOE-L054"),
        (HEAD + '  - {fingerprint: 0123456789abcdef01234567, why: x, until: "2027-01-31"}\n', "FLOE-L052"),
        (HEAD + '  - {fingerprint: 0123456789abcdef01234567, who: I, why: x, until: "2027-02-31"}\n', "FLOE-L054"),
        (HEAD + 2 * '  - {fingerprint: 0123456789abcdef01234567, who: I, why: x, until: "2027-01-31"}\n', "FLOE-D001"),
    ],
)
def test_a_file_with_a_fault_is_refused(beacons: Resealed, tmp_path: Path, text: str, code: str) -> None:
    acknowledge(tmp_path)
    (tmp_path / ".floe" / "acknowledged.yaml").write_text(text)
    with pytest.raises(FloeError) as caught:
        diff_bundles(beacons.bundle, beacons.bundle, product=tmp_path)
    assert codes_of(caught.value) == [code]
