"""What floe reads of a dbt project: the files that dbt reads, and the few facts that sealing them needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.load.project import DbtProject, load_project
from tests.bundles import codes_of
from tests.privileges import without_privileges

ASKED_AT = Where("floe.yaml", 11, 11, "    path: .")
SETTINGS = "name: loaves\nprofile: bakery\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path / "dbt_project.yml", SETTINGS)
    write(tmp_path / "models" / "loaves.sql", "select 1 as id\n")
    return tmp_path


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def loaded(project: Path) -> DbtProject:
    return load_project(project, "shop", ASKED_AT)


def refused(project: Path) -> tuple[Problem, ...]:
    with pytest.raises(FloeError) as refusal:
        loaded(project)
    return refusal.value.problems


def test_files_are_kept_by_their_path_with_their_bytes(project: Path) -> None:
    write(project / "README.md", "not read by dbt")
    write(project / "models" / "notes.txt", "not read by dbt")
    found = loaded(project)
    assert (found.name, found.profile) == ("loaves", "bakery")
    assert found.files == {"dbt_project.yml": SETTINGS.encode(), "models/loaves.sql": b"select 1 as id\n"}
    assert list(found.digests) == sorted(found.digests)


def test_the_packages_that_are_installed_belong_to_it(project: Path) -> None:
    write(project / "dbt_packages" / "kit" / "dbt_project.yml", "name: kit\nmodel-paths: [sql]\n")
    write(project / "dbt_packages" / "kit" / "sql" / "tool.sql", "select 1 as id\n")
    write(project / "dbt_packages" / "no_package" / "models" / "other.sql", "select 1 as id\n")
    assert set(loaded(project).files) == {
        "dbt_project.yml",
        "models/loaves.sql",
        "dbt_packages/kit/dbt_project.yml",
        "dbt_packages/kit/sql/tool.sql",
    }


def test_a_package_that_dbt_has_linked_is_sealed_by_its_content(project: Path) -> None:
    write(project / "local" / "kit" / "dbt_project.yml", "name: kit\n")
    write(project / "local" / "kit" / "macros" / "m.sql", "{% macro m() %}{% endmacro %}")
    (project / "dbt_packages").mkdir()
    (project / "dbt_packages" / "kit").symlink_to(project / "local" / "kit")
    assert "dbt_packages/kit/macros/m.sql" in loaded(project).files


def test_without_a_dbt_project_the_line_that_names_it_is_shown(project: Path) -> None:
    (project / "dbt_project.yml").unlink()
    (problem,) = refused(project)
    assert (problem.code, problem.where) == ("FLOE-L060", ASKED_AT)
    (problem,) = refused(project / "nowhere")
    assert (problem.code, problem.message) == ("FLOE-L060", "there is no folder `shop`")


@pytest.mark.parametrize(
    ("settings", "code", "place"),
    [
        ("profile: bakery\n", "FLOE-L061", "shop/dbt_project.yml:1:1"),
        ("- a list\n", "FLOE-L061", "shop/dbt_project.yml:1:1"),
        ("name: 7\nprofile: bakery\n", "FLOE-L061", "shop/dbt_project.yml:1:1"),
        ("name: loaves\n", "FLOE-L069", "shop/dbt_project.yml:1:1"),
        ("name: loaves\nprofile: 7\n", "FLOE-L069", "shop/dbt_project.yml:2:10"),
        ("name: loaves\nprofile: \"{{ env_var('P') }}\"\n", "FLOE-L063", "shop/dbt_project.yml:2:10"),
        (SETTINGS + "model-paths: [models, ../more]\n", "FLOE-L062", "shop/dbt_project.yml:3:23"),
        (SETTINGS + "model-paths: [a/../../more]\n", "FLOE-L062", "shop/dbt_project.yml:3:15"),
        (SETTINGS + "seed-paths: [/data]\n", "FLOE-L062", "shop/dbt_project.yml:3:14"),
        (SETTINGS + "data-paths: [/data]\n", "FLOE-L062", "shop/dbt_project.yml:3:14"),
        (SETTINGS + "packages-install-path: ../kits\n", "FLOE-L062", "shop/dbt_project.yml:3:24"),
        (SETTINGS + "macro-paths: [\"{{ var('x') }}\"]\n", "FLOE-L062", "shop/dbt_project.yml:3:15"),
        (SETTINGS + "vars: {a: [}\n", "FLOE-L020", "shop/dbt_project.yml:3:12"),
    ],
)
def test_a_dbt_project_that_cannot_be_sealed_is_refused_where_it_says_so(
    project: Path, settings: str, code: str, place: str
) -> None:
    write(project / "dbt_project.yml", settings)
    (problem,) = refused(project)
    assert (problem.code, str(problem.where)) == (code, place)


def test_every_path_that_leaves_the_project_is_told(project: Path) -> None:
    write(project / "dbt_project.yml", SETTINGS + "model-paths: [../a, ../b]\nseed-paths: [../c]\n")
    assert [problem.code for problem in refused(project)] == ["FLOE-L062"] * 3


def test_names_that_no_other_system_keeps_are_refused(project: Path) -> None:
    for name in ("brötchen.sql", "a:b.sql", 'quo"te.sql', "new\nline.sql"):
        write(project / "models" / name, "select 1 as id\n")
    os.close(os.open(os.fsencode(project / "models") + b"/\xff.sql", os.O_CREAT))
    found = refused(project)
    assert [problem.code for problem in found] == ["FLOE-L064"] * 5
    assert all(problem.message.isprintable() for problem in found)


def test_a_link_that_leads_nowhere_is_no_model_that_is_left_out(project: Path) -> None:
    (project / "models" / "new.sql").symlink_to("elsewhere.sql")
    (problem,) = refused(project)
    assert problem.message == "shop/models/new.sql is a link that leads nowhere"


def test_a_pipe_is_refused_and_not_waited_for(project: Path) -> None:
    os.mkfifo(project / "models" / "pipe.sql")
    (problem,) = refused(project)
    assert problem.code == "FLOE-L003"


@pytest.mark.parametrize("content", [b"\xff\n", b"a\\\n"], ids=["not UTF-8", "no pattern"])
def test_a_dbtignore_that_dbt_could_not_use_is_refused(project: Path, content: bytes) -> None:
    (project / ".dbtignore").write_bytes(content)
    (problem,) = refused(project)
    assert (problem.code, str(problem.where)) == ("FLOE-L070", "shop/.dbtignore")


@pytest.mark.parametrize("closed", ["", "models", "models/loaves.sql", "dbt_packages"])
def test_what_may_not_be_read_is_named(closed: str) -> None:
    with without_privileges() as folder:
        write(folder / "shop" / "dbt_project.yml", SETTINGS)
        write(folder / "shop" / "models" / "loaves.sql", "select 1 as id\n")
        (folder / "shop" / "dbt_packages").mkdir()
        (folder / "shop" / closed).chmod(0o000)
        try:
            with pytest.raises(FloeError) as refusal:
                load_project(folder / "shop", "shop", ASKED_AT)
        finally:
            (folder / "shop" / closed).chmod(0o700)
    assert codes_of(refusal.value) == ["FLOE-L002"]
    (problem,) = refusal.value.problems
    assert str(problem.where) == f"shop/{closed or 'dbt_project.yml'}"


def test_problems_in_its_files_get_the_places_that_people_see(project: Path) -> None:
    of_project = Problem("FLOE-C201", "a", Where("models/loaves.sql", 1, 8, "select"))
    of_something_else = Problem("FLOE-C201", "b", Where("profiles.yml"))
    nowhere = Problem("FLOE-C201", "c")
    with pytest.raises(FloeError) as seen, loaded(project).as_people_see():
        raise FloeError([of_project, of_something_else, nowhere])
    assert [str(p.where) for p in seen.value.problems] == ["None", "profiles.yml", "shop/models/loaves.sql:1:8"]
    assert seen.value.problems[2].where.text == "select"  # type: ignore[union-attr]
