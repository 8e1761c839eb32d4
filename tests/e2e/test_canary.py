"""Fifty secrets lie about while floe compiles and runs; not one of them may turn up in anything that floe leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from tests.receivers import backend, collector
from tests.unit.policies.products import write_files

CREDENTIALS = ["AWS_SECRET_ACCESS_KEY", "SNOWFLAKE_PASSWORD", "DBT_ENV_SECRET_LAKE", "GITHUB_TOKEN", "LAKE_TOKEN"]
PRODUCT = {
    "floe.yaml": """
        apiVersion: floe.dev/v1
        kind: DataProduct
        metadata: {name: parrot, version: 1.0.0}
        platform: platform-manifest.yaml
        transforms: [{type: dbt, path: .}]
    """,
    "platform-manifest.yaml": """
        apiVersion: floe.dev/v1
        kind: PlatformManifest
        metadata: {name: aviary, version: 1.0.0, owner: keepers@aviary.example}
        plugins:
          compute: duckdb
          dbt_runtime: local
          observability:
            use: jaeger
            config: {endpoint: {env: COLLECTOR}, headers: {authorization: {secret: GITHUB_TOKEN}}}
          lineage: {use: http, config: {url: {env: MARQUEZ}, api_key: {secret: SERVICE_0_API_KEY}}}
        targets:
          dev:
            compute: duckdb
            config:
              path: dev.duckdb
              secrets: [{type: http, bearer_token: {secret: LAKE_TOKEN}, scope: "https://lake.example/"}]
        policies:
          checks: {models-described: {name: check_model_description_populated, severity: warn}}
    """,
    "dbt_project.yml": """
        name: parrot
        profile: parrot
        on-run-start: "{{ log(target, info=true) }}"
    """,
    # It repeats all that dbt and DuckDB tell it.
    "models/parrot.sql": """
        {{ config(materialized='table') }}
        select
            $${{ target }} {{ target.items() | list }}$$ as target,
            '{{ env_var("FAVOURITE_COLOUR_0", "grey") }}' as colour,
            (select string_agg(secret_string) from duckdb_secrets()) as secrets
    """,
}


@pytest.fixture
def canaries() -> tuple[str, ...]:
    """None looks like a token, so that nothing but care keeps it out."""
    return tuple(f"Canary{n:02}xQ-{os.urandom(9).hex()}" for n in range(50))


def test_no_planted_secret_turns_up_anywhere(tmp_path: Path, canaries: tuple[str, ...]) -> None:
    product, home, temporary = tmp_path / "above" / "product", tmp_path / "home", tmp_path / "temporary"
    temporary.mkdir()
    write_files(product, PRODUCT)
    environ = _plant(canaries, product, home)
    environ |= {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(temporary)}
    planted = set(tmp_path.rglob("*"))

    said = _floe(["compile"], product, environ, status=0)
    with collector() as spans, backend() as lineage:
        environ |= {"COLLECTOR": spans.url, "MARQUEZ": lineage.url}
        said += _floe(["run", "parrot"], product, environ, status=0)
    target, colour, secrets = _told(product / ".floe" / "runs" / "parrot" / "dev" / "dev.duckdb")
    broken = product / "models" / "broken.sql"
    broken.write_text("select 1\nfrom {{ env_var('FAVOURITE_COLOUR_1') }}")
    refused = _floe(["compile", "--report", "found.json"], product, environ, status=3)
    broken.write_text("select from {{ target }} where")
    said += refused + _floe(["compile"], product, environ, status=0)
    said += _floe(["run", "parrot"], product, environ, status=1)  # with nobody left to receive anything

    # What was said to be hidden was there to be found.
    assert "'schema': 'main'" in target and "'schema': 'main'" in said
    assert "type=http" in secrets and "bearer_token=redacted" in secrets
    assert colour == "grey"
    assert "FAVOURITE_COLOUR_1" in refused and "models/broken.sql:2" in refused
    assert {header["authorization"] for header in spans.headers} == {environ["GITHUB_TOKEN"]}
    assert {header["Authorization"] for header in lineage.headers} == {f"Bearer {environ['SERVICE_0_API_KEY']}"}
    assert "'schema': 'main'" in b"".join(lineage.bodies).decode(), "the SQL that was sent repeats what dbt told it"
    assert "Kept locally, not delivered: spans: " in said

    left = [file for file in tmp_path.rglob("*") if file.is_file() and (file not in planted or file.suffix == ".sql")]
    assert {file.suffix for file in left} >= {".msgpack", ".duckdb", ".json", ".log", ".sql", ".yml"}
    places = {str(file): file.read_bytes() for file in left} | {"what was printed": said.encode()}
    places |= {"spans that were sent": b"".join(spans.bodies), "events that were sent": b"".join(lineage.bodies)}
    assert [
        (place, canary) for place, content in places.items() for canary in canaries if canary.encode() in content
    ] == []


def _told(database: Path) -> tuple[str, ...]:
    """What the model heard."""
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute("select target, colour, secrets from main.parrot").fetchone()
    assert row
    return tuple(map(str, row))


def _plant(secrets: tuple[str, ...], product: Path, home: Path) -> dict[str, str]:
    """Puts each secret somewhere, and returns the environment."""
    variables = (
        *CREDENTIALS,
        *(f"SERVICE_{n}_API_KEY" for n in range(15)),
        *(f"FAVOURITE_COLOUR_{n}" for n in range(15)),
    )
    environ = dict(zip(variables, secrets, strict=False))
    beside, above, profile, netrc, aws = (secrets[len(variables) + n :][:3] for n in range(0, 15, 3))
    names = ("FAVOURITE_COLOUR_0", "FAVOURITE_COLOUR_20", "DBT_ENV_SECRET_BIRD")
    for folder, values in ((product, beside), (product.parent, above)):
        lines = [f"{name}={value}" for name, value in zip(names, values, strict=True)]
        (folder / ".env").write_text("\n".join(lines))
    outputs = (
        f"{{dev: {{type: duckdb, path: {profile[0]}.duckdb, schema: {profile[1]}, settings: {{a: {profile[2]}}}}}}}"
    )
    write_files(
        home,
        {
            ".dbt/profiles.yml": f"parrot: {{target: dev, outputs: {outputs}}}",
            ".aws/credentials": f"[default]\naws_access_key_id={aws[0]}\naws_secret_access_key={aws[1]}\n# {aws[2]}",
            ".netrc": f"machine {netrc[0]} login {netrc[1]} password {netrc[2]}",
        },
    )
    return environ


def _floe(arguments: list[str], product: Path, environ: Mapping[str, str], *, status: int) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "floe_compiler", *arguments],
        cwd=product,
        env=dict(environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr
