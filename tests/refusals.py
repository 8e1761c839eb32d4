"""The corpus of refusals in `fixtures/broken`: one fault a folder, and exactly what floe says of it.

A folder is named after a code and its fault. Its `case.toml` says how to get there from something sound:

    start = "product"                       # or "bundle", "repository", "nothing": see STARTS
    change = [{remove = "product/floe.yaml"}]  # what is done to it, in order: see CHANGES
    run = "compile product"                 # the command line, in the folder that holds all that
    status = 3                              # the exit status

What lies in `files/` is laid over the start. A case may also name a function of `tests/broken_cases.py`
(`call = "…"`), where no command line can get there. `expected.txt` is what a user reads.
`python -m tests.refusals --update [NAME…]` writes it anew, for review.
"""

from __future__ import annotations

import atexit
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
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest import mock

from floe_compiler import stages
from floe_compiler.cli import main as main_module
from floe_compiler.cli.main import main
from floe_compiler.cli.show import show_problems
from floe_compiler.errors import FloeError
from floe_compiler.plugins.contracts import DBTRuntimePlugin
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.sources import STORE_FOLDER
from floe_compiler.store.export import export_archive
from floe_compiler.store.layout import MARKER, Store
from floe_compiler.store.listing import INDEX
from floe_compiler.store.publish import publish
from floe_compiler.store.refs import write_ref
from floe_compiler.store.scratch import remove_tree
from tests import broken_cases
from tests.bundles import make_bundle, on_disk, reseal
from tests.doubles.dbt_cloud.surroundings import a_product_in_dbt_cloud
from tests.engines import WHY_NO_RUST_ENGINE
from tests.privileges import without_privileges
from tests.repositories import commit, git, repository
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
    """What came of a command line: `said` is what people read on stderr, `codes` what machines do."""

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
    """Makes the fault and runs the command."""
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
        ran = _run(case)
        after = _published(work)
    return Outcome(case, ran.status, _steady(ran.said, work), ran.printed, ran.codes, before, after)


class _Ran(NamedTuple):
    status: int
    printed: str
    said: str
    codes: tuple[str, ...] | None


def _run(case: Case) -> _Ran:
    """Runs the command; what it says to people is said to machines too, as `--json` would."""
    out, err, document = io.StringIO(), io.StringIO(), io.StringIO()

    def show_to_both(error: FloeError, *, as_json: bool) -> None:
        with contextlib.redirect_stdout(document):
            show_problems(error, as_json=True)
        show_problems(error, as_json=as_json)

    to_both = mock.patch.object(main_module, "show_problems", show_to_both)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), to_both:
        status = main(shlex.split(case.run)) if case.run else _called(case)
    problems = json.loads(document.getvalue())["problems"] if document.getvalue() else None
    codes = tuple(problem["code"] for problem in problems) if problems else None
    return _Ran(status, out.getvalue(), err.getvalue(), codes)


def _called(case: Case) -> int:
    """What the command line does with a problem, for one that no command line leads to."""
    try:
        getattr(broken_cases, case.call)(Path.cwd())
    except FloeError as error:
        show_problems(error, as_json=False)
        return error.exit_status
    return 0


# -- what there is before the fault --------------------------------------------------------------------------


def _a_product(work: Path) -> None:
    """A product and its platform."""
    for part in SOUND.iterdir():
        shutil.copytree(part, work / part.name)


def _a_compiled_product(work: Path) -> None:
    """The same with a store that holds its bundle, compiled once for all cases."""
    for part in _compiled().iterdir():
        shutil.copytree(part, work / part.name)


@cache
def _compiled() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="floe-compiled-"))
    atexit.register(remove_tree, folder)
    _a_product(folder)
    with contextlib.chdir(folder):
        _floe(Path("compile product"))
    return folder


def _a_product_under_git(work: Path) -> None:
    """A product and its platform, in the one commit of a repository; its branch is `main`."""
    _a_product(work)
    repository(work)


def _a_store(work: Path) -> None:
    """A store `shelf`, in which the ref `orders` names a sealed bundle."""
    bundle, store = make_bundle(), Store(work / "shelf")
    publish(store, bundle)
    write_ref(store, "orders", bundle.digest)


def _a_bundle(work: Path) -> None:
    """A sealed bundle, as a folder and as a single file."""
    bundle = make_bundle()
    on_disk(bundle, work / "bundle")
    export_archive(bundle, work / "bundle.tar")


STARTS: Final[Mapping[str, Callable[[Path], None]]] = {
    "product": _a_product,
    "compiled": _a_compiled_product,
    "repository": _a_product_under_git,
    "bundle": _a_bundle,
    "store": _a_store,
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
    value = json.loads((path / INDEX).read_bytes())
    for place, new in set.items():
        *way, last = (int(step) if step.isdigit() else step for step in place.split("."))
        inner = value
        for step in way:
            inner = inner[step]
        inner[last] = new
    (path / INDEX).chmod(0o644)  # in a store it is read-only
    reseal(path, value)


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
    "fifo": os.mkfifo,
    "folder": lambda path: path.mkdir(parents=True),
    "mode": lambda path, bits: path.chmod(int(bits, 8)),
    "flip": _flip,
    "resize": _resize,
    "seal": _seal,
    "floe": _floe,
    "git": lambda path, run: git(path, *shlex.split(run)),
    "commit": commit,
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
        subprocess.run(["umount", "--lazy", str(path)], check=True)  # dbt keeps its log open


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


def _needed() -> contextlib.AbstractContextManager[None]:
    """The Rust engine, which the fault is about."""
    if WHY_NO_RUST_ENGINE:
        raise CannotBeMade(WHY_NO_RUST_ENGINE)
    return contextlib.nullcontext()


SURROUNDINGS: Final[Mapping[str, Callable[..., contextlib.AbstractContextManager[Any]]]] = {
    "dbt_cloud": a_product_in_dbt_cloud,
    "disk": _disk,
    "installed": _installed,
    "interrupted": _interrupted,
    "needs": lambda engine: _needed(),
    "variable": lambda name, value: mock.patch.dict(os.environ, {str(name): value}),
}
"""The same for changes that have to be undone."""


class CannotBeMade(Exception):
    """The fault needs something that this machine does not allow."""


def _apply(change: Mapping[str, Any], stack: contextlib.ExitStack) -> None:
    (kind,) = change.keys() & (CHANGES.keys() | SURROUNDINGS.keys())
    arguments = {key: value for key, value in change.items() if key != kind}
    if kind in CHANGES:
        CHANGES[kind](_path(change[kind]), **arguments)
    else:
        stack.enter_context(SURROUNDINGS[kind](Path(change[kind]), **arguments))


def _path(text: str) -> Path:
    """A path; of one with a `*`, the only path that it stands for."""
    found = sorted(Path().glob(text)) if "*" in text and not text.startswith("compile") else [Path(text)]
    assert len(found) == 1, f"{text} stands for {found}"
    return found[0]


# -- what is compared ----------------------------------------------------------------------------------------


def _published(work: Path) -> frozenset[str]:
    """Every path in the folder and in its stores, but for what a store may keep after a refusal."""
    paths = {path.relative_to(work) for path in work.rglob("*")}
    stores = {path.parent for path in paths if path.name == MARKER} | {p for p in paths if p.name == STORE_FOLDER}
    kept = {store / name for store in stores for name in _STATE}
    made = {path for store in stores for path in (store, *(p for p in paths if p.parent == store))}
    return frozenset(str(p) for p in paths if p not in made and not any(p.is_relative_to(k) for k in kept))


_UNSTEADY: Final = {
    r"(?<=sha256[:-])[0-9a-f]{64}": "<digest>",
    r"\b\d+-[0-9a-f]{12}\b": "<process>",
    r"(?<=<digest>\.)[0-9a-f]{8}": "<chance>",
    r" *\d+\.\d+ ?s\b": " <time>",
    r"(?<=would have )[\d,]+(?= bytes)": "<size>",
    r"\b[0-9a-f]{40}\b": "<commit>",
    r"(?<=\()[0-9a-f]{7}(?=\))": "<commit>",
    r"\bfloe-[0-9a-f]{32}\b": "<mark>",
    r"\b127\.0\.0\.1:\d+\b": "<address>",
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
