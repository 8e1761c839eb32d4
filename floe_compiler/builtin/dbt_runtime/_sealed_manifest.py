"""dbt's Manifest from a sealed manifest.json, and a dbt command that is run on it without parsing.

    python sealed_manifest.py BUNDLE TARGET RUN_RESULTS NAMES COMMAND ...

Imports dbt and nothing of floe: it is sealed in bundles beside `sealed_dbt.py`, which starts it in an environment of
its own. `NAMES`, a JSON list, are the variables in it that `env_var()` can see.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import dbt.cli.requires
from dbt.adapters.factory import FACTORY
from dbt.artifacts.schemas.manifest import ManifestMetadata
from dbt.cli.main import dbtRunner
from dbt.contracts.graph import nodes
from dbt.contracts.graph.manifest import Manifest

JSON: Final[Any] = importlib.import_module("orjson" if importlib.util.find_spec("orjson") else "json")
NODE_FAILED: Final = 1
DBT_FAILED: Final = 2


def main(bundle: str, target: str, run_results: str, names: str, *command: str) -> int:
    """dbt's exit status: 1 when a node failed, 2 when dbt itself did."""
    declared = {name: os.environ[name] for name in json.loads(names)}
    dbt.cli.requires.get_env = lambda: dict(declared)
    index_bytes = Path(bundle, "compiled_artifacts.json").read_bytes()
    index = json.loads(index_bytes)
    manifest = Path(bundle, index["targets"][target]["manifest"])
    telemetry = importlib.import_module("sealed_telemetry")
    told = telemetry.Told(
        bundle=Path(bundle),
        digest=f"sha256:{hashlib.sha256(index_bytes).hexdigest()}",
        index=index,
        manifest=JSON.loads(manifest.read_bytes()),
        target=target,
        command=command[0],
        run_dir=Path.cwd(),
    )
    teller = telemetry.Telemetry(told)
    sealed = restore(manifest, Path(bundle, index["runtime"]["project"]), time.time())
    outcome = dbtRunner(sealed, callbacks=[teller]).invoke(list(command))
    close_databases()
    if hasattr(outcome.result, "results"):
        outcome.result.write(run_results)
    status = 0 if outcome.success else DBT_FAILED if outcome.exception else NODE_FAILED
    if undelivered := teller.end("success" if outcome.success else "error"):
        print(*undelivered, sep="\n", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # a thread may still wait for a receiver: it waits no longer
    return status


def restore(path: Path, project_dir: Path, now: float) -> Any:
    """dbt's Manifest from a sealed manifest.json, without parsing the project.

    What was sealed as null or left out because it varies between runs (`created_at`, `root_path`, parts of
    `metadata`) gets a value of this run. SQL that was sealed is for people: what runs is compiled anew. The file's
    own objects serve as dbt's `graph`.
    """
    sealed = JSON.loads(path.read_bytes())
    classes = node_classes()
    project = sealed["metadata"]["project_name"]
    seed_roots: dict[str, str] = {}

    def node(raw: dict[str, Any]) -> Any:
        if raw.get("created_at") is None:
            raw["created_at"] = now
        if raw.pop("compiled_code", None) is not None:
            raw["compiled"] = False
        if raw["resource_type"] == "seed":
            raw["root_path"] = seed_root(raw, project, project_dir, seed_roots)
        if raw["resource_type"] == "test" and raw.get("test_metadata"):
            return classes["generic test"].from_dict(raw)
        return classes[raw["resource_type"]].from_dict(raw)

    collections = {
        name: {unique_id: node(raw) for unique_id, raw in sealed.get(name, {}).items()}
        for name in RESTORED
        if name in Manifest.__dataclass_fields__
    }
    groups = {uid: classes["group"].from_dict(raw) for uid, raw in sealed["groups"].items()}
    docs = {uid: classes["doc"].from_dict(raw) for uid, raw in sealed["docs"].items()}
    disabled = {uid: [node(raw) for raw in raws] for uid, raws in (sealed.get("disabled") or {}).items()}
    metadata = {key: value for key, value in sealed["metadata"].items() if value is not None}
    return Manifest(
        **collections,
        groups=groups,
        docs=docs,
        disabled=disabled,
        selectors=sealed["selectors"],
        metadata=ManifestMetadata.from_dict(metadata),
        flat_graph={name: sealed[name] for name in FLAT_GRAPH if name in sealed},
    )


RESTORED: Final = (
    "nodes",
    "sources",
    "macros",
    "exposures",
    "functions",
    "metrics",
    "semantic_models",
    "saved_queries",
    "unit_tests",
)
FLAT_GRAPH: Final = (
    "exposures",
    "functions",
    "groups",
    "metrics",
    "nodes",
    "sources",
    "semantic_models",
    "saved_queries",
)


def node_classes() -> dict[str, Any]:
    """dbt's class for each resource type; dbt 1.10 has no functions."""
    names = {
        "model": "ModelNode",
        "seed": "SeedNode",
        "snapshot": "SnapshotNode",
        "analysis": "AnalysisNode",
        "test": "SingularTestNode",
        "generic test": "GenericTestNode",
        "operation": "HookNode",
        "sql operation": "SqlNode",
        "function": "FunctionNode",
        "source": "SourceDefinition",
        "macro": "Macro",
        "exposure": "Exposure",
        "metric": "Metric",
        "group": "Group",
        "doc": "Documentation",
        "semantic_model": "SemanticModel",
        "saved_query": "SavedQuery",
        "unit_test": "UnitTestDefinition",
    }
    return {kind: getattr(nodes, name) for kind, name in names.items() if hasattr(nodes, name)}


def seed_root(raw: Mapping[str, Any], project: str, project_dir: Path, known: dict[str, str]) -> str:
    """The folder of the project or package that a seed belongs to, where this run finds it."""
    package = raw["package_name"]
    if package not in known:
        candidates = [] if package == project else sorted(project_dir.glob(f"*/{package}"))
        holding = [root for root in candidates if (root / raw["original_file_path"]).is_file()]
        known[package] = str(holding[0] if holding else project_dir)
    return known[package]


def close_databases() -> None:
    """Adapters that run a database in their own process (DuckDB) close it at exit; this process may be killed."""
    for adapter in FACTORY.adapters.values():
        getattr(adapter.connections, "close_all_connections", lambda: None)()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
