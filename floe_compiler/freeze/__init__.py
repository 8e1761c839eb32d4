"""freeze: pure. From parts to a sealed bundle in memory: normalised, canonical, digested, read back."""

from floe_compiler.freeze.bundle import freeze

__all__ = ["freeze"]
