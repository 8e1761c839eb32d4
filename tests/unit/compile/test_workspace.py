"""The folder in which dbt compiles: exactly what is sealed."""

from __future__ import annotations

from pathlib import Path

from floe_compiler.compile.workspace import Workspace, lay_out

FILES = {"dbt_project.yml": b"name: loaves\n", "models/deep/a.sql": b"select 1", "models/empty.sql": b""}


def workspace(root: Path) -> Workspace:
    return Workspace(root, root / "caches")


def test_it_holds_the_files_and_the_profile_and_nothing_else(tmp_path: Path) -> None:
    laid = workspace(tmp_path)
    lay_out(laid, FILES, b"bakery: {}\n")
    found = {str(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {f"project/{path}": content for path, content in FILES.items()} | {
        "profiles/profiles.yml": b"bakery: {}\n"
    }


def test_partial_parses_outlive_it_each_target_its_own(tmp_path: Path) -> None:
    laid = Workspace(tmp_path / "scratch", tmp_path / "caches")
    assert laid.partial_parse("dev") != laid.partial_parse("prod")
    assert laid.partial_parse("dev").parent.is_dir()
