"""Which field of dbt's manifest is of which aspect: tables, one for each sort of member.

None stands for what is derived from something else that is compared, or says only where it came from. A field that
is in no table is of the aspect `field` (or `config`), which no rule takes for safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Aspects = Mapping[str, str | None]

_IDENTITY: Final[Aspects] = dict.fromkeys(
    (
        "unique_id", "name", "resource_type", "package_name", "path", "original_file_path", "fqn", "patch_path",
        "checksum", "unrendered_config", "config_call_dict", "unrendered_config_call_dict", "unrendered_database",
        "unrendered_schema", "refs", "sources", "metrics", "functions", "depends_on", "doc_blocks", "raw_code",
        "language", "columns", "config", "relation_name", "identifier", "alias", "database", "schema",
    )
)  # fmt: skip
_NOTES: Final[Aspects] = {"description": "described", "label": "described", "meta": "described", "docs": "described"}
NODE: Final[Aspects] = {
    **_IDENTITY,
    **_NOTES,
    **dict.fromkeys(
        (
            "build_path", "compiled", "compiled_path", "compiled_code", "extra_ctes", "extra_ctes_injected",
            "_pre_injected_sql", "contract", "primary_key", "defer_relation", "attached_node", "file_key_name",
            "column_name", "test_metadata", "classifiers", "batch",
        )
    ),
    "tags": "tags",
    "group": "group",
    "access": "access",
    "constraints": "constraints",
    "version": "field",
    "latest_version": "latest_version",
    "deprecation_date": "deprecation",
    "time_spine": "definition",
}  # fmt: skip
CONFIG: Final[Aspects] = {
    **dict.fromkeys(
        ("enabled", "database", "schema", "alias", "contract", "target_schema", "target_database", "quoting")
    ),
    **_NOTES,
    "persist_docs": "described",
    "tags": "tags",
    "access": "access",
    "group": "group",
    "materialized": "config.materialized",
    "unique_key": "config.unique_key",
    "incremental_strategy": "config.incremental_strategy",
    **dict.fromkeys(
        (
            "on_schema_change", "on_configuration_change", "full_refresh", "incremental_predicates", "predicates",
            "merge_update_columns", "merge_exclude_columns", "batch_size", "lookback", "begin", "event_time",
            "concurrent_batches", "sql_header",
        ),
        "config.incremental",
    ),
    **dict.fromkeys(
        (
            "partition_by", "partitions", "cluster_by", "clustered_by", "buckets", "file_format", "table_format",
            "table_type", "location_root", "dist", "sort", "sort_type", "indexes", "unlogged", "tblproperties",
            "liquid_clustered_by", "partitioned_by", "external_volume", "base_location_subpath",
        ),
        "config.layout",
    ),
    **dict.fromkeys(
        (
            "strategy", "updated_at", "check_cols", "hard_deletes", "invalidate_hard_deletes",
            "snapshot_meta_column_names", "dbt_valid_to_current",
        ),
        "config.snapshot",
    ),
    "pre-hook": "config.hook",
    "post-hook": "config.hook",
    "grants": "config.grants",
    **dict.fromkeys(("column_types", "delimiter", "quote_columns"), "config.seed"),
}  # fmt: skip
SNAPSHOT_CONFIG: Final[Aspects] = {**CONFIG, "unique_key": "config.snapshot"}
TEST_CONFIG: Final[Aspects] = {
    **dict.fromkeys(("enabled", "materialized", "database", "schema", "alias", "group")),
    **_NOTES,
    "tags": "tags",
    "severity": "test.severity",
    **dict.fromkeys(("where", "limit", "fail_calc", "warn_if", "error_if"), "test.condition"),
    **dict.fromkeys(("store_failures", "store_failures_as"), "test.storage"),
}
SOURCE: Final[Aspects] = {
    **_IDENTITY,
    **_NOTES,
    **dict.fromkeys(("source_name", "quoting", "unrendered_database", "unrendered_schema")),
    **dict.fromkeys(("source_description", "source_meta", "loader"), "described"),
    "tags": "tags",
    **dict.fromkeys(("freshness", "loaded_at_field", "loaded_at_query"), "source.freshness"),
    "external": "field",
}
EXPOSURE: Final[Aspects] = {
    **_IDENTITY,
    **_NOTES,
    "tags": "tags",
    **dict.fromkeys(("owner", "type", "url", "maturity"), "exposure"),
}
DEFINITION: Final[Aspects] = {
    **_IDENTITY,
    **_NOTES,
    "tags": "tags",
    **dict.fromkeys(("node_relation", "primary_entity_raw"), None),
    **dict.fromkeys(
        (
            "type", "type_params", "filter", "time_granularity", "entities", "measures", "dimensions", "defaults",
            "primary_entity", "model", "query_params", "exports", "group",
        ),
        "definition",
    ),
    "metadata": None,
}  # fmt: skip
DEFINITION_CONFIG: Final[Aspects] = {
    "enabled": None,
    "meta": "described",
    "group": "definition",
    "cache": "definition",
    "export_as": "definition",
    "schema": "definition",
    "tags": "tags",
}
UNIT_TEST: Final[Aspects] = {
    **_IDENTITY,
    **_NOTES,
    "tags": "tags",
    **dict.fromkeys(("given", "expect", "overrides", "versions", "version", "model"), "unit_test"),
    **dict.fromkeys(("this_input_node_unique_id", "tested_node_unique_id")),
}
GROUP: Final[Aspects] = {**_IDENTITY, **_NOTES, "owner": "group.owner"}
MACRO: Final[Aspects] = {
    **_IDENTITY,
    **_NOTES,
    "arguments": "described",
    **dict.fromkeys(("macro_sql", "supported_languages", "config")),
}
FUNCTION: Final[Aspects] = {**NODE, **dict.fromkeys(("arguments", "returns", "type"), "definition")}
COLUMN: Final[Aspects] = {
    **_NOTES,
    **dict.fromkeys(("name", "doc_blocks", "config")),
    "tags": "tags",
    "data_type": "column.type",
    "constraints": "constraints",
    "quote": "column.field",
    "granularity": "definition",
}
PLAIN_CONFIG: Final[Aspects] = {"enabled": None, "meta": "described", "tags": "tags", "docs": "described"}
SOURCE_CONFIG: Final[Aspects] = {
    **PLAIN_CONFIG,
    **dict.fromkeys(("quoting", "database", "schema")),
    **dict.fromkeys(("freshness", "loaded_at_field", "loaded_at_query"), "source.freshness"),
}


class Sort:
    """A section of the manifest, and how its members are compared."""

    def __init__(self, section: str, fields: Aspects, config: Aspects = PLAIN_CONFIG) -> None:
        self.section = section
        self.fields = fields
        self.config = config


SOURCES: Final = Sort("sources", SOURCE, SOURCE_CONFIG)
DEFINED: Final = (
    Sort("exposures", EXPOSURE),
    Sort("metrics", DEFINITION, DEFINITION_CONFIG),
    Sort("semantic_models", DEFINITION, DEFINITION_CONFIG),
    Sort("saved_queries", DEFINITION, DEFINITION_CONFIG),
    Sort("groups", GROUP),
    Sort("macros", MACRO),
    Sort("docs", {**_IDENTITY, "block_contents": None}),
)
UNIT_TESTS: Final = Sort("unit_tests", UNIT_TEST)
BUILT: Final = Sort("nodes", NODE, CONFIG)
SNAPSHOTS: Final = Sort("nodes", NODE, SNAPSHOT_CONFIG)
TESTS: Final = Sort("nodes", NODE, TEST_CONFIG)
FUNCTIONS: Final = Sort("functions", FUNCTION, CONFIG)
