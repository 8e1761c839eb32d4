"""Reads `.floe/acknowledged.yaml` of a product."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from floe_compiler.errors import Problem, raise_if_any
from floe_compiler.load.loaded import Loaded, read_model
from floe_compiler.model.acknowledgements import NONE, Acknowledgements, AcknowledgementsFile
from floe_compiler.sources import ACKNOWLEDGED, STORE_FOLDER


def acknowledgements_of(product: Path, today: date) -> Acknowledgements:
    """The acknowledgements of a product, by its folder or its floe.yaml; none where the file is missing.

    Raises FloeError: FLOE-L0xx for the file, FLOE-D001 for a fingerprint that stands in it twice.
    """
    folder = product.parent if os.path.isfile(product) else product  # noqa: PTH113 - raises nothing
    file = folder / STORE_FOLDER / ACKNOWLEDGED
    if not os.path.lexists(file):
        return NONE
    loaded = read_model(file, AcknowledgementsFile)
    raise_if_any(_twice(loaded))
    return Acknowledgements.of(loaded.model.acknowledged, today)


def _twice(loaded: Loaded[AcknowledgementsFile]) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, entry in enumerate(loaded.model.acknowledged):
        if entry.fingerprint in seen:
            where = loaded.document.where(("acknowledged", position, "fingerprint"))
            message = f"`{entry.fingerprint}` is acknowledged twice"
            yield Problem("FLOE-D001", message, where, "Keep one of the two: one person answers for a finding.")
        seen.add(entry.fingerprint)
