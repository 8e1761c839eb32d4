"""Policies on the command line: what refuses, what is said, what is written, and what the bundle keeps of it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from floe_compiler import stages
from floe_compiler.cli.main import main
from floe_compiler.verify import verify
from tests.unit.policies.products import change, with_policies
from tests.warm import WarmRegistry

GOVERNED = Path(__file__).parent.parent.parent / "fixtures" / "products" / "governed"
UNSATISFIED = "policies: {allowed_materializations: {default: [table]}}"


class Said(NamedTuple):
    """What a command answered on stdout and said on stderr, and its exit status."""

    status: int
    answer: str
    said: str


Floe = Callable[..., Said]


@pytest.fixture
def governed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the governed product, from where commands are typed."""
    product = Path(shutil.copytree(GOVERNED, tmp_path / "governed"))
    monkeypatch.chdir(product)
    return product


@pytest.fixture
def floe(registry: WarmRegistry, monkeypatch: pytest.MonkeyPatch) -> Floe:
    monkeypatch.setattr(stages, "PluginRegistry", lambda: registry, raising=False)

    def run(*arguments: str) -> Said:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            status = main(arguments)
        return Said(status, out.getvalue(), err.getvalue())

    return run


def test_a_compile_with_warnings_succeeds_says_them_and_seals_the_report(governed: Path, floe: Floe) -> None:
    said = floe("compile", "--report", "found.json", "--out", "bundle")
    assert said.status == 0, said.said
    assert "warning: macros/spelled.sql:1: macros-described: `spelled` does not have a populated" in said.said
    assert "2 waived, the first until 2999-12-31" in said.said
    bundle = verify(governed / "bundle")
    assert "reports/policy.json" in bundle.paths
    assert bundle.read("reports/policy.json") == Path("found.json").read_bytes()
    assert json.loads(Path("found.json").read_bytes())["outcome"] == "passed"
    _check_that_the_sealed_checks_still_judge(governed / "bundle")
    again = floe("compile")
    assert "Nothing changed" in again.said and "warning: macros/spelled.sql:1" in again.said


def _check_that_the_sealed_checks_still_judge(bundle: Path) -> None:
    """With dbt-bouncer itself, and nothing of floe."""
    command = [
        sys.executable,
        "-c",
        "from dbt_bouncer.main import app; app()",
        "run",
        "--config-file",
        "dbt-bouncer.yml",
    ]
    folder = bundle / "data_quality" / "dbt_bouncer"
    environ = {"HOME": str(bundle.parent), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "check_model_has_unique_test" in done.stdout


def test_a_refused_compile_ends_with_1_publishes_nothing_and_writes_the_report(governed: Path, floe: Floe) -> None:
    with_policies(governed, UNSATISFIED)
    said = floe("compile", "--report", "found.json", "--out", "bundle")
    assert said.status == 1
    assert "FLOE-C300: allowed_materializations: `stg_herbs`" in said.said
    assert "at models/staging/stg_herbs.sql:1" in said.said
    report = json.loads(Path("found.json").read_bytes())
    assert (report["outcome"], len(report["findings"])) == ("refused", 2)
    assert not Path("bundle").exists()
    assert not list(Path(".floe/bundles").iterdir())
    assert not list(Path(".floe/refs").iterdir())


def test_machines_are_told_the_same(governed: Path, floe: Floe) -> None:
    with_policies(governed, UNSATISFIED)
    codes = [problem["code"] for problem in json.loads(floe("compile", "--json").answer)["problems"]]
    assert codes == ["FLOE-C300", "FLOE-C300"]
    with_policies(governed, UNSATISFIED.replace("{default", "{severity: warn, default"))
    made = json.loads(floe("compile", "--json").answer)
    assert made["policies"] == {"outcome": "passed", "warned": 2, "waived": 0}


def test_without_policies_there_is_a_report_that_says_so(governed: Path, floe: Floe) -> None:
    with_policies(governed, "")
    assert floe("compile", "--report", "found.json").status == 0
    report = json.loads(Path("found.json").read_bytes())
    assert (report["outcome"], report["policies"]) == ("no_policies", [])
    (sealed,) = Path(".floe/bundles").glob("*/data_quality/dbt_bouncer/dbt-bouncer.yml")
    assert yaml.safe_load(sealed.read_text())["manifest_checks"] == []


def test_what_ends_before_anything_was_judged_leaves_no_older_report_behind(governed: Path, floe: Floe) -> None:
    Path("found.json").write_text('{"outcome": "passed"}')
    (governed / "models" / "broken.sql").write_text("select * from {{ ref('nowhere') }}")
    assert floe("compile", "--report", "found.json").status == 4
    assert json.loads(Path("found.json").read_bytes())["outcome"] == "not_judged"


def test_a_report_that_cannot_be_written_is_a_problem_of_its_own(governed: Path, floe: Floe) -> None:
    with_policies(governed, "")
    said = floe("compile", "--report", "nowhere/found.json")
    assert (said.status, "FLOE-F104" in said.said) == (6, True)


def test_the_outcome_is_part_of_the_bundle(governed: Path, floe: Floe) -> None:
    with_policies(governed, "policies: {required_owner: {}}")
    first = floe("compile").answer
    with_policies(governed, "policies: {required_owner: {}, required_schedule: {}}")
    assert floe("compile").answer != first


def test_policies_that_nobody_could_judge_by_are_refused_without_dbt(governed: Path, floe: Floe) -> None:
    change(governed / "platform-manifest.yaml", "name: check_model_names", "name: check_model_nams")
    said = floe("validate")
    assert said.status == 3
    assert "FLOE-R081" in said.said and "at platform-manifest.yaml:12" in said.said


def test_an_unchanged_compile_judges_again_when_a_waiver_has_ended(governed: Path, floe: Floe) -> None:
    today = datetime.now(UTC).date()
    waiver = f'{{policy: allowed_materializations, nodes: ["*"], owner: ana, reason: Soon., until: "{today}"}}'
    with_policies(governed, UNSATISFIED.replace("]}}", f"]}}, waivers: [{waiver}]}}"))
    assert "Compiled" in floe("compile").said
    assert "Nothing changed" in floe("compile").said
    (result,) = Path(".floe/cache/results").iterdir()
    bundle, until = result.read_text().split()
    assert until == str(today)
    result.write_text(f"{bundle} {today - timedelta(1)}\n")
    assert "Nothing changed" not in floe("compile").said
