"""Facets of runs and of jobs, from what dbt says. Source: https://openlineage.io/docs/spec/facets/"""

from __future__ import annotations

from typing import Any, Final

from openlineage.client.facet_v2 import (
    JobFacet,
    RunFacet,
    documentation_job,
    error_message_run,
    job_type_job,
    ownership_job,
    processing_engine_run,
    source_code_location_job,
    sql_job,
    tags_run,
)

import floe_compiler
from floe_compiler.emit.course import Outcome, Run
from floe_compiler.emit.subject import Node, Subject
from floe_compiler.model.telemetry import RunFacts

FLOE: Final = "FLOE"
DBT: Final = "DBT"


def engine(dbt_version: str) -> RunFacet:
    """The dbt that the bundle was compiled with."""
    return processing_engine_run.ProcessingEngineRunFacet(
        version=dbt_version, name="dbt", openlineageAdapterVersion=floe_compiler.__version__
    )


def error(message: str) -> RunFacet:
    """Why a run failed or was aborted."""
    return error_message_run.ErrorMessageRunFacet(message=message, programmingLanguage="SQL")


def run_tags(facts: RunFacts, ended: Run | None) -> RunFacet:
    """What was run; and what dbt calls it, once it is over."""
    said = {
        "bundle": facts.bundle,
        "platform": facts.platform,
        "product": facts.product,
        "product_version": facts.product_version,
        "target": facts.target,
    }
    dbt = {"command": facts.command}
    if ended is not None:
        dbt["status"] = ended.status
        dbt |= {"invocation_id": ended.invocation_id} if ended.invocation_id else {}
    return _tags({**{key: (value, FLOE) for key, value in said.items()}, **_of_dbt(dbt)})


def node_tags(node: Node, outcome: Outcome | None) -> RunFacet:
    """dbt's name for the node, its tags; and how it ended."""
    tags = node.get("config", {}).get("tags") or node.get("tags") or []
    dbt = {"unique_id": node["unique_id"], **{str(tag): "true" for tag in tags}}
    return _tags(_of_dbt({**dbt, "status": outcome.status} if outcome else dbt))


def of_product(facts: RunFacts) -> dict[str, JobFacet]:
    """What is said of the job that all the others are parts of."""
    said: dict[str, JobFacet] = {"jobType": job_type_job.JobTypeJobFacet("BATCH", FLOE, "JOB")}
    if facts.description:
        said["documentation"] = documentation_job.DocumentationJobFacet(description=facts.description)
    if facts.owners:
        owners = [ownership_job.Owner(name=owner, type="MAINTAINER") for owner in facts.owners]
        said["ownership"] = ownership_job.OwnershipJobFacet(owners=owners)
    return said


def of_job(facts: RunFacts, node: Node, subject: Subject, sql: str | None) -> dict[str, JobFacet]:
    """What is said of a node's job; `sql` is what dbt compiled it to."""
    said: dict[str, JobFacet] = {
        "jobType": job_type_job.JobTypeJobFacet("BATCH", DBT, str(node["resource_type"]).upper())
    }
    if description := node.get("description"):
        said["documentation"] = documentation_job.DocumentationJobFacet(description=description)
    if owners := subject.owners(node):
        said["ownership"] = ownership_job.OwnershipJobFacet(owners=[ownership_job.Owner(name) for name in owners])
    if sql:
        said["sql"] = sql_job.SQLJobFacet(query=sql, dialect=subject.adapter)
    if path := node.get("original_file_path"):
        # Where the text lies that was run: in the bundle, whose name is its digest.
        said["sourceCodeLocation"] = source_code_location_job.SourceCodeLocationJobFacet(
            type="floe-bundle", url=f"{facts.bundle}/project/{path}", path=path, version=facts.bundle
        )
    return said


def _of_dbt(values: dict[str, str]) -> dict[str, tuple[str, str]]:
    return {key: (value, DBT) for key, value in values.items()}


def _tags(values: dict[str, tuple[str, Any]]) -> RunFacet:
    fields = [tags_run.TagsRunFacetFields(key, value, source) for key, (value, source) in values.items()]
    return tags_run.TagsRunFacet(tags=fields)
