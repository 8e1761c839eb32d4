"""How and when a bundle was made: kept beside it in the store, never in it, so that it changes no digest."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from floe_compiler._version import __version__
from floe_compiler.store.layout import Store
from floe_compiler.store.writing import refusing_writes, replace_file

if TYPE_CHECKING:
    from floe_compiler.load import Documents


def record(store: Store, documents: Documents, digest: str) -> None:
    """Writes the provenance of a bundle that was just made. Raises FLOE-F104."""
    provenance = {
        "bundle": digest,
        "compiled_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "compiler": {"name": "floe-compiler", "version": __version__},
        "python": platform.python_version(),
        "inputs": [
            {"file": file, "digest": found} for file, found in zip(documents.names, documents.digests, strict=True)
        ],
    }
    place = store.provenance_of(digest)
    with refusing_writes(place):
        replace_file(place, json.dumps(provenance, indent=2).encode() + b"\n", store.tmp)
