"""What the system refuses to write: nothing half-written is seen, and the store works once there is room."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.store.export import export_archive, export_folder
from floe_compiler.store.layout import Store
from floe_compiler.store.publish import publish
from floe_compiler.store.refs import resolve_digest, write_ref
from floe_compiler.verify import verify
from tests.bundles import codes_of, make_bundle

SMALL = make_bundle()
LARGE = make_bundle({f"project/seeds/{n}.csv": os.urandom(64 << 10) for n in range(40)})  # 2.5 MiB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "floe-test", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("may not mount a file system here")
    yield disk
    subprocess.run(["umount", disk], check=True)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The system refuses to let any file grow beyond the size (Python ignores the signal; EFBIG is left)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def assert_as_before(store: Store) -> None:
    assert [path.name for path in store.bundles.iterdir()] == [store.bundle(SMALL.digest).name]
    assert list(store.tmp.iterdir()) == []
    assert verify(store.bundle(resolve_digest(store, "latest")), SMALL.digest)


def test_a_full_disk_leaves_the_store_as_it_was(small_disk: Path) -> None:
    store = Store(small_disk / ".floe")
    publish(store, SMALL)
    write_ref(store, "latest", SMALL.digest)
    with pytest.raises(FloeError) as caught:
        publish(store, LARGE)
    assert codes_of(caught.value) == ["FLOE-F104"]
    assert caught.value.exit_status == 6
    assert "No space left" in str(caught.value) and "project/seeds/" in str(caught.value)
    assert_as_before(store)

    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    assert verify(publish(store, LARGE), LARGE.digest)


def test_a_full_disk_leaves_no_half_written_export(small_disk: Path) -> None:
    for export in (export_folder, export_archive):
        with pytest.raises(FloeError) as caught:
            export(LARGE, small_disk / "out")
        assert codes_of(caught.value) == ["FLOE-F104"]
        assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, 100, 60_000])
def test_a_refused_write_leaves_the_store_as_it_was(tmp_path: Path, size: int) -> None:
    store = Store(tmp_path / ".floe")
    publish(store, SMALL)
    write_ref(store, "latest", SMALL.digest)
    with files_of_at_most(size), pytest.raises(FloeError) as caught:
        publish(store, LARGE)
    assert codes_of(caught.value) == ["FLOE-F104"]
    assert_as_before(store)
    assert verify(publish(store, LARGE), LARGE.digest)


def test_a_ref_that_cannot_be_written_stays_what_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path / ".floe")
    for bundle in (LARGE, SMALL):
        publish(store, bundle)
        write_ref(store, "latest", bundle.digest)
    with files_of_at_most(10), pytest.raises(FloeError) as caught:
        write_ref(store, "latest", LARGE.digest)
    assert codes_of(caught.value) == ["FLOE-F104"]
    assert resolve_digest(store, "latest") == SMALL.digest


def test_a_new_store_on_a_full_disk_can_be_completed_later(tmp_path: Path) -> None:
    store = Store(tmp_path / ".floe")
    with files_of_at_most(0), pytest.raises(FloeError) as caught:
        publish(store, SMALL)
    assert codes_of(caught.value) == ["FLOE-F104"]
    assert verify(publish(store, SMALL), SMALL.digest)
