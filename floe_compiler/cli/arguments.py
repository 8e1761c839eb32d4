"""Arguments that several commands take."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from floe_compiler.store.layout import Store


def add_product(parser: argparse.ArgumentParser) -> None:
    """PRODUCT: a folder with a floe.yaml, or the file."""
    parser.add_argument(
        "product", nargs="?", type=Path, default=Path(), metavar="PRODUCT",
        help="the product's folder or its floe.yaml (default: this folder)",
    )  # fmt: skip


def add_bundle(parser: argparse.ArgumentParser) -> None:
    """BUNDLE: a folder, a single file, a digest or a ref."""
    parser.add_argument("bundle", metavar="BUNDLE", help="a folder, a single file, a digest, or a name in the store")


def add_store(parser: argparse.ArgumentParser) -> None:
    """--store, and FLOE_STORE."""
    parser.add_argument(
        "--store", type=Path, metavar="DIR", default=os.environ.get("FLOE_STORE"),
        help="where bundles are kept (default: $FLOE_STORE, else .floe beside floe.yaml)",
    )  # fmt: skip


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json: one document on stdout."""
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")


def chosen_store(options: argparse.Namespace) -> Store | None:
    """The store that --store or FLOE_STORE names, if either does."""
    return Store(Path(options.store)) if options.store else None
