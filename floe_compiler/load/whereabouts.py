"""Where a product's files lie, by its floe.yaml alone: cheap, and no promise that they are there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from floe_compiler.load.inputs import product_file
from floe_compiler.load.loaded import read_model
from floe_compiler.model.inputs import DataProduct, PinnedFile


class Whereabouts(NamedTuple):
    """The dbt project's folder, floe.yaml and the platform manifest that it names."""

    project: Path
    product: Path
    platform: Path


def whereabouts(product: Path) -> Whereabouts:
    """Those of the product in a folder, or of its floe.yaml. Raises FloeError."""
    loaded = read_model(product_file(product), DataProduct)
    beside, named = loaded.path.parent, loaded.model.platform
    platform = named.path if isinstance(named, PinnedFile) else named
    return Whereabouts(_plain(beside / loaded.model.transforms[0].path), _plain(loaded.path), _plain(beside / platform))


def _plain(path: Path) -> Path:
    return Path(os.path.normpath(path))
