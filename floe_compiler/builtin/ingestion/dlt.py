"""dlt, the data load tool: fills dbt's sources. Source: https://dlthub.com/docs/general-usage/credentials/setup

Where a source comes from is configured by its name in dbt, once for all products of the platform; a product gets what
it declares. Settings lie in `.dlt/config.toml`, in which dlt refuses credentials: those it reads from environment
variables of its own names, which `dlt.env` fills.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from floe_compiler.builtin.ingestion._dlt_pipeline import pipeline
from floe_compiler.model.bundle import BundleHead, PluginInfo
from floe_compiler.model.values import Address, EnvRef, SecretRef, Sensitive
from floe_compiler.plugins.contracts import IngestionPlugin, LoadedBy, Manifests, PluginConfig
from floe_compiler.plugins.references import exports

CONFIG: Final = ".dlt/config.toml"
ENVIRONMENT: Final = "dlt.env"
MODULE: Final = "pipeline.py"
_RUN: Final = '(cd "$RUN_DIR" && python "$OLDPWD/pipeline.py")'
Settings = dict[str, str]
References = dict[str, EnvRef | SecretRef]


class Files(PluginConfig):
    """Files in a folder or a bucket. Source: https://dlthub.com/docs/dlt-ecosystem/verified-sources/filesystem"""

    url: Annotated[
        Address,
        Field(
            min_length=1,
            description="Where they are: `s3://landing/orders`, or a folder, a relative one below the run directory.",
        ),
    ]
    format: Annotated[Literal["csv", "jsonl", "parquet"], Field(description="What they are.")] = "csv"
    glob: Annotated[str | None, Field(min_length=1, description="Which they are; without it `*.<format>`.")] = None
    endpoint: Annotated[
        Address | None,
        Field(
            pattern=r"^https?://[^/?#\s]+$",
            description="The address of a storage that only speaks like S3: `https://s3.example.com`.",
        ),
    ] = None
    region: Annotated[str | None, Field(pattern=r"^[a-z0-9-]+$", description="The bucket's region in S3.")] = None
    access_key_id: Annotated[Sensitive | None, Field(description="The id of an access key for S3.")] = None
    secret_access_key: Annotated[Sensitive | None, Field(description="The secret of an access key for S3.")] = None

    def settings(self, table: str) -> Settings:
        """dlt's own names for what it takes from config.toml."""
        client = {"client_kwargs.endpoint_url": self.endpoint, "client_kwargs.region_name": self.region}
        own = {"bucket_url": self.url, "file_glob": self.glob or f"*.{self.format}"}
        return own | {name: value for name, value in client.items() if value}

    def credentials(self) -> References:
        """dlt's own names for what it takes from the environment."""
        keys = {"aws_access_key_id": self.access_key_id, "aws_secret_access_key": self.secret_access_key}
        return {f"credentials.{name}": key for name, key in keys.items() if key}


class SqlTable(PluginConfig):
    """A table of a database. Source: https://dlthub.com/docs/dlt-ecosystem/verified-sources/sql_database"""

    connection: Annotated[Sensitive, Field(description="The database's address, as SQLAlchemy writes it.")]
    schema_: Annotated[str | None, Field(alias="schema", min_length=1, description="The table's schema there.")] = None
    table: Annotated[
        str | None, Field(min_length=1, description="The table's name there; without it, dbt's name for it.")
    ] = None

    def settings(self, table: str) -> Settings:
        return {"table": self.table or table} | ({"schema": self.schema_} if self.schema_ else {})

    def credentials(self) -> References:
        return {"credentials": self.connection}


class RestEndpoint(PluginConfig):
    """An endpoint of a web API. Source: https://dlthub.com/docs/dlt-ecosystem/verified-sources/rest_api"""

    url: Annotated[Address, Field(pattern=r"^https?://[^?#\s]+$", description="The address of the API.")]
    path: Annotated[str, Field(min_length=1, description="The endpoint below it: `v1/orders`.")]
    records: Annotated[
        str | None, Field(min_length=1, description="Where in an answer the records are: a JSONPath, `data.items`.")
    ] = None
    token: Annotated[Sensitive | None, Field(description="A bearer token.")] = None

    def settings(self, table: str) -> Settings:
        own = {"base_url": self.url, "path": self.path}
        return own | ({"data_selector": self.records} if self.records else {})

    def credentials(self) -> References:
        return {"token": self.token} if self.token else {}


class Origin(PluginConfig):
    """Where one of dbt's sources comes from, and how it is loaded."""

    filesystem: Annotated[Files | None, Field(description="From files.")] = None
    sql_database: Annotated[SqlTable | None, Field(description="From a database.")] = None
    rest_api: Annotated[RestEndpoint | None, Field(description="From a web API.")] = None
    write: Annotated[
        Literal["replace", "append", "merge"],
        Field(description="What happens to the rows that are there: `merge` updates those of the same `primary_key`."),
    ] = "replace"
    primary_key: Annotated[list[str], Field(description="The columns that tell rows apart.")] = []

    @model_validator(mode="after")
    def _one(self) -> Origin:
        if sum(origin is not None for origin in (self.filesystem, self.sql_database, self.rest_api)) != 1:
            raise ValueError("one of `filesystem`, `sql_database` and `rest_api` says where it comes from")
        if self.write == "merge" and not self.primary_key:
            raise ValueError("`merge` needs a `primary_key`")
        return self

    @property
    def kind(self) -> str:
        """dlt's name for the kind of source."""
        return "filesystem" if self.filesystem else "sql_database" if self.sql_database else "rest_api"

    @property
    def chosen(self) -> Files | SqlTable | RestEndpoint:
        """What says where it comes from."""
        chosen = self.filesystem or self.sql_database or self.rest_api
        assert chosen is not None  # noqa: S101 - one of them is given
        return chosen


class DltConfig(PluginConfig):
    """Where dbt's sources come from. Without any, dlt has nothing to load."""

    sources: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*$")],
            Origin,
        ],
        Field(description="By dbt's name, `source.table`: where each comes from."),
    ] = {}

    @field_validator("sources")
    @classmethod
    def _told_apart(cls, sources: dict[str, Origin]) -> dict[str, Origin]:
        by_name: dict[str, list[str]] = {}
        for source in sources:
            by_name.setdefault(_name(source), []).append(source)
        if same := next((found for found in by_name.values() if len(found) > 1), None):
            raise ValueError(f"dlt cannot tell `{same[0]}` from `{same[1]}`: both are `{_name(same[0])}` there")
        return sources


class Feed(NamedTuple):
    """A declared source that dlt fills, as pipeline.py says it."""

    source: str
    kind: str
    name: str
    dataset: str
    table: str
    write: str
    primary_key: list[str]
    format: str | None


class DltIngestion(IngestionPlugin):
    """Renders a pipeline that fills the declared sources where the dbt target looks for them."""

    summary = "dlt: loads files, databases and web APIs into dbt's sources"
    config_model = DltConfig
    loaded_by = (
        LoadedBy(MODULE, "Python with dlt", _RUN, "tool"),
        LoadedBy(CONFIG, "dlt, started by pipeline.py", _RUN, "tool"),
        LoadedBy(ENVIRONMENT, "a shell, for dlt", f". ./{ENVIRONMENT} && {_RUN}", "tool"),
    )

    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        assert isinstance(config, DltConfig)  # noqa: S101 - the registry pairs plugin and model
        declared = {target: list(_declared(manifest)) for target, manifest in manifests.items()}
        feeds = {target: list(_feeds(config, nodes)) for target, nodes in declared.items()}
        fed = {feed.source: feed for found in feeds.values() for feed in found}
        missing = sorted({_source(node) for nodes in declared.values() for node in nodes} - fed.keys())
        tables = {
            "PRODUCT": head.product.name,
            "TARGETS": {name: _destination(target.compute) for name, target in head.targets.items()},
            "DEFAULT_TARGET": next(iter(manifests)),
            "FEEDS": {target: [feed._asdict() for feed in found] for target, found in feeds.items()},
            "NOT_FED": missing,
        }
        settings, credentials = _sections(config, fed)
        files = {MODULE: pipeline(tables), CONFIG: _toml(settings)}
        return files | ({ENVIRONMENT: exports(ENVIRONMENT, credentials)} if credentials else {})


def _declared(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """dbt's sources, in the order of their ids."""
    sources = manifest.get("sources", {})
    return (sources[unique_id] for unique_id in sorted(sources))


def _source(node: Mapping[str, Any]) -> str:
    return f"{node['source_name']}.{node['name']}"


def _name(source: str) -> str:
    """dlt's name for a source: a part of the names of environment variables, so without points and in lower case."""
    return source.replace(".", "_").lower()


def _feeds(config: DltConfig, nodes: list[Mapping[str, Any]]) -> Iterator[Feed]:
    for node in nodes:
        source = _source(node)
        if origin := config.sources.get(source):
            form = origin.filesystem.format if origin.filesystem else None
            where = (node["schema"], node["identifier"])
            yield Feed(source, origin.kind, _name(source), *where, origin.write, origin.primary_key, form)


def _destination(compute: PluginInfo) -> list[str | None]:
    """dlt's name for a compute, which is the adapter's; and the database file, where it is one."""
    return [compute.name, compute.config.get("path") if compute.name == "duckdb" else None]


def _sections(config: DltConfig, fed: Mapping[str, Feed]) -> tuple[dict[str, Settings], References]:
    """The sections of config.toml, and the environment variables beside it."""
    sections: dict[str, Settings] = {}
    variables: References = {}
    for source, feed in sorted(fed.items()):
        chosen = config.sources[source].chosen
        section = f"sources.{feed.kind}.{feed.name}"
        for name, value in chosen.settings(feed.table).items():
            inner, _, key = name.rpartition(".")
            sections.setdefault(f"{section}.{inner}" if inner else section, {})[key] = value
        for name, reference in chosen.credentials().items():
            variables[f"{section}.{name}".replace(".", "__").upper()] = reference
    return sections, variables


def _toml(sections: Mapping[str, Settings]) -> bytes:
    """Text only: a JSON string is a TOML string."""
    lines = ["# What dlt may know; who it is stands in its environment.", "[runtime]", "dlthub_telemetry = false"]
    for section, settings in sections.items():
        lines += ["", f"[{section}]"]
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]
    return ("\n".join(lines) + "\n").encode()
