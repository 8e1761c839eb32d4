"""Whatever changes what will run changes the digest; nothing else does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from floe_compiler.pipeline import compile_product
from floe_compiler.store.layout import Store
from floe_compiler.store.listing import INDEX
from floe_compiler.verify import verify
from tests.warm import WarmRegistry

Edit = Callable[[Path], None]


def _compiled(product: Path, registry: WarmRegistry, *targets: str) -> str:
    return compile_product(product, targets=targets, registry=registry).digest


def _replace(path: str, old: str, new: str) -> Edit:
    def edit(product: Path) -> None:
        file = product / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    return edit


def _unlink_package(product: Path) -> None:
    installed = product / "dbt_packages" / "till"
    installed.unlink()
    shutil.copytree(product / "local_packages" / "till", installed)


def _leave_target(product: Path) -> None:
    for file in ("target/manifest.json", "target/partial_parse.msgpack", "logs/dbt.log", "dev.duckdb", ".user.yml"):
        (product / file).parent.mkdir(exist_ok=True)
        (product / file).write_text("left behind")


def _rename_target(product: Path) -> None:
    manifest = product.parent / "platform" / "corner-shop.yaml"
    manifest.write_text(manifest.read_text().replace(" dev", " staging"))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, registry: WarmRegistry) -> str:
    """The digest of corner-shop as it stands."""
    folder = tmp_path_factory.mktemp("untouched")
    products = Path(__file__).parent.parent.parent / "fixtures" / "products"
    for name in ("corner-shop", "platform"):
        shutil.copytree(products / name, folder / name, symlinks=True)
    return _compiled(folder / "corner-shop", registry)


SAME_MEANING = {
    "a comment in floe.yaml": _replace("floe.yaml", "kind: DataProduct", "kind: DataProduct # ours"),
    "CRLF in floe.yaml": _replace("floe.yaml", "\n", "\r\n"),
    "CRLF in the platform manifest": _replace("../platform/corner-shop.yaml", "\n", "\r\n"),
    "another order of keys": _replace(
        "floe.yaml", "apiVersion: floe.dev/v1\nkind: DataProduct\n", "kind: DataProduct\napiVersion: floe.dev/v1\n"
    ),
    "a file that dbt does not read": lambda product: (product / "models" / "notes.txt").write_text("todo") and None,
    "a hidden model": lambda product: (product / "models" / ".#price_list.sql").write_text("select 1") and None,
    "a profiles.yml in the project": lambda product: (product / "profiles.yml").write_text("corner: {}") and None,
    "the package copied, not linked": _unlink_package,
    "what dbt leaves behind": _leave_target,
}

ANOTHER_MEANING = {
    "a byte of a seed": _replace("seeds/goods.csv", "liquorice,0.2", "liquorice,0.3"),
    "a byte of a model": _replace("models/price_list.sql", "select id", "select  id"),
    "a byte of a macro": _replace("macros/priced.sql", "' {{", "'  {{"),
    "a byte of a package": _replace("local_packages/till/macros/rounded.sql", "2", "3"),
    "a description": _replace("models/_models.yml", "in the window", "on the shelf"),
    "dbt_project.yml": _replace("dbt_project.yml", "view", "table"),
    "a configuration value": _replace("../platform/corner-shop.yaml", "threads: 2", "threads: 3"),
    "the name of the target": _rename_target,
    "a build constant": _replace("floe.yaml", "EUR", "BEF"),
    "the schedule": _replace("floe.yaml", "30 5", "31 5"),
    "the owner": _replace("floe.yaml", "name: Ilse", "name: Wout"),
    "the product's version": _replace("floe.yaml", "version: 1.0.0", "version: 1.0.1"),
    "the platform's version": _replace("../platform/corner-shop.yaml", "version: 1.0.0", "version: 1.0.1"),
    "what is selected": _replace("floe.yaml", "path: .}", "path: ., select: price_list}"),
}


@pytest.mark.parametrize("edit", SAME_MEANING.values(), ids=SAME_MEANING)
def test_what_changes_nothing_that_runs_keeps_the_digest(
    edit: Edit, shop: Path, registry: WarmRegistry, untouched: str
) -> None:
    edit(shop)
    assert _compiled(shop, registry) == untouched


@pytest.mark.parametrize("edit", ANOTHER_MEANING.values(), ids=ANOTHER_MEANING)
def test_what_changes_what_runs_changes_the_digest_even_where_the_cache_is_warm(
    edit: Edit, shop: Path, registry: WarmRegistry, untouched: str
) -> None:
    assert _compiled(shop, registry) == untouched
    edit(shop)
    changed = _compiled(shop, registry)
    assert changed != untouched
    shutil.rmtree(shop / ".floe" / "cache")
    assert _compiled(shop, registry) == changed, "a cold compile gives what the warm one gave"


def test_another_plugin_version_is_another_bundle(
    shop: Path, registry: WarmRegistry, untouched: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("floe_compiler.builtin.compute.duckdb.DuckDBCompute.version", "2")
    assert _compiled(shop, registry) != untouched


def test_more_targets_are_another_bundle(shop: Path, registry: WarmRegistry, untouched: str) -> None:
    both = _compiled(shop, registry, "dev", "prod")
    assert both != untouched
    assert _compiled(shop, registry, "prod", "dev", "prod") == both, "their order and repetition mean nothing"


def test_another_machine_gives_the_same_bytes(tmp_path: Path, shop: Path) -> None:
    """Directory, HOME, time zone, locale, umask, hash seed, user name, thread settings and a stray `.env`."""
    elsewhere = tmp_path / "another place" / "with a longer name"
    for folder in ("corner-shop", "platform"):
        shutil.copytree(shop.parent / folder, elsewhere / folder, symlinks=True)
    (elsewhere / ".env").write_text("SHOP_CURRENCY=USD\nDBT_THREADS=7\nDBT_TARGET=prod\n")
    (elsewhere / "corner-shop" / ".env").write_text("SHOP_CURRENCY=GBP\n")
    home = tmp_path / "home of somebody else"
    (home / ".dbt").mkdir(parents=True)
    (home / ".dbt" / "profiles.yml").write_text("corner: {target: x, outputs: {x: {type: duckdb}}}\n")
    here = {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}
    there = {
        "TZ": "Pacific/Chatham",
        "LC_ALL": "C.UTF-8",
        "LANG": "tr_TR.UTF-8",
        "PYTHONHASHSEED": "4711",
        "HOME": str(home),
        "USER": "somebody",
        "SHOP_CURRENCY": "JPY",
        "DBT_THREADS": "9",
        "DBT_TARGET": "prod",
        "DBT_PROFILES_DIR": str(home),
        "DBT_VARS": "{a: 1}",
        "OMP_NUM_THREADS": "3",
    }
    ours = _compile_in_a_process(shop, here, umask=0o022)
    theirs = _compile_in_a_process(elsewhere / "corner-shop", there, umask=0o077)
    assert _bytes_of(ours / "bundle") == _bytes_of(theirs / "bundle")
    assert (ours / "bundle.tar").read_bytes() == (theirs / "bundle.tar").read_bytes()


def test_a_bundle_says_nothing_of_where_and_when_it_was_made(shop: Path, registry: WarmRegistry) -> None:
    digest = _compiled(shop, registry)
    bundle = verify(Store(shop / ".floe").bundle(digest), digest)
    for path in (INDEX, *bundle.paths):
        content = bundle.read(path)
        for trace in (str(shop), str(shop.parent), os.path.realpath(sys.prefix), str(Path.home())):
            assert trace.encode() not in content, f"{path} names {trace}"


def test_a_model_that_bakes_in_the_time_of_compiling_is_named(shop: Path, registry: WarmRegistry) -> None:
    from floe_compiler.errors import FloeError

    (shop / "models" / "stamped.sql").write_text(
        "{{ config(meta={'at': run_started_at.strftime('%Y'), 'by': invocation_id}) }}\nselect 1 as one"
    )
    with pytest.raises(FloeError) as refused:
        _compiled(shop, registry)
    assert {p.code for p in refused.value.problems} == {"FLOE-F002"}
    assert "model.corner_shop.stamped" in refused.value.problems[0].message
    assert refused.value.problems[0].where is not None
    assert refused.value.problems[0].where.file.endswith("models/stamped.sql")


def test_sql_that_asks_for_the_time_of_the_run_is_nobodys_problem(shop: Path, registry: WarmRegistry) -> None:
    (shop / "models" / "stamped.sql").write_text("select '{{ run_started_at }}' as at, '{{ invocation_id }}' as by_run")
    assert _compiled(shop, registry).startswith("sha256:")


def _compile_in_a_process(product: Path, environment: dict[str, str], *, umask: int) -> Path:
    results = product.parent / "results"
    for destination in (["--out", str(results / "bundle")], ["--archive", str(results / "bundle.tar")]):
        subprocess.run(
            [sys.executable, "-m", "floe_compiler", "compile", *destination],
            cwd=product,
            env={"PATH": os.environ["PATH"], **environment},
            umask=umask,
            check=True,
            capture_output=True,
        )
    return results


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}
