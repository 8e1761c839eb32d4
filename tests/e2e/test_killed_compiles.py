"""Kill the whole of a compile at any moment, or run eight at once: what can be seen is whole, and a later
compile succeeds.

dbt's own seconds are left out (it writes into scratch folders only): its manifest is recorded once, from the
real dbt, so that two hundred kills hit what floe does before and after.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from floe_compiler.pipeline import compile_product
from floe_compiler.plugins.contracts import DBTRuntimePlugin
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.store.integrity import check_folder
from floe_compiler.store.layout import Store, digest_in
from floe_compiler.store.refs import resolve_digest
from floe_compiler.verify import verify
from tests.processes import end_of, start
from tests.warm import RecordedDbt, WarmRegistry

KILLS = 200
LIVES = 2
"""How many compiles the longest life is long: half of them publish something, on a machine of any speed."""
PATIENCE = 60
COMPILERS = 8


class RecordedRegistry(PluginRegistry):
    """The real plugins, but for dbt: a recording of it."""

    def __init__(self, manifest: bytes) -> None:
        super().__init__()
        self._dbt = RecordedDbt(manifest)

    def get_runtime(self, name: str, config: Mapping[str, Any], environ: Mapping[str, str]) -> DBTRuntimePlugin:
        return self._dbt


def _recorded(shop: Path, registry: WarmRegistry) -> RecordedRegistry:
    compiled = compile_product(shop, registry=registry)
    recorded = RecordedRegistry((compiled.path / "targets" / "dev" / "manifest.json").read_bytes())
    assert compile_product(shop, store=Store(shop / "another"), registry=recorded).digest == compiled.digest
    return recorded


def _compile_for_ever(shop: Path, store: Store, registry: PluginRegistry, seed: int) -> None:
    chance = random.Random(seed)
    while True:
        (shop / "seeds" / "goods.csv").write_text(f"id,name,price\n1,{chance.getrandbits(64):x},1.0\n")
        compile_product(shop, store=store, registry=registry)


def _seconds_to_publish(shop: Path, registry: PluginRegistry) -> float:
    """From the start of a process to its first bundle: the median of three."""
    found = []
    for attempt in range(3):
        bundles = Store(shop.parent / f"measured-{attempt}").bundles
        started = time.monotonic()
        child = start(partial(_compile_for_ever, shop, Store(bundles.parent), registry, -attempt))
        while not (bundles.is_dir() and any(bundles.iterdir())) and time.monotonic() < started + PATIENCE:
            time.sleep(0.002)
        found.append(time.monotonic() - started)
        os.kill(child, signal.SIGKILL)
        end_of(child)
    return sorted(found)[1]


def test_a_compile_killed_at_any_moment_leaves_the_store_as_it_was_or_with_a_whole_bundle_more(
    shop: Path, registry: WarmRegistry
) -> None:
    recorded = _recorded(shop, registry)
    longest = LIVES * _seconds_to_publish(shop, recorded)
    store = Store(shop.parent / "store")
    chance = random.Random(1789)
    seen: set[Path] = set()
    interrupted = 0
    for kill in range(KILLS):
        child = start(partial(_compile_for_ever, shop, store, recorded, kill))
        time.sleep(chance.uniform(0, longest))
        os.kill(child, signal.SIGKILL)
        assert end_of(child) == -signal.SIGKILL
        interrupted += store.tmp.is_dir() and any(store.tmp.iterdir())
        for folder in set(store.bundles.iterdir() if store.bundles.is_dir() else ()) - seen:
            assert check_folder(folder, digest_in(folder.name)) == []
            seen.add(folder)
        if store.refs.is_dir() and any(store.refs.iterdir()):
            assert store.bundle(resolve_digest(store, "corner-shop")) in seen
    assert len(seen) > KILLS / 4, "compiles were killed before they published anything"
    assert interrupted > KILLS / 4, "compiles were hardly ever killed in the midst of their work"
    compiled = compile_product(shop, store=store, registry=recorded)
    assert verify(compiled.path, compiled.digest)
    assert list(store.tmp.iterdir()) == [], "what the dead left behind was not swept"


def test_eight_compiles_at_once_of_the_same_and_of_different_products_share_a_store(
    shop: Path, registry: WarmRegistry
) -> None:
    recorded = _recorded(shop, registry)
    store = Store(shop.parent / "store")
    products = [shop] * (COMPILERS // 2)
    for number in range(COMPILERS // 2):
        other = shop.parent / f"shop-{number}"
        shutil.copytree(shop, other, symlinks=True, ignore=shutil.ignore_patterns(".floe", "another"))
        (other / "seeds" / "goods.csv").write_text(f"id,name,price\n1,apples,{number}.5\n")
        products.append(other)

    def work(product: Path) -> None:
        for _ in range(3):
            compiled = compile_product(product, store=store, registry=recorded)
            assert verify(compiled.path, compiled.digest)

    children = [start(partial(work, product)) for product in products]
    assert [end_of(child) for child in children] == [0] * COMPILERS
    assert len(list(store.bundles.iterdir())) == 1 + COMPILERS // 2
