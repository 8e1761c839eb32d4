"""Whatever names a side of a comparison, the answer is the bundle that was meant, or why there is none."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.pipeline import compile_product, export_bundle, store_of
from floe_compiler.plugins.contracts import DBTRuntimePlugin
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.sides import Side, Surroundings, sides
from floe_compiler.store.refs import resolve_digest
from tests.bundles import codes_of
from tests.repositories import commit, git, repository
from tests.warm import RecordedDbt, WarmRegistry

PRODUCTS = Path(__file__).parents[2] / "fixtures" / "products"
MODEL = "models/price_list.sql"


class NoDbt(PluginRegistry):
    """The real plugins, but for dbt: nothing may ask for it."""

    def get_runtime(self, name: str, config: Mapping[str, Any], environ: Mapping[str, str]) -> DBTRuntimePlugin:
        raise AssertionError("dbt was asked for")


class RecordedRegistry(PluginRegistry):
    """The real plugins, but for dbt: a recording of it."""

    def __init__(self, manifest: bytes) -> None:
        super().__init__()
        self._dbt = RecordedDbt(manifest)

    def get_runtime(self, name: str, config: Mapping[str, Any], environ: Mapping[str, str]) -> DBTRuntimePlugin:
        return self._dbt


@pytest.fixture(scope="module")
def recorded(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> RecordedRegistry:
    """What the real dbt makes of the product, to be had at once."""
    folder = tmp_path_factory.mktemp("recorded")
    for name in ("corner-shop", "platform"):
        shutil.copytree(PRODUCTS / name, folder / name)
    compiled = compile_product(folder / "corner-shop", registry=registry)
    return RecordedRegistry((compiled.path / "targets" / "dev" / "manifest.json").read_bytes())


@pytest.fixture
def product(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small product under git, its platform beside it; git keeps no installed packages."""
    (shop.parent / ".gitignore").write_text("dbt_packages/\n")
    repository(shop.parent)
    monkeypatch.chdir(shop)
    return shop


@pytest.fixture
def edited(product: Path) -> Path:
    """The same after a commit on a branch, and with an edit that is not committed."""
    git(product, "switch", "--quiet", "--create", "topic")
    edit(product, "committed")
    commit(product, "An edit")
    edit(product, "not committed")
    return product


def edit(product: Path, text: str) -> None:
    with (product / MODEL).open("a") as file:
        file.write(f"\n-- {text}\n")


def at(product: Path, registry: PluginRegistry, **more: Any) -> Surroundings:
    return Surroundings(product, registry=registry, **more)


def sql_of(side: Side) -> str:
    return side.bundle.read(f"project/{MODEL}").decode()


@contextlib.contextmanager
def refused(*codes: str) -> Iterator[list[str]]:
    """The block ends in these codes; what is said comes in the list."""
    said: list[str] = []
    with pytest.raises(FloeError) as error:
        yield said
    assert codes_of(error.value) == list(codes)
    said.extend(f"{problem.where or ''} {problem.message} {problem.hint or ''}" for problem in error.value.problems)
    assert error.value.exit_status != 1


def test_a_revision_beside_the_working_tree(edited: Path, recorded: RecordedRegistry) -> None:
    old, new = sides("main", None, at(edited, recorded))
    assert old.name == f"main ({git(edited, 'rev-parse', '--short=7', 'main')})"
    assert new.name == "working tree"
    assert "-- " not in sql_of(old)
    assert "-- committed" in sql_of(new)
    assert "-- not committed" in sql_of(new)


def test_two_revisions_in_one_word_or_two(edited: Path, recorded: RecordedRegistry) -> None:
    ranged, separate = sides("main..topic", None, at(edited, recorded)), sides("main", "HEAD", at(edited, recorded))
    assert [side.bundle.digest for side in ranged] == [side.bundle.digest for side in separate]
    assert "-- not committed" not in sql_of(ranged[1])
    assert "-- committed" in sql_of(ranged[1])


def test_three_dots_leave_out_what_the_other_branch_has_done_since(edited: Path, recorded: RecordedRegistry) -> None:
    git(edited, "stash", "--quiet")
    git(edited, "switch", "--quiet", "main")
    (edited / "macros" / "priced.sql").write_text("{% macro priced(cents) %}{{ cents }}{% endmacro %}\n")
    commit(edited, "Meanwhile")
    old, _ = sides("main...topic", None, at(edited, recorded))
    assert "{{ cents }}" not in old.bundle.read("project/macros/priced.sql").decode().splitlines()[0]
    assert sides("main..topic", None, at(edited, recorded))[0].bundle.digest != old.bundle.digest


def test_a_revision_that_was_compiled_before_costs_no_dbt(edited: Path, recorded: RecordedRegistry) -> None:
    first = sides("main", None, at(edited, recorded))
    again = sides("main", None, at(edited, NoDbt()))
    assert [side.bundle.digest for side in again] == [side.bundle.digest for side in first]


def test_what_was_compiled_in_the_working_tree_is_known_as_a_revision(
    product: Path, recorded: RecordedRegistry
) -> None:
    compiled = compile_product(product, registry=recorded)
    old, new = sides("main", None, at(product, NoDbt()))
    assert old.bundle.digest == new.bundle.digest == compiled.digest


def test_a_look_at_a_revision_moves_no_name_and_leaves_nothing(edited: Path, recorded: RecordedRegistry) -> None:
    store = store_of(edited)
    compiled = compile_product(edited, registry=recorded)
    plans = sorted((store.cache / "plans").iterdir())
    edit(edited, "since")
    sides("main..topic", None, at(edited, recorded))
    sides("main", None, at(edited, recorded))
    assert resolve_digest(store, "corner-shop") == compiled.digest
    assert sorted((store.cache / "plans").iterdir()) == plans
    assert list(store.tmp.iterdir()) == []
    assert len(git(edited, "worktree", "list").splitlines()) == 1


def test_a_package_of_the_revision_is_that_of_the_revision(product: Path, recorded: RecordedRegistry) -> None:
    macro = product / "local_packages" / "till" / "macros" / "rounded.sql"
    macro.write_text(macro.read_text() + "{# today #}\n")
    old, new = sides("main", None, at(product, recorded))
    sealed = "project/dbt_packages/till/macros/rounded.sql"
    assert "today" not in old.bundle.read(sealed).decode()
    assert "today" in new.bundle.read(sealed).decode()


@pytest.mark.tools
def test_packages_are_not_lent_to_a_revision_that_asks_for_others(product: Path, registry: WarmRegistry) -> None:
    (product / "packages.yml").write_text((product / "packages.yml").read_text() + "# and no more\n")
    with refused("FLOE-D107", "FLOE-C204") as said:
        sides("main", None, at(product, registry))
    assert "the revision main (" in said[0]
    old, _ = sides("main", None, at(product, registry, install_packages=True))
    assert any(path.startswith("project/dbt_packages/till/") for path in old.bundle.paths)


def test_folders_archives_digests_and_names(product: Path, recorded: RecordedRegistry, tmp_path: Path) -> None:
    compiled = compile_product(product, registry=recorded)
    folder, archive = tmp_path / "folder", tmp_path / "shop.bundle"
    export_bundle(compiled, out=folder)
    export_bundle(compiled, archive=archive)
    assert [sides(str(one), str(one), at(product, NoDbt()))[0].name for one in (folder, archive)] == [
        f"folder ({compiled.digest[7:14]})", f"shop.bundle ({compiled.digest[7:14]})"
    ]  # fmt: skip
    words = [compiled.digest, compiled.digest[:20], compiled.digest[7:19], "corner-shop"]
    for word in [str(folder), str(archive), *words, "store:corner-shop", "git:main"]:
        old, new = sides(word, compiled.digest, at(product, NoDbt()))
        assert old.bundle.digest == new.bundle.digest == compiled.digest


def test_bundles_need_neither_a_product_nor_git(product: Path, recorded: RecordedRegistry, tmp_path: Path) -> None:
    archive = tmp_path / "elsewhere" / "shop.bundle"
    archive.parent.mkdir()
    export_bundle(compile_product(product, registry=recorded), archive=archive)
    shutil.rmtree(tmp_path / ".git")
    old, new = sides(str(archive), str(archive), at(archive.parent, NoDbt()))
    assert old == new


def test_a_folder_of_a_branchs_name_is_the_branch(product: Path, recorded: RecordedRegistry) -> None:
    (product / "main").mkdir()
    assert sides("main", None, at(product, recorded))[0].name.startswith("main (")


def test_a_name_of_two_things_is_refused(product: Path, recorded: RecordedRegistry) -> None:
    compile_product(product, registry=recorded)
    git(product, "branch", "corner-shop")
    with refused("FLOE-D106") as said:
        sides("corner-shop", None, at(product, NoDbt()))
    assert "`store:corner-shop` or `git:corner-shop`" in said[0]


def test_a_word_that_names_nothing_is_refused(product: Path, tmp_path: Path) -> None:
    for word in ("no-such-branch", "no-such-branch..HEAD", "git:no-such-branch"):
        with refused("FLOE-D101") as said:
            sides(word, None, at(product, NoDbt()))
        assert "no-such-branch" in said[0]
    shutil.rmtree(tmp_path / ".git")
    with refused("FLOE-D101") as said:
        sides("main", None, at(product, NoDbt()))
    assert "no git repository" in said[0]


def test_a_revision_without_the_product_is_refused(product: Path, recorded: RecordedRegistry) -> None:
    git(product, "mv", str(product), str(product.with_name("other-shop")))
    commit(product.parent, "Moved")
    with refused("FLOE-D104") as said:
        sides("HEAD~1", None, at(product.with_name("other-shop"), recorded))
    assert "HEAD~1" in said[0]
    assert "`other-shop`" in said[0]


@pytest.mark.tools
def test_a_revision_that_does_not_compile_says_which_and_where(edited: Path, registry: WarmRegistry) -> None:
    (edited / MODEL).write_text("select * from {{ ref('nothing') }}\n")
    commit(edited, "Broken")
    with refused("FLOE-D107", "FLOE-C202") as said:
        sides("main..HEAD", None, at(edited, registry))
    assert "the revision HEAD (" in said[0]
    assert said[1].startswith(f"HEAD:corner-shop/{MODEL}")
    assert ".floe/tmp" not in "".join(said)


def test_policies_that_refuse_a_revision_are_an_error_and_no_answer(product: Path, recorded: RecordedRegistry) -> None:
    platform = product.parent / "platform" / "corner-shop.yaml"
    platform.write_text(platform.read_text() + "policies: {allowed_materializations: {default: [ephemeral]}}\n")
    commit(product, "Stricter")
    with refused("FLOE-D107", "FLOE-C300") as said:
        sides("HEAD", None, at(product, recorded))
    assert "the revision HEAD (" in said[0]
    with refused("FLOE-D107", "FLOE-C300") as said:
        sides("HEAD~1", None, at(product, recorded))
    assert "the working tree does not compile" in said[0]


def test_what_is_compiled_beside_a_bundle_is_compiled_for_its_targets(
    product: Path, recorded: RecordedRegistry
) -> None:
    compiled = compile_product(product, targets=("prod",), registry=recorded)
    old, new = sides(compiled.digest, None, at(product, recorded))
    assert old.bundle.digest == new.bundle.digest
    assert list(sides(compiled.digest, None, at(product, recorded, targets=("dev",)))[1].bundle.index.targets) == [
        "dev"
    ]


def test_a_damaged_bundle_is_refused(product: Path, recorded: RecordedRegistry, tmp_path: Path) -> None:
    folder = export_bundle(compile_product(product, registry=recorded), out=tmp_path / "folder")
    (folder / "profiles" / "profiles.yml").chmod(0o644)
    (folder / "profiles" / "profiles.yml").write_text("")
    with refused("FLOE-V008"):
        sides(str(folder), None, at(product, NoDbt()))
