"""What verify refuses in a folder: one way to spoil it, one code, at one path."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.store.listing import INDEX
from floe_compiler.verify import verify
from tests.bundles import codes_of, make_bundle, on_disk
from tests.privileges import without_privileges

MODEL = "project/models/orders.sql"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return on_disk(make_bundle(), tmp_path / "bundle")


def flip(folder: Path) -> None:
    content = bytearray((folder / MODEL).read_bytes())
    content[3] ^= 1
    (folder / MODEL).write_bytes(content)


def shorten(folder: Path) -> None:
    os.truncate(folder / MODEL, 3)


def remove(folder: Path) -> None:
    (folder / MODEL).unlink()


def add(folder: Path) -> None:
    (folder / "project/extra.sql").write_bytes(b"")


def add_with_a_hostile_name(folder: Path) -> None:
    (folder / "\x1b[2Jgone\udcff").write_bytes(b"")


def add_folder(folder: Path) -> None:
    (folder / "project/empty").mkdir()


def add_index_in_other_case(folder: Path) -> None:
    (folder / INDEX.upper()).write_bytes(b"{}")


def link_file(folder: Path) -> None:
    original = (folder / MODEL).rename(folder.parent / "orders.sql")
    (folder / MODEL).symlink_to(original)


def link_folder(folder: Path) -> None:
    original = (folder / "profiles").rename(folder.parent / "profiles")
    (folder / "profiles").symlink_to(original)


def add_dangling_link(folder: Path) -> None:
    (folder / "dangling").symlink_to("nowhere")


def link_loop(folder: Path) -> None:
    (folder / "loop").symlink_to(".")


def replace_by_pipe(folder: Path) -> None:
    (folder / MODEL).unlink()
    os.mkfifo(folder / MODEL)


def replace_by_socket(folder: Path) -> None:
    (folder / "profiles/profiles.yml").unlink()
    here = Path.cwd()
    os.chdir(folder / "profiles")  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("profiles.yml")
    finally:
        os.chdir(here)


def replace_by_folder(folder: Path) -> None:
    (folder / MODEL).unlink()
    (folder / MODEL).mkdir()


def index_as_link(folder: Path) -> None:
    original = (folder / INDEX).rename(folder.parent / INDEX)
    (folder / INDEX).symlink_to(original)


def index_as_pipe(folder: Path) -> None:
    (folder / INDEX).unlink()
    os.mkfifo(folder / INDEX)


def index_as_folder(folder: Path) -> None:
    (folder / INDEX).unlink()
    (folder / INDEX).mkdir()


def no_index(folder: Path) -> None:
    (folder / INDEX).unlink()


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def pipe_for_a_bundle(folder: Path) -> None:
    shutil.rmtree(folder)
    os.mkfifo(folder)


def some_other_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"PK\x03\x04" + bytes(5000))


def empty_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"")


def link_to_itself(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to(folder)


SPOILED: dict[Callable[[Path], None], tuple[str, str]] = {
    flip: ("FLOE-V008", MODEL),
    shorten: ("FLOE-V008", MODEL),
    remove: ("FLOE-V006", MODEL),
    add: ("FLOE-V007", "project/extra.sql"),
    add_with_a_hostile_name: ("FLOE-V007", "\\x1b[2Jgone\\udcff"),
    add_folder: ("FLOE-V007", "project/empty"),
    add_index_in_other_case: ("FLOE-V007", INDEX.upper()),
    link_file: ("FLOE-V009", MODEL),
    add_dangling_link: ("FLOE-V009", "dangling"),
    link_loop: ("FLOE-V009", "loop"),
    replace_by_pipe: ("FLOE-V009", MODEL),
    replace_by_socket: ("FLOE-V009", "profiles/profiles.yml"),
    replace_by_folder: ("FLOE-V009", MODEL),
    index_as_link: ("FLOE-V009", INDEX),
    index_as_pipe: ("FLOE-V009", INDEX),
    index_as_folder: ("FLOE-V009", INDEX),
    no_index: ("FLOE-V001", "{folder}"),
    no_folder: ("FLOE-V001", "{folder}"),
    pipe_for_a_bundle: ("FLOE-V001", "{folder}"),
    some_other_file: ("FLOE-V001", "{folder}"),
    empty_file: ("FLOE-V001", "{folder}"),
    link_to_itself: ("FLOE-V001", "{folder}"),
}


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
@pytest.mark.timeout(10)  # a pipe must not make it wait
def test_a_spoiled_folder_is_refused_at_the_path_that_was_spoiled(folder: Path, spoil: Callable[[Path], None]) -> None:
    spoil(folder)
    with pytest.raises(FloeError) as caught:
        verify(folder)
    code, path = SPOILED[spoil]
    found = [(problem.code, problem.where and problem.where.file) for problem in caught.value.problems]
    assert found == [(code, path.format(folder=folder))]


def test_a_linked_folder_hides_the_files_in_it(folder: Path) -> None:
    link_folder(folder)
    with pytest.raises(FloeError) as caught:
        verify(folder)
    assert codes_of(caught.value) == ["FLOE-V009", "FLOE-V006"]


def test_all_problems_of_a_folder_are_reported_at_once_sorted_by_path(folder: Path) -> None:
    for spoil in (flip, add, add_dangling_link):
        spoil(folder)
    (folder / "profiles/profiles.yml").unlink()
    with pytest.raises(FloeError) as caught:
        verify(folder)
    assert codes_of(caught.value) == ["FLOE-V009", "FLOE-V006", "FLOE-V007", "FLOE-V008"]


def test_a_renamed_file_is_both_missing_and_unlisted(folder: Path) -> None:
    (folder / MODEL).rename(folder / "project/models/Orders.sql")
    with pytest.raises(FloeError) as caught:
        verify(folder)
    assert codes_of(caught.value) == ["FLOE-V007", "FLOE-V006"]


def test_swapped_files_are_refused(folder: Path) -> None:
    one, other = folder / MODEL, folder / "profiles/profiles.yml"
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])
    with pytest.raises(FloeError) as caught:
        verify(folder)
    assert codes_of(caught.value) == ["FLOE-V008", "FLOE-V008"]


def test_hard_links_are_regular_files(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "second_name.sql").hardlink_to(folder / MODEL)
    assert verify(folder).digest == make_bundle().digest


def test_the_path_to_a_bundle_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(folder)
    assert verify(tmp_path / "current").folder == folder.resolve()


def test_a_bundle_other_than_the_one_asked_for_is_refused(folder: Path) -> None:
    with pytest.raises(FloeError) as caught:
        verify(folder, make_bundle({"project/other.sql": b""}).digest)
    assert codes_of(caught.value) == ["FLOE-V012"]


def test_what_may_not_be_read_is_the_environments_fault() -> None:
    with without_privileges() as own:
        folder = on_disk(make_bundle(), own / "bundle")
        (folder / MODEL).chmod(0)
        with pytest.raises(FloeError) as caught:
            verify(folder)
    assert codes_of(caught.value) == ["FLOE-V015"]
    assert caught.value.exit_status == 6
