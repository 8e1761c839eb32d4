"""The files that are drawn as a whole: the pictures."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from fixtures.demo import PRODUCTS
from floe_compiler.pipeline import compile_product, load_bundle
from tests.docs.pages import DOCS
from tests.docs.pictures import bundle_picture, pipeline_picture
from tests.warm import WarmRegistry

PICTURES = DOCS / "architecture" / "pictures"


def drawn_files(registry: WarmRegistry) -> dict[Path, str]:
    """The content of every picture by its path; the bundle is that of the small product `corner-shop`."""
    return {
        PICTURES / "pipeline.svg": pipeline_picture(),
        PICTURES / "bundle.svg": bundle_picture(bundled_paths(registry)),
    }


@cache
def bundled_paths(registry: WarmRegistry) -> tuple[str, ...]:
    """What really lies in a bundle of `corner-shop`, the index aside."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for product in ("corner-shop", "platform"):
            shutil.copytree(PRODUCTS / product, folder / product, symlinks=True)
        compiled = compile_product(folder / "corner-shop", registry=registry)
        return load_bundle(compiled.path).paths
