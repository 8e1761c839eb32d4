"""The text of pipeline.py: the same for all products, but for its tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final


def pipeline(tables: Mapping[str, Any]) -> bytes:
    """The module with its tables, by their names in it."""
    return _TEXT.replace("@TABLES@", "\n".join(f"{name} = {_literal(tables[name])}" for name in tables)).encode()


def _literal(value: Any, indent: str = "") -> str:
    """Python's literal of mappings, sequences and texts, a line for each entry of what holds others."""
    inner = indent + "    "
    match value:
        case {**entries} if entries:
            lines = (f"{inner}{_literal(key)}: {_literal(entries[key], inner)},\n" for key in entries)
            return f"{{\n{''.join(lines)}{indent}}}"
        case [{}, *_]:
            lines = (f"{inner}{_literal(entry, inner)},\n" for entry in value)
            return f"[\n{''.join(lines)}{indent}]"
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case str():
            return json.dumps(value, ensure_ascii=False)
    return repr(value)


_TEXT: Final = '''"""Fills dbt sources with dlt: `python pipeline.py [TARGET]`, in the run directory.

Everything is written below that directory. Rows land where the dbt target looks for them: schema and table
are those of the declared source.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["DLT_PROJECT_DIR"] = str(Path(__file__).resolve().parent)  # where .dlt/config.toml lies
os.environ["DLT_LOCAL_DIR"] = str(Path.cwd())  # below which relative paths are
os.environ.setdefault("DLT_DATA_DIR", str(Path.cwd() / "dlt"))

import dlt
from dlt.sources.filesystem import filesystem, read_csv_duckdb, read_jsonl, read_parquet
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.rest_api import rest_api_resources

@TABLES@
READERS = {"csv": read_csv_duckdb, "jsonl": read_jsonl, "parquet": read_parquet}


def load(target=DEFAULT_TARGET):
    """Loads every source that is fed, one dbt schema at a time, and returns how many rows each has got."""
    rows = {}
    for dataset in dict.fromkeys(feed["dataset"] for feed in FEEDS[target]):
        feeds = [feed for feed in FEEDS[target] if feed["dataset"] == dataset]
        pipeline = dlt.pipeline(
            pipeline_name=f"{PRODUCT}-{target}-{dataset}".replace("-", "_"),
            destination=destination(target),
            dataset_name=dataset,
            pipelines_dir=str(Path.cwd() / "dlt" / "pipelines"),
        )
        pipeline.run([resource(feed) for feed in feeds])
        counts = pipeline.last_trace.last_normalize_info.row_counts
        rows |= {feed["source"]: counts.get(feed["table"], 0) for feed in feeds}
    return rows


def destination(target):
    """Where the dbt target looks. Names stay as dbt has them in DuckDB; other warehouses have rules of their own."""
    name, path = TARGETS[target]
    return dlt.destinations.duckdb(path, naming_convention="direct") if name == "duckdb" else name


def resource(feed):
    """What loads one source; its settings stand in .dlt/config.toml under sources.<kind>.<name>."""
    rows = KINDS[feed["kind"]](feed)
    keys = {"primary_key": feed["primary_key"]} if feed["primary_key"] else {}
    return rows.apply_hints(table_name=feed["table"], write_disposition=feed["write"], **keys)


def files(feed):
    return filesystem.with_name(feed["name"]) | READERS[feed["format"]].with_name(f"{feed['name']}_rows")


def table(feed):
    from dlt.sources.sql_database import sql_table

    return sql_table.with_name(feed["name"])()


def endpoint(feed):
    at = f"sources.rest_api.{feed['name']}"
    token, selector = dlt.secrets.get(f"{at}.token"), dlt.config.get(f"{at}.data_selector")
    client = {"base_url": dlt.config[f"{at}.base_url"]} | ({"auth": BearerTokenAuth(token)} if token else {})
    where = {"path": dlt.config[f"{at}.path"]} | ({"data_selector": selector} if selector else {})
    (rows,) = rest_api_resources({"client": client, "resources": [{"name": feed["name"], "endpoint": where}]})
    return rows


KINDS = {"filesystem": files, "sql_database": table, "rest_api": endpoint}


if __name__ == "__main__":
    for source, count in load(*sys.argv[1:2]).items():
        print(f"{source}: {count} rows")
    for source in NOT_FED:
        print(f"{source}: not fed by dlt")
'''
