"""The lineage events of `sealed_telemetry.py`: START and an end for the dbt command and for every node.

Source: https://openlineage.io/docs/spec/object-model and https://openlineage.io/docs/spec/naming
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import Any, Final

import yaml
from openlineage.client import OpenLineageClient, set_producer
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    datasource_dataset,
    documentation_dataset,
    error_message_run,
    job_type_job,
    parent_run,
    schema_dataset,
)
from openlineage.client.transport.file import FileConfig, FileTransport
from openlineage.client.uuid import generate_new_uuid
from sealed_namespaces import namespace_of
from sealed_telemetry import FAILED, PATIENCE

CONFIG: Final = "openlineage.yml"
EVENTS: Final = "lineage/events.jsonl"
PRODUCER: Final = "https://floe.dev/compiler"
KEEP_DATA: Final = frozenset({"model", "seed", "snapshot", "source"})
NO_SOURCE_CONTROL: Final = {"facets": {"source_code_location": {"disabled": True}}}


class Witness:
    """Is told of the run that `told` describes; `at` is in seconds since the epoch."""

    def __init__(self, told: Any) -> None:
        set_producer(PRODUCER)
        self._told = told
        self._file = told.run_dir / _transport(told).get("log_file_path", EVENTS)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        to_file = FileTransport(FileConfig(str(self._file), append=True))
        self._keeper = OpenLineageClient(transport=to_file, config=NO_SOURCE_CONTROL)
        self._aside = ThreadPoolExecutor(max_workers=1)
        self._sent: list[Future[Any]] = []
        self._sender = self._aside.submit(_sender, told)
        configured = told.index["plugins"].get("lineage", {"config": {}})["config"].get("namespace")
        self._jobs = os.environ.get("OPENLINEAGE_NAMESPACE") or configured or told.index["platform"]["name"]
        self._database = _database(told)
        self._ids: dict[str, str] = {}
        self._command = Run(str(generate_new_uuid()))
        self._tell(RunState.START, datetime.now(UTC).timestamp(), self._command, self._job())

    def started(self, unique_id: str, at: float) -> None:
        self._ids[unique_id] = str(generate_new_uuid())
        self._of_node(RunState.START, unique_id, at)

    def finished(self, unique_id: str, status: str, at: float, message: str) -> None:
        state = RunState.FAIL if status in FAILED else RunState.ABORT if status == "skipped" else RunState.COMPLETE
        self._of_node(state, unique_id, at, message if state is not RunState.COMPLETE else "")
        del self._ids[unique_id]

    def end(self, status: str, at: float) -> str | None:
        for unique_id in [*self._ids]:
            self._of_node(RunState.ABORT, unique_id, at, "aborted")
        self._tell(RunState.COMPLETE if status == "success" else RunState.FAIL, at, self._command, self._job())
        done, waiting = wait([self._sender, *self._sent], PATIENCE)
        if waiting or any(future.exception() for future in done):
            return f"lineage events were not taken: they are in {self._file}"
        return None

    def _of_node(self, state: RunState, unique_id: str, at: float, message: str = "") -> None:
        node = self._told.node(unique_id)
        command = parent_run.ParentRunFacet(
            run=parent_run.Run(self._command.runId), job=parent_run.Job(self._jobs, self._told.job)
        )
        said: dict[str, Any] = {"parent": command}
        if message:
            said["errorMessage"] = error_message_run.ErrorMessageRunFacet(message, "SQL")
        reads = node["resource_type"] != "unit_test"  # it runs on rows of its own
        parents = filter(_kept, map(self._told.node, node.get("depends_on", {}).get("nodes", []) if reads else []))
        inputs = [InputDataset(self._database, _name(parent), facets=self._facets(parent)) for parent in parents]
        written = _kept(node) and state in {RunState.START, RunState.COMPLETE}
        outputs = [OutputDataset(self._database, _name(node), facets=self._facets(node))] if written else []
        self._tell(state, at, Run(self._ids[unique_id], said), self._job(node), inputs, outputs)

    def _job(self, node: Any = None) -> Job:
        kind = "JOB" if node is None else str(node["resource_type"]).upper()
        name = self._told.job if node is None else f"{self._told.job}.{node['unique_id']}"
        facet = job_type_job.JobTypeJobFacet("BATCH", "FLOE" if node is None else "DBT", kind)
        return Job(self._jobs, name, {"jobType": facet})

    def _facets(self, node: Any) -> dict[str, Any]:
        said: dict[str, Any] = {
            "dataSource": datasource_dataset.DatasourceDatasetFacet(name=self._database, uri=self._database)
        }
        if node.get("columns"):
            said["schema"] = schema_dataset.SchemaDatasetFacet(
                [
                    schema_dataset.SchemaDatasetFacetFields(column["name"], column.get("data_type"))
                    for column in node["columns"].values()
                ]
            )
        if node.get("description"):
            said["documentation"] = documentation_dataset.DocumentationDatasetFacet(node["description"])
        return said

    def _tell(self, state: RunState, at: float, run: Run, job: Job, inputs: Any = (), outputs: Any = ()) -> None:
        when = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
        event = RunEvent(
            eventType=state, eventTime=when, run=run, job=job, inputs=[*inputs], outputs=[*outputs], producer=PRODUCER
        )
        self._keeper.emit(event)
        self._sent.append(self._aside.submit(self._send, event))

    def _send(self, event: RunEvent) -> None:
        sender = self._sender.result()
        if sender is not None:
            sender.emit(event)


def _sender(told: Any) -> OpenLineageClient | None:
    """What the bundle's openlineage.yml sends with; None where that is no more than a file."""
    if _transport(told).get("type", "file") == "file":
        return None
    os.environ["OPENLINEAGE_CONFIG"] = str(told.rendered("lineage", CONFIG))
    return OpenLineageClient()


def _transport(told: Any) -> dict[str, Any]:
    file = told.rendered("lineage", CONFIG)
    config: dict[str, dict[str, Any]] = yaml.safe_load(file.read_bytes()) if file else {}
    return config.get("transport", {})


def _kept(node: Any) -> bool:
    return node["resource_type"] in KEEP_DATA and node.get("config", {}).get("materialized") != "ephemeral"


def _name(node: Any) -> str:
    table = node.get("identifier") or node.get("alias") or node["name"]
    return ".".join(filter(None, (node.get("database"), node.get("schema"), table)))


def _database(told: Any) -> str:
    """The namespace of what is built with the target's profile."""
    profiles = yaml.safe_load((told.bundle / told.index["runtime"]["profiles"] / "profiles.yml").read_bytes())
    profile = profiles[told.index["runtime"]["profile"]]["outputs"][told.target]
    named = {name: os.environ[name] for name in told.index["environment"]["variables"]}
    return str(namespace_of(profile, named, told.run_dir))
