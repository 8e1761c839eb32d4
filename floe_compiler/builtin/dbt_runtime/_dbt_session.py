"""One dbt invocation after another, inside the worker process. With `_sealed_manifest.py`, all that imports dbt.

It is loaded by `_dbt_worker.py` and imports nothing of floe. Each invocation finds its directory, environment
and clock put in place, and leaves nothing behind for the next. Differences between dbt 1.10 and 1.11 are
asked of dbt (`hasattr`), never of its version.
"""

from __future__ import annotations

import datetime
import gc
import importlib
import importlib.util
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dbt.artifacts.schemas.base
import dbt.cli.requires
import dbt.context.base
import dbt.parser.manifest
import dbt.parser.read_files
import dbt.tracking
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.compilation import Linker
from dbt.contracts.graph import nodes
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.partial import PartialParsing
from dbt.version import __version__ as dbt_version
from dbt_common.clients.system import write_file
from dbt_common.events.functions import reset_metadata_vars
from dbt_common.invocation import get_invocation_id
from dbt_common.utils.encoding import JSONEncoder

MAX_EVENTS: Final = 50
Emit = Callable[[dict[str, Any]], None]

ENGINE_VERSION: Final = dbt_version
OFFLINE: Final = "_dbt_offline"
"""The module that the worker has loaded beside this one."""
SEALED: Final[Any] = importlib.import_module("_sealed_manifest")  # the worker has loaded it, by its file


@dataclass(frozen=True)
class Request:
    """One dbt invocation.

    `env` is all that `env_var()` sees. `manifest` is a sealed manifest.json, to be run without parsing.
    `clock_shift` moves what the project can see of the clock, in seconds. `run_results` is where the results
    of a run are written, `compiled_sql` where the SQL that `dbt compile` makes of each node without a connection is.
    """

    args: list[str]
    env: dict[str, str]
    environ: dict[str, str]
    cwd: str
    project_dir: str
    clock_shift: int
    manifest: str | None
    run_results: str | None
    compiled_sql: str | None

    @property
    def parses(self) -> bool:
        return self.args[0] == "parse"

    @property
    def repeatable(self) -> bool:
        """Whether it is made for its result, which has to be the same every time."""
        return self.parses or self.compiled_sql is not None


# -- one invocation ------------------------------------------------------------------------------------------


def answer(message: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """The `done` message of one invocation: its results, or the error that kept dbt from having any."""
    request = Request(**message)
    stage = Stage(emit)
    with surroundings(request):
        outcome = invoke(request, stage)
        if not request.parses:
            SEALED.close_databases()
        if outcome.exception is not None:
            return {"success": False, "error": described(outcome.exception, stage.errors)}
        done: dict[str, Any] = {"success": outcome.success, "invocation_id": get_invocation_id()}
        if request.run_results and hasattr(outcome.result, "results"):
            outcome.result.write(request.run_results)
            done["nodes"] = [node_result(result) for result in outcome.result.results]
        return done


def invoke(request: Request, stage: Stage) -> dbtRunnerResult:
    """dbt's own result. A parse that fails, or cannot trust its cache, is repeated in full; then it is linked,
    since `dbt parse` alone lets a cycle pass."""
    if not request.parses:
        now = time.time() + request.clock_shift
        sealed = (Path(request.manifest), Path(request.project_dir), now) if request.manifest else None
        manifest = SEALED.restore(*sealed) if sealed else None
        if request.compiled_sql:
            return compile_offline(request, manifest, stage)
        return dbtRunner(manifest=manifest, callbacks=[stage]).invoke(list(request.args))
    caution = Caution()
    dbt.parser.manifest.PartialParsing = caution.partial_parsing()
    outcome = dbtRunner(callbacks=[stage]).invoke(list(request.args))
    if "--partial-parse" in request.args and not (outcome.success and caution.content_with(outcome.result)):
        stage.errors.clear()
        outcome = dbtRunner(callbacks=[stage]).invoke([*request.args, "--no-partial-parse"])
    if outcome.success:
        try:
            Linker().link_graph(outcome.result)
        except RuntimeError as cycle:
            return dbtRunnerResult(success=False, exception=cycle)
    return outcome


def compile_offline(request: Request, manifest: Manifest, stage: Stage) -> dbtRunnerResult:
    """dbt's own result; whichever nodes have SQL without a connection, it is written."""
    offline: Any = importlib.import_module(OFFLINE)
    with offline.without_connections() as failed:
        outcome = dbtRunner(manifest=manifest, callbacks=[stage]).invoke(list(request.args))
    write_file(str(request.compiled_sql), json.dumps(offline.compiled_code(manifest, failed)))
    return outcome


@contextmanager
def surroundings(request: Request) -> Iterator[None]:
    """What an invocation can see of the world: its directory, its environment, its clock, its dice.

    Everything is put in place before each invocation and nothing is kept from the one before. dbt keeps the
    DBT_ENV_CUSTOM_ENV_ variables of a process's first invocation unless told to forget them.
    """
    os.chdir(request.cwd)
    os.environ.clear()
    os.environ.update(request.environ)
    reset_metadata_vars()
    dbt.cli.requires.get_env = lambda: dict(request.env)
    if request.repeatable:
        random.seed(request.clock_shift)  # Jinja has a `random` filter
    with shifted_clock(request.clock_shift):
        yield


@contextmanager
def shifted_clock(seconds: int) -> Iterator[None]:
    """Moves `run_started_at` and `modules.datetime` for the time of an invocation."""
    if not seconds:
        yield
        return
    real_module, real_class = dbt.context.base.get_datetime_module_context, dbt.tracking.datetime
    shifted = shifted_classes(datetime.timedelta(seconds=seconds))
    dbt.tracking.datetime = shifted["datetime"]
    dbt.context.base.get_datetime_module_context = lambda: {**real_module(), **shifted}
    try:
        yield
    finally:
        dbt.tracking.datetime = real_class
        dbt.context.base.get_datetime_module_context = real_module


def shifted_classes(delta: datetime.timedelta) -> dict[str, type]:
    """`date` and `datetime` whose present lies elsewhere."""

    class ShiftedDatetime(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return super().now(tz) + delta

        @classmethod
        def utcnow(cls) -> Any:
            return super().now(datetime.UTC).replace(tzinfo=None) + delta

        @classmethod
        def today(cls) -> Any:
            return super().now() + delta

    class ShiftedDate(datetime.date):
        @classmethod
        def today(cls) -> Any:
            return super().today() + delta

    return {"datetime": ShiftedDatetime, "date": ShiftedDate}


# -- partial parsing -----------------------------------------------------------------------------------------


class NotTrusted(BaseException):
    """The files that changed are of a kind for which dbt's partial parse can differ from a full one.

    Not an Exception: dbt would catch it, and go on with what it read from the cache.
    """


TRUSTED_FILE_TYPES: Final = frozenset({"model", "schema"})
COLLECTIONS: Final = (
    "nodes",
    "sources",
    "macros",
    "docs",
    "groups",
    "exposures",
    "functions",
    "metrics",
    "semantic_models",
    "saved_queries",
    "unit_tests",
    "disabled",
)
STAYS_IN_A_MODEL: Final = frozenset(
    {
        "raw_code",
        "checksum",
        "refs",
        "sources",
        "functions",
        "metrics",
        "depends_on",
        "description",
        "columns",
        "doc_blocks",
        "patch_path",
        "primary_key",
        "created_at",
    }
)
"""What may change in a model without a consequence for any other node."""


class Caution:
    """Watches one partial parse, and judges whether a full one would have given the same.

    dbt parses again the files that changed, but not everything that depends on what they said. So a partial
    parse is trusted with the text, the descriptions and the columns of models, and with generic tests, which
    nothing depends on. Before it starts: with models and YAML files only, none added, none deleted. (dbt does
    not see that `generate_schema_name`, or a macro found by name, calls the macro that changed.)
    """

    def __init__(self) -> None:
        self._before: dict[str, dict[str, Any]] | None = None

    def partial_parsing(self) -> type:
        """dbt's class for partial parsing, under watch."""
        caution = self

        class CautiousPartialParsing(PartialParsing):  # type: ignore[misc]
            def get_parsing_files(self) -> Any:
                if not only_trusted_files(self):
                    raise NotTrusted
                manifest = self.saved_manifest
                caution._before = {name: dict(getattr(manifest, name, {})) for name in COLLECTIONS}
                return super().get_parsing_files()

        return CautiousPartialParsing

    def content_with(self, manifest: Manifest) -> bool:
        """Whether nothing changed but what stays where it changed."""
        if self._before is None:
            return True
        after = {name: getattr(manifest, name, {}) for name in COLLECTIONS}
        return all(
            harmless(self._before[name].get(unique_id), after[name].get(unique_id))
            for name in COLLECTIONS
            for unique_id in self._before[name].keys() | after[name].keys()
        )


def only_trusted_files(parsing: PartialParsing) -> bool:
    diff = parsing.file_diff
    if diff["added"] or diff["deleted"] or diff["deleted_schema_files"]:
        return False
    changed = [parsing.saved_files[file_id] for file_id in diff["changed"] + diff["changed_schema_files"]]
    return all(str(file.parse_file_type) in TRUSTED_FILE_TYPES for file in changed)


def harmless(old: Any, new: Any) -> bool:
    if old is new or isinstance(old or new, nodes.GenericTestNode):
        return True
    if type(old) is not type(new):
        return False
    if isinstance(old, list):  # disabled nodes
        return len(old) == len(new) and all(map(harmless, old, new))
    stays = STAYS_IN_A_MODEL if isinstance(old, nodes.ModelNode) else {"created_at"}
    return all(getattr(old, name) == getattr(new, name) for name in vars(new).keys() - stays)


def load_source_file(path: Any, parse_file_type: Any, project_name: str, saved_files: Any) -> Any:
    """dbt's own, without its shortcut of taking a YAML file with the time stamp in the cache for unchanged.

    The cache keeps the time stamp of a file's first version: going back to it would go unnoticed.
    """
    return read_source_file(path, parse_file_type, project_name, {})


read_source_file = dbt.parser.read_files.load_source_file
dbt.parser.read_files.load_source_file = load_source_file


# -- speed ---------------------------------------------------------------------------------------------------


def write_json(path: str, data: Mapping[str, Any]) -> bool:
    """What dbt's `json.dump` writes, by `json.dumps`: Python's encoder in C needs a quarter of the time. Member by
    member, so that a large manifest does not lie in memory once more as text."""
    write_file(path, "")
    with Path(path).open("w", encoding="utf-8") as file:
        file.writelines(json_pieces(data, 2))
    return True


def json_pieces(value: Any, depth: int) -> Iterator[str]:
    """The JSON text of a value; that of objects down to this depth in pieces."""
    if not (depth and value and isinstance(value, Mapping)):
        yield json.dumps(value, cls=JSONEncoder)
        return
    opening = "{"
    for key, member in value.items():
        yield f"{opening}{json.dumps(key)}: "
        yield from json_pieces(member, depth - 1)
        opening = ", "
    yield "}"


dbt.artifacts.schemas.base.write_json = write_json

# A manifest is hundreds of thousands of objects that live to the end: collecting them again and again finds
# nothing and takes a third of the time.
gc.freeze()
gc.set_threshold(50_000, 20, 50)


# -- what dbt says -------------------------------------------------------------------------------------------


class Stage:
    """Watches dbt's events: passes on nodes that start and finish, keeps what dbt calls an error."""

    REPEATS_THE_EXCEPTION: Final = frozenset({"MainEncounteredError", "MainStackTrace"})

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._places: dict[str, tuple[int, int]] = {}
        self.errors: list[str] = []

    def __call__(self, event: Any) -> None:
        name = event.info.name
        if name in {"LogStartLine", "LogHookStartLine"}:
            self._started(event.data)
        elif name in {"SkippingDetails", "LogNodeNoOpResult"}:
            self._place(event.data)
        elif name in {"NodeFinished", "LogHookEndLine"}:
            self._finished(event.data, getattr(event.data, "run_result", None))
        elif event.info.level == "error" and name not in self.REPEATS_THE_EXCEPTION:
            self.errors.append(event.info.msg)

    def _place(self, data: Any) -> None:
        self._places[data.node_info.unique_id] = (data.index, data.total)

    def _started(self, data: Any) -> None:
        self._place(data)
        self._emit({"kind": "started", "status": "started", **self._node(data.node_info)})

    def _finished(self, data: Any, result: Any) -> None:
        node = data.node_info
        if node.materialized == "ephemeral":
            return  # dbt reports no result for it either
        source = data if result is None else result  # a hook has no result of its own
        self._emit(
            {
                "kind": "finished",
                **self._node(node),
                "status": source.status,
                "execution_time": source.execution_time,
                "message": getattr(source, "message", "") or None,
                "failures": failures_of(node, result),
                "rows": rows_of(result),
            }
        )

    def _node(self, node: Any) -> dict[str, Any]:
        index, total = self._places.get(node.unique_id, (0, 0))
        return {
            "unique_id": node.unique_id,
            "resource_type": node.resource_type,
            "at": time.time(),
            "index": index,
            "total": total,
        }


def failures_of(node: Any, result: Any) -> int | None:
    """Of a test, how many rows did not pass."""
    return result.num_failures if result is not None and node.resource_type == "test" else None


def rows_of(result: Any) -> int | None:
    """How many rows the adapter says were written; the event has every number of its answer as a float."""
    if result is None or "rows_affected" not in result.adapter_response:
        return None
    rows = result.adapter_response["rows_affected"]
    return int(rows) if isinstance(rows, float) else None


def node_result(result: Any) -> dict[str, Any]:
    rows = result.adapter_response.get("rows_affected")
    return {
        "unique_id": result.node.unique_id,
        "status": str(result.status),
        "execution_time": result.execution_time,
        "message": result.message,
        "failures": result.failures,
        "rows": rows if isinstance(rows, int) else None,
        "relation": getattr(result.node, "relation_name", None),
        "file": result.node.original_file_path.removeprefix("./"),
    }


def described(error: BaseException, events: list[str]) -> dict[str, Any]:
    """An exception as data: the names of its classes, its text, the node or the file that it is about."""
    node = getattr(error, "node", None)
    places = ("name", "resource_type", "package_name", "original_file_path")
    return {
        "types": [cls.__name__ for cls in type(error).__mro__],
        "message": str(error),
        "node": {key: str(getattr(node, key)) for key in places if hasattr(node, key)},
        **file_being_parsed(error),
        "events": events[:MAX_EVENTS],
    }


def file_being_parsed(error: BaseException) -> dict[str, str]:
    """The file that dbt's parser had in hand, which many of its errors do not name: its frames know it."""
    found = {"file": "", "package": ""}
    frame = error.__traceback__
    while frame is not None:
        file: Any = getattr(frame.tb_frame.f_locals.get("block"), "file", None)
        path: Any = getattr(file, "path", None)
        if hasattr(path, "original_file_path"):
            found = {"file": str(path.original_file_path), "package": str(file.project_name)}
        frame = frame.tb_next
    return found
