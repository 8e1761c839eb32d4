"""`floe validate`: check everything that needs no dbt."""

from __future__ import annotations

import argparse
import json
import sys

from floe_compiler.cli.arguments import add_json, add_product, add_store, chosen_store
from floe_compiler.pipeline import validate_product


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_product(parser)
    parser.add_argument("--target", action="append", default=[], metavar="T", help="check for this target")
    add_store(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Validates; every problem is reported at once."""
    validate_product(options.product, targets=options.target, store=chosen_store(options))
    if options.json:
        print(json.dumps({"problems": []}))
    else:
        print("Valid: everything that needs no dbt is in order", file=sys.stderr)
    return 0
