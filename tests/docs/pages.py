"""The pages that people read, taken apart: blocks, headings, links, tables, sentences.

Two kinds of comments in a page are meant for this folder, and no reader sees them: `<!-- terminal … -->` says
where the page's commands are typed (`terminal.py`), `<!-- drawn: NAME -->` that what follows, up to
`<!-- end -->`, is made from the code (`regions.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
DOCS: Final = ROOT / "docs"
_AT_THE_ROOT: Final = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")

_FENCE: Final = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<content>.*?)^(?P=indent)```$", re.M | re.S)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.S)
_HEADING: Final = re.compile(r"^#{1,6} +(.+?)$", re.M)
_LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CELL: Final = re.compile(r"(?<!\\)\|")
_RULE: Final = re.compile(r"^\|[\s:|-]+\|$")
_END_OF_SENTENCE: Final = re.compile(r"(?<=[.!?:;])\s+(?=[A-Z`*\"])")
_MARKS: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)|[*`]|^(?:[#>]+|[-*]|\d+\.) +", re.M)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the words after the fence, what stands in it, and where (`line` counts from 1)."""

    info: str
    content: str
    line: int
    span: tuple[int, int]

    @property
    def language(self) -> str:
        return self.info.split()[0] if self.info else ""

    @property
    def title(self) -> str | None:
        """The file that the block shows: `title=floe.yaml`."""
        return next((word.removeprefix("title=") for word in self.info.split() if word.startswith("title=")), None)


@dataclass(frozen=True)
class Page:
    """A page of Markdown; `draft` is a text that is not written yet."""

    path: Path
    draft: str | None = None

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8") if self.draft is None else self.draft

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(
            Block(
                found["info"].strip(),
                _without_indent(found["content"], len(found["indent"])),
                self.text.count("\n", 0, found.start()) + 1,
                found.span("content"),
            )
            for found in _FENCE.finditer(self.text)
        )

    @cached_property
    def prose(self) -> str:
        """The text without its blocks and comments."""
        return _COMMENT.sub("", _FENCE.sub("", self.text))

    @property
    def headings(self) -> tuple[str, ...]:
        return tuple(_HEADING.findall(self.prose))

    @property
    def anchors(self) -> frozenset[str]:
        """The fragments that links may end in, as GitHub makes them of headings."""
        return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in self.headings)

    @property
    def links(self) -> tuple[str, ...]:
        return tuple(_LINK.findall(self.prose))

    def section(self, heading: str) -> str:
        """What stands under a heading, subsections included. Raises KeyError."""
        opening = re.search(rf"^(#+) +{re.escape(heading)}$", self.text, re.M)
        if not opening:
            raise KeyError(f"{self.name} has no heading {heading!r}")
        rest = self.text[opening.end() :]
        closing = re.search(rf"^#{{1,{len(opening[1])}}} ", _FENCE.sub(_blank, rest), re.M)
        return rest[: closing.start()] if closing else rest

    def table(self, first_heading: str) -> list[dict[str, str]]:
        """The rows, by column heading, of the table whose first column has that heading. Raises KeyError."""
        lines = self.prose.splitlines()
        for number, line in enumerate(lines):
            columns = _cells(line)
            if columns and columns[0] == first_heading:
                rows = _lines_of_table(lines[number + 1 :])
                return [dict(zip(columns, _cells(row), strict=True)) for row in rows if not _RULE.match(row)]
        raise KeyError(f"{self.name} has no table that begins with {first_heading!r}")

    def sentences(self) -> Iterator[str]:
        """Every sentence, heading and row of a table, without marks."""
        return sentences_of(self.prose)


def sentences_of(text: str) -> Iterator[str]:
    """Sentences of Markdown or plain text; a paragraph's lines are joined, a row of a table stays one."""
    for paragraph in re.split(r"\n\s*\n|\n(?=[#|]| *(?:[-*]|\d+\.) )", text):
        plain = " ".join(_MARKS.sub(lambda found: found[1] or "", paragraph).split())
        yield from [plain] if plain.startswith("|") else _END_OF_SENTENCE.split(plain) if plain else []


def pages() -> tuple[Page, ...]:
    """Every page, those at the root first."""
    paths = [*(ROOT / name for name in _AT_THE_ROOT), *sorted(DOCS.rglob("*.md"))]
    return tuple(Page(path) for path in paths)


def page(name: str) -> Page:
    """The page of that name below `docs/`, or at the root."""
    return Page(ROOT / name if name in _AT_THE_ROOT else DOCS / name)


def is_generated(page: Page) -> bool:
    """Whether a page is made as a whole, and so has a test of its own."""
    return page.path.is_relative_to(DOCS / "reference")


def _without_indent(content: str, indent: int) -> str:
    return "".join(line[indent:] if line.strip() else line for line in content.splitlines(keepends=True))


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def _cells(line: str) -> list[str]:
    line = line.strip()
    return [cell.strip().replace(r"\|", "|") for cell in _CELL.split(line[1:-1])] if line.startswith("|") else []


def _lines_of_table(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.strip().startswith("|"):
            return
        yield line.strip()
