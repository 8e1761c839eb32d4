"""From parts to a bundle: pure, the same bytes for the same parts, and nothing that `verify` would refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from floe_compiler import stages
from floe_compiler.compile import CompiledParts
from floe_compiler.errors import FloeError
from floe_compiler.freeze import freeze
from floe_compiler.model.frozen import FrozenBundle
from floe_compiler.published import schema
from floe_compiler.store.export import export_folder
from floe_compiler.store.layout import Store
from floe_compiler.verify import verify
from tests.bundles import codes_of
from tests.warm import WarmRegistry

SCHEMA = schema("compiled-artifacts")
Change = Callable[[dict[str, bytes]], dict[str, bytes]]


@pytest.fixture(scope="module")
def parts(registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> CompiledParts:
    """What the real dbt and the real plugins make of the sound product."""
    scratch = tmp_path_factory.mktemp("scratch")
    sound = Path(__file__).parents[3] / "fixtures" / "broken" / "sound" / "product"
    documents = stages.load(sound, Store(scratch / "store"))
    resolved = stages.resolve(documents, registry.names())
    workspace = stages.Workspace(scratch / "work", scratch / "caches")
    return stages.compile(resolved, registry, workspace, {}, lambda stage: None, date(2026, 11, 23))


def sealed(parts: CompiledParts) -> FrozenBundle:
    return freeze(parts, SCHEMA, {})


def with_files(parts: CompiledParts, change: Change) -> CompiledParts:
    """The same parts, of a project with other files."""
    project = replace(parts.resolved.project, files=change(dict(parts.resolved.project.files)))
    return replace(parts, resolved=replace(parts.resolved, project=project))


def test_the_same_parts_are_the_same_bundle(parts: CompiledParts) -> None:
    assert sealed(parts) == sealed(parts)


def test_the_order_of_files_and_targets_never_matters(parts: CompiledParts) -> None:
    backwards = with_files(parts, lambda files: dict(reversed(files.items())))
    assert sealed(backwards) == sealed(parts)


def test_what_was_sealed_verifies(parts: CompiledParts, tmp_path: Path) -> None:
    bundle = sealed(parts)
    export_folder(bundle, tmp_path / "out")
    assert verify(tmp_path / "out", bundle.digest).index == bundle.index


def test_a_file_that_changed_is_another_bundle(parts: CompiledParts) -> None:
    edited = with_files(parts, lambda files: {**files, "models/leftovers.sql": b"select 2"})
    assert sealed(edited).digest != sealed(parts).digest


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("models/Leftovers.sql", "differs from"),
        ("models/" + "a" * 101 + ".sql", "too long"),
        ("models/" + "deep/" * 50 + "a.sql", "too long"),
        ("models/leftovers.sql/a.sql", "both a file and a folder"),
    ],
)
def test_a_path_that_verify_would_refuse_is_refused_where_people_can_rename_it(
    parts: CompiledParts, path: str, fault: str
) -> None:
    with pytest.raises(FloeError, match=fault) as refusal:
        sealed(with_files(parts, lambda files: {**files, path: b"select 1"}))
    assert set(codes_of(refusal.value)) == {"FLOE-F003"}
    (problem, *_) = refusal.value.problems
    assert problem.where is not None
    assert problem.where.file.startswith("fixtures/broken/sound/product/models/")


def test_an_index_that_does_not_match_its_schema_is_never_returned(parts: CompiledParts) -> None:
    narrower = {**SCHEMA, "required": [*SCHEMA["required"], "signature"]}
    with pytest.raises(FloeError) as refusal:
        freeze(parts, narrower, {})
    assert codes_of(refusal.value) == ["FLOE-F004"]
    assert refusal.value.exit_status == 70
