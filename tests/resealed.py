"""Bundles that differ from a compiled one in what a test says: changed in memory, sealed anew, and verified."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floe_compiler.canonical import canonical_bytes, digest, ordered_bytes, parse
from floe_compiler.model.bundle import CompiledArtifacts
from floe_compiler.model.frozen import FrozenBundle
from floe_compiler.store.export import export_archive
from floe_compiler.verify import VerifiedBundle, verify

MANIFEST = "targets/dev/manifest.json"
_KEPT = tempfile.TemporaryDirectory()
"""A bundle is read when it is asked for, so its file stays until the tests end."""
Change = Callable[[Any], object]


@dataclass(frozen=True)
class Resealed:
    """The files of a bundle and the value of its index."""

    files: Mapping[str, bytes]
    index: Mapping[str, Any]

    @classmethod
    def of(cls, bundle: VerifiedBundle) -> Resealed:
        """What a bundle holds."""
        return cls({path: bundle.read(path) for path in bundle.paths}, bundle.index.plain())

    def with_files(self, files: Mapping[str, bytes | None]) -> Resealed:
        """With other files, or without those that are None."""
        whole = {**self.files, **files}
        return Resealed({path: content for path, content in whole.items() if content is not None}, self.index)

    def with_index(self, change: Change) -> Resealed:
        """With an index that was changed in place."""
        index = copy.deepcopy(dict(self.index))
        change(index)
        return Resealed(self.files, index)

    def with_manifest(self, change: Change) -> Resealed:
        """With a manifest that was changed in place."""
        manifest = parse(self.files[MANIFEST])
        change(manifest)
        return self.with_files({MANIFEST: ordered_bytes(manifest)})

    def replacing(self, path: str, old: str, new: str) -> Resealed:
        """With other words in a file."""
        text = self.files[path].decode()
        assert old in text
        return self.with_files({path: text.replace(old, new).encode()})

    @property
    def bundle(self) -> VerifiedBundle:
        """Sealed, written and verified."""
        artifacts = [
            {"path": path, "media_type": "text/plain", "size": len(content), "digest": digest(content)}
            for path, content in sorted(self.files.items())
        ]
        index = {**self.index, "artifacts": artifacts}
        index_bytes = canonical_bytes(index)
        model = CompiledArtifacts.model_validate(index)
        frozen = FrozenBundle(digest(index_bytes), model, index_bytes, dict(self.files))
        archive = Path(_KEPT.name) / f"{frozen.digest.removeprefix('sha256:')}.tar"
        if not archive.exists():
            export_archive(frozen, archive)
        return verify(archive)
