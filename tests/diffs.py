"""The corpus in `fixtures/diffs`: a product, edits of it, and everything that `floe diff` has to find.

A case is a folder with `case.toml`, which says what is edited, and `expected.json`, the complete list of findings.
`python -m tests.diffs --write [CASE...]` compiles them with the real dbt and writes the lists anew, to be reviewed.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floe_compiler import FloeError, VerifiedBundle, compile_product, diff_bundles, load_bundle
from floe_compiler.model.change_set import ChangeSet, Finding, NodeRef, Step
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.store.layout import Store
from tests.warm import WarmRegistry

CORPUS = Path(__file__).parent.parent / "fixtures" / "diffs"
BASE = CORPUS / "base"
PRODUCT = "beacons"
LARGE_SEED = f"{PRODUCT}/seeds/sightings.csv"


@dataclass(frozen=True)
class Case:
    """One edit, or a few that belong together. `before` is edited on both sides."""

    name: str
    title: str
    targets: tuple[str, ...]
    targets_after: tuple[str, ...]
    before: Mapping[str, Any]
    edits: Mapping[str, Any]

    @property
    def expected(self) -> Path:
        """The list of findings."""
        return CORPUS / self.name / "expected.json"


def read_case(name: str) -> Case:
    """The case in a folder of the corpus."""
    table = tomllib.loads((CORPUS / name / "case.toml").read_text("utf-8"))
    targets = tuple(table.pop("targets", ["dev"]))
    after = tuple(table.pop("targets_after", targets))
    return Case(name, table.pop("title"), targets, after, table.pop("before", {}), table)


def case_names() -> list[str]:
    """Every case."""
    return sorted(folder.parent.name for folder in CORPUS.glob("*/case.toml"))


class Bench:
    """Compiles products of the corpus, with one store, so that dbt parses only what an edit touches."""

    def __init__(self, folder: Path, registry: PluginRegistry) -> None:
        self._folder = folder
        self._registry = registry
        self._store = Store(folder / "store")
        self._known: dict[str, VerifiedBundle] = {}

    def changes(self, case: Case) -> ChangeSet:
        """What floe diff says of the case."""
        return diff_bundles(*self.bundles(case))

    def bundles(self, case: Case) -> tuple[VerifiedBundle, VerifiedBundle]:
        """Both sides of the case."""
        return (
            self.bundle(case.targets, case.before),
            self.bundle(case.targets_after, case.before, case.edits),
        )

    def bundle(self, targets: tuple[str, ...], *edits: Mapping[str, Any]) -> VerifiedBundle:
        """The bundle of the base product with some edits, compiled once."""
        key = json.dumps([targets, edits], default=str)
        if key not in self._known:
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                copy_base(Path(folder))
                for edit in edits:
                    apply(edit, Path(folder))
                product = Path(folder) / PRODUCT
                done = compile_product(product, targets=targets, store=self._store, registry=self._registry)
            self._known[key] = load_bundle(done.path)
        return self._known[key]


def copy_base(folder: Path) -> None:
    """The base product, with the seed of more than 1 MiB that is grown rather than committed."""
    shutil.copytree(BASE, folder, symlinks=True, dirs_exist_ok=True)
    rows = (
        f"{n},{n % 40 + 1},{'pilot' if n % 3 else 'ferry'} no {n % 97:02} on the way home" for n in range(1, 32_001)
    )
    (folder / LARGE_SEED).write_text("\n".join(["sighting_id,lamp_id,seen_by", *rows, ""]), "utf-8")


def apply(edits: Mapping[str, Any], folder: Path) -> None:
    """Makes the edits of a case. One that changes nothing is a mistake."""
    for move in edits.get("move", ()):
        (folder / move["to"]).parent.mkdir(parents=True, exist_ok=True)
        (folder / move["file"]).rename(folder / move["to"])
    for replace in edits.get("replace", ()):
        file = folder / replace["file"]
        text = file.read_text("utf-8")
        assert replace["old"] in text, replace
        file.write_text(text.replace(replace["old"], replace["new"]), "utf-8")
    for write in edits.get("write", ()):
        (folder / write["file"]).parent.mkdir(parents=True, exist_ok=True)
        (folder / write["file"]).write_text(write["text"], "utf-8")
    for delete in edits.get("delete", ()):
        (folder / delete["file"]).unlink()


def told(changes: ChangeSet) -> list[dict[str, Any]]:
    """The findings as the corpus lists them: everything but wording and long values."""
    return [_finding(finding) for finding in changes.findings]


def _finding(finding: Finding) -> dict[str, Any]:
    thing, impact = finding.object, finding.impact
    told = {
        "rule": finding.rule,
        "level": finding.level,
        "change": finding.change,
        "object": f"{thing.kind} {thing.id}" + (f" on {', '.join(thing.targets)}" if thing.targets else ""),
        "field": finding.field,
        "before": _short(finding.before),
        "after": _short(finding.after),
        "where": f"{finding.where.file}:{finding.where.line or '?'}" if finding.where else None,
        "cause": [_step(step) for step in finding.cause],
        "affected": [
            " < ".join([f"{item.node.resource_type} {item.node.name}", *(step.name for step in reversed(item.through))])
            + ("" if item.compiled == "not_known" else f" ({item.compiled})")
            for item in finding.affected
        ],
        "probably_broken": _names(finding.probably_broken),
        "models": _names(impact.models),
        "exposures": [f"{item.name}, {item.owner} {item.email}" for item in impact.exposures],
        "metrics": _names(impact.metrics),
    }
    return {key: value for key, value in told.items() if value not in (None, [])}


def _names(nodes: Iterable[NodeRef]) -> list[str]:
    return [node.name for node in nodes]


def _step(step: Step) -> str:
    place = f" at {step.where.file}:{step.where.line or '?'}" if step.where else ""
    return f"{step.what}: {step.kind} {step.id}{place}"


def _short(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= 100 and "\n" not in text else f"{len(text)} characters"


def write(names: Iterable[str]) -> None:
    """Writes the lists of some cases anew, and prints them."""
    registry = WarmRegistry()
    try:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder), registry)
            for name in names:
                case = read_case(name)
                try:
                    findings = told(bench.changes(case))
                except FloeError as error:
                    print(f"## {name}: {error}")
                    continue
                case.expected.write_text(json.dumps(findings, indent=1, ensure_ascii=False) + "\n", "utf-8")
                print(f"## {name}: {case.title}")
                for finding in findings:
                    print("  ", json.dumps(finding, ensure_ascii=False))
    finally:
        registry.end()


if __name__ == "__main__":
    if sys.argv[1:2] != ["--write"]:
        raise SystemExit(__doc__)
    write(sys.argv[2:] or case_names())
