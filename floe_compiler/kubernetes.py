"""Names and labels as Kubernetes takes them.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and .../labels/
"""

from __future__ import annotations

import re
from typing import Final

from floe_compiler.digests import digest

LONGEST_LABEL: Final = 63
_MARK: Final = 8
"""How much of a name's digest keeps two names apart that are cut to the same beginning."""


def object_name(text: str, longest: int = LONGEST_LABEL) -> str:
    """A DNS label: lower case, digits and `-`. What is too long is cut, and stays one of a kind by its digest."""
    name = re.sub(r"[^a-z0-9-]", "-", text.lower()).strip("-")
    if len(name) <= longest:
        return name
    mark = digest(text.encode()).removeprefix("sha256:")[:_MARK]
    return f"{name[: longest - _MARK - 1].rstrip('-')}-{mark}"


def label_value(text: str) -> str:
    """The text as the value of a label, or as the tag of an image; `1.0.0+eu` becomes `1.0.0_eu`."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:LONGEST_LABEL].strip("._-")
