"""The files that floe seals are the files that dbt reads: dbt itself is asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pathspec import PathSpec

from floe_compiler.sources import PATH_KINDS, STORE_FOLDER, Layout, installed_packages, layout_of, walk

FILES = (
    "models/a.sql",
    "models/deep/er/b.SQL",
    "models/c.py",
    "models/schema.yml",
    "models/schema.yaml",
    "models/docs.md",
    "models/.hidden.sql",
    "models/#draft.sql",
    "models/~backup.sql",
    "models/notes.txt",
    "models/.folder/in_hidden.sql",
    "models/ignored/x.sql",
    "models/ignored/kept.sql",
    "seeds/s.csv",
    "seeds/s.sql",
    "snapshots/sn.sql",
    "snapshots/sn.yml",
    "analyses/an.sql",
    "macros/m.sql",
    "macros/m.yml",
    "tests/t.sql",
    "tests/generic/g.sql",
    "tests/fixtures/f.csv",
    "other/o.sql",
    "top.sql",
)
IGNORED = "# what nobody needs\nignored/*\n!ignored/kept.sql\n"


def layout(settings: Mapping[str, object]) -> Layout:
    return layout_of({"": dict(settings)}, "dbt_packages")


def found(project: Path, settings: Mapping[str, object]) -> set[str]:
    return {path for path, _ in walk(str(project), layout(settings))}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("dbt_project.yml", *FILES):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "behind_a_link.sql").touch()
    (tmp_path / "models" / "link").symlink_to(tmp_path / "linked")
    (tmp_path / "models" / "linked.sql").symlink_to(tmp_path / "linked" / "behind_a_link.sql")
    return tmp_path


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"model-paths": ["models", "other"]},
        {"model-paths": ["."]},
        {"model-paths": ["models", "models/deep"]},
        {"seed-paths": ["seeds", "models"]},
        {"model-paths": []},
        {"test-paths": ["tests/generic"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("ignored", ["", IGNORED, "*.sql\n", "models/**/b.SQL\n"])
def test_the_files_are_those_that_dbt_finds(project: Path, settings: Mapping[str, object], ignored: str) -> None:
    (project / ".dbtignore").write_text(ignored)
    always = {"dbt_project.yml", ".dbtignore"}
    assert found(project, settings) == found_by_dbt(project, settings) | always


def found_by_dbt(project: Path, settings: Mapping[str, object]) -> set[str]:
    """By the function with which dbt looks for files, with the patterns that its parser hands to it."""
    from dbt_common.clients.system import find_matching

    spec = PathSpec.from_lines("gitwildmatch", (project / ".dbtignore").read_text().splitlines())
    paths: set[str] = set()
    for kind in PATH_KINDS:
        folders = settings.get(kind.key, [kind.default])
        for suffix in (*kind.suffixes, ".md", ".yaml", ".yml"):
            matches = find_matching(str(project), folders, f"[!.#~]*{suffix}", spec)
            paths.update(str(Path(m["searched_path"], m["relative_path"])) for m in matches)
    return paths


def test_what_is_no_file_is_left_for_the_reader_to_refuse(project: Path) -> None:
    (project / "models" / "broken.sql").symlink_to("nowhere.sql")
    assert "models/broken.sql" in found(project, {})


def test_a_store_in_the_project_is_no_part_of_it(project: Path) -> None:
    bundled = project / STORE_FOLDER / "bundles" / "one" / "project" / "models" / "a.sql"
    bundled.parent.mkdir(parents=True)
    bundled.touch()
    assert not any(STORE_FOLDER in path for path in found(project, {"model-paths": ["."]}))


def test_a_package_is_a_folder_with_a_dbt_project(project: Path) -> None:
    for name in ("kit", "__pycache__", "empty"):
        (project / "dbt_packages" / name).mkdir(parents=True)
    for name in ("kit", "__pycache__"):
        (project / "dbt_packages" / name / "dbt_project.yml").touch()
    assert installed_packages(str(project), "dbt_packages") == ["dbt_packages/kit"]
    assert installed_packages(str(project), "nowhere") == []


def test_former_names_of_keys_still_count() -> None:
    (package,) = layout({"source-paths": ["sql"], "data-paths": ["csv"]}).packages
    assert {"sql", "csv"} <= {folder.path for folder in package.folders}
