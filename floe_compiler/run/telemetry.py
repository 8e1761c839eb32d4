"""Every run is told in OpenTelemetry and OpenLineage, by a process of its own: `floe_compiler.emit`.

It imports the SDKs while dbt is imported elsewhere, gets the nodes as they start and finish, and may hang or die
without the run noticing: lines go to it from a thread, and its end is waited for no longer than `LONGEST`. It sees of
the environment what the bundle's files name, the machine's proxies and certificates, and who started the run.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

import floe_compiler
from floe_compiler.errors import FloeError
from floe_compiler.model.telemetry import RunFacts, Telemetry

if TYPE_CHECKING:
    from floe_compiler.model.bundle import CompiledArtifacts
    from floe_compiler.model.runs import DBTRunResult, EventCallback, RunEvent
    from floe_compiler.verify import VerifiedBundle

PROGRAM: Final = "floe_compiler.emit"
PATIENCE: Final = 3.0
"""How many seconds after the end of a run a receiver has to take what is left."""
LONGEST: Final = 15.0
"""How many seconds the process has for all it does after the end of a run, on a machine that is busy."""
OF_THE_MACHINE: Final = (
    "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "grpc_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
)  # fmt: skip
OF_THE_CALLER: Final = ("TRACEPARENT", "TRACESTATE", "OPENLINEAGE_PARENT_ID")
"""The span and the run that this run is a part of, as OpenTelemetry and OpenLineage hand them on."""


def facts_of(
    bundle: VerifiedBundle, files: Path, facts: RunFacts, environ: Mapping[str, str], hidden: Mapping[str, str]
) -> RunFacts:
    """`facts` with what the bundle's observability and lineage plugins rendered, and what that needs and lacks.

    `hidden` are the secrets of the run itself.
    """
    index = bundle.index
    secrets = [name for key in ("observability", "lineage") for kind, name in _references(index, key) if kind != "env"]
    return replace(
        facts,
        otel_config=_rendered(bundle, files, "observability", "otel-sdk.yaml"),
        openlineage_config=_rendered(bundle, files, "lineage", "openlineage.yml"),
        environment_files=tuple(
            file
            for key, name in (("observability", "otel.env"), ("lineage", "openlineage.env"))
            if (file := _rendered(bundle, files, key, name))
        ),
        unset={
            key: sorted(unset)
            for key in ("observability", "lineage")
            if (unset := {name for _, name in _references(index, key) if name not in environ})
        },
        hidden=tuple(sorted({*hidden.values(), *(environ[name] for name in secrets if name in environ)} - {""})),
    )


def environment_of(index: CompiledArtifacts, run_dir: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """All that the process sees of the environment."""
    named = {name for key in ("observability", "lineage") for _, name in _references(index, key)}
    passed = {name: environ[name] for name in (*OF_THE_MACHINE, *OF_THE_CALLER, *sorted(named)) if name in environ}
    # No file in somebody's home directory adds credentials, or another configuration.
    return {**passed, "HOME": str(run_dir), "NETRC": os.devnull, "PYTHONPATH": _source()}


@contextmanager
def told(facts: RunFacts, environment: Mapping[str, str]) -> Iterator[Teller]:
    """Has the run of the block told. What the block raises is told as its failure, if dbt or a plugin is to blame."""
    teller = Teller(facts, environment)
    try:
        yield teller
    except FloeError as error:
        teller.broke(error)
        raise
    finally:
        teller.leave()


class Teller:
    """The one end of a pipe at whose other end a run is told."""

    def __init__(self, facts: RunFacts, environment: Mapping[str, str]) -> None:
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process: subprocess.Popen[bytes] | None = None
        self._refused = ""
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-X", "utf8", "-m", PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._printed,
                cwd=facts.run_dir,
                env=dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            self._refused = f"its process cannot be started: {error.strerror}"
            return
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        threading.Thread(target=_write, args=(self._process.stdin, self._lines), daemon=True).start()
        self._say("begin", asdict(facts))

    def passing_on(self, callback: EventCallback | None) -> EventCallback:
        """A callback that tells what it hears, and passes it on."""

        def hear(event: RunEvent) -> None:
            self._say("event", asdict(event))
            if callback is not None:
                callback(event)

        return hear

    def ended(self, result: DBTRunResult) -> Telemetry:
        """Tells the end of the run, and waits until that is told."""
        ended = {**asdict(result), "artifacts": {}, "remote": None}
        self._say("end", {"result": ended, "patience": PATIENCE})
        return self._wait()

    def broke(self, error: FloeError) -> Telemetry:
        """Tells that the run could not be carried out, and waits until that is told."""
        message = "\n".join(f"{problem.code}: {problem.message}" for problem in error.problems)
        self._say("broke", {"message": message, "patience": PATIENCE})
        return self._wait()

    def leave(self) -> None:
        """Ends the conversation. A process that was not told how the run ended tells that it was aborted."""
        self._lines.put(None)
        self._printed.close()
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    def _say(self, kind: str, value: Mapping[str, Any]) -> None:
        self._lines.put(orjson.dumps({kind: value}) + b"\n")

    def _wait(self) -> Telemetry:
        self._lines.put(None)
        if self._process is None:
            return _nothing_told(self._refused)
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            self._process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            return _nothing_told(f"its process did not end within {LONGEST:g} s")
        answer = self._process.stdout.read()
        if self._process.returncode or not answer:
            return _nothing_told(f"its process ended with {self._process.returncode}: {self._last_words()}")
        return Telemetry(**orjson.loads(answer))

    def _last_words(self) -> str:
        self._printed.seek(0)
        lines = self._printed.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it printed nothing"


def _write(pipe: IO[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    """Until there is no more to write, or nobody who reads."""
    with suppress(OSError), pipe:
        while (line := lines.get()) is not None:
            pipe.write(line)
            pipe.flush()


def _nothing_told(reason: str) -> Telemetry:
    return Telemetry(None, None, {"spans and lineage events": reason})


def _rendered(bundle: VerifiedBundle, files: Path, key: str, name: str) -> str | None:
    plugin = bundle.index.plugins.get(key)
    path = f"{key}/{plugin.name}/{name}" if plugin else ""
    return str(files / path) if path in bundle.paths else None


def _references(index: CompiledArtifacts, key: str) -> Iterator[tuple[str, str]]:
    """The references in a plugin's configuration: `env` or `secret`, and the name."""
    pending: list[Any] = [index.plugins[key].config] if key in index.plugins else []
    while pending:
        match pending.pop():
            case {"env": str(name)} as found if len(found) == 1:
                yield "env", name
            case {"secret": str(name)} as found if len(found) == 1:
                yield "secret", name
            case dict() as mapping:
                pending.extend(mapping.values())
            case list() as sequence:
                pending.extend(sequence)


def _source() -> str:
    return str(Path(floe_compiler.__file__).parents[1])
