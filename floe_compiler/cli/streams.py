"""Output whose reader may be gone: `floe inspect BUNDLE | head -1` has what it wanted, and that is no error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


def say(text: str) -> None:
    """A line for people, on stderr. What is being done goes on when nobody reads it."""
    _write(text, sys.stderr)


def answer(text: str) -> None:
    """What was asked for, on stdout. The exit status is the same when nobody reads it."""
    _write(text, sys.stdout)


@contextmanager
def nobody_has_to_listen() -> Iterator[None]:
    """Ends the block quietly when it writes to a pipe without a reader."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BrokenPipeError:
                _silence(stream)


def _write(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Sends the rest nowhere: Python flushes once more at its end, and would complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
