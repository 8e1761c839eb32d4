"""Storage, catalogs and ingestion: what a wrong configuration is told, and what the others get from them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from floe_compiler.builtin.catalog.polaris import PolarisCatalog, PolarisConfig
from floe_compiler.builtin.catalog.sql import SqlConfig
from floe_compiler.builtin.compute.duckdb import DuckDBCompute, DuckDBConfig
from floe_compiler.builtin.ingestion.dlt import DltConfig, DltIngestion
from floe_compiler.builtin.storage.local import LocalConfig, LocalStorage
from floe_compiler.builtin.storage.s3 import S3Config, S3Storage
from floe_compiler.errors import FloeError, Problem
from floe_compiler.load.yaml_door import parse_document
from floe_compiler.model.bundle import BundleHead
from floe_compiler.model.checked import checked
from floe_compiler.plugins.contracts import ComputePlugin, PluginConfig, ProfileOutput, Properties

KEY = {"id": {"env": "LAKE_KEY_ID"}, "secret": {"secret": "LAKE_KEY"}}
COMPATIBLE = {"bucket": "lake", "endpoint": "https://s3.example:9000", "region": "us-east-1", "access_key": KEY}


def problem_of(text: str, model: type[PluginConfig]) -> Problem:
    with pytest.raises(FloeError) as refusal:
        checked(model, parse_document(text.encode(), file="platform.yaml"))
    (problem,) = refusal.value.problems
    return problem


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (S3Config, "access_key: {id: {env: LAKE_KEY_ID}, secret: rye-and-salt}"),
        (S3Config, "endpoint: https://ilse:rye-and-salt@s3.example"),
        (PolarisConfig, "credential: ilse:rye-and-salt"),
        (PolarisConfig, "uri: https://ilse:rye-and-salt@polaris.example/api"),
        (SqlConfig, "uri: postgresql://ilse:rye-and-salt@db/catalog"),
        (DltConfig, "sources: {till.tickets: {sql_database: {connection: 'mysql://ilse:rye-and-salt@db'}}}"),
        (DltConfig, "sources: {till.tickets: {filesystem: {url: 'sftp://ilse:rye-and-salt@till/out'}}}"),
    ],
)
def test_a_credential_that_is_written_out_is_refused_and_shown_nowhere(model: type[PluginConfig], text: str) -> None:
    problem = problem_of(text, model)
    assert problem.code == "FLOE-L055"
    assert "rye-and-salt" not in repr(problem)


@pytest.mark.parametrize("url", ["abfss://landing@acme.dfs.core.windows.net/out", "s3://landing/a@b", "landing"])
def test_an_address_without_a_password_is_taken(url: str) -> None:
    assert DltConfig.model_validate({"sources": {"till.tickets": {"filesystem": {"url": url}}}})


@pytest.mark.parametrize(
    ("model", "text", "message"),
    [
        (S3Config, "access_key: {id: {env: LAKE_KEY_ID}}", "`access_key.secret` is missing"),
        (S3Config, "bucket: Lake House", "`bucket` is `Lake House`, but must match"),
        (S3Config, "endpoint: s3.example", "`endpoint` is `s3.example`, but must match"),
        (S3Config, "prefix: /warehouse/", "`prefix` is `/warehouse/`, but must match"),
        (S3Config, "buket: lake", "unknown key `buket`: did you mean `bucket`?"),
        (PolarisConfig, "name: Lake_House", "`name` is `Lake_House`, but must be lower-case letters"),
        (DltConfig, "sources: {tickets: {filesystem: {url: in}}}", "`tickets` cannot be a key of `sources`"),
        (DltConfig, "sources: {till.tickets: {}}", "one of `filesystem`, `sql_database` and `rest_api`"),
        (DltConfig, "sources: {till.tickets: {filesystem: {url: in}, write: merge}}", "`merge` needs a `primary_key`"),
        (
            DltConfig,
            "sources: {till.tickets: {filesystem: {url: in}, write: merged}}",
            "but must be `replace`, `append` or `merge`: did you mean `merge`?",
        ),
        (
            DltConfig,
            "sources: {a_b.c: {filesystem: {url: in}}, a.b_c: {filesystem: {url: in}}}",
            "dlt cannot tell `a_b.c` from `a.b_c`",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands(model: type[PluginConfig], text: str, message: str) -> None:
    assert message in problem_of(text, model).message


def output(config: dict[str, Any], file_io: Properties) -> dict[str, Any]:
    compute = DuckDBCompute()
    return dict(compute.with_storage(compute.render_output(DuckDBConfig(**config)), file_io).values)


@pytest.mark.parametrize(
    "file_io",
    [
        {},
        LocalStorage().file_io(LocalConfig()),
        S3Storage().file_io(S3Config()),
        S3Storage().file_io(S3Config(bucket="acme", region="eu-central-1")),
    ],
)
def test_a_storage_without_an_access_key_changes_no_profile(file_io: Properties) -> None:
    assert output({}, file_io) == DuckDBCompute().render_output(DuckDBConfig()).values


def test_duckdb_opens_a_storage_by_the_access_key_that_is_configured() -> None:
    config = S3Config.model_validate({**COMPATIBLE, "prefix": "warehouse", "path_style": True})
    (secret,) = output({}, S3Storage().file_io(config))["secrets"]
    assert secret == {
        "type": "s3",
        "scope": "s3://lake/warehouse",
        "key_id": config.access_key.id,  # type: ignore[union-attr]
        "secret": config.access_key.secret,  # type: ignore[union-attr]
        "region": "us-east-1",
        "endpoint": "s3.example:9000",
        "use_ssl": True,
        "url_style": "path",
    }


def test_a_secret_of_the_target_s_own_comes_first() -> None:
    own = {"secrets": [{"type": "s3", "provider": "credential_chain"}]}
    file_io = S3Storage().file_io(S3Config.model_validate(COMPATIBLE))
    assert output(own, file_io)["secrets"] == own["secrets"]
    assert [secret["type"] for secret in output({"secrets": [{"type": "gcs"}]}, file_io)["secrets"]] == ["gcs", "s3"]


def test_a_compute_that_knows_nothing_of_storages_renders_what_it_did() -> None:
    class Plain(ComputePlugin):
        summary = "plain"
        adapter_package = "dbt-plain"

        def render_output(self, config: PluginConfig) -> ProfileOutput:
            return ProfileOutput({"type": "plain", "schema": "main"})

    rendered = Plain().render_output(Plain.config_model())
    assert Plain().with_storage(rendered, S3Storage().file_io(S3Config.model_validate(COMPATIBLE))) is rendered


def test_the_catalog_has_the_storage_s_literals_in_its_file_and_the_names_of_its_keys_beside_it() -> None:
    file_io = S3Storage().file_io(S3Config.model_validate(COMPATIBLE))
    files = PolarisCatalog().render(PolarisConfig(name="acme-lake"), HEAD, {}, file_io)
    catalog = yaml.safe_load(files[".pyiceberg.yaml"])["catalog"]["acme-lake"]
    assert catalog["s3.endpoint"] == "https://s3.example:9000"
    assert catalog["s3.force-virtual-addressing"] == "true"
    assert catalog["warehouse"] == "lakehouse", "Polaris knows where its tables are"
    assert not {"credential", "s3.access-key-id", "s3.secret-access-key"} & catalog.keys()
    assert files["pyiceberg.env"].decode().splitlines()[1:] == [
        'export PYICEBERG_CATALOG__ACME_LAKE__CREDENTIAL="${POLARIS_CREDENTIAL:?}"',
        'export PYICEBERG_CATALOG__ACME_LAKE__S3__ACCESS_KEY_ID="${LAKE_KEY_ID:?}"',
        'export PYICEBERG_CATALOG__ACME_LAKE__S3__SECRET_ACCESS_KEY="${LAKE_KEY:?}"',
    ]


def test_each_target_s_sources_are_filled_where_that_target_looks_for_them() -> None:
    config = DltConfig.model_validate({"sources": {"till.tickets": {"filesystem": {"url": "s3://landing"}}}})
    manifests = {"dev": {"sources": source("till_dev", "tickets")}, "prod": {"sources": source("till", "TICKETS")}}
    module = DltIngestion().render(config, HEAD, manifests)["pipeline.py"].decode()
    tables: dict[str, Any] = {}
    exec(module[module.index("PRODUCT = ") : module.index("READERS = ")], tables)
    assert tables["TARGETS"] == {"dev": ["duckdb", "dev.duckdb"], "prod": ["snowflake", None]}
    where = {target: [(feed["dataset"], feed["table"]) for feed in feeds] for target, feeds in tables["FEEDS"].items()}
    assert where == {"dev": [("till_dev", "tickets")], "prod": [("till", "TICKETS")]}
    assert tables["NOT_FED"] == []


def source(schema: str, identifier: str) -> dict[str, Any]:
    node = {"source_name": "till", "name": "tickets", "schema": schema, "identifier": identifier}
    return {"source.office.till.tickets": node}


def target(compute: str, config: dict[str, Any]) -> dict[str, Any]:
    plugin = {"name": compute, "distribution": "floe-compiler", "version": "1", "config": config}
    return {"compute": plugin, "manifest": "targets/dev/manifest.json", "nodes": 1}


HEAD = BundleHead.model_validate(
    {
        "product": {"name": "ticket-office", "version": "1.0.0"},
        "platform": {"name": "lake", "version": "1.0.0", "owner": "platform@lake.example"},
        "plugins": {},
        "targets": {"dev": target("duckdb", {"path": "dev.duckdb"}), "prod": target("snowflake", {})},
        "transforms": [],
        "dependencies": [],
        "environment": {"constants": {}, "variables": [], "secrets": []},
        "runtime": {"profile": "office", "project": "project", "profiles": "profiles", "requirements": []},
    }
)
