"""How bundles are deployed on Kubernetes: the platform manifest's `deployment`. The standard itself is enforced."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")] | Annotated[int, Field(ge=1)]
_Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)]


class DeploymentModel(BaseModel):
    """Every part of it: unknown keys are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Requests(DeploymentModel):
    """What a run is promised."""

    cpu: Annotated[Quantity, Field(description="Processors that a run is promised: `500m` is half of one.")] = "500m"
    memory: Annotated[Quantity, Field(description="Memory that a run is promised.")] = "1Gi"


class Limits(DeploymentModel):
    """What a run gets at most."""

    cpu: Annotated[Quantity, Field(description="Processors that a run gets at most.")] = "2"
    memory: Annotated[Quantity, Field(description="Memory at which a run is ended.")] = "4Gi"


class Resources(DeploymentModel):
    """What a run may use of a node."""

    requests: Annotated[Requests, Field(description="What a run is promised.")] = Requests()
    limits: Annotated[Limits, Field(description="What a run gets at most.")] = Limits()


class History(DeploymentModel):
    """How many ended jobs stay to be looked at."""

    successful: Annotated[int, Field(ge=0, le=100, description="Jobs that succeeded.")] = 3
    failed: Annotated[int, Field(ge=0, le=100, description="Jobs that failed.")] = 3


class Deployment(DeploymentModel):
    """What the platform decides about the deployment of every product."""

    namespace: Annotated[
        _Name | None, Field(description="The namespace; without it, that of whoever applies the deployment.")
    ] = None
    image: Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z0-9._:/@-]|\{product\}|\{version\})+$",
            description="The image: floe, dbt, and the bundle at /bundle. `{product}` and `{version}` are filled in.",
        ),
    ] = "{product}:{version}"
    image_pull_secrets: Annotated[list[_Name], Field(description="Secrets with which the image is pulled.")] = []
    suspend: Annotated[
        bool, Field(description="Whether the schedule is left to others: true where an orchestrator starts the runs.")
    ] = False
    starting_deadline_seconds: Annotated[
        int, Field(ge=10, description="How late a run may start; after that it is left out.")
    ] = 600
    active_deadline_seconds: Annotated[
        int | None, Field(ge=1, description="After which time a run is ended; without it, never.")
    ] = None
    backoff_limit: Annotated[int, Field(ge=0, le=10, description="How often a failed run is started again.")] = 0
    history: Annotated[History, Field(description="How many ended jobs stay to be looked at.")] = History()
    resources: Annotated[Resources, Field(description="What a run may use of a node.")] = Resources()
    run_directory_size: Annotated[
        Quantity, Field(description="How large the run directory may grow: logs, dbt's results, a DuckDB file.")
    ] = "10Gi"
