"""floe compiles a platform manifest, a data product and a dbt project into one sealed, verifiable bundle.

The public API is what `__all__` lists. Importing the package imports nothing else; each name is loaded when it
is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from floe_compiler._version import __version__
    from floe_compiler.errors import FloeError, Problem
    from floe_compiler.model.bundle import CompiledArtifacts
    from floe_compiler.model.change_set import ChangeSet
    from floe_compiler.model.inputs import DataProduct, PlatformManifest
    from floe_compiler.model.runs import DBTRunResult
    from floe_compiler.pipeline import (
        Compiled,
        compile_product,
        diff_bundles,
        load_bundle,
        run_bundle,
        validate_product,
    )
    from floe_compiler.plugins.registry import PluginRegistry
    from floe_compiler.run import RunOptions, RunReport
    from floe_compiler.verify import VerifiedBundle

_HOMES: Final = {
    "__version__": "_version",
    "ChangeSet": "model.change_set",
    "Compiled": "pipeline",
    "CompiledArtifacts": "model.bundle",
    "DBTRunResult": "model.runs",
    "DataProduct": "model.inputs",
    "FloeError": "errors",
    "PlatformManifest": "model.inputs",
    "PluginRegistry": "plugins.registry",
    "Problem": "errors",
    "RunOptions": "run",
    "RunReport": "run",
    "VerifiedBundle": "verify",
    "compile_product": "pipeline",
    "diff_bundles": "pipeline",
    "load_bundle": "pipeline",
    "run_bundle": "pipeline",
    "validate_product": "pipeline",
}

__all__ = [
    "ChangeSet",
    "Compiled",
    "CompiledArtifacts",
    "DBTRunResult",
    "DataProduct",
    "FloeError",
    "PlatformManifest",
    "PluginRegistry",
    "Problem",
    "RunOptions",
    "RunReport",
    "VerifiedBundle",
    "__version__",
    "compile_product",
    "diff_bundles",
    "load_bundle",
    "run_bundle",
    "validate_product",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
