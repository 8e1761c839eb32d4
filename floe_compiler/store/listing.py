"""What a bundle may list, judged without a disk: the same rules when it is frozen and whenever it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from floe_compiler.errors import Problem, Where
from floe_compiler.store.limits import MAX_FILE, MAX_FILES, MAX_TOTAL, in_words
from floe_compiler.store.paths import path_problems, shown

INDEX: Final = "compiled_artifacts.json"
PROJECT: Final = "project"
PROFILES: Final = "profiles"
PROFILES_FILE: Final = f"{PROFILES}/profiles.yml"


def manifest_path(target: str) -> str:
    """Where a target's manifest lies in a bundle."""
    return f"targets/{target}/manifest.json"


class Listed(NamedTuple):
    """A file as the index lists it."""

    path: str
    size: int
    digest: str


def list_problems(listed: Sequence[Listed]) -> Iterator[Problem]:
    """What makes a list of files one that no bundle can have: its paths, or its size."""
    yield from path_problems([file.path for file in listed], INDEX)
    if len(listed) > MAX_FILES:
        yield Problem("FLOE-V014", f"{len(listed)} files are listed; the cap is {MAX_FILES}", Where(INDEX))
    for file in listed:
        if file.size > MAX_FILE:
            message = f"{in_words(file.size)} are listed; the cap of a file is {in_words(MAX_FILE)}"
            yield Problem("FLOE-V014", message, Where(shown(file.path)))
    total = sum(file.size for file in listed)
    if total > MAX_TOTAL:
        message = f"the files add up to {in_words(total)}; the cap is {in_words(MAX_TOTAL)}"
        yield Problem("FLOE-V014", message, Where(INDEX))
