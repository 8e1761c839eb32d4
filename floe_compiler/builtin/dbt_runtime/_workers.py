"""Worker processes: started early, kept warm, asked to stop politely and then made to.

A worker is `_dbt_worker.py` in a session of its own, so that Ctrl-C in a terminal reaches the compiler only.
It gets nothing of this process but a socket, and an environment that is written out here in full.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from floe_compiler.errors import FloeError, Problem
from floe_compiler.plugins.contracts import CancelToken

Ending = Literal["cancelled", "timeout"]
EventSink = Callable[[dict[str, Any]], None]

PROGRAM: Final = Path(__file__).with_name("_dbt_worker.py")
POLL: Final = 0.05
GRACE: Final = ((signal.SIGINT, 5.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0))
"""What a worker that has to stop is sent, and how long it has to answer before the next."""
MAX_OUTPUT: Final = 16 * 2**20
TAIL_LINES: Final = 10
TAIL_BYTES: Final = 4096
ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: dbt's `done` message, or how it was ended (then `done` may be missing)."""

    done: dict[str, Any] | None
    ending: Ending | None = None


class WorkerGone(Exception):
    """The process had died while it waited: the request was never accepted, and can be made to another."""


class Patience:
    """When a caller stops waiting: its token is set, or its time is up. `timeout` is in seconds."""

    def __init__(self, cancel: CancelToken | None, timeout: float | None) -> None:
        self._cancel = cancel
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def over(self) -> Ending | None:
        if self._cancel is not None and self._cancel.cancelled:
            return "cancelled"
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return "timeout"
        return None


class Worker:
    """One process in which dbt is imported, for one request after another."""

    def __init__(self) -> None:
        self._private = Path(tempfile.mkdtemp(prefix="floe-dbt-"))
        self.scratch = self._private / "work"
        self._output = self._private / "output.log"
        self._received = b""
        for folder in (self.scratch, self._private / "home", self._private / "tmp"):
            folder.mkdir()
        (self.scratch / ".env").touch()  # dbt looks for one from here upwards; the search ends here
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(POLL)
        try:
            with theirs, self._output.open("ab") as output:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-s", "-X", "utf8", PROGRAM, str(theirs.fileno()), self._private],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self.scratch,
                    env=self.environ({}),
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except OSError as error:
            self._socket.close()
            shutil.rmtree(self._private, ignore_errors=True)
            raise FloeError(Problem("FLOE-P201", f"The dbt process cannot be started: {error}")) from error
        self._greeted = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def environ(self, env: Mapping[str, str]) -> dict[str, str]:
        """The whole environment of the process; `env` wins. Only `env` is visible to `env_var()`."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._private / "home"),
            "TMPDIR": str(self._private / "tmp"),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONHASHSEED": "0",
            "DO_NOT_TRACK": "1",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            **env,
        }

    def ask(self, request: Mapping[str, Any], patience: Patience, on_event: EventSink) -> Answer:
        """Sends one request and waits for its answer; events go to `on_event` in this thread.

        Raises FloeError when the process cannot run dbt (P201, P206) or ends by itself (P205); WorkerGone.
        """
        self._truncate_output()
        stopping = _Stopping(self, patience)
        accepted = not self._greeted  # only one that has waited can have died of old age
        try:
            self._socket.sendall(orjson.dumps(request) + b"\n")
            for message in self._messages(stopping):
                accepted = True
                if "event" in message:
                    on_event(message["event"])
                elif "done" in message:
                    return Answer(message["done"], stopping.ending)
        except ConnectionError:
            pass
        if stopping.ending:
            return Answer(None, stopping.ending)
        if not accepted:
            raise WorkerGone
        raise FloeError(self._death())

    def _messages(self, stopping: _Stopping) -> Iterator[dict[str, Any]]:
        """Every message until the socket ends; asks the process to stop as soon as patience is over."""
        while True:
            stopping.tick()
            try:
                chunk = self._socket.recv(2**16)
            except TimeoutError:
                self._truncate_output(MAX_OUTPUT)
                continue
            if not chunk:
                return
            *lines, self._received = (self._received + chunk).split(b"\n")
            for line in lines:
                message = orjson.loads(line)
                if "hello" in message:
                    self._greet(message["hello"])
                else:
                    yield message

    def _greet(self, hello: Mapping[str, str]) -> None:
        if "missing" in hello:
            raise FloeError(
                Problem(
                    "FLOE-P206",
                    f"dbt cannot be imported by {sys.executable}: {hello['message']}",
                    hint="Install dbt-core into the environment that floe runs in.",
                )
            )
        self._greeted = True

    def _truncate_output(self, above: int = 0) -> None:
        with contextlib.suppress(OSError):
            if self._output.stat().st_size > above:
                os.truncate(self._output, 0)

    def _death(self) -> Problem:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE[0][1])
        when = "while dbt ran" if self._greeted else "before dbt was loaded"
        last = self.tail()
        printed = f"It last printed:\n{last}" if last else "It printed nothing."
        return Problem(
            "FLOE-P205" if self._greeted else "FLOE-P201",
            f"The dbt process {_exit_words(self._process.returncode)} {when}. {printed}",
        )

    def tail(self) -> str:
        """The last lines that the process printed; of a traceback, the line that says what happened."""
        try:
            with self._output.open("rb") as output:
                output.seek(max(0, self._output.stat().st_size - TAIL_BYTES))
                text = output.read().decode("utf-8", "replace")
        except OSError:
            return ""
        lines = [line.rstrip() for line in ANSI.sub("", text).splitlines() if line.strip()]
        if any(line.startswith("Traceback (most recent call last)") for line in lines):
            lines = lines[-1:]
        return "\n".join(lines[-TAIL_LINES:])

    def signal(self, number: signal.Signals) -> None:
        """SIGINT goes to dbt; anything stronger to everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            if number is signal.SIGINT:
                os.kill(self.pid, number)
            else:
                os.killpg(self.pid, number)

    def end(self) -> None:
        """Ends the process and whatever it started, and removes its folder. Safe to call again."""
        self._socket.close()
        for number, seconds in ((None, 0.5), *GRACE[1:]):
            if number is not None:
                self.signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
            if self._group_is_gone(seconds):
                break
        shutil.rmtree(self._private, ignore_errors=True)

    def _group_is_gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._process.poll() is not None:
            try:
                os.killpg(self.pid, 0)
            except (ProcessLookupError, PermissionError):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        return False


class _Stopping:
    """Climbs the ladder of signals once patience is over, one rung for each grace that passes."""

    def __init__(self, worker: Worker, patience: Patience) -> None:
        self._worker = worker
        self._patience = patience
        self._rungs = iter(GRACE)
        self._next = 0.0
        self.ending: Ending | None = None

    def tick(self) -> None:
        self.ending = self.ending or self._patience.over()
        if self.ending is None or time.monotonic() < self._next:
            return
        number, seconds = next(self._rungs, GRACE[-1])
        self._worker.signal(number)
        self._next = time.monotonic() + seconds


class WorkerPool:
    """At most `limit` workers at a time; each serves one thread, and waits warm for the next."""

    def __init__(self, limit: int) -> None:
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(limit)
        weakref.finalize(self, _end_all, self._idle)

    def warm_up(self) -> None:
        """Has a worker import dbt now, unless one is waiting already. Returns at once."""
        with self._lock:
            if not any(worker.alive for worker in self._idle):
                self._idle.append(Worker())

    @contextlib.contextmanager
    def borrow(self, patience: Patience, *, once: bool) -> Iterator[Worker | None]:
        """A worker for the time of a request; None when patience is over before one is free.

        It is ended after a request that did not end by itself, and when it is to serve but `once`.
        """
        if not self._wait_for_slot(patience):
            yield None
            return
        worker = None
        try:
            worker = self._take()
            yield worker
            if not once and worker.alive and patience.over() is None:
                with self._lock:
                    self._idle.append(worker)
                worker = None
        finally:
            if worker is not None:
                worker.end()
            self._slots.release()

    def close(self) -> None:
        """Ends the workers that wait; those at work end with their request's caller."""
        with self._lock:
            _end_all(self._idle)

    def _wait_for_slot(self, patience: Patience) -> bool:
        while not self._slots.acquire(timeout=POLL):
            if patience.over():
                return False
        return True

    def _take(self) -> Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.alive:
                    return worker
                worker.end()
        return Worker()


def _end_all(workers: list[Worker]) -> None:
    while workers:
        workers.pop().end()


def _exit_words(status: int | None) -> str:
    if status is None:
        return "stopped answering"
    if status < 0:
        number = signal.Signals(-status)
        out_of_memory = " (the system may have run out of memory)" if number is signal.SIGKILL else ""
        return f"was killed by {number.name}{out_of_memory}"
    return f"ended with exit status {status}"
