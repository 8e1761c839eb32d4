"""`floe explain`: say what an error code means, or where a resolved value comes from."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from floe_compiler import stages
from floe_compiler.cli.arguments import add_json, add_store, chosen_store
from floe_compiler.codes import CODES, USAGE
from floe_compiler.pipeline import decide_product

if TYPE_CHECKING:
    from floe_compiler.explanation import Explanation, Unknown
    from floe_compiler.resolve import Origin

_PREFIX: Final = "FLOE-"
_CODE: Final = re.compile(r"FLOE-.*|[A-Z][0-9]{3}", re.IGNORECASE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    parser.add_argument(
        "subject", metavar="CODE|VALUE",
        help="an error code: FLOE-R010, or just R010; or a value's path: plugins.compute, targets.prod.config.threads",
    )  # fmt: skip
    parser.add_argument(
        "--product", type=Path, default=Path(), metavar="PRODUCT",
        help="the product whose values are meant: its folder or its floe.yaml (default: this folder)",
    )  # fmt: skip
    parser.add_argument("--target", action="append", default=[], metavar="T", help="as it is for this target")
    add_store(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the page of a code, or a value with the chain that decided it."""
    return _code(options.subject.upper()) if _CODE.fullmatch(options.subject) else _value(options)


def _code(name: str) -> int:
    name = name if name.startswith(_PREFIX) else _PREFIX + name
    if name not in CODES:
        near = get_close_matches(name, CODES, n=1)
        return _unknown(f"There is no code {name}.", near[0] if near else None)
    code = CODES[name]
    print(f"{name}: {code.title}\n\n{code.why}\n\n{code.way_out}\n\nExit status {code.exit_status}.")
    return 0


def _value(options: argparse.Namespace) -> int:
    found = _explained(options.subject, options)
    if isinstance(found, stages.Unknown):
        return _unknown(f"There is no value {found.path}.", found.near)
    print(json.dumps(_as_json(found), indent=2) if options.json else "\n".join(_as_text(found)))
    return 0


def _explained(path: str, options: argparse.Namespace) -> Explanation | Unknown:
    """`targets.prod.config.threads` asks for target prod, whichever the default is."""
    store = chosen_store(options)
    resolved, configured = decide_product(options.product, targets=options.target, store=store)
    first, *rest = path.split(".")
    if first == "targets" and rest and rest[0] in resolved.platform.targets:
        resolved, configured = decide_product(options.product, targets=rest[:1], store=store)
    return stages.explain(path, resolved, configured)


def _unknown(message: str, near: str | None) -> int:
    print(message + (f" Did you mean {near}?" if near else ""), file=sys.stderr)
    return USAGE


def _as_text(explanation: Explanation) -> Iterator[str]:
    if explanation.chain:
        yield f"{explanation.path}: {_shown(explanation.value)}"
        for i, origin in enumerate(explanation.chain):
            yield f"  {_part(i, origin, explanation)} {_source(origin)}"
    for value in explanation.beneath:
        yield f"{value.path}: {_shown(value.value)}  ({_source(value.chain[0])})"


def _part(index: int, origin: Origin, explanation: Explanation) -> str:
    """What an origin has to do with the value."""
    if index == 0:
        return "decided by"
    if origin.value == explanation.chain[0].value:
        return "confirmed by"
    if isinstance(explanation.value, list) and explanation.value != explanation.chain[0].value:
        return "added to by"
    return f"overrides {_shown(origin.value)},"


def _source(origin: Origin) -> str:
    return f"{origin.said_by} at {origin}" if origin.where and origin.said_by != origin.where.file else str(origin)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_json(explanation: Explanation) -> dict[str, Any]:
    return {
        "path": explanation.path,
        "value": explanation.value,
        "chain": [_origin_as_json(origin) for origin in explanation.chain],
        "beneath": [_as_json(value) for value in explanation.beneath],
    }


def _origin_as_json(origin: Origin) -> dict[str, Any]:
    where = origin.where
    return {
        "file": where and where.file,
        "line": where and where.line,
        "column": where and where.column,
        "said_by": origin.said_by,
        "default_of": origin.default_of,
        "value": origin.value,
    }
