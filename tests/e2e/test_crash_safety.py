"""Kill a publisher at any moment, or run many at once: whatever can be seen is whole.

Publishers are forked from this process, which has everything loaded, so that a kill a few milliseconds later
hits the writing and not the imports.
"""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from floe_compiler.model.frozen import FrozenBundle
from floe_compiler.store.export import export_archive, export_folder
from floe_compiler.store.integrity import check_folder
from floe_compiler.store.layout import Store, digest_in, prepare
from floe_compiler.store.publish import publish
from floe_compiler.store.refs import resolve_digest, write_ref
from floe_compiler.verify import verify
from tests.bundles import make_bundle
from tests.processes import end_of, start

KILLS = 200
LONGEST_LIFE = 0.15
PUBLISHERS = 8
REFS = ("dev", "prod")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / ".floe")
    prepare(store)
    return store


def some_bundle(chance: random.Random) -> FrozenBundle:
    files = {
        f"project/models/{folder}/m{number}.sql": chance.randbytes(chance.randrange(1, 30_000))
        for folder in "ab"
        for number in range(chance.randrange(1, 8))
    }
    return make_bundle(files)


def publish_for_ever(store: Store, exports: Path, seed: int) -> None:
    chance = random.Random(seed)
    while True:
        bundle = some_bundle(chance)
        publish(store, bundle)
        write_ref(store, chance.choice(REFS), bundle.digest)
        export_archive(bundle, exports / f"{bundle.digest[7:]}.tar")
        export_folder(bundle, exports / bundle.digest[7:])


def check_what_is_new(store: Store, exports: Path, seen: set[Path]) -> None:
    """Every bundle, archive, folder and ref that can be seen is whole."""
    for folder in set(store.bundles.iterdir()) - seen:
        assert check_folder(folder, digest_in(folder.name)) == []
        seen.add(folder)
    for export in {path for path in exports.iterdir() if not path.name.startswith(".")} - seen:
        assert verify(export, "sha256:" + export.stem)
        seen.add(export)
    for ref in store.refs.iterdir():
        folder = store.bundle(resolve_digest(store, ref.name))
        assert folder in seen or check_folder(folder, digest_in(folder.name)) == []


def read_for_ever(store: Store, exports: Path) -> None:
    seen: set[Path] = set()
    while True:
        check_what_is_new(store, exports, seen)
        time.sleep(0.005)


def test_a_publisher_killed_at_any_moment_leaves_only_whole_bundles(store: Store, tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    chance = random.Random(2026)
    seen: set[Path] = set()
    interrupted = 0
    reader = start(lambda: read_for_ever(store, exports))
    for kill in range(KILLS):
        child = start(partial(publish_for_ever, store, exports, kill))
        time.sleep(chance.uniform(0, LONGEST_LIFE))
        os.kill(child, signal.SIGKILL)
        assert end_of(child) == -signal.SIGKILL
        interrupted += any(store.tmp.iterdir()) or any(path.name.startswith(".") for path in exports.iterdir())
        check_what_is_new(store, exports, seen)
    os.kill(reader, signal.SIGKILL)
    assert end_of(reader) == -signal.SIGKILL, "the concurrent reader saw something that was not whole"

    assert len(seen) > KILLS, "publishers were killed before they published anything"
    assert interrupted > KILLS / 4, "publishers were hardly ever killed in the midst of writing"
    for folder in store.bundles.iterdir():
        assert check_folder(folder, digest_in(folder.name)) == []
    bundle = some_bundle(chance)
    assert verify(publish(store, bundle), bundle.digest)
    assert list(store.tmp.iterdir()) == [], "what the dead left behind was not swept"


def test_a_repair_killed_at_any_moment_can_be_done_again(store: Store) -> None:
    chance = random.Random(7)
    bundle = make_bundle()
    folder = publish(store, bundle)
    for _ in range(30):
        victim = chance.choice([path for path in folder.rglob("*") if path.is_file()])
        victim.chmod(0o644)
        victim.write_bytes(b"damaged")
        child = start(lambda: publish(store, bundle))
        time.sleep(chance.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        assert end_of(child) in {0, -signal.SIGKILL}
        assert verify(publish(store, bundle), bundle.digest)


def test_eight_publishers_of_the_same_bundles_and_of_their_own_do_not_disturb_each_other(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path / ".floe")  # not made yet: they also race to make it
    shared = [some_bundle(random.Random(seed)) for seed in range(6)]
    own = [some_bundle(random.Random(100 + number)) for number in range(PUBLISHERS)]

    def work(number: int) -> None:
        for _ in range(3):
            for bundle in (*shared, own[number]):
                assert publish(store, bundle) == store.bundle(bundle.digest)
                write_ref(store, "latest", bundle.digest)
                assert resolve_digest(store, "latest")

    children = [start(partial(work, number)) for number in range(PUBLISHERS)]
    assert [end_of(child) for child in children] == [0] * PUBLISHERS
    for bundle in (*shared, *own):
        assert verify(store.bundle(bundle.digest), bundle.digest)
    assert len(list(store.bundles.iterdir())) == len(shared) + len(own)
    assert list(store.tmp.iterdir()) == list(store.quarantine.iterdir()) == []


def test_eight_publishers_that_find_the_same_damage_repair_it_once(store: Store) -> None:
    bundle = make_bundle()
    for repeat in range(1, 16):
        model = publish(store, bundle) / "project/models/orders.sql"
        model.chmod(0o644)
        model.write_bytes(b"damaged")
        children = [start(lambda: publish(store, bundle)) for _ in range(PUBLISHERS)]
        assert [end_of(child) for child in children] == [0] * PUBLISHERS
        assert verify(store.bundle(bundle.digest), bundle.digest)
        assert len(list(store.quarantine.iterdir())) == repeat
