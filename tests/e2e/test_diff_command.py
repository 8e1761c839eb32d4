"""`floe diff` as people and machines call it: which side is which, what is printed, and how it ends."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest

from floe_compiler.cli.main import main
from floe_compiler.model.change_set import ChangeSet
from floe_compiler.pipeline import compile_product, export_bundle
from tests.warm import WarmRegistry

PRODUCTS = Path(__file__).parents[2] / "fixtures" / "products"


class Bundles(NamedTuple):
    """A product, and what became of it: `retold` differs in what is safe, `broken` in a column's test as well."""

    product: Path
    old: str
    retold: str
    broken: str


@pytest.fixture(scope="module")
def bundles(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    home = tmp_path_factory.mktemp("home")
    for name in ("corner-shop", "platform"):
        shutil.copytree(PRODUCTS / name, home / name, symlinks=True)
    product = home / "corner-shop"

    def sealed(name: str) -> str:
        archive = home / f"{name}.bundle"
        export_bundle(compile_product(product, registry=registry), archive=archive)
        return str(archive)

    def edit(old: str, new: str) -> None:
        file = product / "models" / "_models.yml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    old = sealed("old")
    edit("What is in the window.", "What everything costs.")
    retold = sealed("retold")
    edit(", unique", "")
    return Bundles(product, old, retold, sealed("broken"))


Floe = Callable[..., tuple[int, str]]


@pytest.fixture
def floe(bundles: Bundles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Floe:
    """Types a command beside the product; gives its status and what it prints on standard output."""
    monkeypatch.chdir(bundles.product)

    def typed(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main(["diff", *arguments])
        return status, capsys.readouterr().out

    return typed


def test_what_differs_is_said_and_is_no_failure(bundles: Bundles, floe: Floe) -> None:
    status, printed = floe(bundles.old, bundles.broken)
    assert status == 0
    assert re.match(r"corner-shop: old\.bundle \([0-9a-f]{7}\) → broken\.bundle \([0-9a-f]{7}\)\n", printed)
    assert "test unique_price_list_id" in printed
    assert "Traceback" not in printed


def test_nothing_differs_from_itself(bundles: Bundles, floe: Floe) -> None:
    status, printed = floe(bundles.old, bundles.old, "--exit-code", "--fail-on", "any")
    assert (status, printed.splitlines()[-1]) == (0, "Nothing will run differently.")


@pytest.mark.parametrize(
    ("new", "options", "status"),
    [
        ("retold", (), 0),
        ("retold", ("--exit-code",), 1),
        ("retold", ("--fail-on", "any"), 1),
        ("retold", ("--fail-on", "unknown"), 0),
        ("retold", ("--fail-on", "risky"), 0),
        ("broken", ("--fail-on", "any"), 1),
        ("broken", ("--fail-on", "risky"), 1),
        ("broken", ("--fail-on", "unknown"), 1),
        ("broken", ("--fail-on", "breaking"), 0),
        ("broken", ("--fail-on", "policy"), 0),
    ],
)
def test_the_answer_is_no_where_it_was_asked_to_be(
    bundles: Bundles, floe: Floe, new: str, options: tuple[str, ...], status: int
) -> None:
    assert floe(bundles.old, getattr(bundles, new), *options)[0] == status


def test_what_somebody_answers_for_does_not_fail(bundles: Bundles, floe: Floe) -> None:
    _, printed = floe(bundles.old, bundles.broken, "--json")
    fingerprints = [finding["fingerprint"] for finding in json.loads(printed)["findings"]]
    entries = "".join(
        f"  - {{fingerprint: {one!r}, who: ilse@corner.example, why: Checked by hand., until: '2999-12-31'}}\n"
        for one in fingerprints
    )
    file = bundles.product / ".floe" / "acknowledged.yaml"
    file.write_text(f"apiVersion: floe.dev/v1\nkind: Acknowledgements\nacknowledged:\n{entries}")
    try:
        assert floe(bundles.old, bundles.broken, "--fail-on", "any")[0] == 0
        status, printed = floe(bundles.old, bundles.broken, "--exit-code")
        assert status == 1, "it differs all the same"
        assert "ACKNOWLEDGED" in printed
    finally:
        file.unlink()


def test_json_is_one_document_on_standard_output(bundles: Bundles, floe: Floe) -> None:
    _, printed = floe(bundles.old, bundles.broken, "--json")
    assert ChangeSet.model_validate_json(printed).totals.risky
    assert floe(bundles.old, bundles.broken, "--format", "json") == (0, printed)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ((), 2),
        (("old", "old", "--fail-on", "nothing"), 2),
        (("old", "old", "--format", "nothing"), 2),
        (("no-such-thing", "old"), 3),
        (("folder", "old"), 5),
        (("old", "broken", "--output", "folder"), 6),
    ],
)
def test_an_error_is_never_the_answer_no(
    bundles: Bundles, floe: Floe, tmp_path: Path, words: tuple[str, ...], status: int
) -> None:
    (tmp_path / "folder").mkdir()
    named = {"old": bundles.old, "broken": bundles.broken, "folder": str(tmp_path / "folder")}
    assert floe("--exit-code", *(named.get(word, word) for word in words))[0] == status


def test_an_error_is_told_to_machines_as_json(bundles: Bundles, floe: Floe) -> None:
    status, printed = floe("no-such-thing", bundles.old, "--json")
    assert status == 3
    assert [problem["code"] for problem in json.loads(printed)["problems"]] == ["FLOE-D101"]


def test_a_file_is_written_instead_of_standard_output(bundles: Bundles, floe: Floe, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    status, printed = floe(bundles.old, bundles.broken, "--format", "html", "--output", str(page))
    assert (status, printed) == (0, "")
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_the_paths_are_those_of_the_repository(bundles: Bundles, floe: Floe) -> None:
    from tests.repositories import git

    assert "  models/_models.yml" in floe(bundles.old, bundles.broken)[1]
    git(bundles.product.parent, "init", "--quiet")
    try:
        assert "  corner-shop/models/_models.yml" in floe(bundles.old, bundles.broken)[1]
    finally:
        shutil.rmtree(bundles.product.parent / ".git")


def test_bundles_are_compared_where_there_is_no_product(
    bundles: Bundles, floe: Floe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert floe(bundles.old, bundles.broken)[0] == 0
    assert list(tmp_path.iterdir()) == [], "looking at bundles leaves nothing"


def test_bundles_are_compared_where_there_is_no_git(
    bundles: Bundles, floe: Floe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for words in ((bundles.old, bundles.broken), ("corner-shop", bundles.broken)):
        assert floe(*words)[0] == 0
    assert floe("main")[0] == 6


def test_colours_are_for_a_terminal(bundles: Bundles, floe: Floe, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    for plain in ("", "1"):
        monkeypatch.setenv("NO_COLOR", plain)
        with patch("sys.stdout", Terminal()) as terminal:
            main(["diff", bundles.old, bundles.broken])
        assert ("\x1b[" in terminal.getvalue()) is (not plain)
    assert "\x1b[" not in floe(bundles.old, bundles.broken)[1]
