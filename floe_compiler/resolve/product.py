"""The stage itself: tiers merged and judged, plugins and targets chosen, dependencies named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from floe_compiler.errors import Problem, raise_if_any
from floe_compiler.resolve.approval import unapproved
from floe_compiler.resolve.choices import (
    Offered,
    PluginChosen,
    ResolvedTarget,
    choose_plugins,
    choose_targets,
    unusable_transforms,
)
from floe_compiler.resolve.dependencies import ResolvedDependency, resolved_dependencies
from floe_compiler.resolve.origins import Origins, origins_of
from floe_compiler.resolve.platform import merged
from floe_compiler.resolve.tightening import loosenings

if TYPE_CHECKING:
    from floe_compiler.load import DbtProject, Documents
    from floe_compiler.model.documents import Document
    from floe_compiler.model.inputs import DataProduct, PlatformManifest


@dataclass(frozen=True, slots=True)
class ResolvedProduct:
    """What is to be compiled. `targets` are the requested ones, `dependencies` all, sorted by name.

    `platform` is what all tiers decide together. The documents tell where each value of the two models was
    written, in whichever tier; `origins` also what else was said of it.
    """

    product: DataProduct
    product_document: Document
    platform: PlatformManifest
    platform_document: Document
    project: DbtProject
    plugins: Mapping[str, PluginChosen]
    targets: tuple[ResolvedTarget, ...]
    dependencies: tuple[ResolvedDependency, ...]
    origins: Origins


def resolve(documents: Documents, offered: Offered, requested: Sequence[str] = ()) -> ResolvedProduct:
    """Makes every choice. `offered` are the installed plugins' names by type; without `requested` targets the
    platform's default target is meant. Raises FloeError: FLOE-R010 unknown plugin, R011 unknown target, R012
    no target to default to, R014 nothing to build; R021 and R022 not approved; R030 to R034 a tier that
    loosens what it extends; R040 to R044 a dependency that cannot be built on.
    """
    platform = merged(documents.tiers)
    problems: list[Problem] = list(loosenings(platform.tier))
    plugins = choose_plugins(platform, offered, problems)
    targets = choose_targets(platform, plugins, offered, requested, problems)
    problems.extend(unusable_transforms(documents.product, targets, offered))
    problems.extend(unapproved(platform, documents.product, plugins))
    dependencies = resolved_dependencies(documents, problems)
    raise_if_any(problems)
    return ResolvedProduct(
        product=documents.product.model,
        product_document=documents.product.document,
        platform=platform.model,
        platform_document=platform.document,
        project=documents.project,
        plugins=plugins,
        targets=targets,
        dependencies=dependencies,
        origins=origins_of(platform, documents.product, plugins, targets),
    )
