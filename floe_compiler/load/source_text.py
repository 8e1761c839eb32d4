"""The text of a YAML file: decoded strictly, with the place and the line of anything found in it.

A line ends where YAML 1.1, and so libyaml, ends it: LF, CR, CRLF, NEL, LS and PS. Strict documents hold none
of the last three, so line numbers there are those of any editor.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import Final, Protocol

from floe_compiler.errors import FloeError, Problem, Where, raise_if_any

SHOWN_LENGTH: Final = 200
MAX_REPORTED: Final = 20

_BOM: Final = "\ufeff"
_BREAKS: Final = "\n\r\x85\u2028\u2029"
_BREAK: Final = re.compile(f"[{_BREAKS}]")
_DECEIVING: Final = "\u202a-\u202e\u2066-\u2069"
_DIRECTIONS: Final = _DECEIVING + "\u061c\u200e\u200f"  # these three, right-to-left prose needs

FOREIGN_TEXT: Final = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""A character that no YAML file may hold: what YAML 1.2.2 allows (section 5.1) is left out."""
STRICT_TEXT: Final = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""The same, and what makes people see another text than machines: line breaks that editors do not show
(U+0085, U+2028, U+2029), reordered text (U+202A to U+202E, U+2066 to U+2069), a byte order mark."""
STRICT_VALUE: Final = re.compile(rf"[\0{_DECEIVING}]")
"""What may not come into a value by an escape either."""

_DIRECTION: Final = re.compile(f"[{_DIRECTIONS}]")
_FIRST_CONTENT: Final = re.compile(rf"(?<![^{_BREAKS}])[ \t]*([^ \t#{_BREAKS}])")
_DIRECTIVE: Final = re.compile(rf"(?<![^{_BREAKS}])%")
_OTHER_ENCODINGS: Final = (
    ("UTF-32", re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff|\0\0\0[^\0]|[^\0]\0\0\0")),
    ("UTF-16", re.compile(rb"\xff\xfe|\xfe\xff|[^\0]\0[^\0]\0|\0[^\0]\0[^\0]")),
)


class Mark(Protocol):
    """A place as PyYAML counts it: all three from 0, in characters."""

    index: int
    line: int
    column: int


class SourceText:
    """A file's text, and the places in it."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._shown: dict[int, str] = {}

    def at(self, mark: Mark | None) -> Where:
        """The place of a mark. The end of a text that ends without a break is in its last line."""
        if mark is None:
            return Where(self.file)
        if mark.column == 0 and mark.index == len(self.text) and not self._ends_with_break():
            start = max(self.text.rfind(character) for character in _BREAKS) + 1
            return Where(self.file, mark.line, mark.index - start + 1, self._line(start))
        return Where(self.file, mark.line + 1, mark.column + 1, self._line(mark.index - mark.column))

    def at_index(self, index: int) -> Where:
        """The place of the character with this index."""
        breaks = sum(self.text.count(character, 0, index) for character in _BREAKS)
        line = breaks - self.text.count("\r\n", 0, index)
        start = max(self.text.rfind(character, 0, index) for character in _BREAKS) + 1
        return Where(self.file, line + 1, index - start + 1, self._line(start))

    def character(self, mark: Mark | None) -> str:
        """The character at a mark; nothing at the end."""
        return self.text[mark.index : mark.index + 1] if mark else ""

    def directive(self) -> Where | None:
        """The place of a directive before the document."""
        first = _FIRST_CONTENT.search(self.text)
        return self.at_index(first.start()) if first and first[0] == "%" else None

    def directive_after(self, mark: Mark | None) -> Where | None:
        """The place of a line after the mark that starts with `%`: after a document, that starts another."""
        found = _DIRECTIVE.search(self.text, mark.index if mark else 0)
        return self.at_index(found.start()) if found else None

    def _ends_with_break(self) -> bool:
        return not self.text or self.text[-1] in _BREAKS

    def _line(self, start: int) -> str:
        if start not in self._shown:
            piece = self.text[start : start + SHOWN_LENGTH + 1]
            self._shown[start] = visible(_BREAK.split(piece, maxsplit=1)[0])
        return self._shown[start]


def decoded(content: bytes, file: str, *, bom_allowed: bool, refused: re.Pattern[str]) -> SourceText:
    """The text of UTF-8 bytes. Raises FloeError for other encodings and for characters that are refused."""
    _refuse_other_encodings(content, file)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FloeError(_bad_byte(content, file, error)) from error
    if text.startswith(_BOM) and not bom_allowed:
        where = SourceText(file, text).at_index(0)
        hint = "Save it as UTF-8 without a byte order mark."
        raise FloeError(Problem("FLOE-L012", "the file starts with a byte order mark", where, hint))
    source = SourceText(file, text.removeprefix(_BOM))
    found = itertools.islice(refused.finditer(source.text), MAX_REPORTED)
    raise_if_any(hidden_character(match[0], source.at_index(match.start())) for match in found)
    return source


def hidden_character(character: str, where: Where, *, inside: str = "the file") -> Problem:
    """The problem that a character makes which people cannot see."""
    name = f"U+{ord(character):04X}"
    if character == "\0":
        return Problem("FLOE-L013", f"{inside} holds a NUL character", where, "Remove it.")
    if _DIRECTION.match(character):
        message = f"{inside} holds {name}, which changes the direction in which text is shown"
        return Problem("FLOE-L015", message, where, "Remove it; what is shown must be what is read.")
    return Problem("FLOE-L014", f"{inside} holds the invisible character {name}", where, "Remove it.")


def hidden_in_name(name: str) -> str | None:
    """The first character of a name that is not printable: controls, zero-width characters, odd blanks."""
    return None if name.isprintable() else next(c for c in name if not c.isprintable())


def visible(text: str) -> str:
    """At most 200 characters of a line; what cannot be seen is replaced, one character for one."""
    shown = text if text.isprintable() else "".join(map(_picture, text))
    return shown if len(shown) <= SHOWN_LENGTH else shown[: SHOWN_LENGTH - 1] + "…"


def _picture(character: str) -> str:
    """A symbol for a control character, so that the columns of the line stay what they are."""
    if character < " ":
        return chr(0x2400 + ord(character))
    return "\ufffd" if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else character


def _refuse_other_encodings(content: bytes, file: str) -> None:
    for name, pattern in _OTHER_ENCODINGS:
        if pattern.match(content):
            message = f"the file is {name}, not UTF-8"
            raise FloeError(Problem("FLOE-L011", message, Where(file, 1, 1), "Save it as UTF-8."))


def _bad_byte(content: bytes, file: str, error: UnicodeDecodeError) -> Problem:
    before = SourceText(file, content[: error.start].decode("utf-8") + "\ufffd")
    message = f"byte {error.start} of the file (0x{content[error.start]:02X}) is not UTF-8"
    where = before.at_index(len(before.text) - 1)
    return Problem("FLOE-L010", message, where, "Save the file as UTF-8.")
