"""What verify refuses in an index, whatever lies beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from floe_compiler.canonical import canonical_bytes
from floe_compiler.errors import FloeError
from floe_compiler.store.limits import MAX_FILE, MAX_INDEX
from floe_compiler.store.listing import INDEX
from floe_compiler.verify import verify
from tests.bundles import codes_of, index_value, make_bundle, on_disk, reseal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return on_disk(make_bundle(), tmp_path / "bundle")


GOOD = canonical_bytes(index_value())
BYTES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "FLOE-V002"),
    "not JSON": (b"apiVersion: floe.dev/v1\n", "FLOE-V002"),
    "not UTF-8": (b'{"kind":"\xff"}', "FLOE-V002"),
    "cut": (GOOD[:-1], "FLOE-V002"),
    "nested beyond reason": (b"[" * 100_000, "FLOE-V002"),
    "two values": (GOOD + GOOD, "FLOE-V002"),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, "FLOE-V002"),
    "NaN": (b'{"n":NaN}', "FLOE-V002"),
    "newline at the end": (GOOD + b"\n", "FLOE-V003"),
    "pretty": (json.dumps(index_value(), indent=1, sort_keys=True).encode(), "FLOE-V003"),
    "unsorted keys": (b'{"schema_version":"1.0","kind":"x"}', "FLOE-V003"),
    "duplicate keys": (b'{"kind":"y",' + GOOD[1:], "FLOE-V003"),
    "escaped letter": (GOOD.replace(b'"orders"', b'"\\u006frders"', 1), "FLOE-V003"),
    "number with a fraction of zero": (b'{"n":1.0}', "FLOE-V003"),
    "integer beyond 2^53": (b'{"n":9007199254740993}', "FLOE-V003"),
    "deep, with a fraction": (b"[" * 900 + b"1.0" + b"]" * 900, "FLOE-V003"),
    "not an object": (b"[]", "FLOE-V004"),
    "no version": (b"{}", "FLOE-V004"),
}


@pytest.mark.parametrize("name", BYTES)
def test_an_index_that_is_not_one_canonical_document_is_refused(folder: Path, name: str) -> None:
    content, code = BYTES[name]
    (folder / INDEX).write_bytes(content)
    with pytest.raises(FloeError) as caught:
        verify(folder)
    assert codes_of(caught.value) == [code]


def set_to(*path: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(index: Any) -> None:
        *parents, last = path
        for part in parents:
            index = index[part]
        index[last] = value

    return change


def drop(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(index: Any) -> None:
        *parents, last = path
        for part in parents:
            index = index[part]
        del index[last]

    return change


def list_again(path: str) -> Callable[[dict[str, Any]], None]:
    """Lists the first file once more under another path, in its place in the order."""

    def change(index: dict[str, Any]) -> None:
        index["artifacts"].append({**index["artifacts"][0], "path": path})
        index["artifacts"].sort(key=lambda artifact: artifact["path"])

    return change


def swap_first_two(index: dict[str, Any]) -> None:
    index["artifacts"][:2] = reversed(index["artifacts"][:2])


VALUES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "future version": (set_to("schema_version", value="2.0"), "FLOE-V004"),
    "version as a number": (set_to("schema_version", value=1), "FLOE-V004"),
    "another kind": (set_to("kind", value="Other"), "FLOE-V005"),
    "unknown field": (set_to("extra", value=1), "FLOE-V005"),
    "unknown field of a file": (set_to("artifacts", 0, "mode", value="0755"), "FLOE-V005"),
    "missing field": (drop("product"), "FLOE-V005"),
    "number as text": (set_to("artifacts", 0, "size", value="3"), "FLOE-V005"),
    "boolean as number": (set_to("artifacts", 0, "size", value=True), "FLOE-V005"),
    "negative size": (set_to("artifacts", 0, "size", value=-1), "FLOE-V005"),
    "digest in capitals": (set_to("artifacts", 0, "digest", value="sha256:" + "A" * 64), "FLOE-V005"),
    "digest and newline": (set_to("artifacts", 0, "digest", value="sha256:" + "a" * 64 + "\n"), "FLOE-V005"),
    "backslash": (set_to("artifacts", 0, "path", value="a\\b"), "FLOE-V005"),
    "absolute path": (set_to("artifacts", 0, "path", value="/etc/passwd"), "FLOE-V005"),
    "empty part": (set_to("artifacts", 0, "path", value="a//b"), "FLOE-V005"),
    "drive": (set_to("artifacts", 0, "path", value="C:/b"), "FLOE-V005"),
    "path and newline": (set_to("artifacts", 0, "path", value="a\n"), "FLOE-V005"),
    "default left out": (drop("enforced"), "FLOE-V003"),
    "null written": (set_to("schedule", value=None), "FLOE-V003"),
    "leaves the bundle": (set_to("artifacts", 0, "path", value="../outside"), "FLOE-V010"),
    "leaves it further in": (set_to("artifacts", 0, "path", value="a/../../outside"), "FLOE-V010"),
    "dot": (set_to("artifacts", 0, "path", value="a/./b"), "FLOE-V010"),
    "too long for an archive": (set_to("artifacts", 0, "path", value="a" * 101), "FLOE-V010"),
    "case collision": (list_again("project/models/ORDERS.sql"), "FLOE-V010"),
    "case collision of folders": (list_again("Project/new.sql"), "FLOE-V010"),
    "collision with the index": (list_again(INDEX.upper()), "FLOE-V010"),
    "file and folder": (list_again("project/models"), "FLOE-V010"),
    "unsorted": (swap_first_two, "FLOE-V013"),
    "listed twice": (list_again("project/models/orders.sql"), "FLOE-V013"),
    "lists itself": (list_again(INDEX), "FLOE-V013"),
    "no such manifest": (set_to("targets", "dev", "manifest", value="targets/prod.json"), "FLOE-V013"),
    "a folder for a manifest": (set_to("targets", "dev", "manifest", value="targets"), "FLOE-V013"),
    "no such project": (set_to("runtime", "project", value="elsewhere"), "FLOE-V013"),
    "file beyond the cap": (set_to("artifacts", 0, "size", value=MAX_FILE + 1), "FLOE-V014"),
}


@pytest.mark.parametrize("name", VALUES)
def test_an_index_that_says_what_none_can_say_is_refused(folder: Path, name: str) -> None:
    change, code = VALUES[name]
    value = index_value()
    change(value)
    reseal(folder, value)
    with pytest.raises(FloeError) as caught:
        verify(folder)
    assert code in codes_of(caught.value)


def test_values_of_an_index_are_not_repeated_in_messages(folder: Path) -> None:
    value = index_value()
    value["environment"]["constants"] = ["s3cret-value"]
    reseal(folder, value)
    with pytest.raises(FloeError) as caught:
        verify(folder)
    assert "s3cret" not in str(caught.value)


def test_an_index_beyond_its_cap_is_refused_before_it_is_read(folder: Path) -> None:
    with (folder / INDEX).open("r+b") as index:
        index.truncate(MAX_INDEX + 1)
    with pytest.raises(FloeError) as caught:
        verify(folder)
    assert codes_of(caught.value) == ["FLOE-V014"]


def test_files_that_add_up_beyond_the_cap_are_refused(folder: Path) -> None:
    value = index_value()
    for artifact in value["artifacts"]:
        artifact["size"] = MAX_FILE
    reseal(folder, value)
    with pytest.raises(FloeError) as caught:
        verify(folder)
    assert codes_of(caught.value) == ["FLOE-V014"]
