"""Policies: what a platform demands of every product. The `policies` part of the platform manifest.

A policy is one of the rules below, or a check of the data quality tool under a name of the platform's own.
Such a name has no `_` and every rule's name does, so that one name is one policy.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Severity = Literal["error", "warn"]
SeverityField = Annotated[
    Severity, Field(description="`error` refuses the product; `warn` is reported, and the compile goes on.")
]
CheckName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        max_length=100,
        description="The policy's name, of the platform's choosing: lower case, digits and `-`.",
    ),
]
PolicyName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$",
        max_length=100,
        description="A policy: the name of a check, or a rule such as `required_owner`.",
    ),
]
NonEmpty = Annotated[str, Field(min_length=1)]


class PolicyModel(BaseModel):
    """Every part of the policies: unknown keys are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Check(BaseModel):
    """A check in the data quality tool's own syntax: every other key is a parameter of the check."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: Annotated[
        str,
        Field(
            min_length=1,
            description="The tool's name of the check: `check_model_names`. Its documentation lists the parameters.",
        ),
    ]
    severity: SeverityField = "error"


class AllowedMaterializations(PolicyModel):
    """Which materializations models may have."""

    severity: SeverityField = "error"
    default: Annotated[
        list[NonEmpty] | None,
        Field(description="Allowed on every target that has no list of its own; without it, all."),
    ] = None
    by_target: Annotated[
        dict[NonEmpty, list[NonEmpty]], Field(description="What a target allows instead of the default, by target.")
    ] = {}


class RequiredOwner(PolicyModel):
    """floe.yaml must say who answers for the product: `owner` with a name or an address."""

    severity: SeverityField = "error"


class RequiredSchedule(PolicyModel):
    """floe.yaml must say when the product is due: `schedule`."""

    severity: SeverityField = "error"


class MaxBundleSize(PolicyModel):
    """How large a bundle may be."""

    severity: SeverityField = "error"
    bytes: Annotated[int, Field(ge=1, description="All files of the bundle together, without index and reports.")]


class ForbiddenPackages(PolicyModel):
    """dbt packages that no product may install."""

    severity: SeverityField = "error"
    names: Annotated[
        list[NonEmpty], Field(description="Their names, as in the `name` of the package's dbt_project.yml.")
    ]


def _is_a_date(text: str) -> str:
    date.fromisoformat(text)
    return text


DateText = Annotated[
    str,
    Field(pattern=r"^\d{4}-\d{2}-\d{2}$", json_schema_extra={"format": "date"}),
    AfterValidator(_is_a_date),
]


class Waiver(PolicyModel):
    """An exception for a while: these nodes need not satisfy this policy until that day."""

    policy: PolicyName
    nodes: Annotated[
        list[NonEmpty],
        Field(
            min_length=1,
            description="Unique ids; `*` stands for any text: `model.shop.stg_*`. The product is `product.<name>`.",
        ),
    ]
    owner: Annotated[str, Field(min_length=1, description="Who asked for it and will settle it.")]
    reason: Annotated[str, Field(min_length=1, description="Why the policy cannot be satisfied yet.")]
    until: Annotated[DateText, Field(description='The last day on which it holds: "2027-01-31".')]


class Policies(PolicyModel):
    """What every product on the platform must satisfy."""

    checks: Annotated[
        dict[CheckName, Check], Field(description="Checks of the data quality tool, each under a name of its own.")
    ] = {}
    allowed_materializations: AllowedMaterializations | None = None
    required_owner: RequiredOwner | None = None
    required_schedule: RequiredSchedule | None = None
    max_bundle_size: MaxBundleSize | None = None
    forbidden_packages: ForbiddenPackages | None = None
    waivers: Annotated[list[Waiver], Field(description="Exceptions, each with an owner, a reason and an end.")] = []
