"""Lays DuckDB's extension for S3, as the package index has it, where a DuckDB of its version looks for it."""

import shutil
import sys
from pathlib import Path

import duckdb
import duckdb_extension_httpfs

(platform,) = duckdb.sql("pragma platform").fetchone()
(found,) = Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension")
folder = Path(sys.argv[1], f"v{duckdb.__version__}", platform)
folder.mkdir(parents=True)
shutil.copy(found, folder)
