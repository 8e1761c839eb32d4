"""What is run: the nodes of the sealed manifest, where they are built, and what they are made from.

Source: the fields of https://schemas.getdbt.com/dbt/manifest/v12.json. What SQL says is never looked into.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

import orjson
import yaml

from floe_compiler.emit.namespaces import namespace_of
from floe_compiler.model.telemetry import RunFacts

SECTIONS: Final = ("nodes", "sources", "exposures", "saved_queries", "unit_tests")
"""The parts of a manifest whose members run, or are read by what runs."""
KEEP_DATA: Final = frozenset({"model", "seed", "snapshot", "source"})
"""Resource types that are relations in a database."""
CLOCKS: Final = 2.0
"""By how many seconds the clock of a file system may be behind."""

Node = Mapping[str, Any]


class Subject:
    """The manifest of a target, and the database that its nodes are built in."""

    def __init__(self, facts: RunFacts) -> None:
        manifest = orjson.loads(Path(facts.manifest).read_bytes())
        self._nodes: dict[str, Node] = {
            unique_id: node for section in SECTIONS for unique_id, node in manifest.get(section, {}).items()
        }
        self._groups: dict[str, Node] = manifest.get("groups", {})
        self._compiled = Path(facts.target_path) / "compiled"
        profile = yaml.safe_load(Path(facts.profiles).read_bytes())[facts.profile]["outputs"][facts.target]
        self.dbt_version: str = manifest["metadata"]["dbt_version"]
        self.adapter: str = profile["type"]
        self.namespace: str = namespace_of(profile, facts.variables, Path(facts.run_dir))

    def node(self, unique_id: str) -> Node:
        """As the manifest describes it; of what it does not know, what the id says."""
        return self._nodes.get(unique_id) or {"unique_id": unique_id, "resource_type": unique_id.partition(".")[0]}

    def built(self, node: Node) -> bool:
        """Whether the node is a relation."""
        return node["resource_type"] in KEEP_DATA and node.get("config", {}).get("materialized") != "ephemeral"

    def made_from(self, node: Node) -> Iterator[Node]:
        """The relations that a node reads, each once; an ephemeral model stands for those that it reads itself."""
        seen: set[str] = set()
        pending = [*reversed(node.get("depends_on", {}).get("nodes", []))]
        while pending:
            unique_id = pending.pop()
            if unique_id in seen or unique_id not in self._nodes:
                continue
            seen.add(unique_id)
            parent = self._nodes[unique_id]
            if self.built(parent):
                yield parent
            elif parent["resource_type"] == "model":
                pending.extend(reversed(parent["depends_on"]["nodes"]))

    def owners(self, node: Node) -> list[str]:
        """Who answers for a node: its `meta.owner`, and the owner of its group."""
        config = node.get("config", {})
        meta = config.get("meta") or node.get("meta") or {}
        said = meta.get("owner") or []
        owners = [str(owner) for owner in (said if isinstance(said, list) else [said])]
        for group in self._groups.values():
            if group["name"] == config.get("group"):
                owners += [group["owner"][key] for key in ("name", "email") if isinstance(group["owner"].get(key), str)]
        return [*dict.fromkeys(owners)]

    def compiled(self, node: Node, since: float) -> str | None:
        """The SQL that dbt wrote for a node in this run; None where it wrote none here."""
        if "original_file_path" not in node:
            return None
        original = PurePosixPath(node["original_file_path"])
        path = PurePosixPath(node["path"])
        file = self._compiled / node["package_name"] / (original if path.name == original.name else original / path)
        try:
            if file.stat().st_mtime < since - CLOCKS:
                return None
            return file.read_text("utf-8") if file.suffix == ".sql" else None
        except OSError:
            return None
