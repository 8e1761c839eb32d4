"""The run as OpenTelemetry spans: one for the run, and below it one for every node.

They are kept in the run directory, all of them; beside that, the SDK is started from the bundle's declarative
configuration, and sends what that says.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Final

from opentelemetry.configuration import OpenTelemetryConfiguration, load_config_file
from opentelemetry.configuration.file import create_resource, create_tracer_provider
from opentelemetry.configuration.models import SpanProcessor as ConfiguredProcessor
from opentelemetry.configuration.models import TracerProvider as ConfiguredProvider
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, TraceState, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes, AttributeValue

import floe_compiler
from floe_compiler.emit.course import Outcome, Run
from floe_compiler.emit.keeping import with_room
from floe_compiler.emit.subject import Node, Subject
from floe_compiler.model.telemetry import SPANS, RunFacts

LOGGED_BY: Final = "opentelemetry"
QUEUE_FULL: Final = "Queue full"
"""What the SDK warns of when it drops a span: https://github.com/open-telemetry/opentelemetry-python"""


class Spans:
    """Tells a run in spans. Attributes: https://opentelemetry.io/docs/specs/semconv/ where it has the name."""

    def __init__(self, facts: RunFacts, subject: Subject) -> None:
        self.path = with_room(Path(facts.run_dir) / SPANS)
        self._subject = subject
        self._troubles = _Troubles()
        self._aside = ThreadPoolExecutor(max_workers=1)
        self._unset = facts.unset.get("observability", [])
        built = self._aside.submit(_sending, facts, self.path)
        wait([built])
        self._unusable = built.exception()
        provider, self._receivers = (_local(facts), ()) if self._unusable else built.result()
        self._provider = _keeping(provider, self.path)
        self._tracer = self._provider.get_tracer("floe", floe_compiler.__version__)
        self._nodes: dict[str, Span] = {}
        caller = {name.lower(): os.environ[name] for name in ("TRACEPARENT", "TRACESTATE") if name in os.environ}
        self._run = self._tracer.start_span(
            f"{facts.command} {facts.product}",
            TraceContextTextMapPropagator().extract(caller),
            attributes={"dbt.command": facts.command, "dbt.version": subject.dbt_version},
            start_time=_nanoseconds(facts.began),
        )
        self._within = set_span_in_context(self._run)

    def node_started(self, unique_id: str, at: float) -> None:
        node = self._subject.node(unique_id)
        self._nodes[unique_id] = self._tracer.start_span(
            unique_id, self._within, attributes=self._described(node), start_time=_nanoseconds(at)
        )

    def node_ended(self, outcome: Outcome) -> None:
        span = self._nodes.pop(outcome.unique_id)
        span.set_attribute("dbt.status", outcome.status)
        if outcome.rows is not None:
            span.set_attribute("dbt.rows_affected", outcome.rows)
        if outcome.failures is not None:
            span.set_attribute("dbt.failures", outcome.failures)
        if outcome.state == "fail" or outcome.status == "aborted":
            span.set_status(Status(StatusCode.ERROR, outcome.message or outcome.status))
        span.end(_nanoseconds(outcome.at))

    def run_ended(self, run: Run, counts: dict[str, int], at: float) -> None:
        self._run.set_attributes({f"dbt.nodes.{status}": count for status, count in sorted(counts.items())})
        self._run.set_attribute("dbt.status", run.status)
        if run.invocation_id:
            self._run.set_attribute("dbt.invocation_id", run.invocation_id)
        if run.state != "complete":
            self._run.set_status(Status(StatusCode.ERROR, run.message or run.status))
        self._run.end(_nanoseconds(at))

    def close(self, seconds: float) -> str | None:
        """Sends what is left, for so many seconds. Returns why not everything was taken."""
        if self._unset:
            return f"{', '.join(self._unset)} not set"
        if self._unusable:
            return str(self._unusable)
        flushed: Future[bool] = self._aside.submit(self._provider.force_flush)
        done, _ = wait([flushed], seconds)
        if not done:
            return f"not taken in time by {', '.join(self._receivers)}{self._troubles.so_far}"
        return self._troubles.errors[-1] if self._troubles.errors else None

    def _described(self, node: Node) -> dict[str, AttributeValue]:
        relation = {
            "db.system.name": self._subject.adapter,
            "db.namespace": ".".join(filter(None, (node.get("database"), node.get("schema")))),
            "db.collection.name": node.get("alias"),
        }
        described = {
            "dbt.unique_id": node["unique_id"],
            "dbt.resource_type": node["resource_type"],
            "dbt.materialized": node.get("config", {}).get("materialized"),
            "code.file.path": node.get("original_file_path"),
            **(relation if self._subject.built(node) else {}),
        }
        return {name: value for name, value in described.items() if value}


def _sending(facts: RunFacts, path: Path) -> tuple[TracerProvider, tuple[str, ...]]:
    """The SDK as the bundle's file starts it, but for the file of spans: that is written whatever is sampled. And
    where it sends spans."""
    if facts.otel_config is None or "observability" in facts.unset:
        return _local(facts), ()
    config: OpenTelemetryConfiguration = load_config_file(facts.otel_config)
    declared = config.tracer_provider or ConfiguredProvider(processors=[])
    sent = [processor for processor in declared.processors if not _keeps(processor, path)]
    provider = create_tracer_provider(
        dataclasses.replace(declared, processors=sent),
        create_resource(config.resource).merge(_identity(facts)),
        config.attribute_limits,
    )
    return provider, tuple(filter(None, map(_receiver, sent)))


def _local(facts: RunFacts) -> TracerProvider:
    """The SDK of a bundle that says nothing of it."""
    product = {"service.name": facts.product, "service.namespace": facts.platform}
    return TracerProvider(
        resource=Resource.create({**product, "service.version": facts.product_version}).merge(_identity(facts))
    )


def _identity(facts: RunFacts) -> Resource:
    """What identifies the run: it is not known before there is a bundle."""
    return Resource(
        {
            "deployment.environment.name": facts.target,
            "floe.product": facts.product,
            "floe.platform": facts.platform,
            "floe.target": facts.target,
            "floe.bundle.digest": facts.bundle,
        }
    )


def _keeps(processor: ConfiguredProcessor, path: Path) -> bool:
    """Whether a processor of the configuration writes the file of spans."""
    kind = processor.simple or processor.batch
    file = kind.exporter.otlp_file_development if kind else None
    return file is not None and file.output_stream == f"file://{path}"


def _receiver(processor: ConfiguredProcessor) -> str | None:
    kind = processor.simple or processor.batch
    otlp = (kind.exporter.otlp_grpc or kind.exporter.otlp_http) if kind else None
    return otlp.endpoint if otlp else None


def _keeping(provider: TracerProvider, path: Path) -> TracerProvider:
    provider.sampler = _Recording(provider.sampler)
    provider.add_span_processor(_Kept(FileSpanExporter(path)))
    return provider


class _Kept(SpanProcessor):
    """Writes every span down at once, sampled or not."""

    def __init__(self, exporter: FileSpanExporter) -> None:
        self._exporter = exporter

    def on_end(self, span: ReadableSpan) -> None:
        self._exporter.export([span])


class _Recording(Sampler):
    """What another sampler lets pass is sent; the rest is recorded all the same."""

    def __init__(self, sent: Sampler) -> None:
        self._sent = sent

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        result = self._sent.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if result.decision is not Decision.DROP:
            return result
        return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)

    def get_description(self) -> str:
        return f"Recording{{{self._sent.get_description()}}}"


class _Troubles(logging.Handler):
    """What the SDK logs of spans that were not taken: nothing else of it says so."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.errors: list[str] = []
        self._warnings: list[str] = []
        logger = logging.getLogger(LOGGED_BY)
        logger.addHandler(self)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        failed = record.levelno >= logging.ERROR or message.startswith(QUEUE_FULL)
        (self.errors if failed else self._warnings).append(message)

    @property
    def so_far(self) -> str:
        last = [*self._warnings, *self.errors][-1:]
        return "".join(f": {message}" for message in last)


def _nanoseconds(at: float) -> int:
    return int(at * 1e9)
