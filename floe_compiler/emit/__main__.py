"""The program: lines of JSON in, spans and run events out, one line of JSON that says where they are.

`begin` comes first, then an `event` for every node that starts and finishes, last `end` or `broke`. Input that ends
without the last two means that the run was aborted: that is told, as fast as what was done before.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, BinaryIO

import orjson
from dotenv import load_dotenv

from floe_compiler.emit.course import Course, Run
from floe_compiler.emit.hiding import Hiding
from floe_compiler.emit.lineage import Lineage
from floe_compiler.emit.spans import Spans
from floe_compiler.emit.subject import Subject
from floe_compiler.model.runs import DBTRunResult, NodeResult, RunEvent
from floe_compiler.model.telemetry import RunFacts, Telemetry

PATIENCE = 3.0
"""How long receivers are waited for when nobody says it."""


def main() -> None:
    """Tells one run. What libraries print goes to stderr."""
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    messages = _messages(sys.stdin.buffer)
    for kind, begin in messages:
        if kind == "begin":
            answer.write(orjson.dumps(asdict(_tell(RunFacts(**begin), messages))))
    answer.close()
    os._exit(0)  # whoever still waits for a receiver waits no longer


def _tell(facts: RunFacts, messages: Iterator[tuple[str, Any]]) -> Telemetry:
    os.environ["FLOE_RUN_DIR"] = facts.run_dir
    for file in facts.environment_files:
        load_dotenv(file)
    hiding = Hiding(facts.hidden)
    subject = Subject(facts)
    spans = Spans(facts, subject)
    lineage = Lineage(facts, subject, hiding)
    course = Course((spans, lineage), hiding)
    patience = PATIENCE
    ended = Run("cancelled", "floe was ended before dbt had finished")
    for kind, value in messages:
        match kind:
            case "event":
                course.hear(RunEvent(**value))
            case "end":
                result = _result(value["result"])
                course.settle(result.nodes)
                ended, patience = Run(result.status, invocation_id=result.invocation_id), value["patience"]
            case "broke":
                ended, patience = Run("error", hiding(value["message"])), value["patience"]
    course.end(ended, time.time())
    until = time.monotonic() + patience
    undelivered = {}
    for what, witness in (("spans", spans), ("lineage events", lineage)):
        if reason := witness.close(max(0.0, until - time.monotonic())):
            undelivered[what] = hiding(reason)
    return Telemetry(str(spans.path), str(lineage.path), undelivered)


def _messages(pipe: BinaryIO) -> Iterator[tuple[str, Any]]:
    for line in pipe:
        if line.endswith(b"\n"):  # else the writer died in the middle of it
            yield from orjson.loads(line).items()


def _result(raw: dict[str, Any]) -> DBTRunResult:
    return DBTRunResult(**{**raw, "nodes": tuple(NodeResult(**node) for node in raw["nodes"])})


if __name__ == "__main__":
    main()
