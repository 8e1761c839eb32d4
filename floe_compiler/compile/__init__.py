"""compile: the only stage that calls plugins. From choices to native files, dbt's manifest among them."""

from floe_compiler.compile.parts import CompiledParts, compile
from floe_compiler.compile.plugins import Configured, configure

__all__ = ["CompiledParts", "Configured", "compile", "configure"]
