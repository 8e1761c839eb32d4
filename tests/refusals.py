"""The corpus of refusals in `fixtures/broken`: one fault a folder, and exactly what floe says of it.

A folder is named after a code and its fault. Its `case.toml` says how to get there from something sound:

    start = "product"                       # or "bundle", or "nothing": see STARTS
    change = [{remove = "product/floe.yaml"}]  # what is done to it, in order: see CHANGES
    run = "compile product"                 # the command line, in the folder that holds all that
    status = 3                              # the exit status

What lies in `files/` is laid over the start. A case may also name a function of `tests/broken_cases.py`
(`call = "…"`), where no command line can get there. `expected.txt` is what a user reads.
`python -m tests.refusals --update [NAME…]` writes it anew, for review.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from unittest import mock

from floe_compiler import stages
from floe_compiler.cli.main import main
from floe_compiler.cli.show import show_problems
from floe_compiler.errors import FloeError
from floe_compiler.plugins.contracts import DBTRuntimePlugin
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.store.export import export_archive
from tests import broken_cases
from tests.bundles import make_bundle, on_disk, reseal
from tests.privileges import without_privileges
from tests.warm import WarmRegistry

CORPUS: Final = Path(__file__).parent.parent / "fixtures" / "broken"
SOUND: Final = CORPUS / "sound"
FOLDERS: Final = sorted(path for path in CORPUS.glob("FLOE-*") if path.is_dir())
CODE: Final = re.compile(r"FLOE-[A-Z]\d{3}")
_STATE: Final = ("cache", "quarantine", "runs")
"""What a store keeps beside bundles: it may change when a command is refused."""


@dataclass(frozen=True, slots=True)
class Case:
    """A fault, and the exit status that it must end in."""

    folder: Path
    status: int
    run: str = ""
    call: str = ""
    start: str = "product"
    change: tuple[Mapping[str, Any], ...] = ()
    unprivileged: bool = False
    publishes: bool = False
    """Whether the fault comes after a bundle was published, and leaves it there."""

    @property
    def code(self) -> str:
        found = CODE.match(self.folder.name)
        assert found, f"{self.folder} is not named after a code"
        return found[0]

    @property
    def expected(self) -> Path:
        return self.folder / "expected.txt"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command line: `said` is what people read, `codes` what machines do."""

    case: Case
    status: int
    said: str
    printed: str
    codes: tuple[str, ...] | None
    before: frozenset[str]
    after: frozenset[str]


def read_case(folder: Path) -> Case:
    """The case in a folder; what `case.toml` must not say is refused by Python."""
    described = tomllib.loads((folder / "case.toml").read_text("utf-8"))
    change = tuple(described.pop("change", ()))
    return Case(folder, change=change, **described)


def outcome_of(case: Case, warm: WarmRegistry) -> Outcome:
    """Makes the fault and runs the command: once for people, once for machines."""
    with contextlib.ExitStack() as stack:
        work = stack.enter_context(without_privileges() if case.unprivileged else _temporary_folder())
        stack.enter_context(mock.patch.dict(os.environ, _own_environment(), clear=True))
        stack.enter_context(mock.patch.object(stages, "PluginRegistry", partial(_SharingDbt, warm), create=True))
        stack.enter_context(contextlib.chdir(work))
        STARTS[case.start](work)
        if (case.folder / "files").is_dir():
            shutil.copytree(case.folder / "files", work, dirs_exist_ok=True)
        for change in case.change:
            _apply(change, stack)
        before = _published(work)
        status, printed, said = _run(case, ())
        after = _published(work)
        codes = None
        if case.run and "--json" in _help(case):
            _, document, _ = _run(case, ("--json",))
            codes = tuple(problem["code"] for problem in json.loads(document or "{}").get("problems", ()))
    return Outcome(case, status, _steady(said, work), printed, codes, before, after)


def _run(case: Case, more: tuple[str, ...]) -> tuple[int, str, str]:
    """Exit status, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([*shlex.split(case.run), *more]) if case.run else _called(case)
    return status, out.getvalue(), err.getvalue()


def _called(case: Case) -> int:
    """What the command line does with a problem, for one that no command line leads to."""
    try:
        getattr(broken_cases, case.call)(Path.cwd())
    except FloeError as error:
        show_problems(error, as_json=False)
        return error.exit_status
    return 0


def _help(case: Case) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main([shlex.split(case.run)[0], "--help"])
    return out.getvalue()


# -- what there is before the fault --------------------------------------------------------------------------


def _a_product(work: Path) -> None:
    """A product and its platform."""
    for part in SOUND.iterdir():
        shutil.copytree(part, work / part.name)


def _a_bundle(work: Path) -> None:
    """A sealed bundle, as a folder and as a single file."""
    bundle = make_bundle()
    on_disk(bundle, work / "bundle")
    export_archive(bundle, work / "bundle.tar")


STARTS: Final[Mapping[str, Callable[[Path], None]]] = {
    "product": _a_product,
    "bundle": _a_bundle,
    "nothing": lambda work: None,
}


# -- how it is broken ----------------------------------------------------------------------------------------


def _write(path: Path, text: str = "", hex: str = "", times: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((bytes.fromhex(hex) or text.encode()) * times)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, f"{path} does not have {old!r}"
    path.write_text(text.replace(old, new), "utf-8")


def _append(path: Path, text: str) -> None:
    with path.open("ab") as file:
        file.write(text.encode())


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def _resize(path: Path, bytes: int) -> None:
    path.touch()
    os.truncate(path, bytes)


def _seal(path: Path, set: Mapping[str, Any]) -> None:
    """Another index in the place of the sealed one: canonical, with other values at the dotted places."""
    value = json.loads((path / "compiled_artifacts.json").read_bytes())
    for place, new in set.items():
        *way, last = (int(step) if step.isdigit() else step for step in place.split("."))
        inner = value
        for step in way:
            inner = inner[step]
        inner[last] = new
    reseal(path, value)


def _relabel(path: Path, name: str, to: Path) -> None:
    """Puts the bundle in the folder `to` in the place of the one that a ref of the store at `path` names."""
    digest = (path / "refs" / name).read_text().strip()
    place = path / "bundles" / digest.replace(":", "-")
    _remove(place)
    shutil.copytree(to, place)


def _floe(run: Path, **_: Any) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as err:
        status = main(shlex.split(str(run)))
    assert status == 0, err.getvalue()


CHANGES: Final[Mapping[str, Callable[..., object]]] = {
    "write": _write,
    "replace": _replace,
    "append": _append,
    "remove": _remove,
    "rename": lambda path, to: path.rename(to),
    "link": lambda path, to: path.symlink_to(to),
    "fifo": lambda path: os.mkfifo(path),
    "folder": lambda path: path.mkdir(parents=True),
    "mode": lambda path, bits: path.chmod(int(bits, 8)),
    "flip": _flip,
    "resize": _resize,
    "seal": _seal,
    "relabel": _relabel,
    "floe": _floe,
}
"""By the key that names the change; its value is the path, the other keys are arguments."""


@contextlib.contextmanager
def _disk(path: Path, size: str) -> Iterator[None]:
    """A file system of that size at the path."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "floe-test", str(path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        raise CannotBeMade("may not mount a file system here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


@contextlib.contextmanager
def _interrupted(path: Path) -> Iterator[None]:
    """Ctrl-C, as soon as there is something at the path."""
    over = threading.Event()

    def watch() -> None:
        while not path.exists():
            if over.wait(0.02):
                return
        os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@contextlib.contextmanager
def _installed(path: Path) -> Iterator[None]:
    """The distributions in a folder, installed."""
    with mock.patch.object(sys, "path", [str(path.absolute()), *sys.path]):
        yield


SURROUNDINGS: Final[Mapping[str, Callable[..., contextlib.AbstractContextManager[Any]]]] = {
    "disk": _disk,
    "installed": _installed,
    "interrupted": _interrupted,
    "variable": lambda name, value: mock.patch.dict(os.environ, {str(name): value}),
}
"""The same for changes that have to be undone."""


class CannotBeMade(Exception):
    """The fault needs something that this machine does not allow."""


def _apply(change: Mapping[str, Any], stack: contextlib.ExitStack) -> None:
    (kind,) = change.keys() & (CHANGES.keys() | SURROUNDINGS.keys())
    arguments = {key: value for key, value in change.items() if key != kind}
    if kind in CHANGES:
        CHANGES[kind](Path(change[kind]), **arguments)
    else:
        stack.enter_context(SURROUNDINGS[kind](Path(change[kind]), **arguments))


# -- what is compared ----------------------------------------------------------------------------------------


def _published(work: Path) -> frozenset[str]:
    """Every path in the folder and in its stores, but for what a store may keep of a refused command."""
    paths = {path.relative_to(work) for path in work.rglob("*")}
    stores = {path.parent for path in paths if path.name == "FLOE_STORE"}
    kept = {store / name for store in stores for name in _STATE}
    made = {path for store in stores for path in (store, *(p for p in paths if p.parent == store))}
    return frozenset(str(p) for p in paths if p not in made and not any(p.is_relative_to(k) for k in kept))


_UNSTEADY: Final = {
    r"(?<=sha256[:-])[0-9a-f]{64}": "<digest>",
    r"\.floe-\d+-[0-9a-f]{12}": ".floe-<process>",
    r"(?<=<digest>\.)[0-9a-f]{8}": "<chance>",
    r" *\d+\.\d+ ?s\b": " <time>",
}


def _steady(text: str, work: Path) -> str:
    """Without what differs between machines and versions."""
    text = text.replace(str(work.resolve()), "<here>").replace(str(work), "<here>")
    for pattern, name in _UNSTEADY.items():
        text = re.sub(pattern, name, text)
    return text.replace(version("dbt-core"), "<version>").replace(version("dbt-duckdb"), "<version>")


def _own_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="floe-refusal-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


class _SharingDbt(PluginRegistry):
    """The real registry, of what is installed now, with the dbt that all cases share."""

    def __init__(self, warm: WarmRegistry) -> None:
        super().__init__()
        self._warm = warm

    def get_runtime(self, name: str, config: Mapping[str, Any], environ: Mapping[str, str]) -> DBTRuntimePlugin:
        chosen = self._warm if name == "local" else super()
        return chosen.get_runtime(name, config, environ)


def _update(names: list[str]) -> None:
    warm = WarmRegistry()
    for folder in FOLDERS:
        if names and not any(name in folder.name for name in names):
            continue
        case = read_case(folder)
        try:
            outcome = outcome_of(case, warm)
        except CannotBeMade as reason:
            print(f"{folder.name}: {reason}")
            continue
        if outcome.status != case.status:
            print(f"{folder.name}: exit status {outcome.status}, not {case.status}")
        if not case.expected.exists() or case.expected.read_text("utf-8") != outcome.said:
            print(f"{folder.name}:\n{outcome.said}")
            case.expected.write_text(outcome.said, "utf-8")
    warm.end()


if __name__ == "__main__":
    if sys.argv[1:2] != ["--update"]:
        raise SystemExit(__doc__)
    _update(sys.argv[2:])
