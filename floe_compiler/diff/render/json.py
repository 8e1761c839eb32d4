"""json: the change set itself, as `schemas/change-set.schema.json` describes it."""

from __future__ import annotations

from floe_compiler.diff.render.report import Report


def render(report: Report) -> str:
    """Every field is written, absent ones as null; secrets are not in a change set."""
    return report.changes.model_dump_json(indent=2) + "\n"
