"""A dbt command, told in OpenTelemetry spans and OpenLineage events where their libraries are installed beside dbt.

Both are kept in the run directory: `telemetry/spans.jsonl`, `lineage/events.jsonl`. Where the bundle's own files
(`observability/*/otel-sdk.yaml`, `lineage/*/openlineage.yml`) name a receiver, they are sent there too, from a thread
that the run does not wait for. A receiver that does not answer changes nothing in the run, and is told at its end.

Jobs, runs and datasets have the names that `floe run` gives them. Imports nothing of floe.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import os
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

PATIENCE: Final = 3.0
"""How many seconds receivers are waited for when dbt has ended."""
FAILED: Final = frozenset({"error", "fail", "runtime error", "partial success"})
WITNESSES: Final = {
    "sealed_spans": ("opentelemetry.sdk", "opentelemetry.configuration", "opentelemetry.exporter.otlp.json.file"),
    "sealed_lineage": ("openlineage.client",),
}
"""The modules beside this one, and what each of them needs."""


@dataclasses.dataclass(frozen=True)
class Told:
    """What is run."""

    bundle: Path
    digest: str
    index: Mapping[str, Any]
    manifest: Mapping[str, Any]
    target: str
    command: str
    run_dir: Path

    @property
    def job(self) -> str:
        return f"{self.index['product']['name']}.{self.target}"

    @property
    def identity(self) -> dict[str, str]:
        return {
            "floe.bundle.digest": self.digest,
            "floe.product": self.index["product"]["name"],
            "floe.platform": self.index["platform"]["name"],
            "floe.target": self.target,
        }

    def node(self, unique_id: str) -> Mapping[str, Any]:
        for section in ("nodes", "sources", "unit_tests"):
            if unique_id in self.manifest[section]:
                found: Mapping[str, Any] = self.manifest[section][unique_id]
                return found
        return {"unique_id": unique_id, "resource_type": unique_id.partition(".")[0]}

    def rendered(self, plugin_type: str, name: str) -> Path | None:
        """A file of the chosen plugin, unless it wants variables that nobody set: then nothing is sent."""
        plugin = self.index["plugins"].get(plugin_type)
        if plugin is None or any(variable not in os.environ for variable in references(plugin["config"])):
            return None
        file = self.bundle / plugin_type / plugin["name"] / name
        return file if file.is_file() else None


def references(value: Any) -> Iterator[str]:
    """The variables and the secrets that a plugin's configuration names."""
    match value:
        case {"env": str(name)} | {"secret": str(name)} if len(value) == 1:
            yield name
        case dict():
            for member in value.values():
                yield from references(member)
        case list():
            for member in value:
                yield from references(member)


class Telemetry:
    """A callback for dbt's events: who starts, and who has finished how."""

    def __init__(self, told: Told) -> None:
        self._lock = threading.Lock()  # dbt's threads call
        self._started: set[str] = set()
        installed = [name for name, needs in WITNESSES.items() if all(map(_found, needs))]
        self._witnesses = [importlib.import_module(name).Witness(told) for name in installed]

    def __call__(self, event: Any) -> None:
        name = event.info.name
        if name not in {"LogStartLine", "NodeFinished"}:
            return
        info = event.data.node_info
        with self._lock:
            if info.unique_id not in self._started:
                self._started.add(info.unique_id)
                for witness in self._witnesses:
                    witness.started(info.unique_id, seconds(info.node_started_at))
            if name == "NodeFinished":
                result = event.data.run_result
                for witness in self._witnesses:
                    witness.finished(
                        info.unique_id, str(result.status), seconds(info.node_finished_at), str(result.message or "")
                    )

    def end(self, status: str) -> list[str]:
        """Ends the run. Returns, for people, what was kept in the run directory only, and why."""
        found = [witness.end(status, time.time()) for witness in self._witnesses]
        return [undelivered for undelivered in found if undelivered]


def seconds(written: str) -> float:
    """Since the epoch; dbt writes UTC without saying so, and nothing where it does not know."""
    return datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp() if written else time.time()


def _found(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False
