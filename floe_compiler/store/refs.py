"""Names for bundles: refs, and digests or their beginnings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from floe_compiler.digests import is_digest
from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.store.layout import Store, check_layout, digest_in, prepare
from floe_compiler.store.paths import shown
from floe_compiler.store.writing import refusing_writes, replace_file

SHORTEST_PREFIX: Final = 8
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_BEGINNING = re.compile(rf"(sha256:)?([0-9a-f]{{{SHORTEST_PREFIX},64}})")


def write_ref(store: Store, name: str, digest: str) -> None:
    """Lets the name stand for a bundle of the store, in one step.

    Raises FLOE-F107 for a name that none can have, FLOE-V001 when the bundle is not there, FLOE-F104.
    """
    if not _NAME.fullmatch(name):
        raise FloeError(Problem("FLOE-F107", f"{shown(name)!r} cannot be a ref", Where(str(store.refs))))
    content = f"{digest}\n".encode()
    if _is_there(store.refs / name, content) and store.bundle(digest).is_dir():
        return  # so that nothing is written into a store in which nothing changes
    prepare(store)
    if not is_digest(digest) or not store.bundle(digest).is_dir():
        raise _nothing(store, digest)
    with refusing_writes(store.refs / name):
        replace_file(store.refs / name, content, store.tmp)


def resolve_digest(store: Store, text: str) -> str:
    """The digest of the bundle that a ref, a digest or the unique beginning of one names.

    A ref goes before a digest that begins alike. Raises FLOE-V001 when nothing or more than one bundle is
    named, FLOE-F106, FLOE-F107 for a ref that holds no digest.
    """
    if not store.root.exists():
        raise _nothing(store, text)
    check_layout(store)
    digest = _full(text) or _of_ref(store, text) or _of_prefix(store, text)
    if digest is None or not store.bundle(digest).is_dir():
        raise _nothing(store, text)
    return digest


def resolve(store: Store, text: str) -> Path:
    """The folder of the bundle that is named. It is not verified: what is needed for that is its digest."""
    return store.bundle(resolve_digest(store, text))


def _is_there(file: Path, content: bytes) -> bool:
    try:
        return file.read_bytes() == content
    except OSError:
        return False


def _full(text: str) -> str | None:
    return text if is_digest(text) else None


def _of_ref(store: Store, name: str) -> str | None:
    if not _NAME.fullmatch(name):
        return None
    path = store.refs / name
    try:
        content = path.read_text("ascii")
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        content = ""
    digest = content.removesuffix("\n")
    if not is_digest(digest):
        raise FloeError(Problem("FLOE-F107", f"the ref {name} holds no digest", Where(str(path))))
    return digest


def _of_prefix(store: Store, text: str) -> str | None:
    hexadecimal = _BEGINNING.fullmatch(text)
    if not hexadecimal:
        return None
    beginning = "sha256-" + hexadecimal[2]
    found = [digest_in(path.name) for path in store.bundles.glob(f"{beginning}*")]
    if len(found) > 1:
        message = f"{text} is the beginning of {len(found)} digests: {', '.join(sorted(found))}"
        raise FloeError(Problem("FLOE-V001", message, Where(str(store.bundles))))
    return found[0] if found else None


def _nothing(store: Store, text: str) -> FloeError:
    return FloeError(Problem("FLOE-V001", f"{shown(text)} names no bundle in {store.root}", Where(str(store.root))))
