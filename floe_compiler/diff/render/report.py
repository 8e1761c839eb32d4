"""What every format is made of: the change set, what people call its sides, and where its files lie."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from floe_compiler.canonical import canonical_bytes
from floe_compiler.model.change_set import (
    LEVELS,
    Change,
    ChangeSet,
    Finding,
    GraphNode,
    Impact,
    Level,
    OwnedRef,
    Place,
)

SIGNS: Final[dict[Change, str]] = {"added": "+", "removed": "-", "changed": "~", "renamed": "~", "moved": "~"}
ABOUT: Final[dict[Level, str]] = {
    "breaking": "somebody's queries or runs will fail, or a table is built anew",
    "risky": "results can differ, or a check is gone: look before merging",
    "unknown": "no rule knows this change: do not take it for safe",
    "safe": "nothing that anybody reads becomes different",
}
"""What a level means, in a line."""
NOTHING: Final = "Nothing will run differently."
_FEW: Final = 3
_DIGEST: Final = re.compile(r"\b(sha256:[0-9a-f]{12})[0-9a-f]{52}\b")
_DOCUMENTS: Final = {"floe.yaml": "product", "platform-manifest.yaml": "platform"}


@dataclass(frozen=True, slots=True)
class Files:
    """Where a product's files lie below the folder that a reader starts from, mostly the repository's root.

    `project` is the folder of the dbt project ("" for that folder itself), the others are files.
    """

    project: str = ""
    product: str = "floe.yaml"
    platform: str = "platform-manifest.yaml"

    def path(self, place: Place) -> str | None:
        """The path of a place; None for one that is only in the bundle."""
        if place.in_bundle:
            return None
        document = _DOCUMENTS.get(place.file)
        return getattr(self, document) if document else posixpath.join(self.project, place.file)


@dataclass(frozen=True, slots=True)
class Report:
    """A change set to be shown. `old` and `new` are what people call the sides: `main (5f6a7b8)`.

    `failing` are the levels that make the answer no. `colour` is for a terminal.
    """

    changes: ChangeSet
    old: str
    new: str
    files: Files = field(default_factory=Files)
    failing: frozenset[Level] = frozenset({"breaking"})
    colour: bool = False

    @property
    def product(self) -> str:
        """The product's name: the one that it has now."""
        return self.changes.new.product

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that nobody answers for yet, worst first."""
        return tuple(finding for finding in self.changes.findings if finding.acknowledged is None)

    @property
    def acknowledged(self) -> tuple[Finding, ...]:
        """Those that somebody answers for."""
        return tuple(finding for finding in self.changes.findings if finding.acknowledged is not None)

    def at_level(self, level: Level) -> tuple[Finding, ...]:
        """The open findings of a level."""
        return tuple(finding for finding in self.open if finding.level == level)

    def path(self, place: Place | None) -> str | None:
        """Where a place is to be found; None where there is no file to open."""
        return self.files.path(place) if place else None

    def place(self, place: Place | None) -> str | None:
        """A place as people read it: `models/orders.sql:12`."""
        if place is None:
            return None
        path = self.path(place) or f"{place.file} in the bundle"
        return f"{path}:{place.line}" if place.line else path


def counted(number: int, noun: str) -> str:
    """`1 model`, `2 models`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def totals_in_words(changes: ChangeSet) -> str:
    """`2 breaking, 1 risky, 3 safe (1 acknowledged)`."""
    totals = changes.totals
    words = (
        ", ".join(f"{getattr(totals, level)} {level}" for level in LEVELS if getattr(totals, level)) or "nothing open"
    )
    return f"{words} ({totals.acknowledged} acknowledged)" if totals.acknowledged else words


def impact_in_words(impact: Impact) -> str:
    """`1 exposure (morning_board), 18 models, 1 metric (found)`; "" where nobody is hit.

    Exposures are always named, the rest where there is but one."""
    kinds = (
        ("exposure", impact.exposures_total, [one.name for one in impact.exposures]),
        ("model", impact.models_total, [one.name for one in impact.models]),
        ("metric", impact.metrics_total, [one.name for one in impact.metrics]),
    )
    return ", ".join(
        f"{counted(total, noun)} ({few(known, total)})" if noun == "exposure" or total == 1 else counted(total, noun)
        for noun, total, known in kinds
        if total
    )


def few(names: Sequence[str], total: int | None = None, most: int = _FEW) -> str:
    """`a, b, c and 4 more`."""
    left = (len(names) if total is None else total) - min(len(names), most)
    return ", ".join(names[:most]) + (f" and {left} more" if left > 0 else "")


def reached_in_words(finding: Finding, most: int = 5) -> str:
    """`sales (through cents, euros), stores`: nodes that the change reaches without an edit; "" for none."""
    named = [
        found.node.name + (f" (through {', '.join(step.name for step in found.through)})" if found.through else "")
        for found in finding.affected
    ]
    return few(named, most=most)


def chain_in_words(finding: Finding) -> list[str]:
    """Steps that led to the finding, without the edit itself where that is all."""
    return [step.what if step.id == finding.object.id else f"{step.kind} {step.name}: {step.what}"
            for step in finding.cause] if len(finding.cause) > 1 else []  # fmt: skip


def thing_in_words(finding: Finding) -> str:
    """`model orders`; `schedule` where that says it all."""
    kind = finding.object.kind.replace("_", " ")
    return kind if kind == finding.object.name else f"{kind} {finding.object.name}"


def owners(findings: Iterable[Finding]) -> Iterator[tuple[OwnedRef, list[Finding]]]:
    """Every exposure that findings hit, with those that hit it: whom to tell, and of what."""
    hit: dict[str, tuple[OwnedRef, list[Finding]]] = {}
    for finding in findings:
        for exposure in finding.impact.exposures:
            hit.setdefault(exposure.id, (exposure, []))[1].append(finding)
    yield from (hit[name] for name in sorted(hit))


def owner_in_words(exposure: OwnedRef) -> str:
    """`morning_board (Front desk, desk@portmerrow.example)`."""
    who = ", ".join(filter(None, [exposure.owner, exposure.email]))
    return f"{exposure.name} ({who})" if who else exposure.name


def in_line(value: JsonValue, longest: int = 60) -> str:
    """A JSON value in a line: texts without quotes where that is clear, anything long by its end left out."""
    text = value if isinstance(value, str) and value else canonical_bytes(value).decode()
    text = _DIGEST.sub(r"\1…", " ".join(text.split()))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def is_text_of_lines(value: JsonValue) -> bool:
    """Whether a value is a text that is read line by line: SQL, a long description."""
    return isinstance(value, str) and "\n" in value.strip()


def lines_of(value: JsonValue) -> list[str]:
    """The lines of such a text; of nothing, none."""
    return value.strip("\n").splitlines() if isinstance(value, str) else []


def rank_of(node: GraphNode) -> int:
    """What changed comes before what is impacted, and that before the rest."""
    return ("changed", "impacted", "unchanged").index(node.state)
