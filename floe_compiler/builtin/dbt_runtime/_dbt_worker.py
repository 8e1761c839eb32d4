"""The process in which dbt runs: JSON requests in, JSON events and one answer out, over one socket.

A program of its own, started as `python -P -s _dbt_worker.py SOCKET_FD PRIVATE_DIR`. It imports the standard
library and dbt (and orjson, where it is installed), never floe, so nothing of the compiler's process can
reach a manifest. dbt is imported at once, before the first request. When the other end of the socket closes,
the process ends itself and its group: it never outlives its parent.

A request is an object with the keys of `_dbt_session.Request`. Each line that goes back has one key: `hello`
once after dbt's import; then for each request `accepted` before anything is done, `event` while dbt runs, `done`
last.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import multiprocessing
import os
import pkgutil
import queue
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, Final

SEALED_MANIFEST: Final = Path(__file__).with_name("_sealed_manifest.py")
SESSION: Final = Path(__file__).with_name("_dbt_session.py")
OFFLINE: Final = Path(__file__).with_name("_dbt_offline.py")
IMPORTED_BY_COMMANDS: Final = ("dbt.task.build", "dbt.task.run", "dbt.task.test")


def main() -> None:
    """Serves requests until the socket closes."""
    channel = Channel(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2]))
    channel.start_reading()
    try:
        leave_no_helper_process()
        load(OFFLINE)
        load(SEALED_MANIFEST)
        session = load(SESSION)
    except ImportError as error:
        channel.send({"hello": {"missing": error.name or "", "message": str(error)}})
        return
    channel.send({"hello": {"version": session.ENGINE_VERSION}})
    if channel.idle:
        import_ahead()
    for message in channel.requests():
        channel.send({"accepted": True})
        channel.send({"done": session.answer(message, lambda event: channel.send({"event": event}))})


class Channel:
    """The socket: lines in are queued by a thread of their own, so that its end is noticed at any time."""

    def __init__(self, connection: socket.socket, private_dir: Path) -> None:
        self._connection = connection
        self._private_dir = private_dir
        self._sending = threading.Lock()
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    @property
    def idle(self) -> bool:
        return self._waiting.empty()

    def start_reading(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def requests(self) -> Iterator[dict[str, Any]]:
        while True:
            yield self._waiting.get()

    def send(self, message: Mapping[str, Any]) -> None:
        line = json.dumps(message, ensure_ascii=True, separators=(",", ":"), default=str)
        with self._sending, suppress(OSError):  # a parent that is gone is noticed by the reading thread
            self._connection.sendall(line.encode() + b"\n")

    def _read(self) -> None:
        with suppress(OSError), self._connection.makefile("rb") as lines:
            for line in lines:
                self._waiting.put(json.loads(line))
        shutil.rmtree(self._private_dir, ignore_errors=True)
        os.killpg(os.getpgrp(), signal.SIGKILL)


def load(path: Path) -> ModuleType:
    """A module by its file: its folder, which holds modules of floe, is not on the import path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported", name=path.stem)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leave_no_helper_process() -> None:
    """Has dbt make its locks, which only threads use, in the way that needs no process to clean up after them.

    Those of its own choice are names in the system, which a second process removes when this one is gone.
    """
    contexts: Any = importlib.import_module("dbt.mp_context")
    contexts._MP_CONTEXT = multiprocessing.get_context("fork")


def import_ahead() -> None:
    """What dbt imports only when a command runs, while nobody waits; the adapter too, if there is but one."""
    for name in IMPORTED_BY_COMMANDS:
        importlib.import_module(name)
    shipped = importlib.import_module("dbt.include").__path__
    adapters = {module.name for module in pkgutil.iter_modules(shipped)} - {
        "global_project",
        "starter_project",
    }
    if len(adapters) == 1:
        importlib.import_module(f"dbt.adapters.{adapters.pop()}")


if __name__ == "__main__":
    main()
