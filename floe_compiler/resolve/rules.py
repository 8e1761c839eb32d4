"""How tiers combine, as a table: for every value of a platform manifest one rule, found by the value's path.

A rule combines what a parent and its child say, and tells how the child would loosen what the parent said.
Two laws hold for every rule: combining is associative, and what comes out never loosens what the parent said,
whatever the child says. A child that tries is refused, and would not get its way if it were not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

Path = tuple[str, ...]
_STRICTNESS: Final = ("warn", "error")


class Rule(NamedTuple):
    """`combine(parent, child)` is the value that holds. `loosens(parent, child)` is what the child does to loosen
    the parent's value, as the end of a sentence, or None. `code` is the problem's."""

    combine: Callable[[Any, Any], Any]
    loosens: Callable[[Any, Any], str | None]
    code: str


def rule_of(path: Path) -> Rule:
    """The rule for a path. Every path of a platform manifest has one."""
    return next(rule for pattern, rule in _RULES if _matches(pattern, path))


def covers(approved: Iterable[str], name: str) -> bool:
    """Whether a list has the name, or a beginning of it: `sales-*` covers `sales-eu` and `sales-eu-*`."""
    return any(entry == name or (entry.endswith("*") and name.startswith(entry[:-1])) for entry in approved)


def _child(_parent: Any, child: Any) -> Any:
    return child


def _free(_parent: Any, _child: Any) -> str | None:
    return None


def _both_allow(parent: list[str], child: list[str]) -> list[str]:
    """What both lists cover. Of two entries that cover a common name, one covers the other: a star stands at
    the end only, so the narrower of the two is what both cover."""
    common = {entry for entry in child if covers(parent, entry)} | {entry for entry in parent if covers(child, entry)}
    return sorted(entry for entry in common if not covers(common - {entry}, entry))


def _allows_more(parent: list[str], child: list[str]) -> str | None:
    more = [f"`{entry}`" for entry in child if not covers(parent, entry)]
    return f"allows {', '.join(more)}, which is not in the list above it" if more else None


def _all(parent: list[Any], child: list[Any]) -> list[Any]:
    return [*parent, *(item for item in child if item not in parent)]


def _stricter(parent: str, child: str) -> str:
    return max(parent, child, key=_STRICTNESS.index)


def _milder(parent: str, child: str) -> str | None:
    return f"lowers the severity from `{parent}` to `{child}`" if _stricter(parent, child) != child else None


def _raises_limit(parent: int, child: int) -> str | None:
    return f"raises the limit from {parent} to {child}" if child > parent else None


def _check(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    """A check is the parent's, at the stricter severity of the two."""
    return {**parent, "severity": _stricter(parent["severity"], child["severity"])}


def _alters_check(parent: dict[str, Any], child: dict[str, Any]) -> str | None:
    altered = sorted(key for key in {*parent, *child} - {"severity"} if parent.get(key) != child.get(key))
    if altered:
        return f"changes {', '.join(f'`{key}`' for key in altered)} of the check"
    return _milder(parent["severity"], child["severity"])


_NEAREST: Final = Rule(_child, _free, "")  # what must not change is locked, or not approved
_APPROVED: Final = Rule(_both_allow, _allows_more, "FLOE-R030")
_SEVERITY: Final = Rule(_stricter, _milder, "FLOE-R031")
_ALLOWED: Final = Rule(_both_allow, _allows_more, "FLOE-R032")
_FORBIDDEN: Final = Rule(_all, _free, "")
_LIMIT: Final = Rule(min, _raises_limit, "FLOE-R032")
_CHECK: Final = Rule(_check, _alters_check, "FLOE-R032")

_RULES: Final[tuple[tuple[Path, Rule], ...]] = (
    (("metadata", "*"), _NEAREST),
    (("default_target",), _NEAREST),
    (("compiled_sql",), _NEAREST),
    (("plugins", "*"), _NEAREST),
    (("plugins", "*", "config", "*"), _NEAREST),
    (("targets", "*", "compute"), _NEAREST),
    (("targets", "*", "config", "*"), _NEAREST),
    (("deployment", "*"), _NEAREST),
    (("deployment", "history", "*"), _NEAREST),
    (("deployment", "resources", "*", "*"), _NEAREST),
    (("approved", "*"), _APPROVED),
    (("policies", "checks", "*"), _CHECK),
    (("policies", "*", "severity"), _SEVERITY),
    (("policies", "allowed_materializations", "default"), _ALLOWED),
    (("policies", "allowed_materializations", "by_target", "*"), _ALLOWED),
    (("policies", "max_bundle_size", "bytes"), _LIMIT),
    (("policies", "forbidden_packages", "names"), _FORBIDDEN),
)


def _matches(pattern: Path, path: Path) -> bool:
    return len(pattern) == len(path) and all(
        expected in ("*", part) for expected, part in zip(pattern, path, strict=True)
    )
