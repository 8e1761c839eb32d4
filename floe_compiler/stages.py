"""The lazy door: stages by name, imported when first asked for.

The unchanged compile, `--version` and `--help` need none of them, and importing them all costs more than the
unchanged compile takes. This is the only place where imports do not stand at the top.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from floe_compiler.compile import compile, configure
    from floe_compiler.compile.workspace import Workspace
    from floe_compiler.freeze import freeze
    from floe_compiler.load import load
    from floe_compiler.model.frozen import FrozenBundle
    from floe_compiler.plugins.registry import PluginRegistry
    from floe_compiler.resolve import resolve
    from floe_compiler.run import run
    from floe_compiler.verify import verify

__all__ = ["FrozenBundle", "PluginRegistry", "Workspace", "compile", "configure", "freeze", "load", "resolve", "run", "verify"]

_MODULES: Final = {
    "FrozenBundle": "floe_compiler.model.frozen",
    "PluginRegistry": "floe_compiler.plugins.registry",
    "Workspace": "floe_compiler.compile.workspace",
    "compile": "floe_compiler.compile",
    "configure": "floe_compiler.compile",
    "freeze": "floe_compiler.freeze",
    "load": "floe_compiler.load",
    "resolve": "floe_compiler.resolve",
    "run": "floe_compiler.run",
    "verify": "floe_compiler.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(_MODULES[name]), name)
