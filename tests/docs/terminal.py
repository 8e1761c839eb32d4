"""What a page tells people to type, typed: its blocks in their order, in a folder of their own.

`<!-- terminal copies=corner-shop,platform start=corner-shop -->` at the top of a page says which
folders of `fixtures/products` lie there (`products`: all of them, as the demo has them), and in which one stands.
Then

- a block with a `title=` is written to that file,
- of a `console` block, every line with a `$` is typed, and what follows it is what must be printed,
- a `python` block is executed; a `text output` block right after it is what it prints,
- `sh`, `yaml` and others without a title are checked elsewhere, and leave the terminal alone.

Simple `floe` commands run in this process, so that one warm dbt serves all pages; everything else is bash's.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unittest.mock import patch

from fixtures.demo import PRODUCTS, copy_products
from floe_compiler import stages
from floe_compiler.cli.main import main
from tests.docs.pages import Block, Page
from tests.warm import WarmRegistry

LEFT_OUT: Final = "…"
HOME: Final = "/home/ilse"
"""Where the terminal's folder seems to lie."""
_DECLARED: Final = re.compile(r"<!-- terminal(?P<words>[^>]*)-->")
_PROMPT: Final = "$ "
_NEEDS_BASH: Final = frozenset("|&;<>$*`")
_LIFTED: Final = (
    (re.compile(r"sha256([:-])[0-9a-f]{6,64}…?"), r"sha256\1#"),
    (re.compile(r"^(\s+)[0-9a-f]{12} +[\d,]+ "), r"\1# # "),
    (re.compile(r"\d+\.\d+ ?s\b"), "# s"),
    (re.compile(r"\b[\d,.]+ (bytes|KiB|MiB)\b"), "# bytes"),
    (re.compile(r"(dbt-\w+)==[\d.]+\w*"), r"\1==#"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T[\d:]+(\+00:00|Z)"), "#"),
    (re.compile(r"\b(\w[\w./~-]*) \([0-9a-f]{7}\)"), r"\1 (#)"),
    (re.compile(r" +"), " "),
)
"""What may differ between what a page shows and what is printed today: digests, commits, times, sizes, versions."""
_NODE: Final = re.compile(r"^ *\d+/(\d+) (ok|ERROR|FAIL|skip|warn) ")
_DIGEST: Final = re.compile(r"(sha256[:-][0-9a-f]{12})[0-9a-f]{52}")


@dataclass
class Terminal:
    """A folder, where one stands in it, the exported variables, and the last exit status."""

    root: Path
    registry: WarmRegistry
    folder: Path = field(init=False)
    exported: dict[str, str] = field(default_factory=dict)
    status: int = 0

    def __post_init__(self) -> None:
        self.folder = self.root

    def type(self, line: str) -> str:
        """What the line prints, on both streams in the order of printing, with this folder shown as HOME."""
        match shlex.split(line, comments=True):
            case ["cd", folder]:
                self.folder = (self.folder / folder).resolve()
                return ""
            case ["export", *variables]:
                self.exported |= dict(variable.split("=", 1) for variable in variables)
                return ""
            case ["echo", "$?"]:
                return f"{self.status}\n"
            case ["floe", *arguments] if not _NEEDS_BASH.intersection(line):
                printed = self._floe(arguments)
            case _:
                printed = self._bash(line)
        return printed.replace(str(self.root), HOME)

    def execute(self, code: str) -> str:
        """What a Python block prints."""
        with self._standing_here(), _printed() as out:
            exec(compile(code, "block", "exec"), {"__name__": "__block__"})
        return out.getvalue().replace(str(self.root), HOME)

    def write(self, title: str, content: str) -> None:
        """The file, with the block's content."""
        file = self.folder / title
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")

    def _floe(self, arguments: list[str]) -> str:
        with self._standing_here(), _printed() as out:
            self.status = main(arguments)
        return out.getvalue()

    def _bash(self, line: str) -> str:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.status = done.returncode
        return done.stdout

    def _environment(self) -> dict[str, str]:
        scripts = str(Path(sys.executable).parent)
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        path = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])
        return {**kept, "PATH": path, "HOME": str(self.root), "COLUMNS": "110", "NO_COLOR": "1", **self.exported}

    @contextmanager
    def _standing_here(self) -> Iterator[None]:
        with (
            contextlib.chdir(self.folder),
            patch.dict(os.environ, self._environment(), clear=True),
            patch.object(stages, "PluginRegistry", lambda: self.registry, create=True),
        ):
            yield


@dataclass(frozen=True, slots=True)
class Difference:
    """A command whose output is not what the page shows."""

    line: int
    command: str
    shown: str
    printed: str


def is_typed(page: Page) -> bool:
    """Whether the page has commands to be typed."""
    return _DECLARED.search(page.text) is not None


def play(page: Page, folder: Path, registry: WarmRegistry) -> tuple[list[Difference], str]:
    """Types everything on the page. Returns what is printed otherwise than shown, and the page as it should be."""
    terminal = _begun(page, folder, registry)
    differences: list[Difference] = []
    text, shift = page.text, 0
    for number, block in enumerate(page.blocks):
        if block.language == "console":
            content = _play_console(terminal, block, differences)
        elif block.language == "text" and (before := _printing(page.blocks, number)):
            content = _printed_anew(before, block, terminal.execute(before.content), differences)
        else:
            _lay_down(terminal, page.blocks, number)
            continue
        start, end = block.span[0] + shift, block.span[1] + shift
        text, shift = text[:start] + content + text[end:], shift + len(content) - (end - start)
    return differences, text


def agree(shown: str, printed: str) -> bool:
    """Whether they are the same but for what may differ; a line `…` stands for any number of lines."""
    expected, found = comparable(shown), comparable(printed)
    if LEFT_OUT not in expected:
        return expected == found
    at = expected.index(LEFT_OUT)
    head, tail = expected[:at], expected[at + 1 :]
    return len(found) >= len(head) + len(tail) and [*found[:at], *found[len(found) - len(tail) :]] == [*head, *tail]


def comparable(printed: str) -> list[str]:
    """The lines without what may differ; nodes that finish at once do so in any order."""
    lines = []
    for line in printed.rstrip().splitlines():
        lifted = _NODE.sub(r"n/\1 \2 ", line)
        for pattern, replacement in _LIFTED:
            lifted = pattern.sub(replacement, lifted)
        lines.append(lifted.rstrip())
    nodes = iter(sorted(line for line in lines if line.startswith("n/")))
    return [next(nodes) if line.startswith("n/") else line for line in lines]


def _begun(page: Page, folder: Path, registry: WarmRegistry) -> Terminal:
    declared = _DECLARED.search(page.text)
    words: Mapping[str, str] = dict(word.split("=", 1) for word in declared["words"].split()) if declared else {}
    for product in filter(None, words.get("copies", "").split(",")):
        if product == "products":
            copy_products(folder / product)
        else:
            shutil.copytree(PRODUCTS / product, folder / Path(product).name, symlinks=True)
    terminal = Terminal(folder.resolve(), registry)
    terminal.folder = terminal.root / words.get("start", ".")
    return terminal


def _lay_down(terminal: Terminal, blocks: tuple[Block, ...], number: int) -> None:
    block = blocks[number]
    if block.title:
        terminal.write(block.title, block.content)
    elif block.info == "python" and not _is_followed_by_output(blocks, number):
        terminal.execute(block.content)


def _is_followed_by_output(blocks: tuple[Block, ...], number: int) -> bool:
    return number + 1 < len(blocks) and blocks[number + 1].language == "text" and bool(_printing(blocks, number + 1))


def _printing(blocks: tuple[Block, ...], number: int) -> Block | None:
    """The Python block whose output a `text` block shows."""
    before = blocks[number - 1] if number else None
    says_so = "output" in blocks[number].info.split()
    return before if says_so and before and before.language == "python" else None


def _printed_anew(code: Block, shown: Block, printed: str, differences: list[Difference]) -> str:
    if not agree(shown.content, printed):
        differences.append(Difference(shown.line, code.content, shown.content, printed))
        return _shown_anew(shown.content, printed)
    return shown.content


def _play_console(terminal: Terminal, block: Block, differences: list[Difference]) -> str:
    content = ""
    for command, shown in _commands(block.content):
        printed = terminal.type(command)
        same = agree(shown, printed)
        if not same:
            differences.append(Difference(block.line, command, shown, printed))
        content += f"{_PROMPT}{command}\n{shown if same else _shown_anew(shown, printed)}"
    return content


def _commands(content: str) -> Iterator[tuple[str, str]]:
    """Every command with the output that is shown under it."""
    for piece in re.split(r"^\$ ", content, flags=re.M)[1:]:
        command, _, shown = piece.partition("\n")
        yield command, shown


def _shown_anew(shown: str, printed: str) -> str:
    """The lines as a page shows them: digests are shortened, and as many lines are left out as before."""
    lines = [_DIGEST.sub(r"\1…", line).rstrip() for line in printed.rstrip().splitlines()]
    before = shown.splitlines()
    if LEFT_OUT in before:
        head = before.index(LEFT_OUT)
        tail = len(before) - head - 1
        lines = [*lines[:head], LEFT_OUT, *lines[len(lines) - tail :]]
    return "".join(f"{line}\n" for line in lines)


@contextmanager
def _printed() -> Iterator[io.StringIO]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        yield out
