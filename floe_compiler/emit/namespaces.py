"""How OpenLineage names databases, by the adapter of the profile.

Source: https://openlineage.io/docs/spec/naming. openlineage-dbt names them in the same way, so that what it sent
before and what other integrations send is the same dataset.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

IN_MEMORY: Final = ":memory:"
ENV_VAR: Final = re.compile(r"\{\{ env_var\('(?P<name>\w+)'\) \}\}")


class Naming(NamedTuple):
    """A template of keys of the profile, and what a key is where the profile does not say."""

    template: str
    port: int | None = None


NAMINGS: Final = {
    "athena": Naming("awsathena://athena.{region_name}.amazonaws.com"),
    "bigquery": Naming("bigquery"),
    "clickhouse": Naming("clickhouse://{host}:{port}", 8123),
    "databricks": Naming("databricks://{host}"),
    "postgres": Naming("postgres://{host}:{port}", 5432),
    "redshift": Naming("redshift://{host}:{port}", 5439),
    "snowflake": Naming("snowflake://{account}"),
    "spark": Naming("spark://{host}:{port}", 10001),
    "sqlserver": Naming("mssql://{server}:{port}", 1433),
    "trino": Naming("trino://{host}:{port}", 8080),
}


def namespace_of(profile: Mapping[str, Any], variables: Mapping[str, str], run_dir: Path) -> str:
    """The namespace of everything that is built with an output of profiles.yml.

    `variables` are the values of what the profile asks the environment for; what is missing there, a secret above
    all, is named instead. A DuckDB file is named by its absolute path: a relative one is below the run directory.
    """
    said = {key: _value(value, variables) for key, value in profile.items()}
    adapter = said["type"]
    if adapter == "duckdb":
        return _duckdb(said.get("path", IN_MEMORY), run_dir)
    naming = NAMINGS.get(adapter, Naming(f"{adapter}://{{host}}" if "host" in said else adapter))
    if "account" in said:
        said["account"] = _snowflake_account(said["account"])
    return naming.template.format_map(_Known({"port": str(naming.port), **said}))


class _Known(dict[str, str]):
    """A key that a profile does not have goes by its name."""

    def __missing__(self, key: str) -> str:
        return key


def _value(value: Any, variables: Mapping[str, str]) -> str:
    text = str(value)
    found = ENV_VAR.fullmatch(text)
    return variables.get(found["name"], found["name"]) if found else text


def _duckdb(path: str, run_dir: Path) -> str:
    if path == IN_MEMORY or path.startswith(("md:", "motherduck:")) or "://" in path:
        return f"duckdb://{path}"
    return f"duckdb://{run_dir / path}"


def _snowflake_account(account: str) -> str:
    """An account by its locator is followed by region and cloud, which a profile may leave out.

    What is then put in their place is what OpenLineage's other integrations put there.
    """
    locator, *place = account.split(".")
    if "-" in locator:
        return locator
    region, cloud = [*place, *("us-west-1", "aws")[len(place) :]][:2]
    return f"{locator}.{region}.{cloud}"
