"""Problems: what is wrong, where, and the way out.

A stage collects every `Problem` it finds and raises them together, sorted, as one `FloeError`. The exit
status of the command line follows from the codes (see `codes.py`), so nothing else maps errors to statuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from floe_compiler.codes import CODES


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a file (line and column count from 1), in a bundle (file only) or in a value (`pointer`).

    `text` is the line as it stands in the file, to be shown under the message; it is None where the line may
    hold a value that must not be printed.
    """

    file: str
    line: int = 0
    column: int = 0
    text: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        parts = [self.file, *(str(n) for n in (self.line, self.column) if n)]
        return ":".join(parts)

    def hidden(self) -> Where:
        """The same place without its text, for lines that may hold a secret."""
        return replace(self, text=None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `code` is a key of `CODES`."""

    code: str
    message: str
    where: Where | None = None
    hint: str | None = None

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"{self.code} is not in the table of codes")

    def sort_key(self) -> tuple[str, int, int, str, str]:
        place = self.where or Where("")
        return (place.file, place.line, place.column, self.code, self.message)


class FloeError(Exception):
    """One or more problems that ended a stage: sorted by place, each reported once."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        found = {problems} if isinstance(problems, Problem) else set(problems)
        self.problems: tuple[Problem, ...] = tuple(sorted(found, key=Problem.sort_key))
        if not self.problems:
            raise ValueError("a FloeError needs a problem")
        super().__init__("; ".join(f"{p.code} {p.message}" for p in self.problems))

    @property
    def exit_status(self) -> int:
        """The highest of its problems' statuses: an integrity failure outranks a refused input."""
        return max(CODES[p.code].exit_status for p in self.problems)

    def __reduce__(self) -> tuple[type[FloeError], tuple[Any, ...]]:
        return (type(self), (self.problems,))


class PolicyRefused(FloeError):
    """The platform's policies refuse the product. `report` is reports/policy.json as it was not sealed."""

    def __init__(self, problems: Iterable[Problem], report: bytes) -> None:
        super().__init__(problems)
        self.report = report

    def __reduce__(self) -> tuple[type[FloeError], tuple[Any, ...]]:
        return (type(self), (self.problems, self.report))


def raise_if_any(problems: Iterable[Problem]) -> None:
    """Ends a stage that collected problems; returns when there are none."""
    found = tuple(problems)
    if found:
        raise FloeError(found)
