"""`python -m tests.benchmarks`: generates projects, measures floe beside bare dbt on them, prints ratios.

Whole processes on this machine, medians of several, taking turns; the targets are meant for 1,000 models.
Figures of a busy machine say little: the load is printed with them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import plain, table
from tests.benchmarks.measurements import ROUNDS, measure
from tests.benchmarks.project import generate

SIZES = (10, 100, 1_000)


def main() -> None:
    """Prints a table a size, as soon as it is known."""
    options = _options()
    print(f"{_described(_machine())}\n", flush=True)
    reports = []
    with tempfile.TemporaryDirectory(prefix="floe-bench-", ignore_cleanup_errors=True) as folder:
        for size in options.sizes:
            rounds = [round_ for round_ in ROUNDS if not options.rounds or round_.name in options.rounds]
            found = measure(generate(Path(folder) / str(size), size), rounds, _progress)
            reports.append({**plain(found), "load": os.getloadavg()[0]})
            print(f"{table(found)}\n", flush=True)
    if options.json:
        report = {"machine": _machine(), "reports": reports}
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="floe beside bare dbt")
    parser.add_argument(
        "--sizes", type=lambda text: [int(size) for size in text.split(",")], default=list(SIZES),
        metavar="N,N", help=f"numbers of models (default: {','.join(map(str, SIZES))})",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every sample into this file")
    parser.add_argument(
        "--rounds", type=lambda text: text.split(","), metavar="NAME,NAME",
        help=f"only these: {', '.join(round_.name for round_ in ROUNDS)}",
    )  # fmt: skip
    return parser.parse_args()


def _machine() -> dict[str, Any]:
    names = ("dbt-core", "dbt-duckdb", "duckdb", "floe-compiler")
    return {
        "system": platform.platform(terse=True),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
        **{name: version(name) for name in names},
    }


def _described(machine: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in machine.items())


def _progress(step: str) -> None:
    """On a terminal, what is being measured; each step in the place of the one before."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{step}", end="\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
