"""What `cube_dbt`, Cube's own package for dbt, reads in a manifest.json: run by the Python of its environment."""

import json
import sys

from cube_dbt import Dbt

models = [
    {
        "name": model.name,
        "table": model.sql_table,
        "columns": {column.name: column.type for column in model.columns},
        "key": [column.name for column in model.primary_key],
    }
    for model in Dbt.from_file(sys.argv[1]).models
]
json.dump(models, sys.stdout)
