"""Nothing changed means nothing runs: remembers which inputs gave which bundle, and recognises them again.

Two records in the store's cache. A *plan*, by product and request, says where inputs lie, so that they can be
digested without being understood. A *result*, by the key over all of their content, names the bundle and the day
until which the waivers in it hold. The key
covers everything that can change a bundle: the input files, every file that dbt reads, the requested targets,
and the software: Python, installed distributions, floe's own files. Standard library only: this runs before
anything heavy is imported.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

from floe_compiler.digests import digest
from floe_compiler.sources import Folder, Layout, Package, installed_packages, walk
from floe_compiler.store.integrity import check_folder
from floe_compiler.store.layout import Store, prepare
from floe_compiler.store.writing import refusing_writes, replace_file

FORMAT: Final = "floe recall 4"
_PACKAGE: Final = Path(__file__).parent
_LARGEST_SCRIPT: Final = 2**20


class Request(NamedTuple):
    """What is asked for. `product` is the path of floe.yaml or of its folder."""

    product: Path
    targets: tuple[str, ...] = ()


class Outside(NamedTuple):
    """What else a compile depended on: files that are no inputs, such as an engine, and variables by name."""

    files: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


NOTHING: Final = Outside()


class Plan(NamedTuple):
    """Where a product's inputs lie: `inputs` are files, absolute; `project` is the dbt project's folder.

    `name` is the product's, and so that of its ref in the store.
    """

    name: str
    inputs: tuple[str, ...]
    project: str
    layout: Layout
    outside: Outside = NOTHING


class Known(NamedTuple):
    """A bundle that was recognised: of which product, and its digest."""

    name: str
    digest: str


def recall(store: Store, request: Request, today: date) -> Known | None:
    """The bundle that these very inputs gave before, if it is intact and its waivers still hold; else None."""
    plan = _read_plan(store, request)
    if plan is None:
        return None
    try:
        if installed_packages(plan.project, plan.layout.packages_dir) != _packages(plan):
            return None
        inputs = [digest(_content(path)) for path in plan.inputs]
        files = {path: digest(_content(file)) for path, file in walk(plan.project, plan.layout)}
    except (OSError, ValueError):  # what cannot be read now is refused by the stage that reads it
        return None
    found = recall_result(store, key(request.targets, inputs, files, plan.outside), today)
    return Known(plan.name, found) if found else None


def recall_result(store: Store, inputs_key: str, today: date) -> str | None:
    """The digest of the bundle that inputs with this key gave before, if it is intact and its waivers still hold;
    else None: a waiver that has ended must be judged again."""
    try:
        found, holds_until = _content(_result(store, inputs_key)).decode().split()
    except (OSError, ValueError):
        return None
    if today.isoformat() > holds_until:
        return None
    return found if not check_folder(store.bundle(found), found) else None


def remember_result(store: Store, inputs_key: str, bundle: str, holds_until: str | None) -> None:
    """Records which bundle these inputs gave; `holds_until` is the last day of the first waiver in it to end.

    Raises FLOE-F104."""
    with refusing_writes(store.cache):
        (store.cache / "results").mkdir(exist_ok=True)
        content = f"{bundle} {holds_until or date.max.isoformat()}\n".encode()
        replace_file(_result(store, inputs_key), content, store.tmp)


def remember(store: Store, request: Request, plan: Plan) -> None:
    """Records where the inputs of a request lie. Raises FLOE-F104."""
    prepare(store)
    record = {
        "format": FORMAT,
        "name": plan.name,
        "inputs": plan.inputs,
        "project": plan.project,
        "layout": plan.layout,
        "outside": plan.outside,
    }
    with refusing_writes(store.cache):
        (store.cache / "plans").mkdir(exist_ok=True)
        replace_file(_plan(store, request), json.dumps(record).encode(), store.tmp)


def last_outside(store: Store, request: Request) -> Outside:
    """What the last compile of the request depended on beside its inputs, as far as that is known."""
    plan = _read_plan(store, request)
    return plan.outside if plan else NOTHING


def key(targets: Sequence[str], inputs: Iterable[str], files: Mapping[str, str], outside: Outside = NOTHING) -> str:
    """The key over digests: of the input files in their order, and of the project's files by path. What lies outside
    is recognised by size and time: an engine has 150 MB."""
    covered = [FORMAT, sorted(set(targets)), list(inputs), sorted(files.items()), _software(), [*_found(outside)]]
    return digest(json.dumps(covered).encode())


def _found(outside: Outside) -> Iterator[tuple[str, int, int] | tuple[str, str | None]]:
    for path in outside.files:
        with suppress(OSError):
            status = os.stat(path)
            yield path, status.st_size, status.st_mtime_ns
    for name in outside.variables:
        yield name, os.environ.get(name)


def _software() -> list[Any]:
    """What does the compiling. A distribution's folder carries its name and version; floe's own files are
    recognised by size and time, since a checkout changes without its version changing."""
    found: set[str] = set()
    for folder in sys.path:
        with suppress(OSError):
            found.update(name for name in os.listdir(folder or ".") if name.endswith((".dist-info", ".egg-info")))
    own = []
    for directory, _, names in os.walk(_PACKAGE):
        for name in names:
            if name.endswith(".py"):
                status = os.stat(os.path.join(directory, name))
                own.append((name, status.st_size, status.st_mtime_ns))
    return [sys.version_info[:3], sorted(found), sorted(own), sorted(_engines())]


def _engines() -> Iterator[tuple[str, int, int]]:
    """The Rust engines on the PATH, of which the dbt runtime `fusion` may start one: no distribution tells of them.
    A `dbt` that is but a script belongs to a distribution."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for name in ("dbtf", "dbt", "dbt-core-experimental-parser"):
            with suppress(OSError):
                path = os.path.join(folder, name)
                status = os.stat(path)
                if status.st_size > _LARGEST_SCRIPT:
                    yield path, status.st_size, status.st_mtime_ns


def _read_plan(store: Store, request: Request) -> Plan | None:
    try:
        record = json.loads(_content(_plan(store, request)))
        if record["format"] != FORMAT:
            return None
        packages_dir, packages = record["layout"]
        layout = Layout(
            packages_dir,
            tuple(
                Package(path, tuple(Folder(folder, tuple(suffixes)) for folder, suffixes in folders))
                for path, folders in packages
            ),
        )
        outside = Outside(*map(tuple, record["outside"]))
        return Plan(record["name"], tuple(record["inputs"]), record["project"], layout, outside)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # whatever it is, compiling anew replaces it


def _packages(plan: Plan) -> list[str]:
    return sorted(package.path for package in plan.layout.packages if package.path)


def _plan(store: Store, request: Request) -> Path:
    asked = json.dumps([os.path.realpath(request.product), sorted(set(request.targets))])
    return store.cache / "plans" / f"{digest(asked.encode()).removeprefix('sha256:')}.json"


def _result(store: Store, inputs_key: str) -> Path:
    return store.cache / "results" / inputs_key.removeprefix("sha256:")


def _content(path: str | Path) -> bytes:
    """The bytes of a regular file. Raises OSError, also for a pipe, without waiting for its writer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        size = status.st_size
        content = os.read(descriptor, size + 1)
        while len(content) < size and (more := os.read(descriptor, size - len(content))):
            content += more
        return content
    finally:
        os.close(descriptor)
