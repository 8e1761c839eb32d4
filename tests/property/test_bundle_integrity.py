"""The laws of a sealed bundle: whatever is done to a file of it, verify refuses."""

from __future__ import annotations

import os
import string
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_compiler.errors import FloeError
from floe_compiler.model.frozen import FrozenBundle
from floe_compiler.store.archive import archive_bytes
from floe_compiler.store.integrity import check_folder
from floe_compiler.store.listing import INDEX
from floe_compiler.verify import verify
from tests.bundles import make_bundle

NAMES = st.text(string.ascii_lowercase + string.digits + "._-", min_size=1, max_size=8).filter(
    lambda name: name not in {".", ".."}
)
MODELS = st.dictionaries(NAMES.map("project/models/{}.sql".format), st.binary(max_size=2000), max_size=6)
BUNDLES = MODELS.map(make_bundle)


@contextmanager
def on_disk(bundle: FrozenBundle) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        for path, content in {**bundle.files, INDEX: bundle.index_bytes}.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_bytes(content)
        yield Path(folder)


def flip(path: Path, data: st.DataObject) -> None:
    content = bytearray(path.read_bytes() or b"\1")
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)


def cut(path: Path, data: st.DataObject) -> None:
    content = path.read_bytes() or b"\1"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))] or b"instead")


def append(path: Path, data: st.DataObject) -> None:
    path.write_bytes(path.read_bytes() + data.draw(st.binary(min_size=1, max_size=600)))


def remove(path: Path, data: st.DataObject) -> None:
    path.unlink()


def add(path: Path, data: st.DataObject) -> None:
    (path.parent / data.draw(NAMES.map("new-{}".format))).write_bytes(data.draw(st.binary(max_size=9)))


def rename(path: Path, data: st.DataObject) -> None:
    path.rename(path.parent / data.draw(NAMES.map("new-{}".format)))


def change_case(path: Path, data: st.DataObject) -> None:
    path.rename(path.parent / path.name.swapcase())


def link(path: Path, data: st.DataObject) -> None:
    """The very same content, through a link."""
    elsewhere = Path(tempfile.mkdtemp(dir=path.parent)) / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def become_a_folder(path: Path, data: st.DataObject) -> None:
    path.unlink()
    path.mkdir()


def become_a_pipe(path: Path, data: st.DataObject) -> None:
    path.unlink()
    os.mkfifo(path)


TAMPERINGS: list[Callable[[Path, st.DataObject], None]] = [
    flip, cut, append, remove, add, rename, change_case, link, become_a_folder, become_a_pipe
]  # fmt: skip


@given(bundle=BUNDLES, tamper=st.sampled_from(TAMPERINGS), data=st.data())
def test_whatever_is_done_to_any_file_of_a_folder_is_refused(
    bundle: FrozenBundle, tamper: Callable[[Path, st.DataObject], None], data: st.DataObject
) -> None:
    with on_disk(bundle) as folder:
        assert verify(folder, bundle.digest)
        assert check_folder(folder, bundle.digest) == []
        tamper(folder / data.draw(st.sampled_from([INDEX, *bundle.files])), data)
        with pytest.raises(FloeError) as caught:
            verify(folder, bundle.digest)
        assert {problem.code[:6] for problem in caught.value.problems} == {"FLOE-V"}
        assert set(check_folder(folder, bundle.digest)) == set(caught.value.problems)


@given(bundle=BUNDLES, tamper=st.sampled_from([flip, cut, append]), data=st.data())
def test_whatever_is_done_to_any_byte_of_a_single_file_is_refused(
    bundle: FrozenBundle, tamper: Callable[[Path, st.DataObject], None], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "bundle.tar"
        archive.write_bytes(b"".join(archive_bytes(bundle)))
        assert verify(archive, bundle.digest)
        tamper(archive, data)
        with pytest.raises(FloeError):
            verify(archive, bundle.digest)


@given(bundle=BUNDLES)
def test_both_forms_hold_the_same_bundle(bundle: FrozenBundle) -> None:
    with on_disk(bundle) as folder, tempfile.TemporaryDirectory() as elsewhere:
        archive = Path(elsewhere) / "bundle.tar"
        archive.write_bytes(b"".join(archive_bytes(bundle)))
        one, other = verify(folder), verify(archive)
        assert one.digest == other.digest == bundle.digest
        assert one.index == other.index == bundle.index
        for path, content in bundle.files.items():
            assert one.read(path) == other.read(path) == content


@given(content=st.binary(max_size=3000))
def test_no_bytes_at_all_are_taken_for_a_bundle(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bundle.tar").write_bytes(content)
        (Path(folder) / INDEX).write_bytes(content)
        for source in (Path(folder) / "bundle.tar", Path(folder)):
            with pytest.raises(FloeError):
                verify(source)
