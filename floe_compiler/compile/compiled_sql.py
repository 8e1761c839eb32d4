"""Compiled SQL: what dbt makes of each node's text, kept in the manifest for those who review a bundle.

Every node is rendered twice: at two times, in two invocations, with two placeholders for what a run will bring. Only
what comes out alike is kept: the rest is another text whenever it runs, and would be another bundle.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from floe_compiler.canonical import ordered_bytes
from floe_compiler.manifest import NormalManifest
from floe_compiler.plugins.contracts import CancelToken
from floe_compiler.store.writing import refusing_writes

if TYPE_CHECKING:
    from floe_compiler.compile.workspace import Workspace
    from floe_compiler.plugins.contracts import DBTRuntimePlugin

Sql = Mapping[str, str]
"""By unique id."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """How often, and as what, the SQL of a target is rendered. `environments` are what dbt sees the first time and
    the second; `never` are texts that no bundle may hold."""

    runtime: DBTRuntimePlugin
    workspace: Workspace
    environments: tuple[Mapping[str, str], Mapping[str, str]]
    never: Collection[str]

    def of(self, target: str, manifest: NormalManifest) -> Sql:
        """The SQL of every node that is the same both times. Raises what the runtime raises."""
        folder = self.workspace.target(f"{target}-sql")
        written = folder / "sealed.json"
        with refusing_writes(folder):
            folder.mkdir(parents=True, exist_ok=True)
            written.write_bytes(manifest.content)
        cancel = CancelToken()
        with ThreadPoolExecutor(2 if self.runtime.supports_parallel_execution() else 1) as pool:
            both = [pool.submit(self._once, target, written, folder, cancel, again) for again in (False, True)]
            try:
                first, second = (rendering.result() for rendering in both)
            finally:  # Ctrl-C comes to this thread, and it is others that wait for dbt
                cancel.cancel()
        return {
            unique_id: sql
            for unique_id, sql in first.items()
            if second.get(unique_id) == sql and not any(text in sql for text in self.never)
        }

    def _once(self, target: str, manifest: Path, folder: Path, cancel: CancelToken, again: bool) -> Sql:
        return self.runtime.compile_sql(
            self.workspace.project,
            self.workspace.profiles,
            target,
            manifest,
            env=self.environments[again],
            target_path=folder / str(again),
            log_path=folder / "logs",
            cancel=cancel,
            shifted_clock=again,
        )


def with_sql(manifest: NormalManifest, sql: Sql) -> NormalManifest:
    """The manifest with the SQL at its nodes."""
    if not sql:
        return manifest
    nodes = dict(manifest.value["nodes"])
    for unique_id in sql.keys() & nodes.keys():
        nodes[unique_id] = {**nodes[unique_id], "compiled": True, "compiled_code": sql[unique_id]}
    value = {**manifest.value, "nodes": nodes}
    return NormalManifest(ordered_bytes(value), value)
