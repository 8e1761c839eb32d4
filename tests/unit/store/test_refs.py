"""Names for bundles."""

from __future__ import annotations

from pathlib import Path

import pytest

from floe_compiler.errors import FloeError
from floe_compiler.store.layout import Store, prepare
from floe_compiler.store.publish import publish
from floe_compiler.store.refs import resolve, resolve_digest, write_ref
from tests.bundles import codes_of, make_bundle

ONE, OTHER = make_bundle(), make_bundle({"project/other.sql": b"select 2\n"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / ".floe")
    publish(store, ONE)
    publish(store, OTHER)
    return store


def refusal(store: Store, text: str) -> list[str]:
    with pytest.raises(FloeError) as caught:
        resolve(store, text)
    return codes_of(caught.value)


def test_a_ref_a_digest_and_its_beginning_lead_to_the_bundle(store: Store) -> None:
    write_ref(store, "orders.dev", ONE.digest)
    for text in ("orders.dev", ONE.digest, ONE.digest[7:], ONE.digest[:15], ONE.digest[7:15]):
        assert resolve_digest(store, text) == ONE.digest
        assert resolve(store, text) == store.bundle(ONE.digest)


def test_a_ref_is_a_text_file_with_the_digest(store: Store) -> None:
    write_ref(store, "latest", ONE.digest)
    assert (store.refs / "latest").read_text() == ONE.digest + "\n"


def test_a_ref_moves_to_another_bundle(store: Store) -> None:
    write_ref(store, "latest", ONE.digest)
    write_ref(store, "latest", OTHER.digest)
    assert resolve_digest(store, "latest") == OTHER.digest
    assert [path.name for path in store.refs.iterdir()] == ["latest"]


def test_a_ref_goes_before_a_digest_that_begins_alike(store: Store) -> None:
    name = OTHER.digest[7:17]
    write_ref(store, name, ONE.digest)
    assert resolve_digest(store, name) == ONE.digest
    assert resolve_digest(store, f"sha256:{name}") == OTHER.digest


def test_a_beginning_of_two_digests_names_neither(store: Store) -> None:
    twin = store.bundle(ONE.digest[:20] + ("0" if ONE.digest[20] != "0" else "1") * 51)
    twin.mkdir()
    assert refusal(store, ONE.digest[:20]) == ["FLOE-V001"]
    assert resolve_digest(store, ONE.digest[:21]) == ONE.digest


@pytest.mark.parametrize(
    "text",
    ["latest", "", "sha256:", ONE.digest[7:14], ONE.digest.upper(), "0" * 64, "../refs", "a/b", "*", ".."],
)
def test_what_names_nothing_is_refused(store: Store, text: str) -> None:
    assert refusal(store, text) == ["FLOE-V001"]


def test_a_ref_whose_bundle_is_gone_names_nothing(store: Store) -> None:
    write_ref(store, "latest", ONE.digest)
    store.bundle(ONE.digest).rename(store.root / "gone")
    assert refusal(store, "latest") == ["FLOE-V001"]


@pytest.mark.parametrize("content", [b"", b"sha256:abc\n", b"\xff\xff", ONE.digest.encode() + b"\n\n"])
def test_a_ref_that_holds_no_digest_is_refused(store: Store, content: bytes) -> None:
    (store.refs / "latest").write_bytes(content)
    assert refusal(store, "latest") == ["FLOE-F107"]


@pytest.mark.parametrize("name", ["", "Latest", ".hidden", "-x", "a/b", "../a", "a\n", "ä", "a" * 101])
def test_a_name_that_no_ref_can_have_is_refused(store: Store, name: str) -> None:
    with pytest.raises(FloeError) as caught:
        write_ref(store, name, ONE.digest)
    assert codes_of(caught.value) == ["FLOE-F107"]


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "../refs", ""])
def test_a_ref_to_a_bundle_that_is_not_there_is_refused(store: Store, digest: str) -> None:
    with pytest.raises(FloeError) as caught:
        write_ref(store, "latest", digest)
    assert codes_of(caught.value) == ["FLOE-V001"]


def test_a_store_that_is_not_there_holds_nothing_and_is_not_made(tmp_path: Path) -> None:
    assert refusal(Store(tmp_path / "none"), "latest") == ["FLOE-V001"]
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_bundles_holds_nothing(tmp_path: Path) -> None:
    prepare(Store(tmp_path / ".floe"))
    assert refusal(Store(tmp_path / ".floe"), "0123456789") == ["FLOE-V001"]
