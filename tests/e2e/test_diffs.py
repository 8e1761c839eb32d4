"""Every case of `fixtures/diffs`: exactly the findings that were reviewed, no miss and no false alarm.

All products are compiled by the real dbt. A handful runs always; `make test-tools` runs them all.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from floe_compiler import compile_product, diff_bundles, load_bundle
from tests.diffs import PRODUCT, Bench, case_names, copy_base, read_case, told
from tests.warm import WarmRegistry

ALWAYS = frozenset(
    {
        "contract-column-removed",
        "macro-changed-through-a-chain",
        "large-seed-content-changed",
        "yaml-comments-and-key-order",
        "combined-a-pull-request",
    }
)
CASES = [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.tools, id=name) for name in case_names()]


@pytest.fixture(scope="module")
def bench(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("diffs"), registry)


@pytest.mark.parametrize("name", CASES)
def test_exactly_what_was_reviewed_is_found(bench: Bench, name: str) -> None:
    case = read_case(name)
    assert told(bench.changes(case)) == json.loads(case.expected.read_text("utf-8"))


def test_the_corpus_has_forty_single_changes_and_five_combinations() -> None:
    combined = [name for name in case_names() if name.startswith("combined-")]
    assert len(case_names()) - len(combined) >= 40
    assert len(combined) >= 5


def test_a_compile_in_another_folder_differs_in_nothing(bench: Bench, registry: WarmRegistry, tmp_path: Path) -> None:
    elsewhere = tmp_path / "somewhere" / "else"
    copy_base(elsewhere)
    there = load_bundle(compile_product(elsewhere / PRODUCT, targets=["dev"], registry=registry).path)
    here = bench.bundle(("dev",), {})
    assert told(diff_bundles(here, there)) == []
    assert there.digest == here.digest
