"""The stage itself: what the run needs is checked, then the bundle's dbt runtime gets the sealed files."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floe_compiler.errors import FloeError, Problem, Where, raise_if_any
from floe_compiler.model.telemetry import RunFacts
from floe_compiler.plugins.registry import PluginRegistry, blame, warmed_up
from floe_compiler.run.selection import effective_selection
from floe_compiler.run.telemetry import environment_of, facts_of, told
from floe_compiler.store.listing import INDEX, PROFILES_FILE
from floe_compiler.store.writing import refusing_writes

if TYPE_CHECKING:
    from floe_compiler.model.bundle import CompiledArtifacts, PluginInfo
    from floe_compiler.model.runs import Command, DBTRunResult, EventCallback
    from floe_compiler.model.telemetry import Telemetry
    from floe_compiler.plugins.contracts import CancelToken, DBTRuntimePlugin
    from floe_compiler.verify import VerifiedBundle

SECRET_PREFIX = "DBT_ENV_SECRET_"  # noqa: S105 - dbt's prefix for what it must not show


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run. `environ` is where variables and secrets are looked up, `run_dir` all that is written to."""

    run_dir: Path
    environ: Mapping[str, str]
    command: Command = "build"
    target: str | None = None
    select: str | None = None
    exclude: str | None = None
    full_refresh: bool = False
    fail_fast: bool = False
    threads: int | None = None
    cancel: CancelToken | None = None
    on_event: EventCallback | None = None


@dataclass(frozen=True, slots=True)
class RunReport:
    """What was run, what became of every node, and where that is told in OpenTelemetry and OpenLineage."""

    bundle: str
    product: str
    target: str
    run_dir: Path
    result: DBTRunResult
    telemetry: Telemetry

    @property
    def counts(self) -> dict[str, int]:
        """How many nodes ended in which status."""
        return dict(sorted(Counter(node.status for node in self.result.nodes).items()))

    def plain(self) -> dict[str, Any]:
        """The JSON value of the report."""
        result = asdict(self.result)
        result["artifacts"] = {name: str(path) for name, path in self.result.artifacts.items()}
        return {
            "schema_version": "1.0",
            "kind": "RunReport",
            "bundle": self.bundle,
            "product": self.product,
            "target": self.target,
            "run_dir": str(self.run_dir),
            "counts": self.counts,
            "telemetry": asdict(self.telemetry),
            **result,
        }


def run(bundle: VerifiedBundle, options: RunOptions, registry: PluginRegistry) -> RunReport:
    """Executes the bundle and writes report.json into the run directory.

    Raises FloeError: FLOE-X001 variables missing, X002 other versions installed, X005 unknown target, X006
    run directory unusable, FLOE-P2xx when dbt cannot run. A node that fails is told in the report.
    """
    index = bundle.index
    target = _target(index, options.target)
    variables = _variables(index, options.environ)
    chosen = _runtime(index)
    runtime = registry.get_runtime(chosen.name, chosen.config, options.environ)
    offer = registry.offer("dbt_runtime", chosen.name)
    with blame(offer):
        _require_versions(index, runtime)
    with warmed_up(offer, runtime):
        run_dir = _prepared(options.run_dir)
        files = _files(bundle, run_dir)
        facts = _facts(bundle, files, run_dir, target, options, variables)
        with told(facts, environment_of(index, run_dir, options.environ)) as teller:
            with blame(offer):
                result = runtime.run_models(
                    files / index.runtime.project,
                    files / index.runtime.profiles,
                    target,
                    effective_selection(index, target, options.select),
                    command=options.command,
                    manifest=files / index.targets[target].manifest,
                    exclude=options.exclude,
                    full_refresh=options.full_refresh,
                    fail_fast=options.fail_fast,
                    threads=options.threads,
                    env={**(variables if runtime.reads_profile else {}), **index.environment.constants},
                    working_dir=run_dir if runtime.reads_profile else None,
                    target_path=run_dir / "target",
                    log_path=run_dir / "logs",
                    cancel=options.cancel,
                    on_event=teller.passing_on(options.on_event),
                    sealed_dir=files / "dbt_runtime" / chosen.name,
                )
            telemetry = teller.ended(result)
    report = RunReport(bundle.digest, index.product.name, target, run_dir, result, telemetry)
    with refusing_writes(run_dir):
        (run_dir / "report.json").write_text(json.dumps(report.plain(), indent=2) + "\n", encoding="utf-8")
    return report


def _facts(
    bundle: VerifiedBundle,
    files: Path,
    run_dir: Path,
    target: str,
    options: RunOptions,
    variables: Mapping[str, str],
) -> RunFacts:
    """What is told of the run; `variables` are those of `_variables`."""
    index = bundle.index
    owner = index.product.owner
    facts = RunFacts(
        began=time.time(),
        bundle=bundle.digest,
        product=index.product.name,
        product_version=index.product.version,
        platform=index.platform.name,
        target=target,
        command=options.command,
        run_dir=str(run_dir),
        target_path=str(run_dir / "target"),
        manifest=str(files / index.targets[target].manifest),
        profiles=str(files / PROFILES_FILE),
        profile=index.runtime.profile,
        description=index.product.description,
        owners=tuple(filter(None, (owner.name, owner.email))) if owner else (),
        variables={name: value for name, value in variables.items() if not name.startswith(SECRET_PREFIX)},
    )
    hidden = {name: value for name, value in variables.items() if name.startswith(SECRET_PREFIX)}
    return facts_of(bundle, files, facts, options.environ, hidden)


def _runtime(index: CompiledArtifacts) -> PluginInfo:
    if "dbt_runtime" not in index.plugins:
        raise FloeError(Problem("FLOE-V013", "the index names no dbt_runtime, so nothing can run it", Where(INDEX)))
    return index.plugins["dbt_runtime"]


def _target(index: CompiledArtifacts, asked: str | None) -> str:
    if asked is None and len(index.targets) == 1:
        return next(iter(index.targets))
    if asked in index.targets:
        return asked
    known = ", ".join(f"`{name}`" for name in index.targets)
    message = f"the bundle has no target `{asked}`" if asked else "the bundle has several targets, so one must be named"
    raise FloeError(Problem("FLOE-X005", message, hint=f"Its targets: {known}. Choose with --target."))


def _variables(index: CompiledArtifacts, environ: Mapping[str, str]) -> dict[str, str]:
    """What the bundle asks of the environment, under the names that the profile asks for."""
    needed = {name: name for name in index.environment.variables}
    needed |= {SECRET_PREFIX + name: name for name in index.environment.secrets}
    raise_if_any(
        Problem(
            "FLOE-X001",
            f"the environment variable {name} is not set",
            hint="A run needs it; `floe inspect` lists all that a bundle needs.",
        )
        for name in sorted(set(needed.values()))
        if name not in environ
    )
    return {variable: environ[name] for variable, name in needed.items()}


def _require_versions(index: CompiledArtifacts, runtime: DBTRuntimePlugin) -> None:
    problems = []
    for requirement in index.runtime.requirements:
        name, _, wanted = requirement.partition("==")
        found = runtime.installed(name)
        if found != wanted:
            message = f"the bundle was compiled with {name} {wanted}, and {found or 'no version'} is installed here"
            hint = f"Install {requirement}, or compile the product again here."
            problems.append(Problem("FLOE-X002", message, hint=hint))
    raise_if_any(problems)


def _prepared(run_dir: Path) -> Path:
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = Problem("FLOE-X006", f"{run_dir}: {error.strerror}", Where(str(run_dir)))
        raise FloeError(problem) from error
    return run_dir.resolve()


def _files(bundle: VerifiedBundle, run_dir: Path) -> Path:
    """The bundle as a folder; a single file is unpacked into the run directory, once for each digest."""
    if bundle.folder is not None:
        return bundle.folder.resolve()
    unpacked = run_dir / "bundles" / bundle.digest.replace(":", "-")
    if not unpacked.exists():
        bundle.materialise(unpacked)
    return unpacked
