"""The two files that people write: the platform manifest and the data product.

`schemas/platform-manifest.schema.json` and `schemas/floe.schema.json` are generated from here; the
descriptions are what an editor shows.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from floe_compiler.model.deployment import Deployment
from floe_compiler.model.policies import Policies

Name = Annotated[
    str,
    Field(pattern=r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$", max_length=100, description="Lower case, digits, `-` and `_`."),
]
Version = Annotated[
    str,
    Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$", description="Three numbers: 1.4.0."),
]
PluginName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
Config = Annotated[
    dict[str, Any],
    Field(description="The plugin's own configuration; `floe plugins TYPE NAME` lists its fields."),
]


class InputModel(BaseModel):
    """Every part of an input file: unknown keys are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PinnedFile(InputModel):
    """The long form of a file's name: with the digest of its bytes it cannot change unnoticed."""

    path: Annotated[str, Field(min_length=1, description="The file, relative to the one that names it.")]
    digest: Annotated[
        str, Field(pattern=r"^sha256:[0-9a-f]{64}$", description="`sha256:` and what `sha256sum` prints for it.")
    ]


FileName = Annotated[str, Field(min_length=1)] | PinnedFile


class PluginChoice(InputModel):
    """The long form of a choice."""

    use: Annotated[PluginName, Field(description="The plugin's name.")]
    config: Config = {}


ShortOrLong = PluginName | PluginChoice


class PlatformMetadata(InputModel):
    """Who stands behind the platform."""

    name: Annotated[Name, Field(description="The platform's name.")]
    version: Annotated[Version, Field(description="The platform manifest's version: three numbers.")]
    owner: Annotated[str, Field(min_length=1, description="Whom to ask: a team or an address.")]


class PlatformPlugins(InputModel):
    """One choice for each plugin type; a type that is not named takes its default."""

    compute: Annotated[ShortOrLong | None, Field(description="Where SQL executes: renders dbt's profiles.yml.")] = None
    dbt_runtime: Annotated[
        ShortOrLong | None, Field(description="Where dbt runs. dbt itself is enforced; this says who invokes it.")
    ] = None
    orchestrator: Annotated[ShortOrLong | None, Field(description="How jobs are scheduled.")] = None
    catalog: Annotated[ShortOrLong | None, Field(description="Where Iceberg table metadata is kept.")] = None
    storage: Annotated[ShortOrLong | None, Field(description="Where data is kept.")] = None
    observability: Annotated[ShortOrLong | None, Field(description="Where OpenTelemetry traces are sent.")] = None
    lineage: Annotated[ShortOrLong | None, Field(description="Where OpenLineage events are sent.")] = None
    semantic_layer: Annotated[ShortOrLong | None, Field(description="How data is consumed.")] = None
    ingestion: Annotated[ShortOrLong | None, Field(description="How data is ingested.")] = None
    data_quality: Annotated[ShortOrLong | None, Field(description="How quality is judged.")] = None
    secrets: Annotated[ShortOrLong | None, Field(description="Where secrets come from.")] = None
    identity: Annotated[ShortOrLong | None, Field(description="Who may do what.")] = None


class TargetChoice(InputModel):
    """A logical environment: a dbt target."""

    compute: Annotated[PluginName, Field(description="The compute plugin that this target uses.")]
    config: Config = {}


_Approved = Annotated[list[PluginName] | None, Field(description="Plugins of this type that may be chosen.")]
_ProductPattern = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9_-]*)?\*?$", min_length=1, max_length=100)]


class Approved(InputModel):
    """What may be chosen at all. Without a list, everything may; a tier below can only shrink a list."""

    compute: _Approved = None
    dbt_runtime: _Approved = None
    orchestrator: _Approved = None
    catalog: _Approved = None
    storage: _Approved = None
    observability: _Approved = None
    lineage: _Approved = None
    semantic_layer: _Approved = None
    ingestion: _Approved = None
    data_quality: _Approved = None
    secrets: _Approved = None
    identity: _Approved = None
    products: Annotated[
        list[_ProductPattern] | None,
        Field(description="Products that may use the platform: names, or beginnings of names: `sales-*`."),
    ] = None


CompiledSql = Literal["none", "best_effort"]


class PlatformManifest(InputModel):
    """platform-manifest.yaml: what the platform team decided. One tier, or all tiers merged into one."""

    apiVersion: Annotated[Literal["floe.dev/v1"], Field(description="The version of this file's format.")]
    kind: Annotated[Literal["PlatformManifest"], Field(description="What this file is.")]
    metadata: PlatformMetadata
    extends: Annotated[
        FileName | None,
        Field(description="The platform manifest above this one, relative to this file; this one may only tighten it."),
    ] = None
    plugins: Annotated[PlatformPlugins, Field(description="The chosen plugin of each type.")] = PlatformPlugins()
    default_target: Annotated[Name | None, Field(description="The target compiled when none is named.")] = None
    targets: Annotated[dict[Name, TargetChoice], Field(description="The logical environments, by name.")] = {}
    deployment: Annotated[Deployment, Field(description="How bundles are deployed on Kubernetes.")] = Deployment()
    compiled_sql: Annotated[
        CompiledSql,
        Field(description="Whether bundles show the SQL that dbt makes of each node, as far as it can offline."),
    ] = "none"
    approved: Annotated[Approved, Field(description="What may be chosen at all.")] = Approved()
    locked: Annotated[
        list[str],
        Field(description="Values of this file that no tier below may change: `targets.prod.config.threads`."),
    ] = []
    policies: Annotated[Policies | None, Field(description="What every product must satisfy.")] = None


class ProductMetadata(InputModel):
    """What the product is called."""

    name: Annotated[Name, Field(description="The product's name.")]
    version: Annotated[Version, Field(description="The product's version: three numbers.")]
    description: Annotated[str | None, Field(description="What it is for, in a sentence.")] = None


class OwnerChoice(InputModel):
    """Who answers for the product."""

    name: str | None = None
    email: Annotated[str | None, Field(pattern=r"^[^@\s]+@[^@\s]+$")] = None


class TransformChoice(InputModel):
    """A part of the dbt project that the product builds. All transforms of a product share one dbt project."""

    type: Annotated[Literal["dbt"], Field(description="Always dbt: the SQL framework is enforced.")]
    path: Annotated[str, Field(min_length=1, description="The dbt project's folder, relative to this file.")]
    select: Annotated[str | None, Field(min_length=1, description="dbt's node selection; without it, everything.")] = (
        None
    )
    compute: Annotated[
        PluginName | None, Field(description="Runs this part only on targets whose compute is this one.")
    ] = None


class ScheduleChoice(InputModel):
    """When the product is due."""

    cron: Annotated[str, Field(min_length=1, description="Five fields: minute hour day month weekday.")]
    timezone: Annotated[str, Field(min_length=1, description="An IANA time zone: Europe/Zurich.")] = "UTC"


class DependencyChoice(InputModel):
    """Another product that this one builds on."""

    name: Name
    bundle: Annotated[
        str, Field(min_length=1, description="Its bundle: a path relative to this file, or a digest in the store.")
    ]
    models: Annotated[
        list[str], Field(description="Its models that this product reads; each must exist and not be private.")
    ] = []


EnvConstantName = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$", max_length=200)]


class DataProduct(InputModel):
    """floe.yaml: what the data team wants."""

    apiVersion: Annotated[Literal["floe.dev/v1"], Field(description="The version of this file's format.")]
    kind: Annotated[Literal["DataProduct"], Field(description="What this file is.")]
    metadata: ProductMetadata
    platform: Annotated[FileName, Field(description="The platform manifest: a path relative to this file.")]
    owner: Annotated[OwnerChoice | None, Field(description="Who answers for the product.")] = None
    transforms: Annotated[
        list[TransformChoice], Field(min_length=1, description="What is built: parts of one dbt project.")
    ]
    schedule: Annotated[ScheduleChoice | None, Field(description="When the product is due.")] = None
    dependencies: Annotated[list[DependencyChoice], Field(description="The products that this one builds on.")] = []
    env: Annotated[
        dict[EnvConstantName, str],
        Field(description="Build constants: what `env_var()` in the dbt project sees, sealed into the bundle."),
    ] = {}
