"""The stage itself: profiles by the compute plugins, manifests by the dbt runtime."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, cast

from floe_compiler.compile.compiled_sql import Rendering, Sql, with_sql
from floe_compiler.compile.container import container_variables
from floe_compiler.compile.deployment import FOLDER as DEPLOYMENT
from floe_compiler.compile.deployment import deployment_files
from floe_compiler.compile.head import head_of
from floe_compiler.compile.natives import native_files
from floe_compiler.compile.plugins import ConfiguredPlugins, configure, is_to_be_checked
from floe_compiler.compile.policies import Evidence, judge, policy_problems, rendered_checks
from floe_compiler.compile.profiles import SECRET_PREFIX, profiles_yml, render_outputs
from floe_compiler.compile.readme import README, readme
from floe_compiler.compile.workspace import Workspace, lay_out
from floe_compiler.errors import raise_if_any
from floe_compiler.manifest import normal_manifest
from floe_compiler.model.policy_report import REPORT
from floe_compiler.model.values import references
from floe_compiler.plugins.contracts import ComputePlugin, DBTRuntimePlugin
from floe_compiler.plugins.registry import PluginRegistry, blame, warmed_up
from floe_compiler.store.listing import PROFILES_FILE
from floe_compiler.store.writing import refusing_writes

if TYPE_CHECKING:
    from pathlib import Path

    from floe_compiler.manifest import NormalManifest
    from floe_compiler.model.bundle import BundleHead
    from floe_compiler.model.policy_report import PolicyReport
    from floe_compiler.resolve import ResolvedProduct

Progress = Callable[[str], None]
PLACEHOLDER: Final = "floe-placeholder"
OTHER_PLACEHOLDER: Final = "floe-other"
"""What depends on the one is something else with the other."""
_VOLATILE: Final = re.compile(rb"run_started_at|invocation_id|\bmodules\b|\|\s*random\b")
"""What a template can see of the clock, of the invocation and of chance: `modules.datetime` has the time."""


@dataclass(frozen=True, slots=True)
class CompiledParts:
    """Everything that a bundle is made of, as it came from dbt and the plugins.

    `head` is what the index says beside the list of files. `second_manifests` are dbt's bytes, by target, from
    another invocation at another time, made only where the project names something that could differ between the
    two. `made_in` are the paths of the folder in which dbt compiled, which no bundle may know. `native_files` is
    what the plugins rendered, by path in the bundle. `outside` are the files and the variables of this machine by
    which the dbt runtime was found, which no input shows.
    """

    resolved: ResolvedProduct
    head: BundleHead
    made_in: frozenset[str]
    outside: tuple[tuple[str, ...], tuple[str, ...]]
    profiles: bytes
    manifests: Mapping[str, NormalManifest]
    second_manifests: Mapping[str, bytes]
    native_files: Mapping[str, bytes]
    policy_report: PolicyReport


def check(
    resolved: ResolvedProduct, registry: PluginRegistry, accepted: Path | None = None, *, whole: bool = True
) -> ConfiguredPlugins:
    """All of a compile that needs no dbt: plugins loaded, their configurations and the policies checked.

    `accepted` is where checks that were accepted before are remembered. Unless the `whole` is wanted, plugins with
    which nothing can be wrong are left out.
    Raises FloeError: FLOE-L05x, FLOE-R08x, FLOE-P00x."""
    configured = configure(resolved, registry, lambda chosen: whole or is_to_be_checked(chosen, registry))
    raise_if_any(policy_problems(resolved, configured, accepted))
    return configured


def compile(
    resolved: ResolvedProduct,
    registry: PluginRegistry,
    workspace: Workspace,
    environ: Mapping[str, str],
    progress: Progress,
    today: date,
) -> CompiledParts:
    """Renders and compiles in the workspace. `environ` is where a dbt runtime's own credentials are looked up;
    dbt sees nothing of it. `today` ends waivers. Raises FloeError: FLOE-L05x, FLOE-R08x, FLOE-P0xx, FLOE-P2xx,
    FLOE-C2xx; PolicyRefused with FLOE-C3xx."""
    configured = check(resolved, registry)
    chosen = configured.by_type["dbt_runtime"]
    runtime = registry.get_runtime(chosen.offer.name, resolved.plugins["dbt_runtime"].config, environ)
    with warmed_up(chosen.offer, runtime):
        outputs = render_outputs(configured)
        profiles = profiles_yml(resolved.project.profile, resolved.targets[0].name, outputs)
        with refusing_writes(workspace.root):
            lay_out(workspace, resolved.project.files, profiles)
        rendered = [dict(output.values) for output in outputs.values()] if runtime.reads_profile else []
        referred = references(rendered)
        sealed_environment = _environment(resolved, *referred)
        made_in = frozenset({str(workspace.root.absolute()), str(workspace.root.resolve())})
        with blame(chosen.offer), resolved.project.as_people_see():
            requirements = runtime.requirements(_adapters(configured))
            manifests, second = _manifests(resolved, runtime, workspace, sealed_environment, progress)
            runtime_files = runtime.sealed_files()
            watched = tuple(sorted(str(path.absolute()) for path in runtime.watched_files()))
            sql: Mapping[str, Sql] = {}
            if resolved.platform.compiled_sql == "best_effort":
                environments = sealed_environment, _environment(resolved, *referred, placeholder=OTHER_PLACEHOLDER)
                rendering = Rendering(runtime, workspace, environments, {*made_in, PLACEHOLDER})
                sql = _sql(rendering, manifests, progress)
    with resolved.project.as_people_see():  # dbt is gone: the manifest and it would need their memory at once
        normal = {
            target: with_sql(normal_manifest(manifest, target), sql.get(target, {}))
            for target, manifest in manifests.items()
        }
    head = head_of(resolved, configured, normal, requirements, references([rendered, runtime.config]))
    deployment = deployment_files(head, resolved.platform.deployment, container_variables(configured, head))
    natives = {
        **{f"dbt_runtime/{chosen.offer.name}/{path}": file for path, file in runtime_files.items()},
        **rendered_checks(resolved, configured),
        **native_files(configured, head, {target: manifest.value for target, manifest in normal.items()}),
        **{f"{DEPLOYMENT}/{path}": file for path, file in deployment.items()},
    }
    others = (PROFILES_FILE, REPORT, *(target.manifest for target in head.targets.values()))
    natives[README] = readme(head, configured, (*others, *natives))
    progress("Judging")
    evidence = Evidence(normal, (profiles, *natives.values()))
    with refusing_writes(workspace.root):
        report = judge(resolved, configured, evidence, workspace.root / "policies", today)
    return CompiledParts(
        resolved=resolved,
        head=head,
        made_in=made_in,
        outside=(watched, tuple(sorted(references(runtime.config)[0]))),
        profiles=profiles,
        manifests=normal,
        second_manifests=second,
        native_files=natives,
        policy_report=report,
    )


def _environment(
    resolved: ResolvedProduct,
    variables: frozenset[str],
    secrets: frozenset[str],
    placeholder: str = PLACEHOLDER,
) -> dict[str, str]:
    """All that dbt sees while it compiles: build constants, and placeholders for what a run will bring."""
    placeholders = dict.fromkeys((*variables, *(SECRET_PREFIX + name for name in secrets)), placeholder)
    return {**placeholders, **resolved.product.env}


def _manifests(
    resolved: ResolvedProduct,
    runtime: DBTRuntimePlugin,
    workspace: Workspace,
    environment: Mapping[str, str],
    progress: Progress,
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    volatile = any(_VOLATILE.search(content) for content in resolved.project.files.values())
    first: dict[str, bytes] = {}
    second: dict[str, bytes] = {}
    for target in resolved.targets:
        progress(f"dbt compiles target {target.name}")
        first[target.name] = _manifest(resolved, runtime, workspace, target.name, environment)
        if volatile:
            progress(f"dbt compiles target {target.name} again, to tell what depends on the clock")
            second[target.name] = _manifest(resolved, runtime, workspace, target.name, environment, again=True)
    return first, second


def _sql(rendering: Rendering, manifests: Mapping[str, bytes], progress: Progress) -> dict[str, Sql]:
    found = {}
    for target, manifest in manifests.items():
        progress(f"dbt compiles the SQL of target {target}")
        found[target] = rendering.of(target, normal_manifest(manifest, target))
    return found


def _manifest(
    resolved: ResolvedProduct,
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
        source_dir=resolved.project.directory.resolve(),
    ).read_bytes()


def _adapters(configured: ConfiguredPlugins) -> frozenset[str]:
    return frozenset(cast(ComputePlugin, compute.plugin).adapter_package for compute in configured.computes.values())
