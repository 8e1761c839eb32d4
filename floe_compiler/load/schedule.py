"""Is a schedule one that every orchestrator reads alike: five plain cron fields and an IANA time zone?

The fields are what crontab(5) and Kubernetes have in common: no seconds, no `@daily`, no `L`, `W`, `#` or `?`,
and Sunday is 0. cronsim parses them. Time zones are those of the tzdata package, not of the machine, so that
what is valid here is valid everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from difflib import get_close_matches
from importlib.resources import files
from typing import Final

from cronsim import CronSim, CronSimError

from floe_compiler.errors import Problem
from floe_compiler.model.documents import Document
from floe_compiler.model.inputs import ScheduleChoice

_FIELDS: Final = ("minute", "hour", "day of month", "month", "day of week")
_NAMES: Final = {
    "month": ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
    "day of week": ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
}
_FORM: Final = "Five fields: minute hour day month weekday (Sunday is 0). On weekdays at six: `0 6 * * MON-FRI`."
_ANY_DAY: Final = datetime(2000, 1, 1)  # cronsim wants a day to count from; nothing is counted


def schedule_problems(schedule: ScheduleChoice, document: Document) -> Iterator[Problem]:
    """FLOE-L073 for what is no such cron expression, L071 for a time zone that IANA does not know."""
    if fault := _fault_of(schedule.cron):
        message = f"`{schedule.cron}` is not a cron expression: {fault}"
        yield Problem("FLOE-L073", message, document.where(("schedule", "cron")), _FORM)
    zones = _time_zones()
    if schedule.timezone not in zones:
        where = document.where(("schedule", "timezone"))
        yield Problem(
            "FLOE-L071",
            f"there is no time zone `{schedule.timezone}`{_guess(schedule.timezone, zones)}",
            where,
            "Write an IANA name: `Europe/Zurich`, `UTC`.",
        )


def _fault_of(cron: str) -> str | None:
    """What is wrong with an expression, as the end of a sentence; None when nothing is."""
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} field{'s' * (len(fields) != 1)}, not five"
    for name, field in zip(_FIELDS, fields, strict=True):
        if not _plain(field, name):
            return f"`{field}` is no {name} that every orchestrator reads alike"
    try:
        CronSim(cron, _ANY_DAY)
    except CronSimError as error:
        return f"{str(error).removeprefix('Bad ')} is out of its range, or never comes"
    return None


def _plain(field: str, name: str) -> bool:
    words = "|".join(["[0-9]+", *_NAMES.get(name, ())])
    term = rf"({words}|(\*|({words})-({words}))(/[0-9]+)?)"
    if name == "day of week" and "7" in re.findall(r"(?<!/)\b[0-9]+", field):
        return False
    return re.fullmatch(rf"{term}(,{term})*", field, re.IGNORECASE) is not None


def _time_zones() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


def _guess(name: str, zones: frozenset[str]) -> str:
    by_lower = {zone.lower(): zone for zone in sorted(zones)}
    near = get_close_matches(name.lower(), by_lower, n=1)
    return f": did you mean `{by_lower[near[0]]}`?" if near else ""
