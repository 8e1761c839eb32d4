"""Forked processes: everything is loaded in them already, so a kill hits the work and not the imports."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable


def start(work: Callable[[], object]) -> int:
    """A process that does the work and ends: with 0, or with 1 when the work raises."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def end_of(child: int) -> int:
    """Waits for the process: its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
