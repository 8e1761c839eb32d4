"""The formats, by name: for whom each one is, and the module that has it.

A module has one public function `render(report) -> str`. It is imported when its format is asked for.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Format(NamedTuple):
    """A format: `readers` finishes the sentence "for …"."""

    module: str
    readers: str


_HERE: Final = "floe_compiler.diff.render"
FORMATS: Final[dict[str, Format]] = {
    "text": Format(f"{_HERE}.text", "people at a terminal"),
    "json": Format(f"{_HERE}.json", "programs"),
    "markdown": Format(f"{_HERE}.markdown", "a comment on a pull request"),
    "github": Format(f"{_HERE}.github", "annotations of a GitHub workflow"),
    "sarif": Format(f"{_HERE}.sarif", "code scanning"),
    "junit": Format(f"{_HERE}.junit", "test reports"),
    "html": Format(f"{_HERE}.html", "a browser"),
}
