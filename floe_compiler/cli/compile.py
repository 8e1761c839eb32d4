"""`floe compile`: make a sealed bundle of a product."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from floe_compiler.cli.arguments import add_json, add_product, add_store, chosen_store
from floe_compiler.cli.progress import progress
from floe_compiler.pipeline import compile_product, export_bundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_product(parser)
    parser.add_argument(
        "--target", action="append", default=[], metavar="T",
        help="compile for this target; may be given several times (default: the platform's default_target)",
    )  # fmt: skip
    destination = parser.add_mutually_exclusive_group()
    destination.add_argument(
        "--out", type=Path, metavar="DIR", help="also write the bundle into this new or empty folder"
    )
    destination.add_argument(
        "--archive", type=Path, metavar="FILE", help="also write the bundle as this single file"
    )
    parser.add_argument("--deps", action="store_true", help="have dbt install the project's packages first")
    add_store(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Compiles, and says what was made."""
    with progress() as begin:
        compiled = compile_product(
            options.product,
            targets=options.target,
            store=chosen_store(options),
            install_packages=options.deps,
            progress=begin,
        )
        path = export_bundle(compiled, out=options.out, archive=options.archive)
    if options.json:
        print(json.dumps({"digest": compiled.digest, "path": str(path), "cached": compiled.cached}))
    else:
        print("Nothing changed" if compiled.cached else "Compiled", file=sys.stderr)
        print(f"  {path}", file=sys.stderr)
        print(compiled.digest)
    return 0
