"""Amazon S3, and what speaks like it. Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html

Without an access key every tool looks for credentials where it always does: environment, container, machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from floe_compiler.model.bundle import BundleHead
from floe_compiler.model.values import Address, EnvRef, SecretRef, Sensitive
from floe_compiler.plugins.contracts import LoadedBy, Manifests, PluginConfig, Properties, StoragePlugin
from floe_compiler.plugins.references import exports


class AccessKey(PluginConfig):
    """An access key, by the names of its parts."""

    id: Annotated[Sensitive, Field(description="The access key's id.")]
    secret: Annotated[Sensitive, Field(description="The access key's secret.")]
    session_token: Annotated[Sensitive | None, Field(description="The token of a temporary access key.")] = None


class S3Config(PluginConfig):
    """A bucket, how to reach it, and who opens it. The defaults name a bucket and reach nothing."""

    bucket: Annotated[
        str,
        Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="The bucket of tables: `acme-lakehouse`."),
    ] = "lakehouse"
    prefix: Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z0-9_=.-]+(/[A-Za-z0-9_=.-]+)*)?$",
            description="What the keys of all tables begin with, without a `/` at its ends: `warehouse/prod`.",
        ),
    ] = ""
    region: Annotated[
        str | None, Field(pattern=r"^[a-z0-9-]+$", description="The bucket's region: `eu-central-1`.")
    ] = None
    endpoint: Annotated[
        Address | None,
        Field(
            pattern=r"^https?://[^/?#\s]+$",
            description="The address of a storage that only speaks like S3: `https://s3.example.com`, no path.",
        ),
    ] = None
    path_style: Annotated[
        bool, Field(description="Whether the bucket is a part of the path, as most other storages want it.")
    ] = False
    access_key: Annotated[
        AccessKey | None,
        Field(description="Who opens the bucket; without it every tool looks for credentials where it always does."),
    ] = None

    @property
    def location(self) -> str:
        """Where tables are: `s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


class S3Storage(StoragePlugin):
    """Describes the bucket to Iceberg clients, and renders the files that AWS's own clients read."""

    summary = "Amazon S3, or a storage that speaks like it"
    config_model = S3Config
    loaded_by = (
        LoadedBy("aws.config", "any AWS SDK or CLI", 'AWS_CONFIG_FILE="$PWD/aws.config" aws s3 ls', "tool"),
        LoadedBy("aws.env", "a shell, for any AWS SDK or CLI", ". ./aws.env && aws s3 ls", "tool"),
    )

    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        assert isinstance(config, S3Config)  # noqa: S101 - the registry pairs plugin and model
        settings = "".join(f"{line}\n" for line in _aws_config(config)).encode()
        keys = {aws: reference for _, aws, reference in _references(config.access_key)}
        return {"aws.config": settings} | ({"aws.env": exports("aws.env", keys)} if keys else {})

    def file_io(self, config: PluginConfig) -> Properties:
        assert isinstance(config, S3Config)  # noqa: S101 - as above
        properties: dict[str, str | EnvRef | SecretRef] = {"warehouse": config.location}
        if config.region:
            properties["s3.region"] = config.region
        if config.endpoint:
            properties["s3.endpoint"] = config.endpoint
            properties["s3.force-virtual-addressing"] = "false" if config.path_style else "true"
        return properties | {iceberg: reference for iceberg, _, reference in _references(config.access_key)}


def _references(key: AccessKey | None) -> Iterator[tuple[str, str, EnvRef | SecretRef]]:
    """What is set of an access key: Iceberg's name for it, AWS's name, the reference."""
    if key:
        yield "s3.access-key-id", "AWS_ACCESS_KEY_ID", key.id
        yield "s3.secret-access-key", "AWS_SECRET_ACCESS_KEY", key.secret
        if key.session_token:
            yield "s3.session-token", "AWS_SESSION_TOKEN", key.session_token


def _aws_config(config: S3Config) -> Iterator[str]:
    """AWS's shared configuration file: where, and never who."""
    yield "[default]"
    if config.region:
        yield f"region = {config.region}"
    if config.endpoint:
        yield "services = storage"
    yield "s3 ="
    yield f"    addressing_style = {'path' if config.path_style else 'virtual' if config.endpoint else 'auto'}"
    if config.endpoint:
        yield from ("", "[services storage]", "s3 =", f"    endpoint_url = {config.endpoint}")
