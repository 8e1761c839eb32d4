"""Reading an input: a regular file of bounded size, or a coded refusal; never a wait."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.load.yaml_door import MAX_SIZE, read_file
from tests.privileges import without_privileges


def refused(path: Path, max_size: int = MAX_SIZE) -> str:
    with pytest.raises(FloeError) as raised:
        read_file(path, shown_as="floe.yaml", max_size=max_size)
    (problem,) = raised.value.problems
    assert str(problem.where) == "floe.yaml"
    assert str(path.parent) not in problem.message
    return problem.code


def test_the_bytes_of_a_file_come_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "floe.yaml").write_bytes(b"a: 1\r\n\xff")
    assert read_file(tmp_path / "floe.yaml", shown_as="floe.yaml") == b"a: 1\r\n\xff"


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_bytes(b"a: 1")
    (tmp_path / "floe.yaml").symlink_to("real.yaml")
    assert read_file(tmp_path / "floe.yaml", shown_as="floe.yaml") == b"a: 1"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "floe.yaml") == "FLOE-L001"


def test_a_path_below_a_file_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refused(tmp_path / "file" / "floe.yaml") == "FLOE-L001"


def test_a_path_with_a_nul_does_not_exist(tmp_path: Path) -> None:
    assert refused(tmp_path / "a\0b") == "FLOE-L001"


def test_a_name_that_the_system_refuses_cannot_be_read(tmp_path: Path) -> None:
    assert refused(tmp_path / ("x" * 5000)) == "FLOE-L002"


def test_a_circle_of_links_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "floe.yaml").symlink_to("floe.yaml")
    assert refused(tmp_path / "floe.yaml") == "FLOE-L002"


def test_a_file_that_may_not_be_opened_cannot_be_read() -> None:
    with without_privileges() as folder:
        (folder / "floe.yaml").touch(mode=0)
        assert refused(folder / "floe.yaml") == "FLOE-L002"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path) == "FLOE-L003"


def test_a_pipe_without_a_writer_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "floe.yaml")
    assert refused(tmp_path / "floe.yaml") == "FLOE-L003"


def test_a_device_without_end_is_refused() -> None:
    assert refused(Path("/dev/zero")) == "FLOE-L003"


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's name must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("floe.yaml")
        assert refused(tmp_path / "floe.yaml") == "FLOE-L003"


def test_a_file_above_the_bound_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "floe.yaml").open("wb") as file:
        file.truncate(2**40)  # a hole: no disk has to hold it
    assert refused(tmp_path / "floe.yaml") == "FLOE-L004"


def test_a_file_of_exactly_the_bound_is_read(tmp_path: Path) -> None:
    (tmp_path / "floe.yaml").write_bytes(b"12345678")
    assert read_file(tmp_path / "floe.yaml", shown_as="floe.yaml", max_size=8) == b"12345678"
    assert refused(tmp_path / "floe.yaml", max_size=7) == "FLOE-L004"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs a file that hides its size")
def test_a_file_that_hides_its_size_is_read_up_to_the_bound() -> None:
    assert refused(Path("/proc/self/status"), max_size=10) == "FLOE-L004"
