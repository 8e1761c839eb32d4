"""Has dbt install what a project's package files name: `floe compile --deps`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from floe_compiler.compile.plugins import configure
from floe_compiler.compile.profiles import profiles_yml, render_outputs
from floe_compiler.compile.workspace import Workspace, write_profile
from floe_compiler.plugins.registry import PluginRegistry, blame
from floe_compiler.store.writing import refusing_writes

if TYPE_CHECKING:
    from floe_compiler.resolve import ResolvedProduct


def install(
    resolved: ResolvedProduct, registry: PluginRegistry, workspace: Workspace, environ: Mapping[str, str]
) -> None:
    """`dbt deps` in the project's own folder, as its author would type it.

    Unlike a compile it sees the whole environment: a private package needs its author's proxy, keys and tokens.
    Nothing is compiled, so none of that reaches a bundle. Raises FloeError: FLOE-C205, FLOE-L05x, FLOE-P0xx.
    """
    configured = configure(resolved, registry)
    target = resolved.targets[0].name
    profiles = profiles_yml(resolved.project.profile, target, render_outputs(configured))
    with refusing_writes(workspace.root):
        write_profile(workspace, profiles)
    chosen = configured.by_type["dbt_runtime"]
    runtime = registry.get_runtime(chosen.offer.name, resolved.plugins["dbt_runtime"].config, environ)
    with blame(chosen.offer), resolved.project.as_people_see():
        try:
            runtime.deps(
                resolved.project.directory,
                workspace.profiles,
                target,
                env={**environ, **resolved.product.env},
                log_path=workspace.root / "logs",
            )
        finally:
            runtime.close()
