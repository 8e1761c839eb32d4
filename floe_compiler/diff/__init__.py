"""diff: what runs differently between two verified bundles. Pure: facts (compare), then grades (rules)."""

from floe_compiler.diff.changes import diff

__all__ = ["diff"]
