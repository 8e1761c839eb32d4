"""What is generated is fresh: `make generate` would change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from floe_compiler.codes import CODES
from floe_compiler.published import SCHEMAS, schema_text
from tests.generated import ROOT, STAGES, STATUSES, errors_page, generated


@pytest.mark.parametrize("path", generated(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_generated_file_is_what_the_code_says(path: Path) -> None:
    assert path.read_text("utf-8") == generated()[path], "run `make generate`, and review what changed"


def test_every_published_schema_is_generated() -> None:
    files = {path.name for path in generated() if path.suffix == ".json"}
    assert files == {f"{name}.schema.json" for name in SCHEMAS}
    assert all(schema_text(name) in generated().values() for name in SCHEMAS)


def test_every_code_has_an_entry_of_its_stage_and_a_documented_status() -> None:
    page = errors_page()
    for name, code in CODES.items():
        assert page.count(f"\n### {name}\n") == 1
        assert name.removeprefix("FLOE-")[0] in STAGES
        assert code.exit_status in STATUSES
