"""floe beside bare dbt, on generated projects: `make bench`, or `python -m tests.benchmarks --help`."""
