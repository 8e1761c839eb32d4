"""Makes the published schemas from the models. `make generate` writes them; a test compares."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import BaseModel

from floe_compiler.model.acknowledgements import AcknowledgementsFile
from floe_compiler.model.bundle import CompiledArtifacts
from floe_compiler.model.change_set import ChangeSet
from floe_compiler.model.inputs import DataProduct, PlatformManifest

_MODELS: Final[dict[str, tuple[type[BaseModel], str]]] = {
    "acknowledged": (AcknowledgementsFile, "floe acknowledgements"),
    "change-set": (ChangeSet, "floe change set"),
    "compiled-artifacts": (CompiledArtifacts, "floe compiled artifacts"),
    "floe": (DataProduct, "floe data product"),
    "platform-manifest": (PlatformManifest, "floe platform manifest"),
}


def generated_schemas() -> dict[str, str]:
    """The text of every published schema by name: JSON Schema 2020-12."""
    return {name: _text(name, model, title) for name, (model, title) in _MODELS.items()}


def _text(name: str, model: type[BaseModel], title: str) -> str:
    document: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://floe.dev/schemas/{name}.schema.json",
        **model.model_json_schema(by_alias=True),
        "title": title,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
