"""Verify: from a path to a `VerifiedBundle`, and the only way to one."""

from floe_compiler.verify.steps import verify
from floe_compiler.verify.verified import VerifiedBundle

__all__ = ["VerifiedBundle", "verify"]
