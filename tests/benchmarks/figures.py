"""The figures: which measurement is set beside which, and what is to be reached at 1,000 models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from tests.benchmarks.measurements import LARGE, Measurements


class Figure(NamedTuple):
    """A measurement of floe beside another one. `at_most` is the target: floe's share of the other, in times."""

    floe: str
    beside: str
    at_most: float
    unit: str = "s"

    def ratio(self, found: Measurements) -> float:
        """Below 1 where floe takes less."""
        return found.typical(self.floe) / found.typical(self.beside)

    def reached(self, found: Measurements) -> bool | None:
        """None where the target is not meant for a project of this size."""
        return self.ratio(found) <= self.at_most if found.size >= LARGE else None


FIGURES: Final = (
    Figure("floe compile, cold", "dbt parse, cold", 1.10),
    Figure("floe compile on fusion, cold", "Rust engine's parse", 1.5),
    Figure("floe compile, one model edited", "dbt parse, one model edited", 1.15),
    Figure("floe compile, one YAML file edited", "dbt parse, one YAML file edited", 1.15),
    Figure("floe compile, unchanged", "dbt parse, unchanged", 1 / 25),
    Figure("floe compile, unchanged", "Python, digests only", 2.5),
    Figure("floe verify", "dbt parse, unchanged", 1 / 20),
    Figure("floe inspect", "dbt parse, unchanged", 1 / 20),
    Figure("floe run, one model", "dbt run, one model", 1.0),
    Figure("floe diff of two bundles", "dbt ls, state:modified", 1 / 8),
    Figure("floe diff of two bundles, as a page", "dbt ls, state:modified", 1 / 3),
    Figure("floe diff main, one model edited", "dbt parse, one model edited since", 1.3),
    Figure("floe compile, cold: peak", "dbt parse, cold: peak", 1.2, "MiB"),
    Figure("floe run, one model: peak", "dbt run, one model: peak", 1.2, "MiB"),
)
_HEADINGS: Final = ("", "floe", "beside", "", "ratio", "target", "")
_VERDICTS: Final = {True: "reached", False: "MISSED", None: ""}


def table(found: Measurements) -> str:
    """The figures of one project for people."""
    rows = [_HEADINGS, *(_row(figure, found) for figure in _measured(found))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        [f"{found.size:,} models, {2 * found.size:,} tests"]
        + [
            "  ".join(
                text.ljust(width) if number in {0, 3, 6} else text.rjust(width)
                for number, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
    )


def plain(found: Measurements) -> dict[str, Any]:
    """The same for machines, with every sample: seconds, or bytes where a name says peak."""
    return {
        "models": found.size,
        "samples": found.samples,
        "figures": [
            {**figure._asdict(), "ratio": figure.ratio(found), "reached": figure.reached(found)}
            for figure in _measured(found)
        ],
    }


def _measured(found: Measurements) -> Iterator[Figure]:
    return (f for f in FIGURES if f.floe in found.samples and f.beside in found.samples)


def _row(figure: Figure, found: Measurements) -> tuple[str, ...]:
    reached = figure.reached(found)
    return (
        figure.floe,
        _amount(found.typical(figure.floe), figure.unit),
        _amount(found.typical(figure.beside), figure.unit),
        figure.beside,
        _times(figure.ratio(found)),
        "" if reached is None else f"at most {_times(figure.at_most)}",
        _VERDICTS[reached],
    )


def _amount(value: float, unit: str) -> str:
    return f"{value / 2**20:.0f} MiB" if unit == "MiB" else f"{value:.3f} s"


def _times(ratio: float) -> str:
    """`1.07` or, where floe takes less than a third, `1/26`."""
    return f"{ratio:.2f}" if ratio > 1 / 3 else f"1/{1 / ratio:.1f}".removesuffix(".0")
