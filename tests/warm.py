"""A registry whose dbt stays warm: many compiles in one test run, one import of dbt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from floe_compiler.builtin.dbt_runtime.local import LocalDBTPlugin
from floe_compiler.model.runs import DBTRunResult
from floe_compiler.plugins.contracts import DBTRuntimePlugin
from floe_compiler.plugins.registry import PluginRegistry


class _WarmDbt(LocalDBTPlugin):
    """The real runtime; only `close` waits for the end of the tests."""

    def close(self) -> None:
        """Stays warm."""

    def end(self) -> None:
        """What `close` does otherwise."""
        super().close()


class WarmRegistry(PluginRegistry):
    """The real registry, handing out one runtime for all compiles."""

    def __init__(self) -> None:
        super().__init__()
        self._dbt = _WarmDbt()

    def get_runtime(self, name: str, config: Mapping[str, Any], environ: Mapping[str, str]) -> DBTRuntimePlugin:
        """The warm runtime for `local`, the ordinary one for every other name."""
        return self._dbt if name == "local" else super().get_runtime(name, config, environ)

    def end(self) -> None:
        """Ends dbt."""
        self._dbt.end()


class RecordedDbt(DBTRuntimePlugin):
    """Hands out a manifest that the real dbt made, in no time. It can run nothing."""

    summary = "a recording of dbt"

    def __init__(self, manifest: bytes) -> None:
        super().__init__()
        self._manifest = manifest

    def compile_project(self, project_dir: Path, profiles_dir: Path, target: str, **options: Any) -> Path:
        """The recorded manifest, whatever the project says."""
        target_path: Path = options["target_path"]
        target_path.mkdir(parents=True, exist_ok=True)
        (target_path / "manifest.json").write_bytes(self._manifest)
        return target_path / "manifest.json"

    def run_models(self, *arguments: Any, **options: Any) -> DBTRunResult:
        """Refuses: nothing was recorded."""
        raise AssertionError("a recording runs nothing")

    def deps(self, *arguments: Any, **options: Any) -> None:
        """Does nothing."""

    def requirements(self, adapter_packages: Iterable[str]) -> tuple[str, ...]:
        """Those of the dbt that was recorded."""
        return LocalDBTPlugin().requirements(adapter_packages)

    def sealed_files(self) -> Mapping[str, bytes]:
        """Those of the dbt that was recorded."""
        return LocalDBTPlugin().sealed_files()

    def supports_parallel_execution(self) -> bool:
        """It keeps no state."""
        return True

    def get_runtime_metadata(self) -> dict[str, Any]:
        """It is no engine."""
        return {"type": "recorded"}
