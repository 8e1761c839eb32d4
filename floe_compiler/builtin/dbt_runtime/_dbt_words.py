"""dbt's errors as problems: a code, dbt's own words without their wrapping, and the place in the project.

dbt names the file of most errors, the line of some, and quotes a line of a few. Where it names a `ref()`,
`source()` or `env_var()` and no line, the line is the one that makes the call. What cannot be found is left
out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

from floe_compiler.builtin.dbt_runtime._invocation import Place
from floe_compiler.errors import Problem, Where

ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
HEADER: Final = re.compile(r"(?P<kind>[\w ]+ Error)(?: in (?P<about>[^\n]+))?\n")
RENDERING: Final = re.compile(
    r"(?:Failed to render (?P<rendered>\S+) from|Error reading \S+: (?P<read>\S+) -|"
    r"Could not read selector file data:)[^\n]*? Error\n\s*"
)
ENCOUNTERED: Final = re.compile(r"\n+Error encountered in (?P<file>[^\n]+)")
JINJA_QUOTE: Final = re.compile(r"\n\s*line (?P<line>\d+)\n\s*(?P<text>[^\n]+)")
PYTHON_QUOTE: Final = re.compile(r" \(\S+\.py, line (?P<line>\d+)\)\n\s*(?P<text>[^\n]+)")
YAML_PLACE: Final = r'\s*in "<unicode string>", line (?P<line>\d+), column (?P<column>\d+):?'
YAML_QUOTE: Final = re.compile(
    rf"Syntax error near line \d+\n-+\n(?P<excerpt>.*?)\s*Raw Error:\n-+\n(?P<what>.*){YAML_PLACE}", re.DOTALL
)
FILE: Final = re.compile(r"[\w./-]+\.(?:sql|ya?ml|py|md|csv)\b")
SEMANTIC: Final = "Semantic Manifest validation failed"

SOURCE_SUFFIXES: Final = frozenset({".sql", ".yml", ".yaml", ".py", ".md"})
NOT_SOURCES: Final = frozenset({"target", "logs"})
MAX_SOURCE: Final = 2**20
MAX_TEXT: Final = 400


class Rule(NamedTuple):
    """Which errors get a code: those of a class, or whose text matches `text`.

    `file` is where the error is when dbt names none, `call` what the offending line contains, `message` what
    is said instead of dbt's words, `hint` the way out. All are filled from the named groups of `text`; `user`
    is the file that dbt was reading, unless a group says otherwise.
    """

    code: str
    text: str = r"(?!)"
    type: str = ""
    file: str = ""
    call: str = ""
    message: str = ""
    hint: str = ""


NO_ROOM: Final = "(?:5|27|28|30|122)"
"""What the system answers when nothing can be written: EIO, EFBIG, ENOSPC, EROFS, EDQUOT."""
RULES: Final = (
    Rule(
        code="FLOE-F104",
        text=rf"^\[Errno {NO_ROOM}\] (?P<reason>.+)",
        message="dbt cannot write its files: {reason}",
    ),
    Rule(
        code="FLOE-C203",
        text=r"Env var required but not provided: '(?P<name>[^']+)'",
        call=r"env_var\(\s*['\"]{name}['\"]\s*\)",
        message="The environment variable {name} is not declared, and {user} calls env_var() without a default.",
        hint="Declare {name} under `env:` in floe.yaml, or give the call a default: env_var('{name}', '…').",
    ),
    Rule(
        code="FLOE-C202",
        text=r"depends on a source named '(?P<source>[^'.]+)\.(?P<name>[^']+)'",
        call=r"source\(\s*['\"]{source}['\"]\s*,\s*['\"]{name}['\"]",
    ),
    Rule(
        code="FLOE-C202",
        text=r"depends on (?:a \w+ named )?'(?P<name>[^']+)'.* which (?:was not|is disabled|is not)",
        call=r"ref\([^)]*['\"]{name}['\"]",
    ),
    Rule(code="FLOE-C204", type="UninstalledPackagesFoundError"),
    Rule(
        code="FLOE-P206",
        text=r"Could not find adapter type (?P<name>[\w-]+)",
        hint="Install the adapter of this compute: pip install dbt-{name}.",
    ),
    Rule(
        code="FLOE-C201",
        text=r"Secret env vars are allowed only [^\n]*Found '(?P<name>[^']+)'",
        call=r"env_var\(\s*['\"]{name}['\"]",
        hint="Use {name} in the platform's targets only; a model may not see a secret.",
    ),
    Rule(
        code="FLOE-C201",
        text=r"Node (?P<node>\S+)\.(?P<user>\w+) attempted to reference node [\w.]*?(?P<name>\w+), ",
        file="{user}.sql",
        call=r"ref\([^)]*['\"]{name}['\"]",
    ),
    Rule(code="FLOE-C201", text=r"depends on doc '(?P<name>[^']+)'", call=r"doc\([^)]*['\"]{name}['\"]"),
    Rule(
        code="FLOE-C201",
        text=r"Could not find profile named '(?P<name>[^']+)'",
        file="dbt_project.yml",
        call=r"^profile\s*:",
    ),
    Rule(code="FLOE-C201", text=r"Found a cycle: \S*?(?P<name>\w+) -->", file="{name}.sql", call=r"ref\("),
    Rule(code="FLOE-P207", text=r"Could not find selector|[Nn]o comparison (?:manifest|run_results)"),
    Rule(code="FLOE-P207", type="InvalidSelectorError"),
    Rule(code="FLOE-P207", type="DbtDatabaseError"),
    Rule(code="FLOE-P207", type="DatabaseError"),  # of PEP 249: a driver's own, which the adapter let pass
    Rule(code="FLOE-C201", type="DbtBaseException"),
    Rule(code="FLOE-C201", type="ValidationError"),
)
CRASH: Final = Rule(code="FLOE-P205")


def problems_of(error: Mapping[str, Any], place: Place) -> list[Problem]:
    """At least one problem for an `error` message of the worker: one for each place that is at fault."""
    said = Said.by(error, place)
    if SEMANTIC in said.body and error["events"]:
        return [Problem("FLOE-C201", ANSI.sub("", event).strip()) for event in error["events"]]
    rule, names = _rule_for(said)
    message = rule.message.format(**names) or said.message
    if rule is CRASH:
        message = f"dbt failed with {said.types[0]}: {said.body}"
    wheres: list[Where | None] = [*_places(said, rule, names, Sources(place))]
    hint = rule.hint.format(**names) or None
    return [Problem(rule.code, message, where, hint) for where in wheres or [None]]


def _rule_for(said: Said) -> tuple[Rule, dict[str, str]]:
    for rule in RULES:
        if found := re.search(rule.text, said.body):
            return rule, {"user": said.file or "the project", **found.groupdict("")}
        if rule.type in said.types:
            return rule, {}
    return CRASH, {}


def _places(said: Said, rule: Rule, names: Mapping[str, str], project: Sources) -> list[Where]:
    """Where the error is: at the calls in the named file, else at all such calls, else as dbt says."""
    named = project.find(said.file or rule.file.format(**names), said.package)
    if rule.call and names:
        call = re.compile(rule.call.format(**{key: re.escape(value) for key, value in names.items()}))
        here = project.matches([named], call) if named else []
        if calls := here or project.matches(project.all(), call):
            return calls
    if said.quote and (quoted := project.quoted(said.quote, [named] if named else project.all())):
        return [quoted]
    return [project.where(named, said.quote.line if said.quote else 0)] if named else []


class Quote(NamedTuple):
    """A line that dbt quotes. Its number counts from where dbt began to read, not always the file's start."""

    line: int
    column: int
    text: str


@dataclass(frozen=True)
class Said:
    """What dbt said, taken apart."""

    types: tuple[str, ...]
    about: str
    body: str
    file: str
    package: str
    quote: Quote | None

    @classmethod
    def by(cls, error: Mapping[str, Any], place: Place) -> Said:
        text = ANSI.sub("", error["message"]).strip().replace(f"{place.project_dir}/", "")
        header = HEADER.match(text)
        about = (header["about"] or "") if header else ""
        body = _dedented(text[header.end() :] if header else text)
        file = error["node"].get("original_file_path", "") or error["file"]
        if encountered := ENCOUNTERED.search(body):
            file, body = file or encountered["file"], ENCOUNTERED.sub("", body)
        if rendering := RENDERING.match(body):
            file = file or rendering["rendered"] or rendering["read"] or "selectors.yml"
            body = _dedented(body[rendering.end() :])
        body, quote = _without_quote(body)
        return cls(
            types=tuple(error["types"]),
            about=about,
            body=body.strip(),
            file=file or _first_file(f"{about}\n{body}"),
            package=error["node"].get("package_name", "") or error["package"],
            quote=quote,
        )

    @property
    def message(self) -> str:
        """dbt's words, led by the node that they are about."""
        node = self.about.split(" (")[0]
        return f"{node}: {self.body}" if node else self.body


def _without_quote(body: str) -> tuple[str, Quote | None]:
    """The words without the lines that they quote: the place shows them."""
    if yaml := YAML_QUOTE.search(body):
        quoted = re.search(rf"^\s*{yaml['line']}\s+\| ?(?P<text>.*)$", yaml["excerpt"], re.MULTILINE)
        quote = Quote(int(yaml["line"]), int(yaml["column"]), quoted["text"] if quoted else "")
        return re.sub(YAML_PLACE, "", yaml["what"]), quote
    for pattern in (JINJA_QUOTE, PYTHON_QUOTE):
        if found := pattern.search(body):
            return pattern.sub("", body, count=1), Quote(int(found["line"]), 0, found["text"])
    return body, None


def _first_file(text: str) -> str:
    found = FILE.search(text)
    return found[0] if found else ""


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix("  ") for line in text.split("\n")).strip()


class Sources:
    """The text files of a project and its packages, read once and only when an error asks for them."""

    def __init__(self, place: Place) -> None:
        self._root = place.project_dir
        self._profiles = place.profiles_dir / "profiles.yml"
        self._lines: dict[Path, list[str]] = {}

    def find(self, name: str, package: str) -> Path | None:
        """The file that dbt means: relative to the project, to a package, or to a folder in either."""
        if not name:
            return None
        roots = [*sorted(self._root.glob(f"*/{package}")), self._root] if package else [self._root]
        for root in roots:
            if (root / name).is_file():
                return root / name
        inside = [path for path in self._files if path.as_posix().endswith(f"/{name}")]
        return inside[0] if len(inside) == 1 else None

    def all(self) -> list[Path]:
        return self._files

    def matches(self, files: list[Path], call: re.Pattern[str]) -> list[Where]:
        return [
            self.where(file, number, found.start() + 1)
            for file in files
            for number, line in enumerate(self._read(file), 1)
            if (found := call.search(line))
        ]

    def quoted(self, quote: Quote, files: list[Path]) -> Where | None:
        """The line that dbt quotes: where dbt counts it, else the only line of that text."""
        wanted = quote.text.strip()
        hits = [
            (file, number)
            for file in files
            for number, line in enumerate(self._read(file), 1)
            if wanted and line.strip() == wanted
        ]
        exact = [hit for hit in hits if hit[1] == quote.line]
        best = exact if len(exact) == 1 else hits
        return self.where(*best[0], quote.column) if len(best) == 1 else None

    def where(self, file: Path, line: int = 0, column: int = 0) -> Where:
        """A place, with the line's text; profiles.yml shows none, since it may hold a secret."""
        if file == self._profiles:
            return Where(file.name, line, column)
        lines = self._read(file)
        text = lines[line - 1][:MAX_TEXT] if 0 < line <= len(lines) else None
        return Where(file.relative_to(self._root).as_posix(), line, column, text)

    @cached_property
    def _files(self) -> list[Path]:
        below = [path for path in sorted(self._root.rglob("*")) if path.suffix in SOURCE_SUFFIXES]
        sources = [path for path in below if not _written_by_tools(path.relative_to(self._root))]
        return [path for path in [*sources, self._profiles] if path.is_file()]

    def _read(self, file: Path) -> list[str]:
        if file not in self._lines:
            with file.open(encoding="utf-8", errors="replace") as text:
                self._lines[file] = text.read(MAX_SOURCE).splitlines()
        return self._lines[file]


def _written_by_tools(path: Path) -> bool:
    return any(part in NOT_SOURCES or part.startswith(".") for part in path.parts)
