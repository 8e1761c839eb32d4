"""The Admin API v2 over HTTP on loopback: the operations that floe uses, and the faults that are asked for."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.doubles.dbt_cloud import document
from tests.doubles.dbt_cloud.faults import Fault, Way
from tests.doubles.dbt_cloud.platform import ACCOUNT, JOBS, READ_ONLY_TOKEN, TOKEN, DbtCloud

Answer = tuple[int, bytes]
JSON = "application/json"
SILENT_SECONDS = 5.0
HUGE = 100 * 2**20
NULLABLE = ("status_message", "git_branch", "git_sha", "dbt_version", "trigger", "run_steps", "finished_at", "job")

ROUTES = (
    ("POST", r"jobs/(\d+)/run/", "Trigger Job Run"),
    ("GET", r"runs/", "List Runs"),
    ("GET", r"runs/(\d+)/", "Retrieve Run"),
    ("POST", r"runs/(\d+)/cancel/", "Cancel Run"),
    ("GET", r"runs/(\d+)/artifacts/(.+)", "Retrieve Run Artifact"),
)


@contextmanager
def serving(cloud: DbtCloud, port: int = 0) -> Iterator[str]:
    """The double's address, for as long as it serves; without a port, on a free one."""

    class Handler(_Handler):
        double = cloud

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        Handler.ending.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One exchange: who asks, what for, what goes wrong, and whether the published document agrees."""

    double: ClassVar[DbtCloud]
    ending: ClassVar[threading.Event] = threading.Event()
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._exchange()

    def do_POST(self) -> None:
        self._exchange()

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps tests quiet."""

    def _exchange(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation, arguments = self._operation()
        with self.double.exclusively():
            self.double.requests.append(operation)
            fault = next((fault for fault in self.double.faults if fault.meets(operation)), None)
            answer = self._carry_out(operation, arguments, body) if fault is None or fault.carried_out else None
        self._compare(operation, body, answer if fault is None else None)
        with suppress(ConnectionError):
            if fault is None and answer is not None:
                self._send(*(_with_nulls(answer) if self.double.nulls else answer))
            elif fault is not None:
                SPOILING[fault.way](self, fault, answer)

    def _operation(self) -> tuple[str, tuple[str, ...]]:
        path = urlsplit(self.path).path
        base = f"/api/v2/accounts/{ACCOUNT}/"
        for method, pattern, operation in ROUTES:
            found = re.fullmatch(pattern, path.removeprefix(base)) if path.startswith(base) else None
            if found and method == self.command:
                return operation, found.groups()
        return "unknown", ()

    def _carry_out(self, operation: str, arguments: tuple[str, ...], body: bytes) -> Answer:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in {TOKEN, READ_ONLY_TOKEN}:
            return _refused(401, "Invalid token")
        if token == READ_ONLY_TOKEN and self.command == "POST":
            return _refused(403, "You do not have permission to perform this action")
        carry_out = OPERATIONS.get(operation)
        return carry_out(self, body, *arguments) if carry_out else _refused(404, "The requested resource was not found")

    def trigger(self, body: bytes, job: str) -> Answer:
        if int(job) not in JOBS.values():
            return _refused(404, "The requested resource was not found")
        return _enveloped(self.double.trigger(int(job), json.loads(body)).plain(set()))

    def list_runs(self, body: bytes) -> Answer:
        query = self._query()
        mine = [run for run in self.double.runs.values() if str(run.job) == query["job_definition_id"]]
        newest = sorted(mine, key=lambda run: run.id, reverse=query["order_by"] == "-id")
        shown = [run.plain({query.get("include_related", "")}) for run in newest[: int(query["limit"])]]
        pagination = {"count": len(shown), "total_count": len(mine)}
        extra = {"filters": {}, "order_by": query["order_by"], "pagination": pagination}
        return _enveloped(shown, extra=extra)

    def retrieve(self, body: bytes, run: str) -> Answer:
        found = self.double.runs.get(int(run))
        if found is None:
            return _refused(404, "The requested resource was not found")
        return _enveloped(self.double.look(found).plain({self._query().get("include_related", "")}))

    def cancel(self, body: bytes, run: str) -> Answer:
        return _enveloped(self.double.cancel(self.double.runs[int(run)]).plain(set()))

    def artifact(self, body: bytes, run: str, name: str) -> Answer:
        step = self._query().get("step")
        content = self.double.artifact(self.double.runs[int(run)], int(step) if step else None, name)
        return (200, content) if content is not None else _refused(404, "The requested resource was not found")

    def _query(self) -> dict[str, str]:
        return {key: values[-1] for key, values in parse_qs(urlsplit(self.path).query).items()}

    def _compare(self, operation: str, body: bytes, answer: Answer | None) -> None:
        """Answers of another status than 200, and spoiled ones, are not in the document."""
        if not document.available() or operation not in OPERATIONS:
            return
        path, headers = urlsplit(self.path).path, dict(self.headers.items())
        asked = document.Asked(operation, self.command, path, self._query(), headers, body)
        answered = document.Answered(200, JSON, answer[1]) if answer and answer[0] == 200 else None
        self.double.mismatches += document.mismatches(asked, answered)

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None, *, media: str = JSON) -> None:
        self._head(status, len(content), {"Content-Type": media, **(headers or {})})
        self.wfile.write(content)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def _cut(self, fault: Fault, answer: Answer | None) -> None:
        status, content = answer or _enveloped({"id": 1})
        self._head(status, len(content), {"Content-Type": JSON})
        self.wfile.write(content[: len(content) // 2])
        self.close_connection = True

    def _say_nothing(self, fault: Fault, answer: Answer | None) -> None:
        self.ending.wait(SILENT_SECONDS)
        self.close_connection = True

    def _answer_with_status(self, fault: Fault, answer: Answer | None) -> None:
        self._send(*_refused(fault.status, f"Something is wrong with {self.headers['Authorization']}"), fault.headers)

    def _answer_with_a_page(self, fault: Fault, answer: Answer | None) -> None:
        self._send(200, b"<!doctype html><title>Back soon</title>", media="text/html")

    def _answer_too_little(self, fault: Fault, answer: Answer | None) -> None:
        _, content = answer or _enveloped({"id": 1})
        self._send(200, content[: len(content) // 2])

    def _answer_too_much(self, fault: Fault, answer: Answer | None) -> None:
        self._head(200, HUGE, {"Content-Type": JSON})
        for _ in range(HUGE // 2**20):
            self.wfile.write(b" " * 2**20)

    def _send_elsewhere(self, fault: Fault, answer: Answer | None) -> None:
        self._send(307, b"", fault.headers)

    def _answer_in_another_encoding(self, fault: Fault, answer: Answer | None) -> None:
        self._send(200, b"not gzip", {"Content-Encoding": "gzip"})


OPERATIONS: dict[str, Callable[..., Answer]] = {
    "Trigger Job Run": _Handler.trigger,
    "List Runs": _Handler.list_runs,
    "Retrieve Run": _Handler.retrieve,
    "Cancel Run": _Handler.cancel,
    "Retrieve Run Artifact": _Handler.artifact,
}
SPOILING: dict[Way, Callable[[_Handler, Fault, Answer | None], None]] = {
    Way.STATUS: _Handler._answer_with_status,
    Way.CUT: _Handler._cut,
    Way.SILENCE: _Handler._say_nothing,
    Way.HTML: _Handler._answer_with_a_page,
    Way.DAMAGED: _Handler._answer_too_little,
    Way.OVERSIZED: _Handler._answer_too_much,
    Way.REDIRECT: _Handler._send_elsewhere,
    Way.ENCODED: _Handler._answer_in_another_encoding,
}


def _with_nulls(answer: Answer) -> Answer:
    """What is absent in an answer about a run is null in a real one."""
    status, content = answer
    document = json.loads(content)
    if isinstance(document.get("data"), dict):
        document["data"] = {**dict.fromkeys(NULLABLE), **document["data"]}
    return status, json.dumps(document).encode()


def _enveloped(data: Any, **more: Any) -> Answer:
    said = {"code": 200, "is_success": True, "user_message": "Success!", "developer_message": ""}
    return 200, json.dumps({"status": said, "data": data, **more}).encode()


def _refused(status: int, message: str) -> Answer:
    said = {"code": status, "is_success": False, "user_message": message, "developer_message": ""}
    return status, json.dumps({"status": said, "data": None}).encode()
