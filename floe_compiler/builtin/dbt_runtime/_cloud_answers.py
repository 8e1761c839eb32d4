"""What dbt Cloud answers, as far as floe reads it: runs and their steps, refusals, run_results.json.

https://docs.getdbt.com/dbt-cloud/api-v2 and https://schemas.getdbt.com/dbt/run-results/v6.json. Fields that
the documents call required are sometimes null or absent in real answers: only what nothing can be done without
is required here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from floe_compiler.canonical import NotCanonical, parse
from floe_compiler.model.runs import NodeResult

State = Literal["queued", "starting", "running", "success", "error", "cancelled"]
STATES: Final[dict[int, State]] = {
    1: "queued",
    2: "starting",
    3: "running",
    10: "success",
    20: "error",
    30: "cancelled",
}
ENDS: Final[tuple[tuple[str, State], ...]] = (
    ("is_success", "success"),
    ("is_cancelled", "cancelled"),
    ("is_error", "error"),
)
OVER: Final = frozenset({"success", "error", "cancelled"})


class Unreadable(Exception):
    """The answer is not what was asked for; the message says why."""


class _Read(BaseModel):
    """A part of an answer: what floe does not know of is left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Step(_Read):
    """A step of a run: cloning, installing packages, a dbt command. `index` counts from 1."""

    index: int
    name: str = ""
    status: int | None = None
    logs: str | None = None

    @property
    def failed(self) -> bool:
        return STATES.get(self.status or 0) == "error"


class Trigger(_Read):
    """Why a run was started."""

    cause: str | None = None


class Run(_Read):
    """A run of a job. The flags tell more reliably than the number how it stands."""

    id: int
    project_id: int | None = None
    status: int | None = None
    is_success: bool | None = None
    is_error: bool | None = None
    is_cancelled: bool | None = None
    status_message: str | None = None
    git_sha: str | None = None
    trigger: Trigger | None = None
    run_steps: tuple[Step, ...] | None = None

    @property
    def state(self) -> State:
        """`running` for a number that is not documented: it is not over."""
        flagged = (state for flag, state in ENDS if getattr(self, flag))
        return next(flagged, STATES.get(self.status or 0, "running"))

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.run_steps or ()


class _OneRun(_Read):
    data: Run


class _Runs(_Read):
    data: tuple[Run, ...]


class _Said(_Read):
    user_message: str | None = None
    developer_message: str | None = None


class _Refusal(_Read):
    status: _Said


class Timing(_Read):
    """A phase of a node's execution."""

    completed_at: datetime | None = None


class RanNode(_Read):
    """One result of run_results.json."""

    unique_id: str
    status: str
    execution_time: float = 0.0
    message: str | None = None
    failures: int | None = None
    adapter_response: dict[str, Any] = {}
    relation_name: str | None = None
    timing: tuple[Timing, ...] = ()

    @property
    def rows(self) -> int | None:
        """How many rows the adapter says were written."""
        rows = self.adapter_response.get("rows_affected")
        return rows if isinstance(rows, int) else None

    def result(self, file: str | None) -> NodeResult:
        return NodeResult(
            unique_id=self.unique_id,
            status=self.status,
            execution_time=self.execution_time,
            message=self.message,
            failures=self.failures,
            rows=self.rows,
            relation=self.relation_name,
            file=file,
        )

    @property
    def completed_at(self) -> datetime | None:
        return next((phase.completed_at for phase in reversed(self.timing) if phase.completed_at), None)


class RanMetadata(_Read):
    """What ran the nodes."""

    dbt_version: str
    invocation_id: str | None = None


class RunResults(_Read):
    """run_results.json."""

    metadata: RanMetadata
    results: tuple[RanNode, ...]


M = TypeVar("M", bound=BaseModel)


def read_run(body: bytes) -> Run:
    """The run of an answer about one. Raises Unreadable."""
    return _read(_OneRun, body).data


def read_runs(body: bytes) -> tuple[Run, ...]:
    """The runs of a list. Raises Unreadable."""
    return _read(_Runs, body).data


def read_run_results(body: bytes) -> RunResults:
    """run_results.json. Raises Unreadable."""
    return _read(RunResults, body)


def read_object(body: bytes) -> bytes:
    """The bytes of an artifact, if they are a JSON object. Raises Unreadable."""
    try:
        value = parse(body)
    except NotCanonical as error:
        raise Unreadable(f"the artifact is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unreadable("the artifact is JSON, but no object")
    return body


def words_of_refusal(body: bytes) -> str:
    """What dbt Cloud says about a refusal, where it says it in its own form; else nothing."""
    try:
        said = _Refusal.model_validate_json(body).status
    except ValidationError:
        return ""
    return said.user_message or said.developer_message or ""


def _read(model: type[M], body: bytes) -> M:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first, *_ = error.errors(include_url=False, include_input=False, include_context=False)
        place = ".".join(str(part) for part in first["loc"])
        at = f" at `{place}`" if place else ""
        raise Unreadable(f"the answer is not the Admin API's{at}: {first['msg']}") from error
