"""The spans of `sealed_telemetry.py`: one for the dbt command, and below it one for every node."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

from opentelemetry.configuration import load_config_file
from opentelemetry.configuration.file import create_resource, create_tracer_provider
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sealed_telemetry import FAILED, PATIENCE


class Witness:
    """Is told of the run that `told` describes; `at` is in seconds since the epoch."""

    def __init__(self, told: Any) -> None:
        kept = told.run_dir / "telemetry" / "spans.jsonl"
        kept.parent.mkdir(parents=True, exist_ok=True)
        self._told = told
        self._aside = ThreadPoolExecutor(max_workers=1)
        built = self._aside.submit(_configured, told)
        wait([built])
        self._unusable = built.exception()  # an exporter that is not installed, a certificate that is not there
        self._provider = _local(told) if self._unusable else built.result()
        self._provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(kept)))
        tracer = self._provider.get_tracer("floe")
        caller = {name.lower(): os.environ[name] for name in ("TRACEPARENT", "TRACESTATE") if name in os.environ}
        parent = TraceContextTextMapPropagator().extract(caller)
        self._command = tracer.start_span(f"{told.command} {told.index['product']['name']}", parent)
        self._within = set_span_in_context(self._command)
        self._tracer = tracer
        self._open: dict[str, Span] = {}

    def started(self, unique_id: str, at: float) -> None:
        node = self._told.node(unique_id)
        described = {
            "dbt.unique_id": unique_id,
            "dbt.resource_type": node["resource_type"],
            "dbt.materialized": node.get("config", {}).get("materialized"),
            "code.file.path": node.get("original_file_path"),
        }
        known = {name: value for name, value in described.items() if value}
        self._open[unique_id] = self._tracer.start_span(unique_id, self._within, attributes=known, start_time=_ns(at))

    def finished(self, unique_id: str, status: str, at: float, message: str) -> None:
        span = self._open.pop(unique_id)
        span.set_attribute("dbt.status", status)
        if status in FAILED:
            span.set_status(Status(StatusCode.ERROR, message))
        span.end(_ns(at))

    def end(self, status: str, at: float) -> str | None:
        for span in self._open.values():
            span.set_status(Status(StatusCode.ERROR, "aborted"))
            span.end(_ns(at))
        self._command.set_attribute("dbt.status", status)
        if status != "success":
            self._command.set_status(Status(StatusCode.ERROR, status))
        self._command.end(_ns(at))
        if self._unusable:
            return f"spans were not sent ({self._unusable}): they are in telemetry/spans.jsonl"
        flushed = self._aside.submit(self._provider.force_flush, int(PATIENCE * 1000))
        done, _ = wait([flushed], PATIENCE)
        return None if done and flushed.result() else "spans were not taken: they are in telemetry/spans.jsonl"


def _configured(told: Any) -> TracerProvider:
    """The SDK as the bundle's file starts it, but for what that would write into the file that is written anyway."""
    file = told.rendered("observability", "otel-sdk.yaml")
    config = load_config_file(str(file)) if file else None
    if config is None or config.tracer_provider is None:
        return _local(told)
    sent = [processor for processor in config.tracer_provider.processors if not _keeps(processor)]
    resource = create_resource(config.resource).merge(_identity(told))
    return create_tracer_provider(replace(config.tracer_provider, processors=sent), resource, config.attribute_limits)


def _local(told: Any) -> TracerProvider:
    return TracerProvider(resource=Resource({"service.name": told.index["product"]["name"]}).merge(_identity(told)))


def _identity(told: Any) -> Resource:
    return Resource({"deployment.environment.name": told.target, **told.identity})


def _keeps(processor: Any) -> bool:
    kind = processor.simple or processor.batch
    return bool(kind and kind.exporter.otlp_file_development)


def _ns(at: float) -> int:
    return int(at * 1e9)
