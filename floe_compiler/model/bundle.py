"""CompiledArtifacts: the index of a bundle, and the only document whose bytes are the bundle's digest.

`schemas/compiled-artifacts.schema.json` is generated from this module. A field that changes what runs belongs
here; a field that tells how or when the bundle was made belongs to its provenance.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Final = "1.0"

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", description="SHA-256 of the file's bytes.")]
_SEGMENT: Final = r"[A-Za-z0-9_ !#$%&'()+,.;=@\[\]^{}~-]+"
RelativePath = Annotated[
    str,
    Field(
        pattern=rf"^{_SEGMENT}(/{_SEGMENT})*$",
        max_length=240,
        description="A path below the bundle: forward slashes, portable ASCII names, no `.` or `..`.",
    ),
]


class BundleModel(BaseModel):
    """Every part of the index: closed, frozen, nothing coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Owner(BundleModel):
    """Who answers for the product."""

    name: str | None = None
    email: str | None = None


class ProductInfo(BundleModel):
    """The data product that was compiled."""

    name: str
    version: str
    description: str | None = None
    owner: Owner | None = None


class PlatformInfo(BundleModel):
    """The platform that it was compiled for."""

    name: str
    version: str
    owner: str


class Enforced(BundleModel):
    """The standards that no configuration replaces."""

    sql_framework: Literal["dbt"] = "dbt"
    table_format: Literal["iceberg"] = "iceberg"
    tracing: Literal["opentelemetry"] = "opentelemetry"
    lineage: Literal["openlineage"] = "openlineage"
    deployment: Literal["kubernetes"] = "kubernetes"


class PluginInfo(BundleModel):
    """A chosen plugin. For a built-in, `version` is that of what it renders; else its distribution's.

    `config` is complete, defaults included; references in it are names, never values.
    """

    name: str
    distribution: str
    version: str
    config: dict[str, Any]


class Target(BundleModel):
    """A logical environment: a dbt target with its own manifest."""

    compute: PluginInfo
    manifest: RelativePath
    nodes: Annotated[int, Field(ge=0, description="Nodes in the manifest, of every resource type.")]


class Transform(BundleModel):
    """A part of the dbt project that the product builds; without `select`, all of it."""

    type: Literal["dbt"] = "dbt"
    select: str | None = None
    compute: str | None = None


class Schedule(BundleModel):
    """When the product is due."""

    cron: str
    timezone: str


class Dependency(BundleModel):
    """Another product's bundle that this one was compiled against."""

    name: str
    digest: Digest


class Environment(BundleModel):
    """What `env_var()` sees: build constants by value, everything else by name."""

    constants: dict[str, str]
    variables: Annotated[list[str], Field(description="Environment variables that a run needs.")]
    secrets: Annotated[list[str], Field(description="Secrets that a run needs.")]


class Runtime(BundleModel):
    """What must be installed where the bundle runs."""

    profile: str
    project: RelativePath
    profiles: RelativePath
    requirements: Annotated[list[str], Field(description="Exact distributions, as `name==version`, sorted.")]


class Artifact(BundleModel):
    """One file of the bundle."""

    path: RelativePath
    media_type: str
    size: Annotated[int, Field(ge=0)]
    digest: Digest


class BundleHead(BundleModel):
    """All that the index says but for the list of files: what plugins know when they render their own."""

    product: ProductInfo
    platform: PlatformInfo
    enforced: Enforced = Enforced()
    plugins: Annotated[dict[str, PluginInfo], Field(description="The chosen plugin of every type.")]
    targets: dict[str, Target]
    transforms: list[Transform]
    schedule: Schedule | None = None
    dependencies: list[Dependency]
    environment: Environment
    runtime: Runtime


class CompiledArtifacts(BundleHead):
    """The index: who, for which platform, with which plugins, for which targets; and every other file."""

    schema_version: Literal["1.0"]
    kind: Literal["CompiledArtifacts"] = "CompiledArtifacts"
    artifacts: Annotated[list[Artifact], Field(description="Every other file, sorted by path.")]

    def plain(self) -> dict[str, Any]:
        """The JSON value that is written; fields that are None are left out."""
        return self.model_dump(mode="json", exclude_none=True)
