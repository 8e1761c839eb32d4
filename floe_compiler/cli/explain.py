"""`floe explain`: say what an error code means."""

from __future__ import annotations

import argparse
import sys
from difflib import get_close_matches

from floe_compiler.codes import CODES, USAGE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    parser.add_argument("code", metavar="CODE", help="an error code: FLOE-R010")


def run(options: argparse.Namespace) -> int:
    """Prints the page of a code."""
    name = options.code.upper()
    if name not in CODES:
        near = get_close_matches(name, CODES, n=1)
        print(f"There is no code {name}." + (f" Did you mean {near[0]}?" if near else ""), file=sys.stderr)
        return USAGE
    code = CODES[name]
    print(f"{name}: {code.title}\n\n{code.why}\n\n{code.way_out}\n\nExit status {code.exit_status}.")
    return 0
