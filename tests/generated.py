"""What is made from the code and kept beside it: the published schemas, the references of error codes and of changes.

`python -m tests.generated --write` makes all of it anew; `tests/docs/test_generated.py` compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from floe_compiler.codes import CODES, Code
from floe_compiler.diff.rules import NOT_KNOWN, SECTIONS, Rule
from floe_compiler.model.change_set import LEVELS, Level
from floe_compiler.model.schemas import generated_schemas

ROOT: Final = Path(__file__).parent.parent
BROKEN: Final = ROOT / "fixtures" / "broken"
STAGES: Final[Mapping[str, str]] = {
    "L": "Loading: files, YAML, keys and values",
    "R": "Resolving: names, choices, tiers",
    "P": "Plugins and dbt runtimes",
    "C": "Compiling: what dbt and the policies say of the project",
    "F": "Freezing and publishing",
    "V": "Verifying a bundle",
    "D": "Comparing bundles",
    "X": "Running a bundle",
}
"""What the letter of a code stands for, in the order of a compile."""
STATUSES: Final[Mapping[int, str]] = {
    1: "the answer is no",
    3: "the input is refused",
    4: "a plugin or dbt failed",
    5: "the bundle is not intact",
    6: "the environment cannot do this",
    70: "a bug in floe",
}
LEVEL_MEANINGS: Final[Mapping[Level, str]] = {
    "breaking": "somebody who relies on what is there fails, loses data or reads something stale",
    "risky": "data, checks or runs can differ in a way that nobody may notice",
    "unknown": "it differs, and no rule knows for whom that matters; never shown as safe",
    "safe": "nothing that runs, and nobody who reads, notices",
}
_CHANGES: Final = """\
# Changes

<!-- Made from floe_compiler/diff/rules by `make generate`. -->

`floe diff` finds facts, and each fact is graded by the first rule below that knows it. A finding names its rule, its
cause, who is downstream (for what is not safe), and has a fingerprint that is made of rule, object, field and values,
so that an entry in `.floe/acknowledged.yaml` keeps holding when words, lines and files change.

No SQL is parsed. dbt knows the graph and who calls a macro. `var()` and `env_var()` are looked for in Jinja as text,
the name of a removed column or model in SQL as a word.

| level | meaning |
|---|---|
"""
_INTRODUCTION: Final = """\
# Error codes

<!-- Made from floe_compiler/codes.py and fixtures/broken by `make generate`. -->

Whatever floe refuses has a code, says where it is wrong and what to do, and publishes nothing. `floe explain CODE`
prints one of the entries below; `--json` gives the same problems to machines. What follows each entry is what floe
really says: every example is compared in the tests.

| exit status | meaning |
|---|---|
| 0 | done |
"""


def generated() -> dict[Path, str]:
    """The text of every generated file."""
    schemas = {ROOT / "schemas" / f"{name}.schema.json": text for name, text in generated_schemas().items()}
    reference = ROOT / "docs" / "reference"
    return {**schemas, reference / "errors.md": errors_page(), reference / "changes.md": changes_page()}


def errors_page() -> str:
    """The reference of error codes: a heading for each stage, an entry for each code, an example where there is one."""
    statuses = "".join(f"| {status} | {meaning} |\n" for status, meaning in {**STATUSES, 2: "usage"}.items())
    return _INTRODUCTION + "".join(sorted(statuses.splitlines(keepends=True), key=_number)) + "".join(_stages())


def changes_page() -> str:
    """The reference of changes: what the levels mean, then every rule of `floe diff` under its heading."""
    levels = "".join(f"| {level} | {LEVEL_MEANINGS[level]} |\n" for level in LEVELS)
    sections = {**SECTIONS, "Everything else": (NOT_KNOWN,)}
    rules = (f"\n## {title}\n" + "".join(map(_rule, rows)) for title, rows in sections.items())
    return _CHANGES + levels + "".join(rules)


def _rule(rule: Rule) -> str:
    return f"\n### {rule.id}\n\n**{rule.title}** · {rule.level}\n\n{rule.explanation}\n\nExample: {rule.example}.\n"


def _number(row: str) -> int:
    return int(row.split("|")[1])


def _stages() -> Iterator[str]:
    order = list(STAGES)
    codes = sorted(CODES, key=lambda code: (order.index(_letter(code)), code))
    for letter, members in groupby(codes, key=_letter):
        yield f"\n## {STAGES[letter]}\n"
        for name in members:
            yield from _entry(name, CODES[name])


def _letter(code: str) -> str:
    return code.removeprefix("FLOE-")[0]


def _entry(name: str, code: Code) -> Iterator[str]:
    yield f"\n### {name}\n\n**{code.title}.** {code.why} *{code.way_out}* Exit status {code.exit_status}.\n"
    examples = sorted(BROKEN.glob(f"{name}-*/expected.txt"))
    if examples:
        yield f"\n```text\n{examples[0].read_text('utf-8').strip()}\n```\n"


def main(arguments: list[str]) -> int:
    """Writes every file that is not as it would be generated."""
    if arguments != ["--write"]:
        print(__doc__)
        return 2
    for path, text in generated().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
