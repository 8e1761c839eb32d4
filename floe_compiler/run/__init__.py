"""run: a verified bundle, executed as it stands. Nothing is parsed again, nothing is written into the bundle."""

from floe_compiler.run.execution import RunOptions, RunReport, run

__all__ = ["RunOptions", "RunReport", "run"]
