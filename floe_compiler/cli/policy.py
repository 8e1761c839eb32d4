"""What `floe compile` says of policies: the report as a file, and on the screen what did not refuse the product.

It reads the sealed report, so an unchanged compile says the same; the standard library is enough for that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from floe_compiler.cli.streams import say
from floe_compiler.errors import FloeError, PolicyRefused
from floe_compiler.store.writing import refusing_writes

_NOT_JUDGED: Final = json.dumps(
    {
        "findings": [],
        "idle_waivers": [],
        "kind": "PolicyReport",
        "outcome": "not_judged",
        "policies": [],
        "schema_version": "1.0",
    },
    separators=(",", ":"),
).encode()
_MOST_SHOWN: Final = 20


@contextmanager
def refusals_reported(file: Path | None) -> Iterator[None]:
    """When the block ends in problems, the file says what was judged until then, and never what was before."""
    try:
        yield
    except FloeError as error:
        write_report(file, error.report if isinstance(error, PolicyRefused) else _NOT_JUDGED)
        raise


def write_report(file: Path | None, report: bytes) -> None:
    """Replaces the file, if one is wanted. Raises FLOE-F104."""
    if file is not None:
        with refusing_writes(file):
            file.write_bytes(report)


def show_report(report: bytes) -> None:
    """Warnings line by line, and how much was waived; nothing when all is in order."""
    document = json.loads(report)
    findings = document["findings"]
    lines = [
        f"warning: {f['file']}:{f['line']}: {f['policy']}: {f['message']}" for f in findings if f["verdict"] == "warned"
    ]
    lines += [
        f"warning: the waiver of {w['policy']} for {', '.join(w['nodes'])} ({w['owner']}) matches nothing: remove it"
        for w in document["idle_waivers"]
    ]
    for line in lines[:_MOST_SHOWN]:
        say(line)
    if len(lines) > _MOST_SHOWN:
        say(f"warning: and {len(lines) - _MOST_SHOWN} more; `--report FILE` has them all")
    if waived := [f for f in findings if f["verdict"] == "waived"]:
        say(f"{len(waived)} waived, the first until {min(f['waiver']['until'] for f in waived)}")


def summary(report: bytes) -> dict[str, Any]:
    """The same in numbers, for machines."""
    document = json.loads(report)
    verdicts = [finding["verdict"] for finding in document["findings"]]
    return {"outcome": document["outcome"], "warned": verdicts.count("warned"), "waived": verdicts.count("waived")}
