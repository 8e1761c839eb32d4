"""What verify refuses in a single file: every byte of it follows from the index and the content."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.store.archive import archive_bytes
from floe_compiler.verify import verify
from tests.bundles import codes_of, make_bundle

BLOCK = 512
BUNDLE = make_bundle()
GOOD = b"".join(archive_bytes(BUNDLE))
HEADER_OF_FIRST_FILE = BLOCK + -(-len(BUNDLE.index_bytes) // BLOCK) * BLOCK


def refusal(tmp_path: Path, content: bytes, expected_digest: str | None = None) -> set[str]:
    archive = tmp_path / "bundle.tar"
    archive.write_bytes(content)
    with pytest.raises(FloeError) as caught:
        verify(archive, expected_digest)
    assert caught.value.exit_status == 5
    return set(codes_of(caught.value))


def test_the_archive_itself_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "bundle.tar").write_bytes(GOOD)
    assert verify(tmp_path / "bundle.tar", BUNDLE.digest).digest == BUNDLE.digest


def test_an_archive_cut_anywhere_is_refused(tmp_path: Path) -> None:
    chance = random.Random(7)
    anywhere = {chance.randrange(len(GOOD)) for _ in range(200)}
    for end in sorted(anywhere | set(range(0, len(GOOD), BLOCK))):
        assert refusal(tmp_path, GOOD[:end]) <= {"FLOE-V001", "FLOE-V011"}


@pytest.mark.parametrize("header", [0, HEADER_OF_FIRST_FILE], ids=["index", "first file"])
def test_any_changed_byte_of_a_header_is_refused(tmp_path: Path, header: int) -> None:
    for at in range(header, header + BLOCK):
        changed = bytearray(GOOD)
        changed[at] ^= 0x01
        assert refusal(tmp_path, bytes(changed)) <= {
            "FLOE-V001", "FLOE-V002", "FLOE-V003", "FLOE-V011", "FLOE-V014"
        }  # fmt: skip


def test_any_changed_byte_at_all_is_refused(tmp_path: Path) -> None:
    chance = random.Random(11)
    for at in chance.sample(range(len(GOOD)), 500):
        changed = bytearray(GOOD)
        changed[at] ^= 1 << chance.randrange(8)
        refusal(tmp_path, bytes(changed), BUNDLE.digest)


@pytest.mark.parametrize("garbage", [b"\0", bytes(BLOCK), bytes(20 * BLOCK), b"#!/bin/sh\n", GOOD])
def test_anything_after_the_end_is_refused(tmp_path: Path, garbage: bytes) -> None:
    assert refusal(tmp_path, GOOD + garbage) == {"FLOE-V011"}


def test_files_in_another_order_are_refused(tmp_path: Path) -> None:
    files = dict(sorted(BUNDLE.files.items(), reverse=True))
    pieces = list(archive_bytes(BUNDLE))
    index, rest, end = pieces[:3], pieces[3:-1], pieces[-1]
    members = [b"".join(rest[at : at + 3]) for at in range(0, len(rest), 3)]
    assert len(members) == len(files)
    assert refusal(tmp_path, b"".join([*index, *reversed(members), end])) == {"FLOE-V011", "FLOE-V008"}


def test_an_index_that_is_not_first_is_refused(tmp_path: Path) -> None:
    index, rest = GOOD[:HEADER_OF_FIRST_FILE], GOOD[HEADER_OF_FIRST_FILE:-1024]
    assert refusal(tmp_path, rest + index + GOOD[-1024:]) == {"FLOE-V001"}


def test_padding_that_is_not_zeros_is_refused(tmp_path: Path) -> None:
    changed = bytearray(GOOD)
    changed[HEADER_OF_FIRST_FILE - 1] = 1
    assert refusal(tmp_path, bytes(changed)) == {"FLOE-V011"}


def test_an_end_that_is_not_zeros_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, GOOD[:-1] + b"\1") == {"FLOE-V011"}


@pytest.mark.parametrize("size", [b"99999999999", b"-0000000001", b"\x80" + bytes(10), b"77777777777"])
def test_a_header_that_claims_an_absurd_index_is_refused_without_reading_it(tmp_path: Path, size: bytes) -> None:
    refusal(tmp_path, GOOD[:124] + size + GOOD[135:])
