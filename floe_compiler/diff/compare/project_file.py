"""Facts of dbt_project.yml that no node shows. Variables are compared by `causes`, the rest shows in the manifest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from floe_compiler.diff.compare.facts import Fact
from floe_compiler.diff.compare.product import product_fact
from floe_compiler.diff.compare.sealed import SealedProject
from floe_compiler.diff.compare.structure import leaves

_IN_THE_MANIFEST: Final = frozenset(
    {
        "vars", "name", "models", "seeds", "snapshots", "tests", "data_tests", "sources", "exposures", "metrics",
        "semantic-models", "saved-queries", "unit_tests", "functions", "analyses", "macros", "on-run-start",
        "on-run-end", "quoting",
    }
)  # fmt: skip
_NOTES: Final = frozenset(
    {
        "version", "config-version", "clean-targets", "packages-install-path", "target-path", "log-path",
        "model-paths", "seed-paths", "snapshot-paths", "analysis-paths", "macro-paths", "test-paths",
        "function-paths", "docs-paths", "asset-paths", "source-paths", "data-paths",
    }
)  # fmt: skip
"""Where files lie shows on what is found in them."""


def setting_facts(old: SealedProject, new: SealedProject) -> Iterator[Fact]:
    """What the project's own dbt_project.yml says differently. That of a package comes with the package."""
    before, after = old.settings.get("", {}), new.settings.get("", {})
    for key in sorted(before.keys() | after.keys()):
        if key not in _IN_THE_MANIFEST:
            aspect = "setting.note" if key in _NOTES else "setting"
            for path, was, becomes in leaves(before.get(key), after.get(key), key):
                place = new.setting_place("", key)
                yield product_fact(aspect, "changed", "setting", key, place, field=path, before=was, after=becomes)
