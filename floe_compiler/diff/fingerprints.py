"""Fingerprints: the name of a finding, which does not depend on wording, level, file or line."""

from __future__ import annotations

from typing import Any

from floe_compiler.canonical import canonical_bytes, digest
from floe_compiler.diff.compare.facts import Fact

_LENGTH = 24


def fingerprint(rule: str, fact: Fact) -> str:
    """The first digits of the digest over rule, object, field and the digests of what was before and after."""
    parts = [rule, fact.thing.kind, fact.thing.id, fact.field, value_digest(fact.before), value_digest(fact.after)]
    return digest(canonical_bytes(parts)).removeprefix("sha256:")[:_LENGTH]


def value_digest(value: Any) -> str:
    """The digest of a JSON value's canonical form."""
    return digest(canonical_bytes(value))
