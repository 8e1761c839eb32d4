"""Which paths a bundle may hold, and that the single-file form can hold every one of them."""

from __future__ import annotations

import string
from tarfile import USTAR_FORMAT, TarInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from floe_compiler.model.bundle import RelativePath
from floe_compiler.store.listing import INDEX
from floe_compiler.store.paths import MAX_PATH, folders_of, path_fault, path_problems, shown

SCHEMA = TypeAdapter(RelativePath)


@pytest.mark.parametrize(
    "path", ["a", "project/models/orders.sql", "...", "..a/b..", "A b/(c) [d] {e}!.sql", "n" * 100]
)
def test_a_portable_path_is_accepted(path: str) -> None:
    assert path_fault(path) is None


@pytest.mark.parametrize(
    "path",
    ["", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\\b", "a:b", "ä", "a\n", "a\0", "a\tb", "n" * 101],
)
def test_a_path_that_may_become_another_elsewhere_is_not(path: str) -> None:
    assert path_fault(path) is not None


NAMES = st.text(alphabet=string.ascii_letters + "._- ", min_size=1, max_size=130)


@given(st.lists(NAMES, min_size=1, max_size=5).map("/".join))
def test_what_is_accepted_fits_an_archive_and_the_schema(path: str) -> None:
    if path_fault(path) is None:
        assert len(TarInfo(path).tobuf(USTAR_FORMAT)) == 512
        SCHEMA.validate_python(path, strict=True)
    elif not {".", ".."} & set(path.split("/")) and len(path) <= MAX_PATH:
        with pytest.raises(ValueError, match="too long"):
            TarInfo(path).tobuf(USTAR_FORMAT)


@given(st.text(max_size=30))
def test_no_path_is_accepted_that_the_schema_refuses(path: str) -> None:
    try:
        SCHEMA.validate_python(path, strict=True)
    except ValidationError:
        assert path_fault(path) is not None


@given(st.text())
def test_whatever_is_shown_can_be_printed(name: str) -> None:
    assert shown(name).isprintable()
    assert shown("models/orders.sql") == "models/orders.sql"


def test_every_folder_of_a_path_is_known() -> None:
    assert folders_of(["a/b/c", "a/d", "e"]) == {"a", "a/b"}


def test_a_collision_names_both_paths() -> None:
    (problem,) = path_problems(["Models/a.sql", "models/b.sql"], INDEX)
    assert "models" in problem.message and "Models" in problem.message
