"""Tells of the credentials in what would be sealed: each once, where people wrote it, and never the value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from floe_compiler.errors import Problem, Where
from floe_compiler.freeze.secrets import Leak, find_leaks

if TYPE_CHECKING:
    from floe_compiler.resolve import ResolvedProduct

_UNIQUE_ID: Final = re.compile(rb'"unique_id":"([^"]+)"')


def leak_problems(
    files: Mapping[str, bytes], project: str, resolved: ResolvedProduct, environ: Mapping[str, str]
) -> Iterator[Problem]:
    """FLOE-F010 for a credential of the environment, FLOE-F011 for what looks like a secret by itself.

    `project` is the folder of the dbt project among the files. What dbt made of a file repeats its secrets, and
    is told only where no file of the project has them.
    """
    leaks = list(find_leaks(files, environ))
    written = {leak.secret for leak in leaks if leak.path.startswith(f"{project}/")}
    for leak in leaks:
        file = leak.path.removeprefix(f"{project}/")
        if file != leak.path:
            place, where = file, replace(resolved.project.where(file), line=leak.line)
        elif leak.secret not in written:
            place, where = _place_of_made(leak, files[leak.path], resolved)
        else:
            continue
        yield Problem("FLOE-F010" if leak.variable else "FLOE-F011", f"there is {leak.what} in {place}", where)


def _place_of_made(leak: Leak, content: bytes, resolved: ResolvedProduct) -> tuple[str, Where]:
    """What the file was made of, in words and as a place; never the line itself."""
    for name, value in resolved.product.env.items():
        if leak.secret in value.encode():
            where = resolved.product_document.where_key(("env", name))
            return f"the build constant `{name}`", where.hidden()
    # A manifest is one long line; its keys are sorted, so the next id is that of the node around.
    if leak.path.startswith("targets/") and (node := _UNIQUE_ID.search(content, leak.offset)):
        return f"{node[1].decode()} of {leak.path}", Where(leak.path)
    return leak.path, Where(leak.path, leak.line)
