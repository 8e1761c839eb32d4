"""The names in a store: the one module that knows what lies where.

FLOE_STORE               the layout's version; written first, so a folder without it is not a store
CACHEDIR.TAG .gitignore  nobody commits or backs up what can be compiled again
acknowledged.yaml        not floe's but the repository's, and so not ignored; it may be here before the store is
bundles/sha256-<hex>/    a bundle, read-only
refs/<name>              a digest and a newline
provenance/<hex>.json    how and when a bundle was made
cache/                   what makes the next compile shorter
tmp/                     folders that a living process is filling
quarantine/              bundles that no longer matched their digest
runs/                    working directories of runs
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.sources import ACKNOWLEDGED
from floe_compiler.store.writing import refusing_writes, replace_file

MARKER: Final = "FLOE_STORE"
LAYOUT: Final = b"floe store 1\n"
_TAGS: Final = {
    ".gitignore": b"*\n!acknowledged.yaml\n",
    "CACHEDIR.TAG": (
        b"Signature: 8a477f597d28d172789f06886806bc55\n"
        b"# Made by floe. Everything in here can be compiled again. See https://bford.info/cachedir/\n"
    ),
}

_FORMERLY: Final = {".gitignore": b"*\n"}
"""What earlier versions wrote, which is replaced."""


@dataclass(frozen=True, slots=True)
class Store:
    """A content-addressed store. Naming one touches no disk: `prepare` makes it, `check_layout` reads it."""

    root: Path

    @property
    def bundles(self) -> Path:
        return self.root / "bundles"

    @property
    def refs(self) -> Path:
        return self.root / "refs"

    @property
    def provenance(self) -> Path:
        return self.root / "provenance"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def bundle(self, digest: str) -> Path:
        """Where the bundle of this digest lies, or would lie."""
        return self.bundles / digest.replace(":", "-")

    def provenance_of(self, digest: str) -> Path:
        """Where the bundle's provenance lies, or would lie."""
        return self.provenance / (digest.removeprefix("sha256:") + ".json")


def digest_in(folder_name: str) -> str:
    """The digest that the name of a folder in `bundles/` stands for."""
    return folder_name.replace("-", ":", 1)


def prepare(store: Store) -> None:
    """Makes the store, or completes it; any number of processes may do so at once.

    Raises FLOE-F106 for what is not a store (a folder with something else in it included: floe would mark it
    as not to be committed) and FLOE-F104 when the system refuses a write.
    """
    with refusing_writes(store.root):
        try:
            store.root.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise _unusable(store, "it is not a folder") from None
        _mark(store)
        for folder in (store.bundles, store.refs, store.provenance, store.cache, store.tmp,
                       store.quarantine, store.runs):  # fmt: skip
            folder.mkdir(exist_ok=True)
        for name, content in _TAGS.items():
            file = store.root / name
            if not file.exists() or file.read_bytes() == _FORMERLY.get(name):
                replace_file(file, content, store.tmp)


def check_layout(store: Store) -> None:
    """Refuses, with FLOE-F106, what is not a store of the layout that this module knows."""
    try:
        found = (store.root / MARKER).read_bytes()
    except OSError:
        raise _unusable(store, f"it has no file {MARKER}") from None
    if found not in (LAYOUT, b""):  # empty: about to be written
        raise _unusable(store, f"its layout is {found[:40]!r}; this floe knows {LAYOUT!r}")


def _mark(store: Store) -> None:
    """Writes the marker before anything else, so that no one ever sees a half-made store without it.

    An empty marker is one that another process is about to write, or died before writing.
    """
    marker = store.root / MARKER
    others = (entry for entry in store.root.iterdir() if entry.name != ACKNOWLEDGED)
    if not marker.exists() and any(others) and not marker.exists():
        raise _unusable(store, "it is a folder with something else in it")
    descriptor = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        if os.fstat(descriptor).st_size == 0:
            os.write(descriptor, LAYOUT)
    finally:
        os.close(descriptor)
    check_layout(store)


def _unusable(store: Store, reason: str) -> FloeError:
    return FloeError(Problem("FLOE-F106", f"{store.root} is no floe store: {reason}", Where(str(store.root))))
