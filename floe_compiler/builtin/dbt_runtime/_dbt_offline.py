"""`dbt compile` without a connection: node by node as far as it gets, inside the worker process.

dbt's own command stops at the first node that needs the warehouse, and leaves out whatever depends on it. Here each
node stands for itself: its SQL is a matter of its own text, and the names of others are in the manifest. Loaded by
`_dbt_worker.py`; imports nothing of floe.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NoReturn

from dbt.adapters.contracts.connection import LazyHandle
from dbt.task.compile import CompileTask
from dbt_common.exceptions import DbtRuntimeError

REFUSED: Final = "There is no connection while SQL is compiled into a bundle."


@contextmanager
def without_connections() -> Iterator[set[str]]:
    """For the time of one invocation of `dbt compile`, with the nodes that could not be compiled, by unique id.

    Every adapter opens a connection through its lazy handle, when the first query is to be sent.
    """
    failed: set[str] = set()

    def refuse(_handle: Any, _connection: Any) -> NoReturn:
        raise DbtRuntimeError(REFUSED)

    def note(_task: Any, node_id: str, _result: Any, _cause: Any) -> None:
        failed.add(node_id)

    with ExitStack() as changes:
        changes.enter_context(replaced(LazyHandle, "resolve", refuse))
        changes.enter_context(replaced(CompileTask, "raise_on_first_error", lambda _task: False))
        changes.enter_context(replaced(CompileTask, "_mark_dependent_errors", note))
        yield failed


def compiled_code(manifest: Any, failed: set[str]) -> dict[str, str]:
    """The SQL of every node that has been compiled whole, by unique id."""
    return {
        unique_id: node.compiled_code
        for unique_id, node in manifest.nodes.items()
        if unique_id not in failed and getattr(node, "compiled", False) and isinstance(node.compiled_code, str)
    }


@contextmanager
def replaced(owner: type, name: str, instead: Any) -> Iterator[None]:
    """A method of a class is another one for a while; one that is inherited is so again afterwards."""
    own = vars(owner).get(name)
    setattr(owner, name, instead)
    try:
        yield
    finally:
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)
