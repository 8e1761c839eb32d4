"""One invocation of the Rust engine: a process of its own, an environment written out in full, JSON lines back.

The engine prints one JSON object a line (`--log-format json`) in the form of dbt-core's structured events:
https://docs.getdbt.com/reference/events-logging
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final

import orjson

from floe_compiler.builtin.dbt_runtime._fusion_engine import NOWHERE
from floe_compiler.builtin.dbt_runtime._workers import GRACE, POLL, Ending, Patience
from floe_compiler.errors import FloeError, Problem
from floe_compiler.store.writing import refusing_writes

SURROUNDINGS: Final = {"HOME": NOWHERE, "TZ": "UTC"}
"""What the engine gets besides a call's `env`: no user's settings and no place's clock. There is no PATH, either."""
OWN_VARIABLES: Final = frozenset({*SURROUNDINGS, "ADBC_DRIVER_PATH", "ALL_PROXY", "DBT_RUN_STARTED_AT", "LD_PRELOAD"})
"""Every name that floe can add to the environment: `env_var()` sees them too."""
MAY_BE_LEFT_OUT: Final = frozenset(SURROUNDINGS)
SECRET: Final = "DBT_ENV_SECRET_"  # noqa: S105 - dbt's prefix for what must not be shown
HIDDEN: Final = "*****"
NOISE: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|^.*<unknown>.*\n?|^stack backtrace:\n?", re.MULTILINE)
"""Colours, and the backtraces of a stripped binary."""
LAST_LINES: Final = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log. What a line does not have is empty; `at` is in seconds since the epoch."""

    name: str
    level: str
    text: str
    at: float
    unique_id: str = ""
    resource_type: str = ""
    materialized: str = ""
    status: str = ""
    seconds: float = 0.0
    failures: int | None = None

    @classmethod
    def of(cls, raw: bytes, secrets: Sequence[str]) -> Line | None:
        """None for what is no line of the log."""
        try:
            read = orjson.loads(raw)
            info, data = read["info"], read["data"]
            node, result = data.get("node_info", {}), data.get("run_result", data)
            return cls(
                name=info["name"],
                level=info["level"],
                text=clean(info["msg"], secrets),
                at=datetime.fromisoformat(info["ts"]).timestamp(),
                unique_id=node.get("unique_id", ""),
                resource_type=node.get("resource_type", ""),
                materialized=node.get("materialized", ""),
                status=result.get("status", ""),
                seconds=float(result.get("execution_time", 0.0)),
                failures=result.get("num_failures"),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


@dataclass(frozen=True, slots=True)
class Ended:
    """How an invocation ended: its exit status, whether it was made to, and the last of what was no line of the log."""

    status: int
    ending: Ending | None
    printed: str

    @property
    def words(self) -> str:
        """What a process did that said nothing of its own."""
        how = f"was killed by {signal.Signals(-self.status).name}" if self.status < 0 else f"ended with {self.status}"
        return f"The Rust engine {how}. It last printed:\n{self.printed or '(nothing)'}"


def whole_environment(env: Mapping[str, str], more: Mapping[str, str], left_out: Container[str]) -> dict[str, str]:
    """All that the engine sees; `env`, which is the product's, wins."""
    own = {name: value for name, value in {**SURROUNDINGS, **more}.items() if name not in left_out}
    return {**own, **env}


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A private folder with a `work` to run in, a `home` and a place for `logs`, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="floe-fusion-", ignore_cleanup_errors=True) as folder:
        for name in ("work", "home", "logs"):
            (Path(folder) / name).mkdir()
        yield Path(folder)


def invoke(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    patience: Patience,
    on_line: Callable[[Line | None], None],
) -> Ended:
    """Runs the engine to its end, or stops it when patience is over. `env` is all of its environment.

    `on_line` is called in this thread, with None when nothing has come for a while. Raises FloeError FLOE-P201.
    """
    secrets = _secrets(env)
    other: deque[str] = deque(maxlen=LAST_LINES)
    with tempfile.TemporaryFile() as complaints, _started(command, env, cwd, complaints) as process:
        stopping = _Stopping(process, patience)
        for raw in _lines(process, stopping):
            line = Line.of(raw, secrets) if raw else None
            if line is not None or not raw:
                on_line(line)
            else:
                other.append(raw.decode("utf-8", "replace"))
        while process.poll() is None:
            stopping.tick()
            time.sleep(POLL)
        complaints.seek(0)
        other.extend(complaints.read().decode("utf-8", "replace").splitlines())
    return Ended(process.returncode, stopping.ending, clean("\n".join(other), secrets).strip())


def hand_over(private: Path, logs: Path, env: Mapping[str, str]) -> None:
    """Appends what the engine logged in a private folder to the logs that people read. The engine writes the values
    of secrets out. Raises FloeError FLOE-F104."""
    for file in sorted(private.glob("*")):
        with refusing_writes(logs):
            logs.mkdir(parents=True, exist_ok=True)
            with (logs / file.name).open("ab") as kept:
                kept.write(_without_secrets(file.read_bytes(), env))
        file.unlink()


def hide_secrets(file: Path, env: Mapping[str, str]) -> None:
    """Takes the values of secrets out of a file that the engine wrote, where it is there and has any."""
    if file.is_file() and (content := file.read_bytes()) != (hidden := _without_secrets(content, env)):
        file.write_bytes(hidden)


def clean(text: str, secrets: Sequence[str] = ()) -> str:
    """Words that may be shown."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return NOISE.sub("", text)


def _without_secrets(content: bytes, env: Mapping[str, str]) -> bytes:
    for secret in _secrets(env):
        for written in (secret.encode(), orjson.dumps(secret)[1:-1]):
            content = content.replace(written, HIDDEN.encode())
    return content


def _secrets(env: Mapping[str, str]) -> list[str]:
    """Longest first: one may be part of another."""
    values = {value for name, value in env.items() if name.startswith(SECRET) and value}
    return sorted(values, key=len, reverse=True)


@contextlib.contextmanager
def _started(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, complaints: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """The process, in a session of its own: Ctrl-C in a terminal reaches floe only. It never outlives the block."""
    try:
        process = subprocess.Popen(
            list(command),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
        )
    except OSError as error:
        raise FloeError(Problem("FLOE-P201", f"The Rust engine cannot be started: {error}")) from error
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                _signal(process, signal.SIGKILL)


def _lines(process: subprocess.Popen[bytes], stopping: _Stopping) -> Iterator[bytes]:
    """What the process prints, line by line, and an empty line whenever it prints nothing for a while."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    pipe, received = process.stdout.fileno(), b""
    while True:
        stopping.tick()
        if not select.select([pipe], [], [], POLL)[0]:
            yield b""
            continue
        chunk = os.read(pipe, 2**16)
        *lines, received = (received + chunk).split(b"\n")
        yield from filter(None, lines)
        if not chunk:
            yield from filter(None, [received])
            return


class _Stopping:
    """Climbs the ladder of signals once patience is over, one rung for each grace that passes."""

    def __init__(self, process: subprocess.Popen[bytes], patience: Patience) -> None:
        self._process = process
        self._patience = patience
        self._rungs = iter(GRACE)
        self._next = 0.0
        self.ending: Ending | None = None

    def tick(self) -> None:
        self.ending = self.ending or self._patience.over()
        if self.ending is None or time.monotonic() < self._next:
            return
        number, seconds = next(self._rungs, GRACE[-1])
        _signal(self._process, number)
        self._next = time.monotonic() + seconds


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the process and to whatever it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
