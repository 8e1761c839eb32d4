"""render: a change set in the words of whoever reads it. Pure; adding a format is one file and one row of `formats`."""

from floe_compiler.diff.render.report import Files, Report

__all__ = ["Files", "Report"]
