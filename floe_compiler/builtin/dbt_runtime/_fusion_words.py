"""The Rust engine's errors as problems: a code, its own words without their wrapping, the file and the line.

The engine says `[error] [JinjaError (dbt1501)]: words` and then `--> models/orders.sql:2:32`. Its numbers are listed
in https://github.com/dbt-labs/dbt-fusion/blob/main/crates/dbt-error/src/codes.rs
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from floe_compiler.builtin.dbt_runtime._dbt_words import NO_ROOM, Sources
from floe_compiler.builtin.dbt_runtime._invocation import Place
from floe_compiler.errors import Problem, Where

HEADER: Final = re.compile(r"\[(?P<name>\w+) \(dbt(?P<number>\d{4})\)\]: (?P<text>.*)", re.DOTALL)
ARROW: Final = re.compile(r"\n\s*--> (?P<file>[^\n:]*)(?::(?P<line>\d+))?(?::(?P<column>\d+))?")
WRAPPING: Final = re.compile(
    r"^(?:(?:Failed to (?:render SQL|parse macro SQL|eval the compiled Jinja expression)|invalid operation:"
    r"|unknown function:|Compilation Error for \S+ from :|While parsing config:) )+"
    r"|\n\(in [^\n]*:\d+:\d+\)"
)


class Rule(NamedTuple):
    """Which errors get a code: those of these numbers, or whose text matches `text`.

    `call` is what the offending line contains: it gives the column, and the line where the engine names none of the
    project. `message` is said instead of the engine's words, `hint` is the way out. All are filled from the named
    groups of `text`.
    """

    code: str
    numbers: Container[int] = ()
    text: str = r"(?!)"
    call: str = ""
    message: str = ""
    hint: str = ""


STRICTER: Final = "`dbt-autofix deprecations` does most of it; `dbt_runtime: local` takes the project as it is."
RULES: Final = (
    Rule(
        "FLOE-C203",
        text=r"env_var': environment variable '(?P<name>[^']+)' not found",
        call=r"env_var\(\s*['\"]{name}['\"]",
        message="The environment variable {name} is not declared, and env_var() is called without a default.",
        hint="Declare {name} under `env:` in floe.yaml, or give the call a default: env_var('{name}', '…').",
    ),
    Rule(
        "FLOE-C201",
        text=r"Secret environment variables .* cannot be accessed here",
        hint="Use a secret in the platform's targets only; a model may not see one.",
    ),
    Rule(
        "FLOE-C201",
        text=r"Jinja macro or function `test_(?P<name>\w+)` is unknown",
        call=r"^[\s-]*(?:[\w.]*\.)?{name}\b|[\[,]\s*(?:[\w.]*\.)?{name}\b",
        message="There is no generic test `{name}`.",
    ),
    Rule("FLOE-C202", text=r"\b[Rr]ef '(?P<name>[^']+)'", call=r"ref\([^)]*['\"]{name}['\"]"),
    Rule("FLOE-C202", text=r"\b[Ss]ource '[^'.]+\.(?P<name>[^']+)'", call=r"source\([^)]*['\"]{name}['\"]"),
    Rule("FLOE-C202", numbers={1048, 1062, 1087}),
    Rule("FLOE-C230", numbers={1059, 1060, 1159}, hint=STRICTER),
    Rule("FLOE-C230", text=r"expected struct Project\w*Config", hint=STRICTER),
    Rule("FLOE-F104", text=rf"\(os error {NO_ROOM}\)"),
    Rule("FLOE-P222", text=r"Failed to load `[^`]+` driver"),
    Rule("FLOE-P207", numbers=range(1300, 1311)),
    Rule("FLOE-P207", numbers={1600, 1602}),
    Rule("FLOE-P205", numbers=range(9000, 10_000)),
)


class Seen(NamedTuple):
    """Where the engine ran and what it took for the project: its paths start in the one or in the other."""

    place: Place
    project: Path
    cwd: Path


def problems_of(errors: Iterable[str], seen: Seen, otherwise: str) -> list[Problem]:
    """A problem for each text of an error; `otherwise` is the code where no rule fits."""
    sources = Sources(seen.place)
    return [problem for text in errors for problem in _problems(text, seen, sources, otherwise)]


def words_of(text: str) -> str:
    """What the engine says, without its wrapping and without the place."""
    header = HEADER.search(text)
    number = f" (dbt{header['number']})" if header else ""
    said = header["text"] if header else text
    return WRAPPING.sub("", ARROW.sub("", said)).strip() + number


def _problems(text: str, seen: Seen, sources: Sources, otherwise: str) -> list[Problem]:
    rule, names = _rule_for(text, otherwise)
    message = rule.message.format(**names) if rule.message else words_of(text)
    hint = rule.hint.format(**names) or None
    wheres: list[Where | None] = [*_places(text, seen, sources)]
    if rule.call:
        call = re.compile(rule.call.format(**{key: re.escape(value) for key, value in names.items()}))
        wheres = [_at_call(where, call) for where in wheres] or [*sources.matches(_described(sources), call)]
    return [Problem(rule.code, message, where, hint) for where in wheres or [None]]


def _rule_for(text: str, otherwise: str) -> tuple[Rule, dict[str, str]]:
    header = HEADER.search(text)
    number, said = (int(header["number"]), header["text"]) if header else (0, text)
    for rule in RULES:
        if found := re.search(rule.text, said):
            return rule, found.groupdict("")
        if number in rule.numbers:
            return rule, {}
    return Rule(otherwise), {}


def _described(sources: Sources) -> list[Path]:
    """The files in which tests are asked for."""
    return [file for file in sources.all() if file.suffix in {".yml", ".yaml"}]


def _at_call(where: Where | None, call: re.Pattern[str]) -> Where | None:
    """The same line, at the call."""
    found = call.search(where.text) if where and where.text else None
    return replace(where, column=found.start() + 1) if where and found else where


def _places(text: str, seen: Seen, sources: Sources) -> list[Where]:
    """Where the engine points to, if it is a file of the project or the profile."""
    found = ARROW.search(text)
    if found is None:
        return []
    line, column = (int(found[group] or 0) for group in ("line", "column"))
    named = Path(os.path.normpath(seen.cwd / found["file"]))
    if named == seen.place.profiles_dir / "profiles.yml":
        return [sources.where(named, line, column)]
    inside = str(named.relative_to(seen.project)) if named.is_relative_to(seen.project) else found["file"]
    file = sources.find(inside, "")
    return [sources.where(file, line, column)] if file else []
