"""What a node reads and writes, as OpenLineage datasets with what dbt's manifest says of them.

Which columns come from which others stands in no manifest, and SQL is not looked into: there is no column lineage.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    data_quality_assertions_dataset,
    datasource_dataset,
    documentation_dataset,
    output_statistics_output_dataset,
    ownership_dataset,
    schema_dataset,
)

from floe_compiler.emit.course import Outcome
from floe_compiler.emit.subject import Node, Subject

PASSED: Final = frozenset({"pass", "success"})


class Datasets:
    """The datasets of the nodes of one manifest."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def of(self, node: Node, outcome: Outcome | None = None) -> tuple[list[InputDataset], list[OutputDataset]]:
        """Inputs and outputs. A test says of its inputs whether it passed; what failed or was skipped wrote nothing."""
        kind = node["resource_type"]
        if kind == "unit_test":
            return [], []  # it runs on rows of its own
        if kind == "test":
            return [*self._tested(node, outcome)], []
        inputs = [self._input(parent) for parent in self._subject.made_from(node)]
        written = self._subject.built(node) and (outcome is None or outcome.state == "complete")
        return inputs, [self._output(node, outcome)] if written else []

    def _input(self, node: Node) -> InputDataset:
        return InputDataset(self._subject.namespace, _name(node), facets=self._facets(node))

    def _output(self, node: Node, outcome: Outcome | None) -> OutputDataset:
        dataset = OutputDataset(self._subject.namespace, _name(node), facets=self._facets(node))
        if outcome is not None and outcome.rows is not None and outcome.rows >= 0:
            statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=outcome.rows)
            dataset.outputFacets = {"outputStatistics": statistics}
        return dataset

    def _tested(self, test: Node, outcome: Outcome | None) -> Iterable[InputDataset]:
        """The inputs; the one that a test is attached to, or the only one, has what the test found.

        What else there is to say of them is said by the jobs that read and write them: there are many tests.
        """
        parents = [*self._subject.made_from(test)]
        attached = test.get("attached_node") or (parents[0]["unique_id"] if len(parents) == 1 else None)
        for parent in parents:
            dataset = InputDataset(self._subject.namespace, _name(parent), facets=self._source())
            if outcome is not None and outcome.state != "abort" and parent["unique_id"] == attached:
                dataset.inputFacets = {"dataQualityAssertions": _assertions(test, outcome)}
            yield dataset

    def _source(self) -> dict[str, DatasetFacet]:
        namespace = self._subject.namespace
        return {"dataSource": datasource_dataset.DatasourceDatasetFacet(name=namespace, uri=namespace)}

    def _facets(self, node: Node) -> dict[str, DatasetFacet]:
        said = self._source()
        if columns := node.get("columns"):
            said["schema"] = schema_dataset.SchemaDatasetFacet(fields=[_field(column) for column in columns.values()])
        if description := node.get("description"):
            said["documentation"] = documentation_dataset.DocumentationDatasetFacet(description=description)
        if owners := self._subject.owners(node):
            said["ownership"] = ownership_dataset.OwnershipDatasetFacet(
                owners=[ownership_dataset.Owner(name=owner) for owner in owners]
            )
        return said


def _name(node: Node) -> str:
    """As a database names a relation; of a source, by the name that it has there."""
    table = node.get("identifier") or node.get("alias") or node["name"]
    return ".".join(filter(None, (node.get("database"), node.get("schema"), table)))


def _field(column: dict[str, Any]) -> schema_dataset.SchemaDatasetFacetFields:
    return schema_dataset.SchemaDatasetFacetFields(
        name=column["name"], type=column.get("data_type"), description=column.get("description") or None
    )


def _assertions(test: Node, outcome: Outcome) -> data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet:
    metadata = test.get("test_metadata") or {}
    severity = test.get("config", {}).get("severity")
    return data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
        assertions=[
            data_quality_assertions_dataset.Assertion(
                assertion=metadata.get("name") or test["name"],
                name=test["name"],
                success=outcome.status in PASSED,
                column=test.get("column_name") or metadata.get("kwargs", {}).get("column_name"),
                severity=severity.lower() if severity else None,
                description=test.get("description") or None,
                actual=None if outcome.failures is None else str(outcome.failures),
            )
        ]
    )
