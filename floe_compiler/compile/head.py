"""All that the index says before the files are known: what plugins render from, and what freezing completes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from floe_compiler.model.bundle import (
    BundleHead,
    Dependency,
    Environment,
    Owner,
    PlatformInfo,
    ProductInfo,
    Runtime,
    Schedule,
    Target,
    Transform,
)
from floe_compiler.store.listing import PROFILES, PROJECT, manifest_path

if TYPE_CHECKING:
    from floe_compiler.compile.plugins import ConfiguredPlugins
    from floe_compiler.manifest import NormalManifest
    from floe_compiler.resolve import ResolvedProduct


def head_of(
    resolved: ResolvedProduct,
    configured: ConfiguredPlugins,
    manifests: Mapping[str, NormalManifest],
    requirements: Sequence[str],
    names: tuple[frozenset[str], frozenset[str]],
) -> BundleHead:
    """`names` are those of the environment variables and of the secrets that a run needs."""
    product, platform = resolved.product, resolved.platform
    owner, schedule = product.owner, product.schedule
    variables, secrets = names
    return BundleHead(
        product=ProductInfo(
            name=product.metadata.name,
            version=product.metadata.version,
            description=product.metadata.description,
            owner=Owner(name=owner.name, email=owner.email) if owner else None,
        ),
        platform=PlatformInfo(
            name=platform.metadata.name,
            version=platform.metadata.version,
            owner=platform.metadata.owner,
        ),
        plugins={key: plugin.info for key, plugin in configured.by_type.items()},
        targets={
            target.name: Target(
                compute=configured.computes[target.name].info,
                manifest=manifest_path(target.name),
                nodes=len(manifests[target.name].value["nodes"]),
            )
            for target in resolved.targets
        },
        transforms=[Transform(select=t.select, compute=t.compute) for t in product.transforms],
        schedule=Schedule(cron=schedule.cron, timezone=schedule.timezone) if schedule else None,
        dependencies=[Dependency(name=d.name, digest=d.digest) for d in resolved.dependencies],
        environment=Environment(constants=dict(product.env), variables=sorted(variables), secrets=sorted(secrets)),
        runtime=Runtime(
            profile=resolved.project.profile, project=PROJECT, profiles=PROFILES, requirements=list(requirements)
        ),
    )
