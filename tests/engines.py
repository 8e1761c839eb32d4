"""The engines that some tests need, and what to install where one is missing."""

from __future__ import annotations

import pytest

from floe_compiler.builtin.dbt_runtime._fusion_engine import find_engine
from floe_compiler.errors import FloeError


def _missing() -> str:
    try:
        find_engine(None)
    except FloeError as error:
        return "; ".join(f"{problem.message} {problem.hint}" for problem in error.problems)
    return ""


WHY_NO_RUST_ENGINE = _missing()
needs_rust_engine = [
    pytest.mark.tools,
    pytest.mark.skipif(bool(WHY_NO_RUST_ENGINE), reason=WHY_NO_RUST_ENGINE or "it is there"),
]
