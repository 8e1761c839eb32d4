"""`floe compile`: make a sealed bundle of a product."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from floe_compiler.cli.arguments import add_json, add_product, add_store, chosen_store
from floe_compiler.cli.policy import refusals_reported, show_report, summary, write_report
from floe_compiler.cli.progress import progress
from floe_compiler.cli.show import show_warning
from floe_compiler.errors import Problem, Where, raise_if_any
from floe_compiler.pipeline import compile_product, export_bundle
from floe_compiler.store.writing import refusing_writes


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
    destination.add_argument("--archive", type=Path, metavar="FILE", help="also write the bundle as this single file")
    parser.add_argument("--deps", action="store_true", help="have dbt install the project's packages first")
    parser.add_argument(
        "--anew", action="store_true", help="compile even where nothing changed that floe can see (dbt Cloud's version)"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write what the policies found into this file, on failure too"
    )
    add_store(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Compiles, and says what was made."""
    raise_if_any(_occupied(options.out, options.archive))
    with progress() as begin:
        with refusals_reported(options.report):
            compiled = compile_product(
                options.product,
                targets=options.target,
                store=chosen_store(options),
                install_packages=options.deps,
                anew=options.anew,
                progress=begin,
                warn=show_warning,
            )
        report = compiled.policy_report.read_bytes()
        write_report(options.report, report)
        path = export_bundle(compiled, out=options.out, archive=options.archive)
    if options.json:
        made = {"digest": compiled.digest, "path": str(path), "cached": compiled.cached, "policies": summary(report)}
        print(json.dumps(made))
    else:
        show_report(report)
        print("Nothing changed" if compiled.cached else "Compiled", file=sys.stderr)
        print(f"  {path}", file=sys.stderr)
        print(compiled.digest)
    return 0


def _occupied(out: Path | None, archive: Path | None) -> Iterator[Problem]:
    """What an export would refuse after minutes of work, said before. It judges again when it writes."""
    destination = out or archive
    if destination is None:
        return
    where = Where(str(destination))
    with refusing_writes(destination):
        if destination.is_symlink():
            yield Problem("FLOE-F102", f"{destination} is a link", where)
        elif out and out.exists() and (not out.is_dir() or any(out.iterdir())):
            yield Problem("FLOE-F101", f"{out} is there and is not an empty folder", where)
        elif archive and archive.exists() and not archive.is_file():
            yield Problem("FLOE-F103", f"{archive} is there and is no file", where)
