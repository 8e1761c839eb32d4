"""Has dlt write rows to a bucket and read them back, by the settings that AWS's clients find by themselves."""

import json
import sys
from pathlib import Path

import dlt
from dlt.sources.filesystem import filesystem, read_parquet

bucket = sys.argv[1]
rows = [{"line": "harbour", "metres": 4200}, {"line": "hill", "metres": 3100}]
pipeline = dlt.pipeline(
    "copies",
    destination=dlt.destinations.filesystem(bucket),
    dataset_name="copies",
    pipelines_dir=str(Path.cwd() / "pipelines"),
)
pipeline.run(rows, table_name="lines", loader_file_format="parquet")
read = filesystem(bucket_url=f"{bucket}/copies/lines", file_glob="*.parquet") | read_parquet()
print(json.dumps([{name: row[name] for name in ("line", "metres")} for row in read]))
