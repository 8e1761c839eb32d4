"""The block that a platform team writes: compiled unedited and offline, everything that it names in the bundle, run."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import pytest

from floe_compiler.pipeline import load_bundle
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.plugins.types import TYPES
from floe_compiler.verify import VerifiedBundle
from tests.tool_environments import ROOT

PRODUCT: Final = ROOT / "fixtures" / "products" / "default-block"
BLOCK: Final = """\
plugins:
  compute: duckdb                    # WHERE SQL executes
  orchestrator: dagster              # HOW jobs schedule
  dbt_runtime: local                 # WHERE dbt runs
  catalog: polaris                   # WHERE metadata stores
  storage: s3                        # WHERE data stores
  observability: jaeger              # WHERE traces send
  semantic_layer: cube               # HOW data consumed
  ingestion: dlt                     # HOW data ingested
"""
PLACES: Final = {
    "compute": "profiles/profiles.yml",
    "dbt_runtime": "targets/dev/manifest.json",
    "secrets": "deployment/cronjob.yaml",
}
"""Where the file lies that a type renders, if not below `<type>/<default>/`."""
NO_NETWORK: Final = next(
    (
        words
        for words in (("unshare", "--net"), ("unshare", "--user", "--map-root-user", "--net"))
        if shutil.which("unshare")
        and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    ),
    None,
)


class Sealed(NamedTuple):
    """The block's bundle, and the store that it lies in."""

    bundle: VerifiedBundle
    folder: Path
    product: Path


def floe(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command as it is typed, where no network can be reached, if this system can do that."""
    kept = {"HOME": str(cwd), "PATH": os.defpath, "LANG": "C.UTF-8"}
    command = [*(NO_NETWORK or ()), sys.executable, "-m", "floe_compiler", *arguments]
    return subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    product = tmp_path_factory.mktemp("block") / "default-block"
    shutil.copytree(PRODUCT, product)
    done = floe("compile", cwd=product)
    assert done.returncode == 0, done.stderr
    (folder,) = (product / ".floe" / "bundles").iterdir()
    return Sealed(load_bundle(folder), folder, product)


def test_the_platform_manifest_has_the_block_word_for_word() -> None:
    assert BLOCK in (PRODUCT / "platform-manifest.yaml").read_text()


def test_every_type_has_its_default_built_in() -> None:
    names = PluginRegistry([]).names()
    assert [row.key for row in TYPES if row.default not in names[row.key]] == []


@pytest.mark.skipif(NO_NETWORK is None, reason="this system cannot take the network from a process")
def test_it_was_compiled_where_there_is_no_network(sealed: Sealed) -> None:
    probe = "import socket; socket.create_connection(('127.0.0.1', 9), timeout=2)"
    done = subprocess.run([*NO_NETWORK, sys.executable, "-c", probe], capture_output=True, text=True, check=False)  # type: ignore[misc]
    assert "Network is unreachable" in done.stderr, "not even the loopback is there"
    assert sealed.bundle.index.product.name == "lighthouse-log"


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.key)
def test_a_default_is_in_the_index_and_its_files_in_the_bundle(row: object, sealed: Sealed) -> None:
    key, default = row.key, row.default  # type: ignore[attr-defined]
    assert sealed.bundle.index.plugins[key].name == default
    place = PLACES.get(key, f"{key}/{default}/")
    assert any(path == place or path.startswith(place) for path in sealed.bundle.paths)


def test_a_run_needs_nothing_from_outside(sealed: Sealed) -> None:
    assert sealed.bundle.index.environment.variables == []
    assert sealed.bundle.index.environment.secrets == []


@pytest.mark.tools
def test_it_runs_with_duckdb_and_nothing_else(sealed: Sealed, tmp_path: Path) -> None:
    done = floe("run", str(sealed.folder), "--run-dir", str(tmp_path / "run"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(tmp_path / "run" / "floe.duckdb"), read_only=True) as tables:
        assert tables.execute("select max(minutes_lit) from main.nights").fetchone() == (750,)


class Row(NamedTuple):
    """A line of the bundle's README: files and command, and the folder that both are below."""

    folder: str
    files: list[str]
    tool: str
    command: str


def readme_rows(bundle: VerifiedBundle) -> Iterator[Row]:
    folder = ""
    for line in bundle.read("README.md").decode().splitlines():
        if line.startswith("### "):
            folder = line.removeprefix("### ") + "/"
        if line.startswith("| `"):
            files, tool, command = (cell.strip() for cell in line.strip("|").split(" | "))
            yield Row(folder, files.split("`")[1::2], tool, command.strip("`"))


def test_the_readme_says_of_every_file_who_loads_it_and_how(sealed: Sealed) -> None:
    rows = list(readme_rows(sealed.bundle))
    assert all(row.tool and row.command for row in rows), "a file that nobody loads"
    told = [row.folder + file for row in rows for file in row.files]
    for path in {*sealed.bundle.paths, "compiled_artifacts.json"} - {"README.md"}:
        of_folder = any(file.endswith("/") and path.startswith(file) for file in told)
        assert path in told or of_folder or any(fnmatch(path, file) for file in told if "*" in file), path


BUILT_IN: Final = frozenset({".", "cd", "export", "set"})
"""What a shell has itself."""
ELSEWHERE: Final = frozenset({"aws", "docker"})
"""Programs that no registry of Python or npm has. What their rows name is loaded otherwise in tests of their own."""


def programs(command: str) -> Iterator[str]:
    """The first word of each simple command, but for assignments before it and what the shell has itself."""
    words = shlex.shlex(command, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    begins = True
    for word in words:
        if set(word) <= set("();&|"):
            begins = True
        elif begins and "=" not in word:
            begins = False
            if word not in BUILT_IN:
                yield word


@pytest.mark.tools
def test_every_program_that_the_readme_names_can_be_had(sealed: Sealed) -> None:
    folders = [*ROOT.glob(".venv*/bin"), *ROOT.glob(".*/node_modules/.bin")]
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    for row in readme_rows(sealed.bundle):
        for program in programs(row.command):
            assert program in ELSEWHERE or shutil.which(program, path=path), f"{program}: {row}"


OF_FLOE: Final = ("dbt", "dbt-bouncer", "floe", "python")
"""The programs that are installed with floe. That the others load what is theirs, tests of their own show."""


@pytest.mark.tools
def test_what_the_readme_says_works_as_it_is_typed_and_leaves_the_bundle_as_it_is(
    sealed: Sealed, tmp_path: Path
) -> None:
    text = sealed.bundle.read("README.md").decode()
    setting_out = text.split("```sh\n")[1].split("```")[0]
    typed = [setting_out]
    rows = [row for row in readme_rows(sealed.bundle) if row.command.split()[0] in OF_FLOE]
    assert {row.command.split()[0] for row in rows} == set(OF_FLOE)
    for row in rows:
        typed.append(f'cd "$BUNDLE/{row.folder}" && {row.command}' if row.folder else row.command)
    script = "set -e\n" + "\n".join(f"({line})" if number else line for number, line in enumerate(typed))
    environ = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        ["bash", "-c", script], cwd=sealed.folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All checks passed!" in done.stdout, "dbt debug"
    assert "ERROR=0" in done.stdout, "dbt build"
    assert json.loads(sealed.bundle.read("reports/policy.json"))["outcome"] in done.stdout
    assert load_bundle(sealed.folder).digest == sealed.bundle.digest


@pytest.mark.tools
def test_dbt_bouncer_validates_and_runs_the_sealed_file(sealed: Sealed, tmp_path: Path) -> None:
    folder = sealed.folder / "data_quality" / "dbt_bouncer"
    environ = {"HOME": str(tmp_path), "COLUMNS": "200", "LANG": "C.UTF-8"}
    bouncer = Path(sys.executable).with_name("dbt-bouncer")
    for words in (["validate", "--config-file", "dbt-bouncer.yml"], ["run", "--allow-zero-checks"]):
        done = subprocess.run([bouncer, *words], cwd=folder, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "lighthouse_log" in done.stdout
