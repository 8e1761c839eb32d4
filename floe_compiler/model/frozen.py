"""FrozenBundle: a bundle in memory, sealed and not yet on disk. Freeze makes it, publish takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from floe_compiler.model.bundle import CompiledArtifacts


@dataclass(frozen=True, slots=True)
class FrozenBundle:
    """The index, the bytes that were digested, and every other file under the path that the index lists.

    `digest` is that of `index_bytes`; the bytes are kept and never written anew from `index`.
    """

    digest: str
    index: CompiledArtifacts
    index_bytes: bytes
    files: Mapping[str, bytes]
