"""What can go wrong between a client and dbt Cloud, one value a fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

FOREVER: Final = 10**9


class Way(Enum):
    """How an answer is spoiled."""

    STATUS = "another status, in dbt Cloud's own form"
    CUT = "half of the answer, then the connection is closed"
    SILENCE = "nothing, for longer than anybody waits"
    HTML = "a web page"
    DAMAGED = "JSON that ends too early"
    OVERSIZED = "an announced length that nobody wants to read"
    REDIRECT = "a redirect"
    ENCODED = "bytes that are not what Content-Encoding says"


@dataclass
class Fault:
    """Spoils answers to one operation of the API (its operationId), `times` of them, after `spare` good ones.

    `carried_out` says whether the operation takes place although its answer is spoiled.
    """

    operation: str
    way: Way = Way.STATUS
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    spare: int = 0
    carried_out: bool = False

    def meets(self, operation: str) -> bool:
        """Whether this answer is one of those; counts it."""
        if operation != self.operation or self.times == 0:
            return False
        if self.spare:
            self.spare -= 1
            return False
        self.times -= 1
        return True
