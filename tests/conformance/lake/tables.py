"""Writes and reads a table by the settings that PyIceberg finds by itself, and prints what came of it."""

import json
import warnings

import pyarrow
from pyiceberg.catalog import load_catalog

warnings.simplefilter("error", DeprecationWarning)
catalog = load_catalog()
before = catalog.list_namespaces()
catalog.create_namespace_if_not_exists("office")
rows = pyarrow.table({"line": ["harbour", "hill"], "metres": [4200, 3100]})
table = catalog.create_table("office.lines", schema=rows.schema)
table.append(rows)
read = load_catalog().load_table("office.lines")
print(
    json.dumps(
        {
            "catalog": catalog.name,
            "before": before,
            "namespaces": catalog.list_namespaces(),
            "location": read.location(),
            "files": [task.file.file_path for task in read.scan().plan_files()],
            "rows": read.scan().to_arrow().to_pylist(),
        }
    )
)
