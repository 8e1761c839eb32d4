"""`floe schema`: print a published JSON schema."""

from __future__ import annotations

import argparse

from floe_compiler.published import SCHEMAS, schema_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    parser.add_argument("name", metavar="NAME", choices=SCHEMAS, help=f"one of: {', '.join(SCHEMAS)}")


def run(options: argparse.Namespace) -> int:
    """Prints the schema as it is published."""
    print(schema_text(options.name), end="")
    return 0
