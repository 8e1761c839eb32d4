"""What gives nothing at all."""

from __future__ import annotations

from floe_compiler import diff_bundles
from tests.diffs import told
from tests.resealed import Resealed


def test_a_bundle_does_not_differ_from_itself(beacons: Resealed) -> None:
    changes = diff_bundles(beacons.bundle, beacons.bundle)
    assert told(changes) == []
    assert changes.totals.model_dump() == dict.fromkeys(("breaking", "risky", "unknown", "safe", "acknowledged"), 0)
    assert not changes.graph.nodes
