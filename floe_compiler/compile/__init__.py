"""compile: the only stage that calls plugins. From choices to native files, dbt's manifest among them."""

from floe_compiler.compile.packages import install
from floe_compiler.compile.parts import CompiledParts, check, compile
from floe_compiler.compile.plugins import Configured, configure

__all__ = ["CompiledParts", "Configured", "check", "compile", "configure", "install"]
