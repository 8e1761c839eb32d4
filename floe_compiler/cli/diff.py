"""`floe diff`: what will run differently, why, and who is hit."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from floe_compiler import stages
from floe_compiler.cli.arguments import add_json, add_store, chosen_store
from floe_compiler.cli.progress import progress
from floe_compiler.cli.show import show_warning
from floe_compiler.cli.streams import answer, say
from floe_compiler.codes import NO
from floe_compiler.errors import FloeError
from floe_compiler.pipeline import diff_bundles
from floe_compiler.revisions import repository_of
from floe_compiler.sides import Side, Surroundings, sides
from floe_compiler.store.writing import refusing_writes

if TYPE_CHECKING:
    from floe_compiler.diff.render import Files
    from floe_compiler.model.change_set import ChangeSet, Finding, Level

_FAILING: Final[dict[str, frozenset[Level]]] = {
    "breaking": frozenset({"breaking"}),
    "risky": frozenset({"breaking", "risky"}),
    "unknown": frozenset({"breaking", "risky", "unknown"}),
    "any": frozenset({"breaking", "risky", "unknown", "safe"}),
}
"""The levels that each `--fail-on` includes: its own, and all that are worse."""
_POLICY: Final = "policy"
_OF_POLICIES: Final = frozenset({"policy", "policy_finding"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    side = "a bundle (folder, file, digest, name in the store) or a git revision"
    parser.add_argument("old", metavar="OLD", help=f"{side}; or both at once: main..HEAD, main...HEAD")
    parser.add_argument("new", metavar="NEW", nargs="?", help="the same (default: the product as it is now)")
    formats = [*stages.FORMATS]
    parser.add_argument(
        "--format", choices=formats, metavar="F",
        help="; ".join(f"{name}: for {readers}" for name, readers in stages.FORMATS.items()) + " (default: text)",
    )  # fmt: skip
    parser.add_argument(
        "--fail-on", choices=[*_FAILING, _POLICY], metavar="LEVEL",
        help="end with status 1 for open findings of this level and worse: breaking, risky, unknown, any; "
             "or for those of policies: policy",
    )  # fmt: skip
    parser.add_argument("--exit-code", action="store_true", help="end with status 1 where anything differs")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write into this file, not to standard output")
    parser.add_argument(
        "--product", type=Path, default=Path(), metavar="PRODUCT",
        help="the product whose revisions are meant: its folder or its floe.yaml (default: this folder)",
    )  # fmt: skip
    parser.add_argument(
        "--target", action="append", default=[], metavar="T",
        help="compile revisions for this target; may be given several times (default: those of the other side)",
    )  # fmt: skip
    parser.add_argument("--deps", action="store_true", help="have dbt install the packages of revisions first")
    add_store(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Compares, and says what differs; the answer is no where it was asked to be."""
    with progress() as begin:
        at = Surroundings(
            options.product,
            tuple(options.target),
            store=chosen_store(options),
            install_packages=options.deps,
            progress=begin,
            warn=show_warning,
        )
        old, new = sides(options.old, options.new, at)
        begin("Comparing")
        changes = diff_bundles(old.bundle, new.bundle, product=_product(options.product))
        text = _rendered(options, changes, (old, new))
    if options.output:
        with refusing_writes(options.output):
            options.output.write_text(text, encoding="utf-8")
        say(f"Written to {options.output}")
    else:
        answer(text.removesuffix("\n"))
    return NO if _is_no(options, changes) else 0


def _rendered(options: argparse.Namespace, changes: ChangeSet, both: tuple[Side, Side]) -> str:
    name = "json" if options.json else options.format or "text"
    report = stages.Report(
        changes,
        both[0].name,
        both[1].name,
        _files(options.product),
        _FAILING.get(options.fail_on or "breaking", frozenset()),
        colour=options.output is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
    )
    return stages.renderer(name)(report)


def _is_no(options: argparse.Namespace, changes: ChangeSet) -> bool:
    failing = any(_fails(finding, options.fail_on) for finding in changes.findings if finding.acknowledged is None)
    return failing or (options.exit_code and bool(changes.findings))


def _fails(finding: Finding, fail_on: str | None) -> bool:
    if fail_on == _POLICY:
        return finding.object.kind in _OF_POLICIES and finding.level != "safe"
    return finding.level in _FAILING.get(fail_on or "", ())


def _product(product: Path) -> Path | None:
    """The product whose acknowledgements count, if there is one here: bundles are compared anywhere."""
    return product if product.exists() else None


def _files(product: Path) -> Files:
    """Where the product's files lie, from the root of its repository; without one, from here."""
    try:
        found = stages.whereabouts(product)
    except FloeError:  # no product here, so nothing of it can be opened
        return stages.Files()
    root = _root(product.parent if product.is_file() else product)
    project, file, platform = (os.path.relpath(path.resolve(), root).replace(os.sep, "/") for path in found)
    return stages.Files("" if project == "." else project, file, platform)


def _root(folder: Path) -> Path:
    """The root of the repository that a folder lies in; without one, or without git, where one stands."""
    with suppress(FloeError):
        if repository := repository_of(folder):
            return repository.root
    return Path.cwd()
