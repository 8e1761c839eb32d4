"""A VerifiedBundle: only verify makes one, and what is read from it is what was verified."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.store.export import export_archive
from floe_compiler.store.listing import INDEX
from floe_compiler.verify import VerifiedBundle, verify
from tests.bundles import FILES, codes_of, make_bundle, on_disk

MODEL = "project/models/orders.sql"
BUNDLE = make_bundle()


@pytest.fixture(params=["folder", "archive"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "folder":
        return on_disk(BUNDLE, tmp_path / "bundle")
    export_archive(BUNDLE, tmp_path / "bundle.tar")
    return tmp_path / "bundle.tar"


def test_it_holds_what_was_frozen(source: Path) -> None:
    verified = verify(source, BUNDLE.digest)
    assert verified.digest == BUNDLE.digest
    assert verified.index == BUNDLE.index
    assert verified.index_bytes == BUNDLE.index_bytes == verified.read(INDEX)
    assert {path: verified.read(path) for path in verified.paths} == FILES
    assert verified.folder == (source if source.is_dir() else None)


def test_nobody_else_can_make_one(source: Path) -> None:
    verified = verify(source)
    fields = {field.name: getattr(verified, field.name) for field in dataclasses.fields(verified)}
    with pytest.raises(TypeError):
        VerifiedBundle(**fields, seal=object())
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(verified, digest="sha256:" + "0" * 64)  # type: ignore[call-arg]
    with pytest.raises(dataclasses.FrozenInstanceError):
        verified.digest = "sha256:" + "0" * 64  # type: ignore[misc]
    assert copy.copy(verified) == verified


def test_bytes_that_changed_since_are_refused_when_read(source: Path) -> None:
    verified = verify(source)
    changed = source / MODEL if source.is_dir() else source
    changed.write_bytes(changed.read_bytes().replace(b"select 1 as id\n", b"select 2 as id\n"))
    with pytest.raises(FloeError) as caught:
        verified.read(MODEL)
    assert codes_of(caught.value) == ["FLOE-V008"]


def test_a_file_that_vanished_is_refused_when_read(tmp_path: Path) -> None:
    folder = on_disk(BUNDLE, tmp_path / "bundle")
    verified = verify(folder)
    (folder / MODEL).unlink()
    with pytest.raises(FloeError) as caught:
        verified.read(MODEL)
    assert codes_of(caught.value) == ["FLOE-V006"]


def test_a_path_that_is_not_listed_cannot_be_read(source: Path) -> None:
    with pytest.raises(KeyError):
        verify(source).read("../bundle/" + MODEL)


def test_chosen_files_are_written_out(source: Path, tmp_path: Path) -> None:
    verify(source).materialise(tmp_path / "run", "project", "profiles/profiles.yml")
    written = {
        str(path.relative_to(tmp_path / "run")): path.read_bytes()
        for path in (tmp_path / "run").rglob("*")
        if path.is_file()
    }
    chosen = {path: content for path, content in FILES.items() if path.startswith(("project/", "profiles/"))}
    assert written == chosen


def test_a_bundle_written_out_whole_is_the_bundle(source: Path, tmp_path: Path) -> None:
    verify(source).materialise(tmp_path / "copy")
    assert verify(tmp_path / "copy", BUNDLE.digest).digest == BUNDLE.digest


def test_what_is_there_is_not_overwritten_when_files_are_written_out(source: Path, tmp_path: Path) -> None:
    (tmp_path / "run/project/models").mkdir(parents=True)
    (tmp_path / "run" / MODEL).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FloeError) as caught:
        verify(source).materialise(tmp_path / "run")
    assert codes_of(caught.value) == ["FLOE-F104"]
    assert not (tmp_path / "elsewhere").exists()


def test_it_tells_what_was_checked_step_by_step(source: Path) -> None:
    checks = verify(source, BUNDLE.digest).checks
    assert [check[:3] for check in checks] == [f"({number})" for number in range(9)]
    assert BUNDLE.digest in checks[2] and "asked for" in checks[2]
    assert "6 files" in checks[8]
