"""Bundles outside a store: `--out` and `--archive`."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.store.archive import archive_bytes
from floe_compiler.store.export import export_archive, export_folder
from floe_compiler.store.listing import INDEX
from floe_compiler.verify import verify
from tests.bundles import FILES, codes_of, make_bundle

BUNDLE = make_bundle()
LONG = "project/" + "d" * 100 + "/" + "n" * 100  # fits only because ustar has a field for what stands before the name


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_holds_the_bundle_and_can_be_removed(tmp_path: Path) -> None:
    for out in (tmp_path / "new", tmp_path / "deep/down"):
        export_folder(BUNDLE, out)
        assert verify(out, BUNDLE.digest)
        assert all(path.stat().st_mode & 0o200 for path in (out, *out.rglob("*")))
    assert names(tmp_path) == ["deep", "new"]


def test_an_empty_folder_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    export_folder(BUNDLE, Path("out"))
    assert verify(tmp_path / "out", BUNDLE.digest)


def test_what_is_in_the_way_of_a_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/precious").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for out in ("folder", "file"):
        with pytest.raises(FloeError) as caught:
            export_folder(BUNDLE, tmp_path / out)
        assert codes_of(caught.value) == ["FLOE-F101"]
    assert names(tmp_path) == ["file", "folder"]
    assert (tmp_path / "folder/precious").read_text() == (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("export", [export_folder, export_archive])
@pytest.mark.parametrize("target", ["nowhere", "empty", "loop"])
def test_nothing_is_written_through_a_link(tmp_path: Path, target: str, export) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop").symlink_to(target)
    with pytest.raises(FloeError) as caught:
        export(BUNDLE, tmp_path / "loop")
    assert codes_of(caught.value) == ["FLOE-F102"]
    assert names(tmp_path) == ["empty", "loop"] and not names(tmp_path / "empty")


def test_an_archive_holds_the_bundle(tmp_path: Path) -> None:
    export_archive(BUNDLE, tmp_path / "deep/bundle.tar")
    assert verify(tmp_path / "deep/bundle.tar", BUNDLE.digest)
    assert names(tmp_path / "deep") == ["bundle.tar"]


def test_an_archive_that_is_there_already_stays(tmp_path: Path) -> None:
    file = tmp_path / "bundle.tar"
    export_archive(BUNDLE, file)
    before = file.stat()
    export_archive(BUNDLE, file)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_is_in_the_way_of_an_archive_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    export_archive(make_bundle({"project/other.sql": b""}), tmp_path / "other bundle")
    (tmp_path / "longer").write_bytes(b"".join(archive_bytes(BUNDLE)) + b"\0")
    (tmp_path / "empty").touch()
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)}
    for name in before:
        with pytest.raises(FloeError) as caught:
            export_archive(BUNDLE, tmp_path / name)
        assert codes_of(caught.value) == ["FLOE-F103"]
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)} == before


def test_archives_of_one_bundle_are_the_same_bytes_in_any_order_of_files() -> None:
    backwards = make_bundle(dict(reversed(FILES.items())))
    assert b"".join(archive_bytes(backwards)) == b"".join(archive_bytes(BUNDLE))


def test_an_archive_has_one_frame(tmp_path: Path) -> None:
    export_archive(BUNDLE, tmp_path / "bundle.tar")
    content = (tmp_path / "bundle.tar").read_bytes()
    size = b"%011o" % len(BUNDLE.index_bytes)
    fixed = b"0000444\x000000000\x000000000\x00" + size + b"\x0000000000000\x00"
    header = INDEX.encode().ljust(100, b"\0") + fixed + b"        0" + bytes(100) + b"ustar\x0000" + bytes(247)
    checksum = b"%06o\x00 " % sum(header)
    assert content[:512] == header[:148] + checksum + header[156:]
    blocks = sum(1 + -(-len(c) // 512) for c in (BUNDLE.index_bytes, *FILES.values()))
    assert len(content) == (blocks + 2) * 512
    assert content.endswith(bytes(1024))


@pytest.mark.skipif(shutil.which("tar") is None, reason="no tar here")
def test_any_tar_unpacks_an_archive_to_the_bundle(tmp_path: Path) -> None:
    bundle = make_bundle({**FILES, LONG: b"select 1\n"})
    export_archive(bundle, tmp_path / "bundle.tar")
    for unpacked in ("by tar", "by tarfile"):
        (tmp_path / unpacked).mkdir()
    subprocess.run(["tar", "-xf", tmp_path / "bundle.tar", "-C", tmp_path / "by tar"], check=True)
    with tarfile.open(tmp_path / "bundle.tar") as archive:
        archive.extractall(tmp_path / "by tarfile", filter="data")
    for unpacked in ("by tar", "by tarfile"):
        assert verify(tmp_path / unpacked, bundle.digest)
    assert verify(tmp_path / "bundle.tar", bundle.digest).read(LONG) == b"select 1\n"
