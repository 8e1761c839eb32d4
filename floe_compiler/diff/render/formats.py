"""The formats, by name, and for whom each one is. `floe_compiler.diff.render.<name>` has it as `render(report)`."""

from __future__ import annotations

from typing import Final

FORMATS: Final[dict[str, str]] = {
    "text": "people at a terminal",
    "json": "programs",
    "markdown": "a comment on a pull request",
    "github": "annotations of a GitHub workflow",
    "sarif": "code scanning",
    "junit": "test reports",
    "html": "a browser",
}
