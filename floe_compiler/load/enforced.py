"""The enforced line: what would switch off or replace a standard is refused, wherever it is written.

The table says of every standard which record decided it, what people write who want another, and what is
pluggable instead. Values that only confirm a standard are left to the models, which do not know such keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from floe_compiler.errors import Problem
from floe_compiler.model.documents import Document, Pointer


class Standard(NamedTuple):
    """A standard that no configuration replaces.

    `keys` name the standard itself, so any value but `own` would replace it. `plugin` is the plugin type that
    stands nearest to it: choosing it is free, switching it off or choosing one of `rivals` is not.
    """

    title: str
    role: str
    record: str
    pluggable: str
    keys: frozenset[str]
    own: frozenset[str]
    plugin: str | None = None
    rivals: frozenset[str] = frozenset()

    @property
    def sentence(self) -> str:
        return f"{self.title} is enforced as {self.role} ({self.record})"


STANDARDS: Final = (
    Standard(
        "dbt",
        "the SQL transformation framework",
        "ADR-0009",
        "where dbt runs: `dbt_runtime` in the platform manifest",
        frozenset({"dbt", "sql_framework", "transformation", "transformation_framework", "sqlmesh", "dataform"}),
        frozenset({"dbt"}),
        "dbt_runtime",
        frozenset({"sqlmesh", "dataform"}),
    ),
    Standard(
        "Apache Iceberg",
        "the table format",
        "ADR-0018",
        "where its metadata and its data are kept: `catalog` and `storage` in the platform manifest",
        frozenset({"table_format", "iceberg", "delta", "delta_lake", "hudi"}),
        frozenset({"iceberg", "apache_iceberg"}),
        "catalog",
        frozenset({"delta", "delta_lake", "hudi"}),
    ),
    Standard(
        "OpenTelemetry",
        "the standard of tracing",
        "ADR-0018",
        "where traces are sent: `observability` in the platform manifest",
        frozenset({"tracing", "telemetry", "opentelemetry", "otel"}),
        frozenset({"opentelemetry", "otel"}),
        "observability",
    ),
    Standard(
        "OpenLineage",
        "the standard of lineage",
        "ADR-0018",
        "where lineage events are sent: `lineage` in the platform manifest",
        frozenset({"openlineage", "lineage_format", "lineage_standard"}),
        frozenset({"openlineage"}),
        "lineage",
    ),
    Standard(
        "Kubernetes",
        "the place of deployment",
        "ADR-0018",
        "how jobs are scheduled on it: `orchestrator` in the platform manifest",
        frozenset({"deployment", "kubernetes", "k8s"}),
        frozenset({"kubernetes", "k8s"}),
    ),
)
_BY_KEY: Final = {key: standard for standard in STANDARDS for key in standard.keys}
_BY_PLUGIN: Final = {standard.plugin: standard for standard in STANDARDS if standard.plugin}
_OFF: Final = frozenset({"none", "off", "no", "false", "disabled", "disable", "noop", "null", "nothing"})
_CHOOSING: Final = ("use", "type", "name", "format", "engine")
_NAMES_OF_OTHERS: Final = frozenset({"approved", "env", "locked", "metadata", "policies"})


def breaches(document: Document) -> Iterator[Problem]:
    """Every place at which the document would switch off or replace an enforced standard: FLOE-R020."""
    for pointer, value in _entries(document.value):
        standard = _breached(pointer, value)
        if standard:
            message = f"`{'.'.join(map(str, pointer))}` is {_shown(value)}, but {standard.sentence}"
            hint = f"Remove it. What is pluggable is {standard.pluggable}."
            yield Problem("FLOE-R020", message, document.where(pointer), hint)


def _entries(root: Any) -> Iterator[tuple[Pointer, Any]]:
    """Every entry of every mapping, but for those whose keys are names that people have given."""
    pending: list[tuple[Pointer, Any]] = [((), root)]
    while pending:
        pointer, value = pending.pop()
        if isinstance(value, list):
            pending.extend(((*pointer, i), item) for i, item in enumerate(value))
        elif isinstance(value, dict):
            for key, item in value.items():
                yield (*pointer, key), item
                if pointer or key not in _NAMES_OF_OTHERS:
                    pending.append(((*pointer, key), item))


def _breached(pointer: Pointer, value: Any) -> Standard | None:
    *above, key = pointer
    if "config" in above:
        return _breached_in_config(tuple(above), str(key), value)
    standard = _BY_KEY.get(str(key))
    if standard:
        return standard if _replaces(value, standard) else None
    standard = _BY_PLUGIN.get(str(key)) if above in ([], ["plugins"]) else None
    chosen = value.get("use", "") if isinstance(value, dict) else value
    if standard and (_is_off(chosen) or str(chosen).lower() in standard.rivals):
        return standard
    return None


def _breached_in_config(above: Pointer, key: str, value: Any) -> Standard | None:
    """A plugin's configuration has words of its own; only those are judged that can mean nothing else."""
    if key == "table_format":
        return _BY_KEY[key] if _replaces(value, _BY_KEY[key]) else None
    if above[0] == "plugins" and above[-1] == "config" and _switches_off(key, value):
        return _BY_PLUGIN.get(str(above[1]))
    return None


def _replaces(value: Any, standard: Standard) -> bool:
    if isinstance(value, dict):
        off = any(_switches_off(key, item) for key, item in value.items())
        return off or any(_replaces(value[key], standard) for key in _CHOOSING if key in value)
    return value is not True and str(value).lower() not in standard.own


def _is_off(value: Any) -> bool:
    return value is None or value is False or str(value).lower() in _OFF


def _switches_off(key: Any, value: Any) -> bool:
    return (key == "enabled" and _is_off(value)) or (key == "disabled" and value is True)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping that replaces it or switches it off"
    return "empty" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"
