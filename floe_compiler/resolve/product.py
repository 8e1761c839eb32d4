"""The stage itself: defaults filled in, names checked against what is installed, targets chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from floe_compiler.errors import Problem, Where, raise_if_any
from floe_compiler.load import DbtProject, Documents
from floe_compiler.load.documents import Pointer
from floe_compiler.model.inputs import DataProduct, PlatformManifest, PluginChoice
from floe_compiler.plugins.registry import unknown_plugin
from floe_compiler.plugins.types import TYPES

DEFAULT_TARGET: Final = "dev"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was decided: a place in an input file, or the default that held."""

    where: Where | None
    default_of: str | None = None

    def __str__(self) -> str:
        return f"default of {self.default_of}" if self.where is None else str(self.where)


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


@dataclass(frozen=True, slots=True)
class ResolvedProduct:
    """What is to be compiled. `targets` are the requested ones, sorted by name."""

    product: DataProduct
    platform: PlatformManifest
    project: DbtProject
    plugins: Mapping[str, PluginChosen]
    targets: tuple[ResolvedTarget, ...]


def resolve(
    documents: Documents, offered: Mapping[str, Sequence[str]], requested: Sequence[str] = ()
) -> ResolvedProduct:
    """Makes every choice. `offered` are the installed plugins' names by type; without `requested` targets the
    platform's default target is meant. Raises FloeError: FLOE-R010 unknown plugin, R011 unknown target,
    R012 no target to default to, R013 a default target that does not exist.
    """
    problems: list[Problem] = []
    plugins = _plugins(documents, offered, problems)
    targets = _targets(documents, plugins, offered, requested, problems)
    problems.extend(_unusable_transforms(documents, offered))
    raise_if_any(problems)
    return ResolvedProduct(
        product=documents.product.model,
        platform=documents.platform.model,
        project=documents.project,
        plugins=plugins,
        targets=targets,
    )


def _plugins(
    documents: Documents, offered: Mapping[str, Sequence[str]], problems: list[Problem]
) -> dict[str, PluginChosen]:
    """The chosen plugin of every type: what the platform says, else the type's default where one is installed."""
    chosen: dict[str, PluginChosen] = {}
    document = documents.platform.document
    for row in TYPES:
        choice = getattr(documents.platform.model.plugins, row.key)
        if choice is None:
            if row.default in offered.get(row.key, ()):
                chosen[row.key] = PluginChosen(
                    row.key, row.default, {}, Origin(None, f"plugins.{row.key}"), {}
                )
            continue
        long_form = isinstance(choice, PluginChoice)
        at: Pointer = ("plugins", row.key, "use") if long_form else ("plugins", row.key)
        name = choice.use if long_form else choice
        config = choice.config if long_form else {}
        if name not in offered.get(row.key, ()):
            problems.append(
                unknown_plugin(row.key, name, tuple(offered.get(row.key, ())), document.where(at))
            )
            continue
        places = {key: document.where_key(("plugins", row.key, "config", key)) for key in config}
        chosen[row.key] = PluginChosen(row.key, name, config, Origin(document.where(at)), places)
    return chosen


def _targets(
    documents: Documents,
    plugins: Mapping[str, PluginChosen],
    offered: Mapping[str, Sequence[str]],
    requested: Sequence[str],
    problems: list[Problem],
) -> tuple[ResolvedTarget, ...]:
    platform, document = documents.platform.model, documents.platform.document
    if not platform.targets:
        return _only_target(documents, plugins, requested, problems)
    names = tuple(sorted(set(requested))) or _default_target(documents, problems)
    for name in names:
        if name not in platform.targets:
            problems.append(_unknown_target(name, tuple(platform.targets), document.where(("targets",))))
    found = []
    for name in names:
        target = platform.targets.get(name)
        if target is None:
            continue
        at = ("targets", name)
        if target.compute not in offered["compute"]:
            where = document.where((*at, "compute"))
            problems.append(unknown_plugin("compute", target.compute, tuple(offered["compute"]), where))
            continue
        inherited = plugins.get("compute")
        shared = inherited if inherited and inherited.name == target.compute else None
        own = {key: document.where_key((*at, "config", key)) for key in target.config}
        compute = PluginChosen(
            type="compute",
            name=target.compute,
            config={**(shared.config if shared else {}), **target.config},
            origin=Origin(document.where((*at, "compute"))),
            places={**(shared.places if shared else {}), **own},
        )
        found.append(ResolvedTarget(name, compute))
    return tuple(found)


def _only_target(
    documents: Documents,
    plugins: Mapping[str, PluginChosen],
    requested: Sequence[str],
    problems: list[Problem],
) -> tuple[ResolvedTarget, ...]:
    """Without `targets` there is one: the default target's name, with the platform's compute."""
    name = documents.platform.model.default_target or DEFAULT_TARGET
    where = documents.platform.document.where(())
    problems.extend(_unknown_target(asked, (name,), where) for asked in requested if asked != name)
    compute = plugins.get("compute")
    return (ResolvedTarget(name, compute),) if compute else ()


def _default_target(documents: Documents, problems: list[Problem]) -> tuple[str, ...]:
    platform, document = documents.platform.model, documents.platform.document
    if platform.default_target is not None:
        if platform.default_target in platform.targets:
            return (platform.default_target,)
        problem = _unknown_target(
            platform.default_target, tuple(platform.targets), document.where(("default_target",))
        )
        problems.append(problem)
        return ()
    if len(platform.targets) == 1:
        return tuple(platform.targets)
    message = "the platform has several targets and no `default_target`, so one must be named"
    hint = f"Add `default_target:` or compile with --target; targets: {_listed(tuple(platform.targets))}."
    problems.append(Problem("FLOE-R012", message, document.where_key(("targets",)), hint))
    return ()


def _unknown_target(name: str, known: tuple[str, ...], where: Where) -> Problem:
    near = get_close_matches(name, known, n=1)
    guess = f": did you mean `{near[0]}`?" if near else ""
    return Problem(
        "FLOE-R011",
        f"there is no target `{name}`{guess}",
        where,
        f"Targets of this platform: {_listed(known)}.",
    )


def _unusable_transforms(documents: Documents, offered: Mapping[str, Sequence[str]]) -> list[Problem]:
    document = documents.product.document
    return [
        unknown_plugin(
            "compute", t.compute, tuple(offered["compute"]), document.where(("transforms", i, "compute"))
        )
        for i, t in enumerate(documents.product.model.transforms)
        if t.compute is not None and t.compute not in offered["compute"]
    ]


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
