"""A program, not a module: asks dbt-bouncer of every check by itself whether it accepts it.

Reads a JSON list of checks from stdin and writes refusals.json into the working directory: for each check a
list of messages, each with the parameter at fault or null. One by one, because dbt-bouncer gives up at the
first kind of fault that it meets in a file. Source: `dbt_bouncer.configuration_file.validator` of 4.x.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from dbt_bouncer.configuration_file.validator import validate_conf
from dbt_bouncer.exceptions import DbtBouncerConfigError

_CATEGORY: Final = "manifest_checks"
_DEPTH: Final = 3  # of a parameter in a location: category, position, tool's name of the check, parameter


def refusals(check: dict[str, Any]) -> list[tuple[str, str | None]]:
    """What dbt-bouncer says against a check."""
    try:
        validate_conf(
            check_categories=[_CATEGORY],
            config_file_contents={_CATEGORY: [dict(check)]},
            custom_checks_dir=None,
        )
    except DbtBouncerConfigError as error:
        details = error.details or [{"loc": (), "message": str(error)}]
        return [_refusal(detail["message"], detail["loc"], check) for detail in details]
    return []


def _refusal(message: str, location: tuple[Any, ...], check: dict[str, Any]) -> tuple[str, str | None]:
    """The message without the location that it starts with; a parameter that is missing is not at fault."""
    if location[_DEPTH - 1 :] == ("name",):
        return f"`{check['name']}` needs more than a manifest, which is all that there is before a run", None
    parameter = location[_DEPTH] if len(location) > _DEPTH else None
    said = message.removeprefix(" -> ".join(str(step) for step in location) + ": ").removeprefix("Value error, ")
    return (f"`{parameter}`: {said}" if parameter else said), parameter if parameter in check else None


if __name__ == "__main__":
    answers = [refusals(check) for check in json.load(sys.stdin)]
    Path("refusals.json").write_text(json.dumps(answers), encoding="utf-8")
