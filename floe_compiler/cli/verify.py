"""`floe verify`: check that a bundle is what was sealed."""

from __future__ import annotations

import argparse
import json
import sys

from floe_compiler.cli.arguments import add_bundle, add_json, add_store, chosen_store
from floe_compiler.pipeline import load_bundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_bundle(parser)
    parser.add_argument("--explain", action="store_true", help="say what was checked")
    add_store(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Verifies, and prints the digest of what was verified."""
    bundle = load_bundle(options.bundle, store=chosen_store(options))
    if options.json:
        print(json.dumps({"digest": bundle.digest, "checks": list(bundle.checks)}))
        return 0
    if options.explain:
        for check in bundle.checks:
            print(f"  {check}", file=sys.stderr)
    print(f"Verified: {len(bundle.paths)} files are what was sealed", file=sys.stderr)
    print(bundle.digest)
    return 0
