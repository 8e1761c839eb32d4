"""The stage itself: profiles by the compute plugins, manifests by the dbt runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final, cast

from floe_compiler.compile.plugins import ConfiguredPlugins, configure
from floe_compiler.compile.profiles import SECRET_PREFIX, profiles_yml
from floe_compiler.compile.workspace import Workspace, lay_out
from floe_compiler.errors import FloeError, Problem
from floe_compiler.model.bundle import PluginInfo
from floe_compiler.model.values import references
from floe_compiler.plugins.contracts import ComputePlugin, DBTRuntimePlugin, ProfileOutput
from floe_compiler.plugins.registry import PluginRegistry, blame
from floe_compiler.resolve import ResolvedProduct

Progress = Callable[[str], None]
PLACEHOLDER: Final = "floe-placeholder"
_VOLATILE: Final = (b"run_started_at", b"invocation_id")


@dataclass(frozen=True, slots=True)
class CompiledParts:
    """Everything that a bundle is made of, as it came from dbt and the plugins.

    `manifests` are dbt's own bytes by target. `second_manifests` come from another invocation at another
    time, made only where the project names something that could differ between the two.
    """

    resolved: ResolvedProduct
    plugins: Mapping[str, PluginInfo]
    computes: Mapping[str, PluginInfo]
    profiles: bytes
    manifests: Mapping[str, bytes]
    second_manifests: Mapping[str, bytes]
    variables: frozenset[str]
    secrets: frozenset[str]
    requirements: tuple[str, ...]


def compile(  # noqa: A001 - the stage's name; the built-in is not wanted here
    resolved: ResolvedProduct,
    registry: PluginRegistry,
    workspace: Workspace,
    environ: Mapping[str, str],
    progress: Progress,
) -> CompiledParts:
    """Renders and compiles in the workspace. `environ` is where a dbt runtime's own credentials are looked up;
    dbt sees nothing of it. Raises FloeError: FLOE-L05x, FLOE-P0xx, FLOE-P2xx, FLOE-C2xx."""
    configured = configure(resolved, registry)
    outputs = {target.name: _output(configured, target.name) for target in resolved.targets}
    profiles = profiles_yml(resolved.project.profile, resolved.targets[0].name, outputs)
    lay_out(workspace, resolved.project.files, profiles)
    variables, secrets = references([dict(output.values) for output in outputs.values()])
    chosen = configured.by_type["dbt_runtime"]
    runtime = registry.get_runtime(chosen.offer.name, resolved.plugins["dbt_runtime"].config, environ)
    sealed_environment = _environment(resolved, variables, secrets)
    with blame(chosen.offer):
        manifests, second = _manifests(resolved, runtime, workspace, sealed_environment, progress)
    return CompiledParts(
        resolved=resolved,
        plugins={key: plugin.info for key, plugin in configured.by_type.items()},
        computes={name: plugin.info for name, plugin in configured.computes.items()},
        profiles=profiles,
        manifests=manifests,
        second_manifests=second,
        variables=variables,
        secrets=secrets,
        requirements=_requirements(configured),
    )


def _output(configured: ConfiguredPlugins, target: str) -> ProfileOutput:
    compute = configured.computes[target]
    with blame(compute.offer):
        return cast(ComputePlugin, compute.plugin).render_output(compute.config)


def _environment(
    resolved: ResolvedProduct, variables: frozenset[str], secrets: frozenset[str]
) -> dict[str, str]:
    """All that dbt sees while it compiles: build constants, and placeholders for what a run will bring."""
    placeholders = {name: PLACEHOLDER for name in (*variables, *(SECRET_PREFIX + name for name in secrets))}
    return {**placeholders, **resolved.product.env}


def _manifests(
    resolved: ResolvedProduct,
    runtime: DBTRuntimePlugin,
    workspace: Workspace,
    environment: Mapping[str, str],
    progress: Progress,
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    volatile = any(word in content for content in resolved.project.files.values() for word in _VOLATILE)
    first: dict[str, bytes] = {}
    second: dict[str, bytes] = {}
    try:
        for target in resolved.targets:
            progress(f"dbt compiles target {target.name}")
            first[target.name] = _manifest(runtime, workspace, target.name, environment)
            if volatile:
                progress(f"dbt compiles target {target.name} again, to tell what depends on the clock")
                second[target.name] = _manifest(runtime, workspace, target.name, environment, again=True)
    finally:
        runtime.close()
    return first, second


def _manifest(
    runtime: DBTRuntimePlugin,
    workspace: Workspace,
    target: str,
    environment: Mapping[str, str],
    *,
    again: bool = False,
) -> bytes:
    folder = workspace.target(f"{target}-again" if again else target)
    return runtime.compile_project(
        workspace.project,
        workspace.profiles,
        target,
        env=environment,
        target_path=folder,
        log_path=folder / "logs",
        partial_parse_file=None if again else workspace.partial_parse(target),
        shifted_clock=again,
    ).read_bytes()


def _requirements(configured: ConfiguredPlugins) -> tuple[str, ...]:
    adapters = {cast(ComputePlugin, c.plugin).adapter_package for c in configured.computes.values()}
    return tuple(f"{name}=={_installed(name)}" for name in sorted({"dbt-core", *adapters}))


def _installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        problem = Problem(
            "FLOE-P206", f"{distribution} is not installed", hint=f"Install it: pip install {distribution}"
        )
        raise FloeError(problem) from None
