"""SHA-256 digests: the only module that hashes.

It imports nothing but hashlib and re, so that a compile that finds everything unchanged can re-check a
stored bundle before anything heavy is loaded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest(content: bytes) -> str:
    """`sha256:<hex>` of the bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def digest_of(chunks: Iterable[bytes]) -> str:
    """`sha256:<hex>` of bytes that come in pieces."""
    state = hashlib.sha256()
    for chunk in chunks:
        state.update(chunk)
    return "sha256:" + state.hexdigest()


def is_digest(text: str) -> bool:
    """Whether the text is a digest in its one written form: `sha256:` and 64 digits 0-9a-f."""
    return _DIGEST.fullmatch(text) is not None
