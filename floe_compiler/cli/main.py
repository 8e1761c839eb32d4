"""The command line: arguments in, exit status out. Each command is a module of this package.

argparse rather than a richer library: importing that would cost a third of an unchanged compile (ADR-0008).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

from floe_compiler._version import __version__
from floe_compiler.codes import BUG, USAGE
from floe_compiler.errors import FloeError

COMMANDS: Final = {
    "compile": "make a sealed bundle of a product",
    "validate": "check everything that needs no dbt",
    "verify": "check that a bundle is what was sealed",
    "inspect": "show what a bundle holds",
    "run": "execute a bundle",
    "explain": "say what an error code means",
    "plugins": "list plugins, or the configuration of one",
    "schema": "print a published JSON schema",
}
_INTERRUPTED: Final = 130


class _Parser(argparse.ArgumentParser):
    """Usage errors end like every other: a coded way out and the documented status."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\nTry: {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status of the design's table."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser(given).parse_args(given)
        command: Any = import_module(f"floe_compiler.cli.{options.command}")
        return int(command.run(options))
    except FloeError as error:
        from floe_compiler.cli.show import show_problems

        show_problems(error, as_json="--json" in given)
        return error.exit_status
    except KeyboardInterrupt:
        print("floe: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from floe_compiler.cli.show import show_bug

        show_bug(error)
        return BUG


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the arguments of the one command that was given: the others are not imported."""
    parser = _Parser(prog="floe", description="Compiles data products into sealed, verifiable bundles.")
    parser.add_argument("--version", action="version", version=f"floe {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    wanted = next((word for word in given if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == wanted:
            import_module(f"floe_compiler.cli.{name}").add_arguments(command)
    return parser
