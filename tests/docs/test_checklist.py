"""The two statements, "dbt is enforced" and "the dbt runtime is pluggable", and every box of their checklist."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from floe_compiler.load.enforced import STANDARDS
from floe_compiler.model.bundle import Enforced
from floe_compiler.plugins import contracts
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.plugins.types import TYPES
from tests.docs.pages import ROOT, Page, page, pages
from tests.docs.wording import STATEMENT, flat

BOUNDARIES = "architecture/opinionation-boundaries.md"
DBT_OWNS_SQL = "architecture/adr/0009-dbt-owns-sql.md"
RUNTIME_ABSTRACTION = "architecture/adr/0043-dbt-runtime-abstraction.md"
SUMMARY = "architecture/ARCHITECTURE-SUMMARY.md"
FOUR_LAYERS = "architecture/four-layer-overview.md"
PLUGINS = "architecture/plugin-architecture.md"
STRATEGY = "guides/03-solution-strategy.md"
CONTRIBUTING = "CONTRIBUTING.md"
SAY_IT = ("README.md", BOUNDARIES, SUMMARY, FOUR_LAYERS, PLUGINS, STRATEGY, CONTRIBUTING)
KEYS = [f"`{row.key}`" for row in TYPES]
RUNTIMES = ("local", "cloud", "fusion")


@pytest.mark.parametrize("name", SAY_IT)
def test_the_statement_is_made_in_the_same_words_everywhere(name: str) -> None:
    assert STATEMENT in flat(page(name).text)


@pytest.mark.parametrize("half", STATEMENT.split(" The ", 1))
def test_each_record_makes_its_half_of_the_statement(half: str) -> None:
    record = DBT_OWNS_SQL if "ENFORCES" in half else RUNTIME_ABSTRACTION
    assert half.removesuffix(" Data engineers write dbt models; platform teams choose where dbt runs.") in flat(
        page(record).text
    )


def test_the_runtimes_of_the_statement_are_those_that_are_built_in() -> None:
    assert set(PluginRegistry([]).offers("dbt_runtime")) == set(RUNTIMES)
    assert all(f" {name} (" in STATEMENT for name in RUNTIMES)


# -- opinionation-boundaries.md ------------------------------------------------------------------------------


def test_the_boundaries_distinguish_the_framework_from_the_runtime() -> None:
    rows = {row[""]: row for row in _table_in(page(BOUNDARIES), "dbt: the runtime note", "")}
    assert rows["Status"] == {"": "Status", "the framework": "ENFORCED", "the runtime": "PLUGGABLE"}


def test_the_boundaries_list_what_the_code_enforces() -> None:
    listed = [row["Standard"].removesuffix(", the framework") for row in page(BOUNDARIES).table("Standard")]
    assert listed == [standard.title for standard in STANDARDS]
    assert len(listed) == len(Enforced.model_fields)


def test_the_boundaries_give_every_plugin_type_a_purpose_and_alternatives() -> None:
    rows = page(BOUNDARIES).table("Plugin type")
    assert [row["Plugin type"] for row in rows] == KEYS
    assert [row["Purpose"] for row in rows] == [row.question for row in TYPES]
    assert all(row["Products of the kind"] for row in rows)


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.key)
def test_the_boundaries_claim_no_built_in_that_there_is_not(row: contracts.Any) -> None:
    (shown,) = (r["Built-ins"] for r in page(BOUNDARIES).table("Plugin type") if r["Plugin type"] == f"`{row.key}`")
    there_are = set(PluginRegistry([]).offers(row.key))
    assert set(re.findall(r"`(\w+)`", shown)) == there_are
    assert there_are or shown == "declared, no built-in yet"


# -- the records ---------------------------------------------------------------------------------------------


def test_record_0009_references_0043() -> None:
    assert "0043-dbt-runtime-abstraction.md" in page(DBT_OWNS_SQL).links


def test_record_0009_has_a_section_on_the_pluggable_execution_runtime() -> None:
    section = page(DBT_OWNS_SQL).section("The execution runtime is pluggable")
    assert "PLUGGABLE" in section
    assert all(name in section for name in RUNTIMES)


def test_record_0009_separates_tool_dialect_runtime_and_orchestration() -> None:
    rows = {row["Concern"]: row["Status"] for row in page(DBT_OWNS_SQL).table("Concern")}
    assert list(rows) == ["Tool", "Dialect", "Runtime", "Orchestration"]
    assert rows["Tool"].startswith("ENFORCED")
    assert all(status.startswith("PLUGGABLE") for concern, status in rows.items() if concern != "Tool")


def test_record_0043_has_the_contract_and_the_three_runtimes() -> None:
    record = page(RUNTIME_ABSTRACTION)
    for method in contracts.DBTRuntimePlugin.__abstractmethods__:
        assert f"`{method}`" in record.text
    rows = record.table("Runtime")
    assert [row["Runtime"] for row in rows] == [f"`{name}`" for name in RUNTIMES]
    assert all(row["Isolation"] and row["Concurrency"] for row in rows)


@pytest.mark.parametrize("subject", ["**The contract.**", "**Isolation.**", "**Source binding.**", "## Rejected"])
def test_record_0043_speaks_of(subject: str) -> None:
    assert subject in page(RUNTIME_ABSTRACTION).text


# -- ARCHITECTURE-SUMMARY.md ---------------------------------------------------------------------------------


def test_the_summary_lists_the_dbt_runtime_among_the_pluggable_components() -> None:
    pluggable = page(SUMMARY).section("Enforced and pluggable").partition("**Pluggable components**")[2]
    assert "`DBTRuntimePlugin`" in pluggable


def test_the_summary_lists_dbt_the_framework_among_the_enforced_components() -> None:
    enforced = flat(page(SUMMARY).section("Enforced and pluggable").partition("**Enforced components**")[2])
    assert enforced.startswith(": dbt as the SQL transformation framework,")


def test_the_summary_counts_the_plugin_types_of_the_code() -> None:
    assert f"**{len(TYPES)} plugin types**" in page(SUMMARY).text
    assert [row["Pluggable"] for row in page(SUMMARY).table("Pluggable")] == KEYS


def test_the_summary_fits_on_one_page() -> None:
    assert len(page(SUMMARY).text.splitlines()) <= 100


# -- four-layer-overview.md ----------------------------------------------------------------------------------


def test_the_overview_explains_where_configuration_becomes_immutable() -> None:
    assert "Layer 2: Configuration, and where it becomes immutable" in page(FOUR_LAYERS).headings


def test_the_overview_explains_plugin_selection() -> None:
    assert "dbt_runtime" in page(FOUR_LAYERS).section("Plugin selection")


def test_the_overview_explains_dbt_runtime_against_compute() -> None:
    (question, contract, *_) = _table_in(page(FOUR_LAYERS), "`compute` against `dbt_runtime`", "")
    assert question["`dbt_runtime: local`"] == "Where does **dbt** run?"
    assert (contract["`compute: duckdb`"], contract["`dbt_runtime: local`"]) == (
        "`ComputePlugin`",
        "`DBTRuntimePlugin`",
    )


# -- plugin-architecture.md ----------------------------------------------------------------------------------


def test_the_plugin_page_lists_the_contracts_with_their_entry_points() -> None:
    rows = page(PLUGINS).table("Plugin type")
    shown = [(row["Plugin type"], row["ABC"], row["Entry-point group"]) for row in rows]
    assert shown == [(f"`{row.key}`", f"`{row.contract}`", f"`{row.group}`") for row in TYPES]


@pytest.mark.parametrize("contract", [row.contract for row in TYPES if hasattr(contracts, row.contract)])
def test_the_plugin_page_shows_every_contract_with_its_real_signatures(contract: str) -> None:
    shown = _classes_in(page(PLUGINS))[contract]
    assert shown == _methods(next(iter(ast.parse(inspect.getsource(getattr(contracts, contract))).body)))


@pytest.mark.parametrize("heading", ["Life cycle", "The difference", "Beside an orchestrator"])
def test_the_plugin_page_has_a_section_on(heading: str) -> None:
    assert page(PLUGINS).section(heading).strip()


# -- 03-solution-strategy.md ---------------------------------------------------------------------------------


def test_the_strategy_explains_how_dbt_is_executed() -> None:
    strategy = page(STRATEGY)
    assert "dbt execution strategy" in strategy.headings
    assert {"The framework", "The runtimes", "Who decides"} <= set(strategy.headings)
    assert [row["Runtime"] for row in strategy.table("Runtime")] == [f"`{name}`" for name in RUNTIMES]


# -- CONTRIBUTING.md -----------------------------------------------------------------------------------------


def test_contributing_has_the_five_nevers_and_the_two_always() -> None:
    rules = re.findall(r"^\d\. \*\*(\w+)\*\*", page(CONTRIBUTING).section("dbt owns all SQL"), re.M)
    assert rules == ["Never"] * 5 + ["Always"] * 2


def test_contributing_shows_the_correct_pattern() -> None:
    section = page(CONTRIBUTING).section("The correct pattern: through the plugin registry")
    assert "PluginRegistry().get_runtime(" in section
    assert "dbtRunner" not in section


def test_the_check_that_contributing_names_stops_the_forbidden_pattern(tmp_path: Path) -> None:
    contributing = page(CONTRIBUTING)
    (forbidden,) = (block for block in contributing.blocks if "forbidden" in block.info)
    refused, kept = _imports_checked(tmp_path / "with", forbidden.content), _imports_checked(tmp_path / "without")
    assert "Only the dbt runtimes touch dbt BROKEN" in refused
    assert "floe_compiler.compile.shortcut -> dbt (l.1)" in refused
    assert "Only the dbt runtimes touch dbt KEPT" in kept
    for line in ("Only the dbt runtimes touch dbt BROKEN", "-   floe_compiler.compile.shortcut -> dbt (l.1)"):
        assert line in contributing.text


def test_the_check_that_contributing_names_is_part_of_what_must_pass() -> None:
    assert "make lint" in (ROOT / ".ci" / "run").read_text()
    assert re.search(r"^lint:.*\n(\t.*\n)*\t.*lint-imports", (ROOT / "Makefile").read_text(), re.M)


# -- all of them ---------------------------------------------------------------------------------------------


def test_no_table_of_plugin_types_leaves_one_out() -> None:
    for each in pages():
        for first in ("Plugin type", "Pluggable"):
            if f"| {first} |" in each.prose:
                assert [row[first] for row in each.table(first)] == KEYS, each.name


def _table_in(whole: Page, heading: str, first: str) -> list[dict[str, str]]:
    lines = [line.strip() for line in whole.section(heading).splitlines() if line.strip().startswith("|")]
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    columns, _, *rows = cells
    assert columns[0] == first
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _classes_in(whole: Page) -> dict[str, list[str]]:
    trees = [ast.parse(block.content) for block in whole.blocks if block.language == "python"]
    return {node.name: _methods(node) for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}


def _methods(node: ast.AST) -> list[str]:
    assert isinstance(node, ast.ClassDef)
    functions = [member for member in node.body if isinstance(member, ast.FunctionDef)]
    return [f"{f.name}({ast.unparse(f.args)}) -> {f.returns and ast.unparse(f.returns)}" for f in functions]


def _imports_checked(folder: Path, module: str | None = None) -> str:
    """What import-linter says of a copy of the package, with this module in it."""
    shutil.copytree(ROOT / "floe_compiler", folder / "floe_compiler", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    if module is not None:
        (folder / "floe_compiler" / "compile" / "shortcut.py").write_text(module)
    names = [
        c["name"] for c in tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    ]
    assert "Only the dbt runtimes touch dbt" in names
    program = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )
    return re.sub(r" \(\d+ ignored imports?\)", "", done.stdout)
