"""dbt-bouncer: conventions of a dbt project, checked on its manifest. Source: https://godatadriven.github.io/dbt-bouncer/

Its manifest checks can be policies; the others need what only a run leaves behind (catalog.json, run results).
It runs in a process of its own: it parses SQL, which no process of floe does, and keeps a cache in HOME.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from floe_compiler.errors import FloeError, Problem
from floe_compiler.plugins.contracts import Checks, DataQualityPlugin, Finding, LoadedBy, RefusedCheck

CONFIG: Final = "dbt-bouncer.yml"
_CATEGORY: Final = "manifest_checks"
_PYTHON: Final = (sys.executable, "-P", "-s", "-X", "utf8")
_RUN: Final = (*_PYTHON, "-c", "from dbt_bouncer.main import app; app()", "run", "--allow-zero-checks")
_REFUSALS: Final = (*_PYTHON, str(Path(__file__).with_name("_dbt_bouncer_refusals.py")))
_TIMEOUT: Final = 600.0
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


class DbtBouncer(DataQualityPlugin):
    """Has dbt-bouncer judge.

    A node that asks in its `meta` to skip a check is judged all the same: who sets the policies grants waivers.
    """

    summary = "dbt-bouncer: conventions, checked on dbt's manifest"
    loaded_by = (
        LoadedBy(CONFIG, "dbt-bouncer", f"dbt-bouncer run --config-file {CONFIG} --allow-zero-checks", "tool"),
    )

    def render(self, checks: Checks, artifacts: str) -> Mapping[str, bytes]:
        return {CONFIG: _config(checks, artifacts)}

    def refused(self, checks: Checks, scratch: Path) -> tuple[RefusedCheck, ...]:
        _start(_REFUSALS, scratch, lambda status: status == 0, orjson.dumps(list(checks.values())))
        answers = orjson.loads((scratch / "refusals.json").read_bytes())
        return tuple(
            RefusedCheck(name, message, parameter)
            for name, refusals in zip(checks, answers, strict=True)
            for message, parameter in refusals
        )

    def judge(self, checks: Checks, manifest: Path, scratch: Path) -> tuple[Finding, ...]:
        artifacts = scratch / "artifacts"
        artifacts.mkdir()
        (artifacts / "manifest.json").write_bytes(_without_exemptions(manifest.read_bytes()))
        (scratch / CONFIG).write_bytes(_config(checks, artifacts.name))
        found = scratch / "found.json"
        _start((*_RUN, "--config-file", CONFIG, "--output-file", found.name), scratch, _judged(found))
        results = orjson.loads(found.read_bytes()) if found.exists() else []
        return tuple(_findings(results, tuple(checks)))


def _judged(found: Path) -> Callable[[int], bool]:
    """Whether the run came to its end. Status 1 is that of unsatisfied checks, and of a crash, which writes nothing;
    status 0 without a file is that of checks that concern no node."""
    return lambda status: status == 0 or (status == 1 and found.exists())


def _config(checks: Checks, artifacts: str) -> bytes:
    """dbt-bouncer.yml, the checks in their order: dbt-bouncer tells them apart by their positions."""
    document = {"dbt_artifacts_dir": artifacts, _CATEGORY: [dict(check) for check in checks.values()]}
    text: str = yaml.safe_dump(document, sort_keys=True, allow_unicode=True, width=10_000)
    return text.encode()


def _findings(results: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[Finding]:
    broken: list[Problem] = []
    for result in results:
        tool_name, position, *_ = result["check_run_id"].split(":")
        name = names[int(position)]
        node, file, message = result["unique_id"], result["file_path"], result["failure_message"]
        if result["outcome"] == "failed":
            yield Finding(name, message, node, file)
        elif result["outcome"] != "success":
            broken.append(Problem("FLOE-C301", f"`{name}` ({tool_name}) broke on {node or 'the project'}: {message}"))
    if broken:
        raise FloeError(broken)


def _without_exemptions(manifest: bytes) -> bytes:
    """The manifest without the `meta` key by which a node would escape its checks."""
    if b'"skip_checks"' not in manifest:
        return manifest
    document = orjson.loads(manifest)
    sections = (section for section in document.values() if isinstance(section, dict))
    members = (member for section in sections for member in section.values() if isinstance(member, dict))
    for member in members:
        for owner in (member, member.get("config")):
            meta = owner.get("meta") if isinstance(owner, dict) else None
            exemptions = meta.get("dbt-bouncer") if isinstance(meta, dict) else None
            if isinstance(exemptions, dict):
                exemptions.pop("skip_checks", None)
    return orjson.dumps(document)


def _start(command: Sequence[str], scratch: Path, succeeded: Callable[[int], bool], given: bytes = b"") -> None:
    """Raises FLOE-C302 with the last line that was printed, unless the command succeeded by its exit status."""
    environ = {
        "PATH": os.defpath,
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "DBT_BOUNCER_DISABLE_CONF_CACHE": "1",
    }
    try:
        done = subprocess.run(
            command,
            cwd=scratch,
            env=environ,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FloeError(Problem("FLOE-C302", f"dbt-bouncer cannot run: {error}")) from error
    if not succeeded(done.returncode):
        *_, last = ("nothing", *_COLOURS.sub("", done.stdout.decode(errors="replace")).splitlines())
        message = f"dbt-bouncer ended with status {done.returncode}. It last printed: {last}"
        raise FloeError(Problem("FLOE-C302", message))
