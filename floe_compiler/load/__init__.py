"""load: bytes to documents, with file, line and column for every value. Nothing else reads an input."""

from floe_compiler.load.inputs import Documents, load
from floe_compiler.load.loaded import Loaded
from floe_compiler.load.project import DbtProject

__all__ = ["DbtProject", "Documents", "Loaded", "load"]
