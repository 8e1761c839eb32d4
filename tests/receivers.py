"""Receivers of spans and of lineage events on loopback: the published protocols, and the ways in which they fail.

OTLP over gRPC is the TraceService of opentelemetry-proto, served by gRPC's own server; OTLP over HTTP and OpenLineage
are POST requests.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

Mood = Literal["takes", "refuses", "fails", "hangs"]
CODES: Final = {"refuses": grpc.StatusCode.PERMISSION_DENIED, "fails": grpc.StatusCode.UNAVAILABLE}
STATUSES: Final = {"takes": 201, "refuses": 403, "fails": 503}


@dataclass
class Received:
    """What a receiver was sent. `url` is where it listens."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def requests(self) -> list[ExportTraceServiceRequest]:
        """The bodies as OTLP."""
        return [ExportTraceServiceRequest.FromString(body) for body in self.bodies]

    @property
    def spans(self) -> list[Any]:
        """Every span of every body."""
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@contextmanager
def collector(mood: Mood = "takes") -> Iterator[Received]:
    """An OTLP collector that speaks gRPC."""
    received = Received()
    released = threading.Event()

    class Collector(TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
            if mood == "hangs":
                released.wait()
            if mood in CODES:
                context.abort(CODES[mood], f"the collector {mood}")
            received.bodies.append(request.SerializeToString())
            received.headers.append(dict(context.invocation_metadata()))
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    add_TraceServiceServicer_to_server(Collector(), server)
    received.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield received
    finally:
        released.set()
        server.stop(grace=None).wait()


@contextmanager
def backend(mood: Mood = "takes") -> Iterator[Received]:
    """What takes POST requests: Marquez and kin, or a collector that speaks HTTP."""
    received = Received()
    released = threading.Event()

    class Backend(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if mood == "hangs":
                released.wait()
            if mood == "takes":
                received.bodies.append(body)
                received.headers.append(dict(self.headers))
                received.paths.append(self.path)
            self.send_response(STATUSES.get(mood, 503))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    received.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield received
    finally:
        released.set()
        server.shutdown()
        server.server_close()


def closed_port() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
