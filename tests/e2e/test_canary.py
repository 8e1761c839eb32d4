"""Fifty secrets lie about while floe compiles and runs; not one of them may turn up in anything that floe leaves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

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
        plugins: {compute: duckdb, dbt_runtime: local}
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
    # A model that repeats all that dbt tells it.
    "models/parrot.sql": """
        {{ config(materialized='table') }}
        select $${{ target }} {{ target.items() | list }} {{ env_var('FAVOURITE_COLOUR_0', 'grey') }} {{ var('x', 'y') }}$$ as said
    """,
}
NOT_PLANTED = frozenset({".env", "profiles.yml", "credentials", ".netrc"})


@pytest.fixture
def canaries() -> dict[str, str]:
    """By where each is planted. None looks like a token, so that nothing but care keeps it out."""
    return {f"canary-{n}": f"Canary{n:02}xQ{n * 7919 % 97:02}-{os.urandom(9).hex()}" for n in range(50)}


def test_no_planted_secret_turns_up_anywhere(tmp_path: Path, canaries: Mapping[str, str]) -> None:
    product, home, temporary = tmp_path / "above" / "product", tmp_path / "home", tmp_path / "temporary"
    temporary.mkdir()
    write_files(product, PRODUCT)
    environ = _plant(tuple(canaries.values()), product, home)
    environ |= {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(temporary)}

    said = _floe("compile", product, environ, status=0)
    said += _floe("run", product, environ, "parrot", status=0)
    (product / "models" / "broken.sql").write_text("select {{ env_var('GITHUB_TOKEN') }} {{ env_var('FAVOURITE_COLOUR_1') }}")
    said += _floe("compile", product, environ, status=3)
    (product / "models" / "broken.sql").write_text("select from {{ target }} where")
    said += _floe("compile", product, environ, status=0)
    said += _floe("run", product, environ, "parrot", status=1)

    database = product / ".floe" / "runs" / "parrot" / "dev" / "dev.duckdb"
    assert b"http" in said.encode() or database.exists()
    places = {"what was printed": said.encode()}
    for folder in (product, temporary):
        for file in folder.rglob("*"):
            if file.is_file() and file.name not in NOT_PLANTED or "bundles" in file.parts and file.is_file():
                places[str(file.relative_to(tmp_path))] = file.read_bytes()
    assert any("partial_parse" in place or place.endswith(".msgpack") for place in places)
    assert str(database.relative_to(tmp_path)) in places
    found = {(place, name) for place, content in places.items() for name, value in canaries.items() if value.encode() in content}
    assert not found


def _plant(secrets: tuple[str, ...], product: Path, home: Path) -> dict[str, str]:
    """Puts each secret somewhere, and returns the environment."""
    variables = (*CREDENTIALS, *(f"SERVICE_{n}_API_KEY" for n in range(15)), *(f"FAVOURITE_COLOUR_{n}" for n in range(15)))
    environ = dict(zip(variables, secrets, strict=False))
    beside, above, profile, netrc, aws = (secrets[len(variables) + n :][:3] for n in range(0, 15, 3))
    names = ("FAVOURITE_COLOUR_0", "FAVOURITE_COLOUR_20", "DBT_ENV_SECRET_BIRD")
    for folder, values in ((product, beside), (product.parent, above)):
        lines = [f"{name}={value}" for name, value in zip(names, values, strict=True)]
        (folder / ".env").write_text("\n".join(lines))
    outputs = f"{{dev: {{type: duckdb, path: {profile[0]}.duckdb, schema: {profile[1]}, settings: {{a: {profile[2]}}}}}}}"
    write_files(
        home,
        {
            ".dbt/profiles.yml": f"parrot: {{target: dev, outputs: {outputs}}}",
            ".aws/credentials": f"[default]\naws_access_key_id={aws[0]}\naws_secret_access_key={aws[1]}\n# {aws[2]}",
            ".netrc": f"machine {netrc[0]} login {netrc[1]} password {netrc[2]}",
        },
    )
    return environ


def _floe(command: str, product: Path, environ: Mapping[str, str], *arguments: str, status: int) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "floe_compiler", command, *(arguments or ["."])],
        cwd=product,
        env=dict(environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr
