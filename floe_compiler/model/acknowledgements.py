"""`.floe/acknowledged.yaml`: findings of `floe diff` that somebody looked at and answers for.

It lies in the product's folder and belongs to the repository, unlike everything else in `.floe/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from floe_compiler.model.change_set import FingerprintText
from floe_compiler.model.policies import DateText


class AcknowledgementModel(BaseModel):
    """Unknown keys are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Acknowledgement(AcknowledgementModel):
    """A finding that was looked at."""

    fingerprint: FingerprintText
    who: Annotated[str, Field(min_length=1, description="Who answers for it.")]
    why: Annotated[str, Field(min_length=1, description="Why it may be merged as it is.")]
    until: Annotated[DateText, Field(description='The last day on which it holds: "2027-01-31".')]


class AcknowledgementsFile(AcknowledgementModel):
    """The whole file."""

    apiVersion: Literal["floe.dev/v1"]
    kind: Literal["Acknowledgements"]
    acknowledged: Annotated[list[Acknowledgement], Field(description="Findings, each by its fingerprint.")] = []


@dataclass(frozen=True, slots=True)
class Acknowledgements:
    """The acknowledgements of a product as they stand on a day."""

    entries: tuple[Acknowledgement, ...] = ()
    today: date = date.min

    @classmethod
    def of(cls, entries: Iterable[Acknowledgement], today: date) -> Acknowledgements:
        """Those of a file, judged on a day."""
        return cls(tuple(entries), today)

    def holds(self, entry: Acknowledgement) -> bool:
        """Whether the day has not gone by."""
        return self.today <= date.fromisoformat(entry.until)


NONE: Final = Acknowledgements()
