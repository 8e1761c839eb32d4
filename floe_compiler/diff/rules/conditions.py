"""What rules ask of a fact beyond its aspect."""

from __future__ import annotations

from typing import Any, Final

from floe_compiler.diff.compare.facts import Node
from floe_compiler.diff.rules.rule import Case, Condition

_WIDTH: Final = {"private": 0, "protected": 1, "public": 2}
_STATEFUL: Final = "incremental"
_OWN_COLUMNS: Final = frozenset({"append_new_columns", "sync_all_columns"})


def of_kind(*kinds: str) -> Condition:
    """The object is of one of these kinds."""
    return lambda case: case.fact.thing.kind in kinds


def exposed(case: Case) -> bool:
    """An exposure or a metric is downstream."""
    return bool(case.impact.exposures_total or case.impact.metrics_total)


def relied_upon(case: Case) -> bool:
    """Somebody was promised the model, or still reads it: it is public, has a contract or a version, feeds an exposure
    or a metric, or its name still stands in the SQL of a model that read it."""
    old = case.fact.old
    promised = access_of(old) == "public" or has_contract(old) or old.get("version") is not None
    return promised or exposed(case) or bool(case.fact.broken)


def a_version(case: Case) -> bool:
    """The model is one of several versions."""
    return case.fact.old.get("version") is not None


def both(*conditions: Condition) -> Condition:
    """All of them hold."""
    return lambda case: all(condition(case) for condition in conditions)


def narrowed(case: Case) -> bool:
    """Fewer may read the model than before."""
    return _WIDTH.get(str(case.fact.after), 1) < _WIDTH.get(str(case.fact.before), 1)


def dropped(case: Case) -> bool:
    """What was there or true is not any more."""
    return bool(case.fact.before) and not case.fact.after


def keeps_the_table(case: Case) -> bool:
    """A table becomes incremental: it is there already and stays."""
    return (case.fact.before, case.fact.after) == ("table", _STATEFUL)


def existing_tables_stay_as_they_are(case: Case) -> bool:
    """The model is incremental and its configuration adds no columns to a table that exists."""
    config = case.fact.new.get("config", {})
    return config.get("materialized") == _STATEFUL and config.get("on_schema_change") not in _OWN_COLUMNS


def grantees_lost(case: Case) -> bool:
    """Somebody who had a privilege has it no longer."""
    return bool(_grants(case.fact.before) - _grants(case.fact.after))


def lowered(case: Case) -> bool:
    """The severity was `error` and is `warn`."""
    return str(case.fact.before).lower() == "error" and str(case.fact.after).lower() == "warn"


def raised(case: Case) -> bool:
    """The severity was `warn` and is `error`."""
    return str(case.fact.before).lower() == "warn" and str(case.fact.after).lower() == "error"


def reaches_nothing(case: Case) -> bool:
    """No node uses it."""
    return not case.fact.affected


def reaches_something(case: Case) -> bool:
    """Nodes are different for it."""
    return bool(case.fact.affected)


def compiles_to_the_same(case: Case) -> bool:
    """dbt compiled every affected node to the same SQL, before and after."""
    return bool(case.fact.affected) and all(found.compiled == "same" for found in case.fact.affected)


def respelled(case: Case) -> bool:
    """The two texts differ in nothing but blanks and capitals."""
    return "".join(str(case.fact.before).split()).lower() == "".join(str(case.fact.after).split()).lower()


def access_of(node: Node) -> str | None:
    """The `access` of a model."""
    access: str | None = node.get("access") or node.get("config", {}).get("access")
    return access


def has_contract(node: Node) -> bool:
    """Whether the model's columns are held to."""
    return bool((node.get("config", {}).get("contract") or {}).get("enforced"))


def _grants(value: Any) -> set[tuple[str, str]]:
    if not isinstance(value, dict):
        return set()
    return {
        (str(privilege), str(grantee))
        for privilege, grantees in value.items()
        for grantee in (grantees if isinstance(grantees, list) else [grantees])
    }
