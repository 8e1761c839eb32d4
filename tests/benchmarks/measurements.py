"""What is measured on one project: rounds of calls that take turns, so that drift meets all of them alike."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from tests.benchmarks.processes import Call, peak_memory, seconds
from tests.benchmarks.project import FUSION, NAME, Project, edit_model, edit_schema_file

LARGE: Final = 1_000
_REVIEWED: Final = 1_000
"""A revision of the edited model that no other round has seen."""
_IN_GIT: Final = ("floe", "platform-manifest.yaml")
_COMMITTER: Final = ("-c", "user.name=floe", "-c", "user.email=floe@shop.example")
_SCRIPTS: Final = Path(sys.executable).parent
_DIGESTS: Final = """\
import hashlib, sys
for path in open(sys.argv[1]).read().splitlines():
    with open(path, "rb") as file:
        hashlib.sha256(file.read()).hexdigest()
"""


class Round(NamedTuple):
    """Calls by name, made in turn as often as `repetitions` says, or `large` on a large project.

    `prepare` is called before each repetition, with its number, and is not measured.
    """

    name: str
    calls: Callable[[Project], Mapping[str, Call]]
    prepare: Callable[[Project, int], None]
    repetitions: int
    large: int
    measure: Callable[[Call], float] = seconds


@dataclass(frozen=True)
class Measurements:
    """Seconds, or bytes, of every repetition of every call by its name."""

    size: int
    samples: dict[str, list[float]] = field(default_factory=dict)

    def typical(self, name: str) -> float:
        """The median of a call's samples."""
        return statistics.median(self.samples[name])


def measure(project: Project, rounds: Iterable[Round], progress: Callable[[str], None]) -> Measurements:
    """Makes every round on the project. Raises processes.Failed."""
    found = Measurements(len(project.models))
    for round_ in rounds:
        repetitions = round_.large if found.size >= LARGE else round_.repetitions
        for repetition in range(repetitions):
            round_.prepare(project, repetition)
            progress(f"{found.size} models, {round_.name}, {repetition + 1} of {repetitions}")
            calls = list(round_.calls(project).items())
            for name, call in calls if repetition % 2 == 0 else reversed(calls):
                found.samples.setdefault(name, []).append(round_.measure(call))
    return found


def _floe(project: Project, *arguments: str) -> Call:
    return Call((str(_SCRIPTS / "floe"), *arguments), project.product)


def _dbt(project: Project, command: str, *arguments: str) -> Call:
    quiet = ("--quiet", "--no-send-anonymous-usage-stats", "--profiles-dir", str(project.profiles))
    return Call((str(_SCRIPTS / "dbt"), command, *quiet, *arguments), project.dbt)


def _rust_engine(project: Project, command: str) -> Call:
    quiet = ("--quiet", "--no-send-anonymous-usage-stats", "--no-version-check")
    places = ("--profiles-dir", str(project.profiles), "--write-json")
    return Call((str(_SCRIPTS / "dbt-core-experimental-parser"), command, *quiet, *places), project.dbt)


def _forget(project: Project, _: int) -> None:
    """As on the first day: no store, no target folder."""
    for folder in (project.product / ".floe", project.dbt / "target"):
        if folder.exists():
            _make_writable(folder)
            shutil.rmtree(folder)


def _make_writable(folder: Path) -> None:
    for directory, _, _ in os.walk(folder):
        Path(directory).chmod(0o755)


def _know(project: Project, repetition: int) -> None:
    """As after a compile: nothing has changed since. Lists what the unchanged compile has to digest."""
    if repetition == 0:
        seconds(_floe(project, "compile"))
        seconds(_dbt(project, "parse"))
        listed = [project.folder / "platform-manifest.yaml"]
        listed += [file for file in project.product.rglob("*") if file.is_file() and _is_digested(file, project)]
        _list_of(project).write_text("\n".join(map(str, listed)), encoding="utf-8")


def _is_digested(file: Path, project: Project) -> bool:
    """The product's inputs, and of the store the bundle that the ref names."""
    store = project.product / ".floe"
    if not file.is_relative_to(store):
        return True
    digest = (store / "refs" / NAME).read_text(encoding="ascii").strip()
    return file.is_relative_to(store / "bundles" / digest.replace(":", "-"))


def _list_of(project: Project) -> Path:
    return project.folder / "digested.txt"


def _seed(project: Project, repetition: int) -> None:
    """What the model reads is in both databases."""
    if repetition == 0:
        seconds(_floe(project, "run", NAME, "--command", "seed"))
        seconds(_dbt(project, "seed"))


def _edit_model(project: Project, repetition: int) -> None:
    edit_model(project, revision=repetition + 1)


def _edit_schema_file(project: Project, repetition: int) -> None:
    edit_schema_file(project, revision=repetition + 1)


def _cold(project: Project) -> dict[str, Call]:
    return {"floe compile, cold": _floe(project, "compile"), "dbt parse, cold": _dbt(project, "parse")}


def _cold_on_fusion(project: Project) -> dict[str, Call]:
    return {
        "floe compile on fusion, cold": _floe(project, "compile", FUSION),
        "Rust engine's parse": _rust_engine(project, "parse"),
    }


def _edited(what: str) -> Callable[[Project], dict[str, Call]]:
    return lambda project: {
        f"floe compile, {what}": _floe(project, "compile"),
        f"dbt parse, {what}": _dbt(project, "parse"),
    }


def _unchanged(project: Project) -> dict[str, Call]:
    return {
        "floe compile, unchanged": _floe(project, "compile"),
        "dbt parse, unchanged": _dbt(project, "parse"),
        "Python, digests only": Call((sys.executable, "-c", _DIGESTS, str(_list_of(project))), project.folder),
        "floe verify": _floe(project, "verify", NAME),
        "floe inspect": _floe(project, "inspect", NAME),
    }


def _run(project: Project) -> dict[str, Call]:
    model = project.models[0].name
    return {
        "floe run, one model": _floe(project, "run", NAME, "--command", "run", "--select", model),
        "dbt run, one model": _dbt(project, "run", "--select", model),
    }


def _two_states(project: Project, repetition: int) -> None:
    """Both know the project as it was, floe as a bundle and dbt as a state, and as it is after an edit."""
    if repetition == 0:
        edit_model(project, revision=_REVIEWED)
        (project.folder / "old").write_text(_compiled(project), encoding="ascii")
        seconds(_dbt(project, "parse"))
        shutil.copytree(project.dbt / "target", project.folder / "state", dirs_exist_ok=True)
        edit_model(project, revision=_REVIEWED + 1)
        (project.folder / "new").write_text(_compiled(project), encoding="ascii")
        seconds(_dbt(project, "parse"))


def _compiled(project: Project) -> str:
    seconds(_floe(project, "compile"))
    return (project.product / ".floe" / "refs" / NAME).read_text(encoding="ascii").strip()


def _branch(project: Project, repetition: int) -> None:
    """A branch that was reviewed before, so that its bundle is in the store, and one model edited since."""
    if repetition == 0:
        edit_model(project, revision=_REVIEWED)
        for words in (
            ("init", "--quiet", "--initial-branch=main"),
            ("add", "."),
            ("commit", "--quiet", "-m", "Reviewed"),
        ):
            seconds(Call(("git", *_COMMITTER, *words), project.folder))
        seconds(_floe(project, "diff", "main"))
        seconds(_dbt(project, "parse"))
    edit_model(project, revision=_REVIEWED + 2 + repetition)


def _diffs(project: Project) -> dict[str, Call]:
    old, new = ((project.folder / name).read_text(encoding="ascii") for name in ("old", "new"))
    page = ("--format", "html", "--output", str(project.folder / "page.html"))
    state = ("--select", "state:modified", "--state", str(project.folder / "state"))
    return {
        "floe diff of two bundles": _floe(project, "diff", old, new),
        "floe diff of two bundles, as a page": _floe(project, "diff", old, new, *page),
        "dbt ls, state:modified": _dbt(project, "ls", *state),
    }


def _diff_of_a_branch(project: Project) -> dict[str, Call]:
    return {
        "floe diff main, one model edited": _floe(project, "diff", "main"),
        "dbt parse, one model edited since": _dbt(project, "parse"),
    }


def _peaks(calls: Callable[[Project], Mapping[str, Call]]) -> Callable[[Project], dict[str, Call]]:
    return lambda project: {f"{name}: peak": call for name, call in calls(project).items()}


ROUNDS: Final = (
    Round("memory of a cold compile", _peaks(_cold), _forget, 1, 1, peak_memory),
    Round("cold", _cold, _forget, 3, 2),
    Round("cold, on fusion", _cold_on_fusion, _forget, 3, 5),
    Round("one model edited", _edited("one model edited"), _edit_model, 3, 3),
    Round("one YAML file edited", _edited("one YAML file edited"), _edit_schema_file, 3, 3),
    Round("unchanged", _unchanged, _know, 5, 5),
    Round("run", _run, _seed, 3, 3),
    Round("diff", _diffs, _two_states, 5, 3),
    Round("diff of a branch", _diff_of_a_branch, _branch, 3, 2),
    Round("memory of a run", _peaks(_run), _seed, 1, 1, peak_memory),
)
