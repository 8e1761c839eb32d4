"""Storage, catalogs and ingestion, loaded by their own tools and against a real server of S3 and of Iceberg's REST
catalog on loopback. The tools know nothing of floe: they get the rendered files and the variables that those name."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest
import yaml

from floe_compiler import compile_product, load_bundle, run_bundle
from floe_compiler.run import RunOptions
from tests.native import Case, rendered, subject
from tests.seaweed import KEY, KEY_ID, Seaweed, seaweed
from tests.tool_environments import program
from tests.warm import WarmRegistry

pytestmark = pytest.mark.tools

SCRIPTS: Final = Path(__file__).parent / "lake"
OFFICE: Final = Path(__file__).parents[2] / "fixtures" / "products" / "ticket-office"
SECRETS: Final = {"LAKE_PRINCIPAL": f"{KEY_ID}:{KEY}", "LAKE_KEY_ID": KEY_ID, "LAKE_KEY": KEY}
TICKETS: Final = "ticket,line,price\n1,harbour,2.50\n2,harbour,2.50\n3,hill,1.80\n"
ACCESS: Final = {"id": {"env": "LAKE_KEY_ID"}, "secret": {"secret": "LAKE_KEY"}}
LINES: Final = [{"line": "harbour", "metres": 4200}, {"line": "hill", "metres": 3100}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    with seaweed(tmp_path_factory.mktemp("seaweed"), table_bucket="lakehouse", bucket="landing") as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which DuckDB finds its extension for S3, so that it has none to download."""
    folder = tmp_path_factory.mktemp("home")
    printed([program("lake", "python"), SCRIPTS / "extensions.py", folder / ".duckdb" / "extensions"], folder, {})
    return folder


@pytest.fixture(scope="module")
def lakehouse(server: Seaweed, registry: WarmRegistry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for that server, with a model that reads what another tool wrote into the lakehouse."""
    product = office(
        tmp_path_factory.mktemp("lakehouse"),
        storage=("s3", s3(server)),
        catalog=("polaris", {"uri": server.catalog, "credential": {"secret": "LAKE_PRINCIPAL"}}),
    )
    model = "select line, metres from read_parquet('s3://lakehouse/office/lines/data/*.parquet')\n"
    (product / "models" / "lines.sql").write_text(model)
    return compile_product(product, registry=registry).path


@pytest.fixture(scope="module")
def lines(lakehouse: Path) -> dict[str, Any]:
    """What PyIceberg says of a table that it has written and read by that bundle's files."""
    return tables(lakehouse / "catalog" / "polaris", lakehouse, **SECRETS)


def s3(server: Seaweed) -> dict[str, Any]:
    where = {"bucket": "lakehouse", "region": "us-east-1", "endpoint": server.s3, "path_style": True}
    return {**where, "access_key": ACCESS}


def office(folder: Path, **plugins: tuple[str, dict[str, Any]]) -> Path:
    """A copy of the product whose platform has chosen other plugins."""
    product = shutil.copytree(OFFICE, folder / "office")
    file = product / "platform-manifest.yaml"
    manifest = yaml.safe_load(file.read_text())
    manifest["plugins"] |= {key: {"use": name, "config": config} for key, (name, config) in plugins.items()}
    file.write_text(yaml.safe_dump(manifest))
    return product


def in_a_shell(line: str, folder: Path, **environ: str) -> str:
    """What a person types in the folder of a plugin, as the bundle's README says."""
    return printed(["sh", "-c", line], folder, {"TOOLS": str(program("lake", "python").parent), **environ})


def printed(command: list[object], cwd: Path, environ: dict[str, str]) -> str:
    """Nothing of this process's environment reaches the tool; its home is empty and not the bundle."""
    alone = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true"}
    line = [str(part) for part in command]
    done = subprocess.run(line, cwd=cwd, env=alone | environ, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def put(server: Seaweed, address: str, content: str, cwd: Path) -> None:
    """An object, put there by AWS's own client."""
    put_object = (
        "import sys, botocore.session as s; bucket, key = sys.argv[1].removeprefix('s3://').split('/', 1);"
        "s.get_session().create_client('s3').put_object(Bucket=bucket, Key=key, Body=sys.argv[2].encode())"
    )
    keys = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": KEY, "AWS_DEFAULT_REGION": "us-east-1"}
    printed(
        [program("lake", "python"), "-c", put_object, address, content],
        cwd,
        keys | {"AWS_ENDPOINT_URL": server.s3},
    )


def test_pyiceberg_gets_a_token_and_lists_what_the_catalog_has(lakehouse: Path) -> None:
    pyiceberg = '. ./pyiceberg.env && PYICEBERG_HOME=. "$TOOLS/pyiceberg"'
    folder = lakehouse / "catalog" / "polaris"
    in_a_shell(f"{pyiceberg} create namespace tills", folder, **SECRETS)
    assert "tills" in in_a_shell(f"{pyiceberg} list", folder, **SECRETS).split()


def test_a_principal_that_the_catalog_does_not_know_is_refused(lakehouse: Path) -> None:
    line = '. ./pyiceberg.env && PYICEBERG_HOME=. "$TOOLS/pyiceberg" list'
    with pytest.raises(AssertionError, match="invalid_client"):
        in_a_shell(line, lakehouse / "catalog" / "polaris", **SECRETS | {"LAKE_PRINCIPAL": "nobody:nothing"})


def test_a_shell_names_the_secret_that_is_not_set(lakehouse: Path) -> None:
    with pytest.raises(AssertionError, match="LAKE_PRINCIPAL"):
        in_a_shell(". ./pyiceberg.env && echo started", lakehouse / "catalog" / "polaris", LAKE_KEY="", LAKE_KEY_ID="x")


def test_tables_are_written_and_read_through_the_catalog_and_the_storage(lines: dict[str, Any]) -> None:
    assert lines["catalog"] == "polaris"
    assert lines["rows"] == LINES
    assert all(path.startswith("s3://lakehouse/office/lines/") for path in lines["files"])


@pytest.mark.usefixtures("lines")
def test_duckdb_reads_the_lakehouse_through_the_secret_of_the_profile(
    lakehouse: Path, home: Path, tmp_path: Path
) -> None:
    """With dbt and DuckDB of the tools' environment: for that version the index has the extension. Project and profile
    are the sealed ones."""
    dbt = [
        program("lake", "dbt"), "run", "--select", "lines", "--project-dir", lakehouse / "project",
        "--profiles-dir", lakehouse / "profiles", "--target-path", tmp_path / "target", "--log-path", tmp_path / "logs",
    ]  # fmt: skip
    environ = {"LAKE_KEY_ID": KEY_ID, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "HOME": str(home)}
    printed(dbt, tmp_path, environ | {"DBT_ENV_SECRET_LAKE_KEY": KEY})
    assert rows_of(tmp_path / "tickets.duckdb", "select line, metres from office.lines order by line") == LINES
    with pytest.raises(AssertionError, match="403"):
        printed(dbt, tmp_path, environ | {"DBT_ENV_SECRET_LAKE_KEY": "not-the-key"})


def test_a_run_of_the_bundle_needs_the_key_of_the_storage_and_nothing_else_of_the_platform(lakehouse: Path) -> None:
    environment = load_bundle(lakehouse).index.environment
    assert (environment.variables, environment.secrets) == (["LAKE_KEY_ID"], ["LAKE_KEY"])


def test_dlt_writes_and_reads_a_bucket_by_the_files_of_the_storage(lakehouse: Path, tmp_path: Path) -> None:
    line = (
        f'. ./aws.env && export AWS_CONFIG_FILE="$PWD/aws.config" && cd {tmp_path}'
        f' && DLT_DATA_DIR={tmp_path} exec "$TOOLS/python" {SCRIPTS / "copies.py"} s3://landing/archive'
    )
    told = in_a_shell(line, lakehouse / "storage" / "s3", RUNTIME__DLTHUB_TELEMETRY="false", **SECRETS)
    assert sorted(json.loads(told), key=lambda row: row["line"]) == LINES


@pytest.mark.parametrize("where", ["local", "s3"])
def test_the_embedded_catalog_keeps_tables_in_either_storage(
    where: str, server: Seaweed, lakehouse: Path, tmp_path: Path
) -> None:
    config = {**s3(server), "bucket": "landing", "prefix": "embedded"} if where == "s3" else {}
    files = native_catalog("sql", {}, (where, config), lakehouse)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    told = tables(tmp_path, tmp_path, **SECRETS)
    assert told["rows"] == LINES
    assert told["location"].startswith("s3://landing/embedded/" if where == "s3" else "warehouse/")
    assert (tmp_path / "catalog.db").is_file()


def test_dlt_fills_a_declared_source_and_floe_s_run_sees_its_rows(
    server: Seaweed, registry: WarmRegistry, tmp_path: Path
) -> None:
    put(server, "s3://landing/tickets/monday.csv", TICKETS, tmp_path)
    landing = {
        "filesystem": {
            "url": "s3://landing/tickets",
            "endpoint": server.s3,
            "region": "us-east-1",
            "access_key_id": {"secret": "LANDING_KEY_ID"},
            "secret_access_key": {"secret": "LANDING_KEY"},
        }
    }
    product = office(tmp_path, ingestion=("dlt", {"sources": {"till.tickets": landing}}))
    compiled = compile_product(product, registry=registry).path
    bundle = load_bundle(compiled)
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    line = '. ./dlt.env && (cd "$RUN_DIR" && "$TOOLS/python" "$OLDPWD/pipeline.py")'
    keys = {"LANDING_KEY_ID": KEY_ID, "LANDING_KEY": KEY, "RUN_DIR": str(run_dir)}
    folder = compiled / "ingestion" / "dlt"
    told = in_a_shell(line, folder, **keys)
    assert told.splitlines() == ["till.tickets: 3 rows", "till.refunds: not fed by dlt"]
    report = run_bundle(bundle, RunOptions(command="build", run_dir=run_dir, environ={}), registry=registry)
    assert report.result.success
    taken = rows_of(run_dir / "tickets.duckdb", "select line, tickets, takings from office.takings order by line")
    assert taken == [
        {"line": "harbour", "tickets": 2, "takings": 5.0},
        {"line": "hill", "tickets": 1, "takings": 1.8},
    ]
    in_a_shell(line, folder, **keys)
    assert rows_of(run_dir / "tickets.duckdb", "select count(*) as n from till.tickets") == [{"n": 3}], "replaced"
    assert load_bundle(compiled).digest == bundle.digest, "nothing was written into the bundle"


def test_dlt_fills_sources_from_a_database_and_from_a_web_api(api: str, lakehouse: Path, tmp_path: Path) -> None:
    till = tmp_path / "till.db"
    with sqlite3.connect(till) as connection:
        connection.executescript(
            "create table sold (ticket integer primary key, line text); insert into sold values (7, 'hill')"
        )
    connection.close()
    config = {
        "sources": {
            "till.tickets": {
                "sql_database": {"connection": {"secret": "TILL"}, "table": "sold"},
                "write": "merge",
                "primary_key": ["ticket"],
            },
            "till.refunds": {
                "rest_api": {
                    "url": api,
                    "path": "v1/refunds",
                    "records": "data.items",
                    "token": {"secret": "API_TOKEN"},
                }
            },
        }
    }
    module = written("ingestion", "dlt", config, lakehouse, tmp_path / "dlt")
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    line = '. ./dlt.env && (cd "$RUN_DIR" && "$TOOLS/python" "$OLDPWD/pipeline.py" dev)'
    secrets = {"TILL": f"sqlite:///{till}", "API_TOKEN": "umbrella", "RUN_DIR": str(run_dir)}
    for _ in range(2):
        assert sorted(in_a_shell(line, module, **secrets).splitlines()) == [
            "till.refunds: 2 rows",
            "till.tickets: 1 rows",
        ]
    database = run_dir / "tickets.duckdb"
    assert rows_of(database, "select ticket, line from till.tickets") == [{"ticket": 7, "line": "hill"}]
    assert rows_of(database, "select ticket from till.refunds order by ticket") == [{"ticket": 1}, {"ticket": 3}]


def test_without_configuration_dlt_says_which_sources_nobody_brings(lakehouse: Path, tmp_path: Path) -> None:
    module = written("ingestion", "dlt", {}, lakehouse, tmp_path / "dlt")
    told = printed([program("lake", "python"), module / "pipeline.py"], tmp_path, {})
    assert told.splitlines() == ["till.refunds: not fed by dlt", "till.tickets: not fed by dlt"]


def test_dbt_parses_the_project_with_the_default_catalogs_yml(lakehouse: Path, tmp_path: Path) -> None:
    shutil.copytree(lakehouse / "project", tmp_path / "project")
    shutil.copy(lakehouse / "catalog" / "polaris" / "catalogs.yml", tmp_path / "project")
    parse(tmp_path / "project", lakehouse / "profiles")


def test_dbt_takes_a_write_integration_with_an_adapter_that_knows_it(lakehouse: Path, tmp_path: Path) -> None:
    """dbt-snowflake does, dbt-duckdb knows none: that is why the default has none."""
    integration = {"name": "snowflake", "adapter_properties": {"catalog_linked_database": "LAKE"}}
    files = native_catalog("polaris", {"write_integrations": [integration]}, ("s3", {}), lakehouse)
    project = shutil.copytree(lakehouse / "project", tmp_path / "project", copy_function=shutil.copyfile)
    (project / "catalogs.yml").write_bytes(files["catalogs.yml"])
    (project / "models").chmod(0o755)
    (project / "models" / "iced.sql").write_text("{{ config(catalog_name='polaris') }} select 1 as one\n")
    snowflake = {"type": "snowflake", "account": "none", "user": "u", "password": "p", "database": "D", "schema": "S"}
    profile = {"ticket_office": {"target": "dev", "outputs": {"dev": {**snowflake, "warehouse": "W"}}}}
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profile))
    manifest = parse(project, tmp_path)
    assert manifest["nodes"]["model.ticket_office.iced"]["config"]["catalog_name"] == "polaris"
    with pytest.raises(AssertionError, match="iceberg_rest"):
        parse(project, lakehouse / "profiles")


def parse(project: Path, profiles: Path) -> dict[str, Any]:
    """What dbt makes of the project, offline."""
    scratch = project.parent / "scratch"
    command = [
        program("lake", "dbt"), "parse", "--no-partial-parse", "--project-dir", project, "--profiles-dir", profiles,
        "--target-path", scratch / "target", "--log-path", scratch / "logs",
    ]  # fmt: skip
    scratch.mkdir(exist_ok=True)
    placeholders = {"LAKE_KEY_ID": "x", "DBT_ENV_SECRET_LAKE_KEY": "x", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    printed(command, scratch, placeholders)
    manifest: dict[str, Any] = json.loads((scratch / "target" / "manifest.json").read_bytes())
    return manifest


def tables(settings: Path, cwd: Path, **environ: str) -> dict[str, Any]:
    """What PyIceberg did by the settings of a folder."""
    source = ". ./pyiceberg.env && " if (settings / "pyiceberg.env").exists() else ""
    line = f'{source}export PYICEBERG_HOME="$PWD" && cd {cwd} && exec "$TOOLS/python" {SCRIPTS / "tables.py"}'
    told: dict[str, Any] = json.loads(in_a_shell(line, settings, **environ))
    return told


def native_catalog(
    name: str, config: dict[str, Any], storage: tuple[str, dict[str, Any]], bundle: Path
) -> dict[str, bytes]:
    """What a catalog renders with a storage of one's choice."""
    return rendered(Case("catalog", name, ""), subject(bundle), config=config, storage=storage)


def written(plugin_type: str, name: str, config: dict[str, Any], bundle: Path, folder: Path) -> Path:
    """What a plugin renders for the product of a bundle, in a folder of its own."""
    for path, content in rendered(Case(plugin_type, name, ""), subject(bundle), config=config).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def rows_of(database: Path, query: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


class Refunds(BaseHTTPRequestHandler):
    """A web API for those who have its token."""

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == "Bearer umbrella" and self.path == "/v1/refunds"
        body = json.dumps({"data": {"items": [{"ticket": 1}, {"ticket": 3}]}} if known else {}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refunds) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
