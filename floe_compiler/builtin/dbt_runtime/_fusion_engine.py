"""The Rust engine's binary: where it is, and the proof that it is one.

https://docs.getdbt.com/docs/fusion/about-fusion

dbt's Rust engine goes by several names: `dbtf` and `dbt` where dbt Labs' installer put it, and
`dbt-core-experimental-parser` where pip did. `dbt` is also the name of dbt-core 1.x and of the dbt Cloud CLI, so
a name proves nothing: the program is asked.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from floe_compiler.digests import digest
from floe_compiler.errors import FloeError, Problem

NAMES: Final = ("dbtf", "dbt", "dbt-core-experimental-parser")
INSTALL: Final = (
    "Install one beside floe: pip install dbt-core-experimental-parser==2.0.0a4. Or install dbt Fusion, or name a "
    "binary that is elsewhere: `dbt_runtime: {use: fusion, config: {path: /opt/dbt/dbtf}}`."
)
NOWHERE: Final = "/nonexistent"
"""A directory that no machine has: what is set to it names nothing of the machine's."""

SAYS: Final = re.compile(r"^(?P<name>dbt(?:-core|-fusion)?) (?P<version>2\.\S+)$", re.MULTILINE)
SAYS_1: Final = re.compile(r"installed: +(?P<version>1\.\S+)")
STARTS_DBT_CORE: Final = b"dbt.cli.main"
"""What is imported by the script that pip makes for dbt-core."""
SCRIPT: Final = 4096
SECONDS: Final = 60.0
"""A dbt-core 1.x that was not recognised needs some ten of them to say its version."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A binary that has proved to be the Rust engine. `name` and `version` are what it calls itself."""

    path: Path
    name: str
    version: str

    def digest(self) -> str:
        """Of the binary; it has some 150 MB."""
        return digest(self.path.read_bytes())


def find_engine(configured: str | None) -> Engine:
    """The configured binary, else the first engine on the PATH or beside floe's own Python.

    Raises FloeError: FLOE-P220 when there is none, FLOE-P221 when the configured one is something else.
    """
    if configured is not None:
        return _configured(configured)
    passed_over = []
    for candidate in filter(None, map(_program, NAMES)):
        found = _ask(candidate)
        if isinstance(found, Engine):
            return found
        passed_over.append(f"({candidate} {found}.)")
    raise FloeError(
        Problem("FLOE-P220", " ".join(["There is no Rust engine of dbt here.", *passed_over]), hint=INSTALL)
    )


def _configured(name: str) -> Engine:
    program = _program(name)
    if program is None:
        raise FloeError(Problem("FLOE-P220", f"`{name}`, which `path` names, is no program here.", hint=INSTALL))
    found = _ask(program)
    if isinstance(found, Engine):
        return found
    hint = "dbt-core 1.x is the runtime `local`; `fusion` needs the Rust engine. " + INSTALL
    raise FloeError(Problem("FLOE-P221", f"`{name}`, which `path` names, {found}.", hint=hint))


def _program(name: str) -> Path | None:
    """A program by its path or name. pip puts scripts beside Python, which need not be on the PATH."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), sysconfig.get_path("scripts")])
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def _ask(program: Path) -> Engine | str:
    """The engine, or what the program is instead. dbt-core 1.x would need seconds to say so, and is recognised."""
    with program.open("rb") as file:
        if STARTS_DBT_CORE in file.read(SCRIPT):
            return "is dbt-core 1.x"
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": NOWHERE, "DO_NOT_TRACK": "1"}
    try:
        answer = subprocess.run(
            [program, "--version"], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not answer `--version`: {error}"
    said = answer.stdout.decode("utf-8", "replace") + answer.stderr.decode("utf-8", "replace")
    if found := SAYS.search(said):
        return Engine(program, found["name"], found["version"])
    if found := SAYS_1.search(said):
        return f"is dbt-core {found['version']}"
    return f"says of itself: {' '.join(said.split())[:200] or 'nothing'}"
