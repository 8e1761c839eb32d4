"""The lazy door: stages by name, imported when first asked for.

The unchanged compile, `--version` and `--help` need none of them, and importing them all costs more than the
unchanged compile takes. This is the only place where imports do not stand at the top.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from floe_compiler.compile import check, compile, install
    from floe_compiler.compile.workspace import Workspace
    from floe_compiler.diff import diff
    from floe_compiler.diff.render import Files, Report
    from floe_compiler.diff.render.formats import FORMATS
    from floe_compiler.explanation import Unknown, explain
    from floe_compiler.freeze import freeze
    from floe_compiler.load import load
    from floe_compiler.load.acknowledgements import acknowledgements_of
    from floe_compiler.load.lending import lend_packages
    from floe_compiler.load.whereabouts import whereabouts
    from floe_compiler.model.acknowledgements import NONE
    from floe_compiler.model.frozen import FrozenBundle
    from floe_compiler.plugins.registry import PluginRegistry
    from floe_compiler.provenance import record
    from floe_compiler.resolve import resolve
    from floe_compiler.run import run
    from floe_compiler.store.export import export_archive, export_folder
    from floe_compiler.store.publish import publish
    from floe_compiler.verify import verify

__all__ = [
    "FORMATS",
    "NONE",
    "Files",
    "FrozenBundle",
    "PluginRegistry",
    "Report",
    "Unknown",
    "Workspace",
    "acknowledgements_of",
    "check",
    "compile",
    "diff",
    "explain",
    "export_archive",
    "export_folder",
    "freeze",
    "install",
    "lend_packages",
    "load",
    "publish",
    "record",
    "renderer",
    "resolve",
    "run",
    "verify",
    "whereabouts",
]

_MODULES: Final = {
    "FORMATS": "floe_compiler.diff.render.formats",
    "Files": "floe_compiler.diff.render",
    "Report": "floe_compiler.diff.render",
    "NONE": "floe_compiler.model.acknowledgements",
    "FrozenBundle": "floe_compiler.model.frozen",
    "PluginRegistry": "floe_compiler.plugins.registry",
    "Unknown": "floe_compiler.explanation",
    "Workspace": "floe_compiler.compile.workspace",
    "acknowledgements_of": "floe_compiler.load.acknowledgements",
    "check": "floe_compiler.compile",
    "compile": "floe_compiler.compile",
    "diff": "floe_compiler.diff",
    "explain": "floe_compiler.explanation",
    "export_archive": "floe_compiler.store.export",
    "export_folder": "floe_compiler.store.export",
    "freeze": "floe_compiler.freeze",
    "install": "floe_compiler.compile",
    "lend_packages": "floe_compiler.load.lending",
    "load": "floe_compiler.load",
    "publish": "floe_compiler.store.publish",
    "record": "floe_compiler.provenance",
    "resolve": "floe_compiler.resolve",
    "run": "floe_compiler.run",
    "verify": "floe_compiler.verify",
    "whereabouts": "floe_compiler.load.whereabouts",
}
_FORMATS: Final = "floe_compiler.diff.render"


def renderer(name: str) -> Callable[[Report], str]:
    """What renders a change set in a format of `FORMATS`."""
    render: Callable[[Report], str] = import_module(f"{_FORMATS}.{name}").render
    return render


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(_MODULES[name]), name)
