"""The run as OpenLineage events: one job for the product on its target, one for every node, START and an end for each.

Source: https://openlineage.io/docs/spec/object-model. Every event is kept in a file; where the bundle's
`openlineage.yml` names another transport, it is sent there too, from a thread.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from openlineage.client import OpenLineageClient, set_producer
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import RunFacet, parent_run
from openlineage.client.transport.file import FileConfig, FileTransport
from openlineage.client.transport.http import HttpTransport
from openlineage.client.uuid import generate_new_uuid

import floe_compiler
from floe_compiler.emit import facets
from floe_compiler.emit.course import Outcome, State
from floe_compiler.emit.course import Run as RunEnd
from floe_compiler.emit.datasets import Datasets
from floe_compiler.emit.hiding import Hiding
from floe_compiler.emit.keeping import with_room
from floe_compiler.emit.subject import Node, Subject
from floe_compiler.model.telemetry import EVENTS, RunFacts

STATES: Final[dict[State, RunState]] = {
    "complete": RunState.COMPLETE,
    "fail": RunState.FAIL,
    "abort": RunState.ABORT,
}
PRODUCER: Final = f"https://floe.dev/compiler/{floe_compiler.__version__}"
CALLER: Final = "OPENLINEAGE_PARENT_ID"
"""The run that started this one, as `namespace/job/run`: https://openlineage.io/docs/integrations/dbt"""


class Lineage:
    """Tells a run in events. A job is named for the product, the target and dbt's unique_id; its namespace is
    OPENLINEAGE_NAMESPACE, or else the platform."""

    def __init__(self, facts: RunFacts, subject: Subject, hiding: Hiding) -> None:
        set_producer(PRODUCER)
        self._facts = facts
        self._subject = subject
        self._hiding = hiding
        self._datasets = Datasets(subject)
        self._delivery = _Delivery(facts)
        self._namespace = os.environ.get("OPENLINEAGE_NAMESPACE") or facts.platform
        self._id = str(generate_new_uuid())
        self._ids: dict[str, str] = {}
        self._emit(RunState.START, facts.began, self._run_of_product(), self._job_of_product())

    @property
    def path(self) -> Path:
        """The file that has every event."""
        return self._delivery.path

    def node_started(self, unique_id: str, at: float) -> None:
        self._ids[unique_id] = str(generate_new_uuid())
        node = self._subject.node(unique_id)
        inputs, outputs = self._datasets.of(node)
        self._emit(RunState.START, at, self._run_of(node), self._job_of(node), inputs, outputs)

    def node_ended(self, outcome: Outcome) -> None:
        node = self._subject.node(outcome.unique_id)
        inputs, outputs = self._datasets.of(node, outcome)
        job = self._job_of(node, self._subject.compiled(node, self._facts.began))
        self._emit(STATES[outcome.state], outcome.at, self._run_of(node, outcome), job, inputs, outputs)

    def run_ended(self, run: RunEnd, counts: dict[str, int], at: float) -> None:
        self._emit(STATES[run.state], at, self._run_of_product(run), self._job_of_product())

    def close(self, seconds: float) -> str | None:
        """Sends what is left, for so many seconds. Returns why not everything was taken."""
        return self._delivery.close(seconds)

    def _emit(
        self,
        state: RunState,
        at: float,
        run: Run,
        job: Job,
        inputs: list[InputDataset] | None = None,
        outputs: list[OutputDataset] | None = None,
    ) -> None:
        when = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
        self._delivery.take(
            RunEvent(
                eventType=state, eventTime=when, run=run, job=job, inputs=inputs or [], outputs=outputs or [],
                producer=PRODUCER,
            )
        )  # fmt: skip

    def _run_of_product(self, ended: RunEnd | None = None) -> Run:
        failed = ended is not None and ended.state != "complete"
        told: dict[str, RunFacet | None] = {
            "parent": _caller(),
            "processing_engine": facets.engine(self._subject.dbt_version),
            "tags": facets.run_tags(self._facts, ended),
            "errorMessage": facets.error(ended.message or ended.status) if ended and failed else None,
        }
        return Run(self._id, _said(told))

    def _run_of(self, node: Node, outcome: Outcome | None = None) -> Run:
        failed = outcome is not None and outcome.state != "complete"
        told: dict[str, RunFacet | None] = {
            "parent": parent_run.ParentRunFacet(
                run=parent_run.Run(self._id), job=parent_run.Job(self._namespace, self._job_name())
            ),
            "processing_engine": facets.engine(self._subject.dbt_version),
            "tags": facets.node_tags(node, outcome),
            "errorMessage": facets.error(outcome.message or outcome.status) if outcome and failed else None,
        }
        return Run(self._ids[node["unique_id"]], _said(told))

    def _job_of_product(self) -> Job:
        return Job(self._namespace, self._job_name(), facets.of_product(self._facts))

    def _job_of(self, node: Node, sql: str | None = None) -> Job:
        told = facets.of_job(self._facts, node, self._subject, sql and self._hiding(sql))
        return Job(self._namespace, f"{self._job_name()}.{node['unique_id']}", told)

    def _job_name(self) -> str:
        return f"{self._facts.product}.{self._facts.target}"


class _Delivery:
    """Takes events to the file, and to where the bundle says."""

    def __init__(self, facts: RunFacts) -> None:
        self.path = Path(facts.run_dir) / EVENTS
        self._aside = ThreadPoolExecutor(max_workers=1)
        self._sent: list[Future[None]] = []
        self._unset = facts.unset.get("lineage", [])
        self._sender: OpenLineageClient | None = None
        self._unusable: BaseException | None = None
        if facts.openlineage_config and not self._unset:
            os.environ["OPENLINEAGE_CONFIG"] = facts.openlineage_config
            made = self._aside.submit(OpenLineageClient)
            wait([made])
            self._unusable = made.exception()
            self._sender = None if self._unusable else made.result()
        if self._sender and isinstance(self._sender.transport, FileTransport):
            self.path = Path(facts.run_dir) / self._sender.transport.config.log_file_path
            self._sender = None
        with_room(self.path)
        quiet = {"facets": {"source_code_location": {"disabled": True}}}
        kept = FileTransport(FileConfig(str(self.path), append=True))
        self._keeper = OpenLineageClient(transport=kept, config=quiet)

    def take(self, event: RunEvent) -> None:
        self._keeper.emit(event)
        if self._sender:
            self._sent.append(self._aside.submit(self._sender.emit, event))

    @property
    def _receiver(self) -> str:
        transport = self._sender.transport if self._sender else None
        return transport.url if isinstance(transport, HttpTransport) else f"the {transport} transport"

    def close(self, seconds: float) -> str | None:
        if self._unset:
            return f"{', '.join(self._unset)} not set"
        if self._unusable:
            return str(self._unusable)
        done, waiting = wait(self._sent, seconds)
        failed = [error for future in done if (error := future.exception())]
        if not waiting and not failed:
            return None
        missing = f"{len(waiting) + len(failed)} of {len(self._sent)} not taken"
        return f"{missing}: {failed[-1]}" if failed else f"{missing} in time by {self._receiver}"


def _caller() -> RunFacet | None:
    """The run that this one is a part of, if somebody said so."""
    namespace, _, rest = os.environ.get(CALLER, "").partition("/")
    job, _, run = rest.rpartition("/")
    if not (namespace and job and run):
        return None
    return parent_run.ParentRunFacet(run=parent_run.Run(run), job=parent_run.Job(namespace, job))


def _said(told: dict[str, RunFacet | None]) -> dict[str, Any]:
    return {name: facet for name, facet in told.items() if facet is not None}
