"""What is told of a run in OpenTelemetry and OpenLineage: what there is to know when it starts, what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SPANS: Final = "telemetry/spans.jsonl"
"""Where spans are kept, below the run directory: OTLP in JSON, a batch a line."""
EVENTS: Final = "lineage/events.jsonl"
"""Where lineage events are kept, unless the bundle names another file."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run before dbt says anything. Paths are absolute, `began` is in seconds since the epoch, UTC.

    `otel_config` and `openlineage_config` are the files that the plugins rendered, None where there are none;
    `environment_files` complete them. `unset` are, by plugin type, the variables that its files name and nobody set:
    then nothing is sent. `hidden` are values that may stand in nothing that is told, `variables` the values of those
    that may.
    """

    began: float
    bundle: str
    product: str
    product_version: str
    platform: str
    target: str
    command: str
    run_dir: str
    target_path: str
    manifest: str
    profiles: str
    profile: str
    description: str | None = None
    owners: tuple[str, ...] = ()
    otel_config: str | None = None
    openlineage_config: str | None = None
    environment_files: tuple[str, ...] = ()
    unset: dict[str, list[str]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Where the spans and the lineage events of a run lie. `undelivered` says for those that were to be sent, and
    were not all taken, why: they were kept there only."""

    spans: str | None
    events: str | None
    undelivered: dict[str, str] = field(default_factory=dict)
