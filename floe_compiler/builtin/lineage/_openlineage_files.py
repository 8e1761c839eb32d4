"""The two files from which OpenLineage's Python client is started.

Source: https://openlineage.io/docs/client/python/configuration

The client fills nothing into `openlineage.yml`: what is known only where the bundle runs comes from environment
variables, which the client merges below the file. `openlineage.env` gives them the names that it looks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import yaml
from pydantic import Field

from floe_compiler.model.bundle import BundleHead
from floe_compiler.plugins.contracts import LoadedBy

Namespace = Annotated[
    str | None,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$",
        description="The namespace of the jobs. Without it, the platform's name.",
    ),
]
NAMESPACE: Final = "OPENLINEAGE_NAMESPACE"
_CLIENT: Final = 'python -c "from openlineage.client import OpenLineageClient as Client; Client()"'
LOADED_BY: Final = (
    LoadedBy(
        "openlineage.yml",
        "OpenLineage client (Python)",
        f"OPENLINEAGE_CONFIG=openlineage.yml {_CLIENT}",
        "tool",
    ),
    LoadedBy(
        "openlineage.env",
        "OpenLineage client (Python)",
        f"set -a; . ./openlineage.env; {_CLIENT}",
        "tool",
    ),
)


def openlineage_files(
    transport: Mapping[str, Any], namespace: str | None, head: BundleHead, variables: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    """`variables` are those that complete the transport, as a shell writes them."""
    # Where the client is started lies some Git repository or other: what it would read there says nothing of the jobs.
    document = {"transport": dict(transport), "facets": {"source_code_location": {"disabled": True}}}
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=False, width=10_000)
    environment = {NAMESPACE: namespace or head.platform.name, **(variables or {})}
    lines = (f'{name}="{value}"\n' for name, value in environment.items())
    return {"openlineage.yml": text.encode("ascii"), "openlineage.env": "".join(lines).encode("ascii")}


def to_file(path: str) -> dict[str, Any]:
    """The transport that appends to a file; the client takes a relative path from where it is started."""
    return {"type": "file", "log_file_path": path, "append": True}
