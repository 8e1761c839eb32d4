"""The choices that a product is compiled with: one plugin of every type, and the targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from floe_compiler.errors import Problem, Where
from floe_compiler.plugins.types import TYPES, unknown_plugin

if TYPE_CHECKING:
    from floe_compiler.load import Loaded
    from floe_compiler.model.inputs import DataProduct
    from floe_compiler.resolve.platform import Platform
    from floe_compiler.resolve.tiers import Cell, Statement

DEFAULT_TARGET: Final = "dev"
Offered = Mapping[str, Sequence[str]]
"""The names of the installed plugins by type."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was said: a place in an input file, or the default that held. `said_by` is the platform
    manifest or the file, as people know it."""

    where: Where | None
    default_of: str | None = None
    value: Any = None
    said_by: str | None = None

    def __str__(self) -> str:
        return f"default of {self.default_of}" if self.where is None else str(self.where)


def origin_of(statement: Statement) -> Origin:
    """The origin that a statement of a platform manifest is."""
    return Origin(statement.where, None, statement.value, str(statement.author))


@dataclass(frozen=True, slots=True)
class PluginChosen:
    """A plugin and its configuration as written; `places` holds the place of every configured key."""

    type: str
    name: str
    config: Mapping[str, Any]
    origin: Origin
    places: Mapping[str, Where]


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """A logical environment with its compute."""

    name: str
    compute: PluginChosen


def choose_plugins(platform: Platform, offered: Offered, problems: list[Problem]) -> dict[str, PluginChosen]:
    """What the platform says of every type, else the type's default where one is installed. Finds FLOE-R010."""
    chosen: dict[str, PluginChosen] = {}
    for row in TYPES:
        installed = tuple(offered.get(row.key, ()))
        cell = platform.choice("plugins", row.key)
        if cell is None:
            if row.default in installed:
                origin = Origin(None, f"plugins.{row.key}", row.default)
                chosen[row.key] = PluginChosen(row.key, row.default, {}, origin, {})
        elif cell.value not in installed:
            problems.append(unknown_plugin(row.key, cell.value, installed, cell.said[0].where))
        else:
            configuration = platform.configuration("plugins", row.key, plugin=cell.value)
            chosen[row.key] = _chosen(row.key, cell, configuration)
    return chosen


def choose_targets(
    platform: Platform,
    plugins: Mapping[str, PluginChosen],
    offered: Offered,
    requested: Sequence[str],
    problems: list[Problem],
) -> tuple[ResolvedTarget, ...]:
    """The requested targets, else the default one, sorted by name. Finds FLOE-R010, R011, R012."""
    if not platform.model.targets:
        return _only_target(platform, plugins, requested, problems)
    known = tuple(platform.model.targets)
    found = []
    for name in tuple(sorted(set(requested))) or _default_target(platform, problems):
        cell = platform.choice("targets", name, "compute")
        if cell is None:
            problems.append(_unknown_target(name, known, platform.document.where_key(("targets",))))
        elif cell.value not in offered["compute"]:
            problems.append(unknown_plugin("compute", cell.value, tuple(offered["compute"]), cell.said[0].where))
        else:
            own = platform.configuration("targets", name, plugin=cell.value)
            configuration = {**platform.shared_configuration(cell.value), **own}
            found.append(ResolvedTarget(name, _chosen("compute", cell, configuration)))
    return tuple(found)


def unusable_transforms(
    product: Loaded[DataProduct], targets: Sequence[ResolvedTarget], offered: Offered
) -> Iterator[Problem]:
    """FLOE-R010 for a transform's compute that is not installed, FLOE-R014 for a target without a transform."""
    transforms = product.model.transforms
    for i, transform in enumerate(transforms):
        if transform.compute is not None and transform.compute not in offered["compute"]:
            where = product.document.where(("transforms", i, "compute"))
            yield unknown_plugin("compute", transform.compute, tuple(offered["compute"]), where)
    for target in targets:
        if not any(transform.compute in (None, target.compute.name) for transform in transforms):
            message = (
                f"nothing is built on target `{target.name}`: its compute is `{target.compute.name}`, "
                f"and every transform asks for another"
            )
            yield Problem("FLOE-R014", message, product.document.where_key(("transforms",)))


def _chosen(plugin_type: str, choice: Cell, configuration: Mapping[str, Cell]) -> PluginChosen:
    return PluginChosen(
        type=plugin_type,
        name=choice.value,
        config={key: cell.value for key, cell in configuration.items()},
        origin=origin_of(choice.said[0]),
        places={key: cell.said[0].where for key, cell in configuration.items()},
    )


def _only_target(
    platform: Platform, plugins: Mapping[str, PluginChosen], requested: Sequence[str], problems: list[Problem]
) -> tuple[ResolvedTarget, ...]:
    """Without `targets` there is one: the default target's name, with the platform's compute."""
    name = platform.model.default_target or DEFAULT_TARGET
    where = platform.document.where(())
    problems.extend(_unknown_target(asked, (name,), where) for asked in requested if asked != name)
    compute = plugins.get("compute")
    return (ResolvedTarget(name, compute),) if compute else ()


def _default_target(platform: Platform, problems: list[Problem]) -> tuple[str, ...]:
    known = tuple(platform.model.targets)
    cell = platform.choice("default_target")
    if cell is not None:
        if cell.value in known:
            return (cell.value,)
        problems.append(_unknown_target(cell.value, known, cell.said[0].where))
        return ()
    if len(known) == 1:
        return known
    message = "the platform has several targets and no `default_target`, so one must be named"
    hint = f"Add `default_target:` or compile with --target; targets: {_listed(known)}."
    problems.append(Problem("FLOE-R012", message, platform.document.where_key(("targets",)), hint))
    return ()


def _unknown_target(name: str, known: tuple[str, ...], where: Where) -> Problem:
    near = get_close_matches(name, known, n=1)
    guess = f": did you mean `{near[0]}`?" if near else ""
    return Problem(
        "FLOE-R011", f"there is no target `{name}`{guess}", where, f"Targets of this platform: {_listed(known)}."
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
