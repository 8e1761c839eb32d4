"""What is told of a run: a real run of the corner shop once, and then told again, to whomever a test wants.

`Retold` has the plugins, the bundle and the run stage as they are; of dbt it has what dbt said the first time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from floe_compiler import compile_product, load_bundle
from floe_compiler.model.runs import DBTRunResult, RunEvent
from floe_compiler.pipeline import run_bundle
from floe_compiler.plugins.contracts import DBTRuntimePlugin
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.run import RunOptions, RunReport
from tests.warm import RecordedDbt, WarmRegistry

PRODUCTS = Path(__file__).parent.parent / "fixtures" / "products"


def shop_with(folder: Path, plugins: Mapping[str, Any]) -> Path:
    """A copy of the corner shop below the folder, on a platform that has chosen these plugins too."""
    for name in ("corner-shop", "platform"):
        shutil.copytree(PRODUCTS / name, folder / name)
    manifest = folder / "platform" / "corner-shop.yaml"
    chosen = yaml.safe_load(manifest.read_text("utf-8"))
    chosen["plugins"] |= plugins
    manifest.write_text(yaml.safe_dump(chosen), encoding="utf-8")
    return folder / "corner-shop"


@dataclass(frozen=True)
class Recording:
    """A run of the real dbt. `report` is what came of it."""

    manifest: bytes
    events: tuple[RunEvent, ...]
    report: RunReport

    @classmethod
    def of(cls, folder: Path, registry: WarmRegistry) -> Recording:
        """Compiles and runs the corner shop, with nothing configured."""
        compiled = compile_product(shop_with(folder, {}), registry=registry)
        events: list[RunEvent] = []
        options = RunOptions(folder / "run", {}, on_event=events.append)
        report = run_bundle(load_bundle(compiled.path), options, registry=registry)
        manifest = (compiled.path / "targets" / "dev" / "manifest.json").read_bytes()
        return cls(manifest, tuple(events), report)

    def again(self, folder: Path, plugins: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> RunReport:
        """The run once more, on a platform with these plugins."""
        retold = Retold(self)
        bundle = load_bundle(compile_product(shop_with(folder, plugins), registry=retold).path)
        return run_bundle(bundle, RunOptions(folder / "run", environ or {}), registry=retold)


class Retold(PluginRegistry):
    """The real plugins, but for dbt: a recording of it."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._dbt = _Replay(recording)

    def get_runtime(self, name: str, config: Mapping[str, Any], environ: Mapping[str, str]) -> DBTRuntimePlugin:
        return self._dbt


class _Replay(RecordedDbt):
    """Says what dbt said."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording.manifest)
        self._recording = recording

    def run_models(self, *arguments: Any, **options: Any) -> DBTRunResult:
        for event in self._recording.events:
            options["on_event"](event)
        return self._recording.report.result


def events_of(report: RunReport) -> list[dict[str, Any]]:
    """The lineage events that were kept."""
    assert report.telemetry.events
    return [json.loads(line) for line in Path(report.telemetry.events).read_text("utf-8").splitlines()]


def spans_of(report: RunReport) -> list[dict[str, Any]]:
    """The spans that were kept, in OTLP's JSON, each with its resource."""
    assert report.telemetry.spans
    return [
        {**span, "resource": attributes(resource["resource"])}
        for line in Path(report.telemetry.spans).read_text("utf-8").splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def attributes(told: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes by name, out of OTLP's JSON."""
    return {item["key"]: next(iter(item["value"].values())) for item in told["attributes"]}
