"""`floe run`: execute a bundle."""

from __future__ import annotations

import argparse
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from floe_compiler.cli.arguments import add_bundle, add_json, add_store, chosen_store
from floe_compiler.cli.show import problem_as_json, problem_as_text, wants_colour
from floe_compiler.cli.streams import answer, say
from floe_compiler.codes import NO
from floe_compiler.errors import Problem, Where
from floe_compiler.model.runs import COMMANDS, RunEvent
from floe_compiler.model.telemetry import Telemetry
from floe_compiler.pipeline import load_bundle, run_bundle, store_of
from floe_compiler.plugins.contracts import CancelToken
from floe_compiler.run import RunOptions, RunReport

_MARKS = {"success": "ok", "pass": "ok", "error": "ERROR", "fail": "FAIL", "skipped": "skip", "warn": "warn"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_bundle(parser)
    parser.add_argument(
        "--command",
        dest="dbt_command",
        choices=COMMANDS,
        default="build",
        help="dbt's command (default: build)",
    )
    parser.add_argument("--target", metavar="T", help="the target, when the bundle has several")
    parser.add_argument("--select", metavar="S", help="dbt's node selection")
    parser.add_argument("--exclude", metavar="S", help="dbt's node exclusion")
    parser.add_argument("--full-refresh", action="store_true", help="rebuild incremental models and seeds")
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first failure")
    parser.add_argument("--threads", type=_one_or_more, metavar="N", help="how many nodes dbt runs at once")
    parser.add_argument(
        "--run-dir", type=Path, metavar="DIR",
        help="all that is written, a DuckDB file included (default: runs/PRODUCT/TARGET in the store)",
    )  # fmt: skip
    add_store(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Verifies and runs; streams node by node; the answer is no when a node failed."""
    store = chosen_store(options) or store_of(Path())
    bundle = load_bundle(options.bundle, store=store)
    target = options.target or (next(iter(bundle.index.targets)) if len(bundle.index.targets) == 1 else "")
    with _cancelled_by_ctrl_c() as cancel:
        report = run_bundle(
            bundle,
            RunOptions(
                run_dir=options.run_dir or store.runs / bundle.index.product.name / target,
                environ=os.environ,
                command=options.dbt_command,
                target=options.target,
                select=options.select,
                exclude=options.exclude,
                full_refresh=options.full_refresh,
                fail_fast=options.fail_fast,
                threads=options.threads,
                cancel=cancel,
                on_event=_show_event,
            ),
        )
    problems = list(_problems(report))
    if options.json:
        answer(json.dumps({**report.plain(), "problems": [problem_as_json(problem) for problem in problems]}))
    else:
        _show_report(report, problems)
    return 0 if report.result.success else NO


def _one_or_more(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number above zero")
    return int(text)


@contextmanager
def _cancelled_by_ctrl_c() -> Iterator[CancelToken]:
    """The first Ctrl-C (or SIGTERM) asks dbt to stop, and says so; a second one ends floe."""
    cancel = CancelToken()

    def stop(number: int, frame: FrameType | None) -> None:
        if cancel.cancelled:
            raise KeyboardInterrupt
        cancel.cancel()
        say("\nStopping dbt; what it has begun is undone by the database (again to quit at once)")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show_event(event: RunEvent) -> None:
    if event.kind == "status":
        say(f"  {event.unique_id}: {event.status}")
    elif event.kind == "finished":
        mark = _MARKS.get(event.status, event.status)
        place = f"{event.index}/{event.total}" if event.total else ""
        say(f"  {place:>9} {mark:<6}{event.execution_time:7.2f}s  {event.unique_id}")


def _problems(report: RunReport) -> Iterator[Problem]:
    """What makes the answer no."""
    hint = f"What was executed is in {report.run_dir}."
    for node in report.result.failed:
        where = Where(node.file) if node.file else None
        yield Problem("FLOE-X003", f"{node.unique_id}: {(node.message or node.status).strip()}", where, hint)
    if report.result.status in {"cancelled", "timeout"}:
        yield Problem("FLOE-X004", f"the run was ended before it was done: {report.result.status}")


def _show_report(report: RunReport, problems: list[Problem]) -> None:
    result = report.result
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items()) or "nothing to do"
    took = f"{result.execution_time_seconds:.1f} s"
    say(f"{result.command} of {report.product} on {report.target}: {result.status} in {took} ({counts})")
    for problem in problems:
        say("\n" + problem_as_text(problem, colour=wants_colour()))
    if not problems:
        say(f"Everything the run wrote is in {report.run_dir}")
    _show_telemetry(report.telemetry)


def _show_telemetry(telemetry: Telemetry) -> None:
    """Where spans and lineage events are; and, on another line, what was to be sent and was not taken."""
    if telemetry.spans and telemetry.events:
        say(f"Its spans are in {telemetry.spans}, its lineage events in {telemetry.events}")
    if telemetry.undelivered:
        reasons = "; ".join(f"{what}: {why}" for what, why in telemetry.undelivered.items())
        kept = "kept locally, not delivered" if telemetry.spans else "not told"
        say(f"{kept.capitalize()}: {reasons}")
