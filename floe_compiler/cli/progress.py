"""What is going on, on a terminal; nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A function that says which stage has begun; on a terminal it shows it, with the time spent in it."""
    if not sys.stderr.isatty():
        yield lambda stage: None
        return
    from rich.console import Console  # noqa: PLC0415 - dear, and only wanted on a terminal
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as display:
        tasks: list[int] = []

        def begin(stage: str) -> None:
            for task in tasks:
                display.remove_task(task)  # type: ignore[arg-type]
            tasks[:] = [display.add_task(stage, total=None)]

        yield begin
