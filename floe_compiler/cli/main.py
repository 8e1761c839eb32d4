"""The command line: arguments in, exit status out. Each command is a module of this package.

argparse rather than a richer library: importing that would cost a third of an unchanged compile (ADR-0008).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final, NoReturn

from floe_compiler._version import __version__
from floe_compiler.cli.show import show_bug, show_problems
from floe_compiler.cli.streams import nobody_has_to_listen
from floe_compiler.codes import BUG, USAGE
from floe_compiler.errors import FloeError

COMMANDS: Final = {
    "compile": "make a sealed bundle of a product",
    "validate": "check everything that needs no dbt",
    "verify": "check that a bundle is what was sealed",
    "inspect": "show what a bundle holds",
    "diff": "say what will run differently, why, and who is hit",
    "run": "execute a bundle",
    "explain": "say what an error code means, or where a value comes from",
    "plugins": "list plugins, or the configuration of one",
    "schema": "print a published JSON schema",
}
INTERRUPTED: Final = 130


class _Parser(argparse.ArgumentParser):
    """Usage errors end like every other: what is wrong, a way out and the documented status.

    Options are not abbreviated: what `--out` is short for must not change when an option is added.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\nTry: {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status of the design's table."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    status = 0
    with nobody_has_to_listen():
        try:
            status = _run(given)
        except SystemExit as ended:  # argparse: help, version, usage
            status = int(ended.code or 0)
        except FloeError as error:
            status = error.exit_status
            show_problems(error, as_json="--json" in given)
        except KeyboardInterrupt:
            status = INTERRUPTED
            print("floe: interrupted", file=sys.stderr)
        except BrokenPipeError:
            raise
        except Exception as error:
            status = BUG
            show_bug(error)
    return status


def _run(given: list[str]) -> int:
    parser = _parser(given)
    wanted = _first_word(given)
    if not given:
        parser.print_help(sys.stderr)
        return USAGE
    if wanted is not None and wanted not in COMMANDS:
        near = get_close_matches(wanted, COMMANDS, n=1)
        guess = f": did you mean `{near[0]}`?" if near else ""
        parser.error(f"there is no command `{wanted}`{guess}")
    options = parser.parse_args(given)
    command: Any = import_module(f"floe_compiler.cli.{options.command}")
    return int(command.run(options))


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the arguments of the one command that was given: the others are not imported."""
    parser = _Parser(prog="floe", description="Compiles data products into sealed, verifiable bundles.")
    parser.add_argument("--version", action="version", version=f"floe {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    wanted = _first_word(given)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == wanted:
            import_module(f"floe_compiler.cli.{name}").add_arguments(command)
    return parser


def _first_word(given: Sequence[str]) -> str | None:
    return next((word for word in given if not word.startswith("-")), None)
