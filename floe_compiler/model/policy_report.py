"""reports/policy.json: what the policies found, sealed into the bundle; written too when a product is refused.

It holds no clock: what was waived says until when, and the outcome is that of the day of compiling. Files are
those of the dbt project, except for floe.yaml, in which the product itself stands.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from floe_compiler.canonical import canonical_bytes
from floe_compiler.model.policies import Severity

REPORT: Final = "reports/policy.json"
Outcome = Literal["no_policies", "passed", "refused", "not_judged"]
Verdict = Literal["failed", "warned", "waived"]


class ReportModel(BaseModel):
    """Every part of the report: closed, frozen, nothing coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PolicyJudged(ReportModel):
    """A policy that was judged, with its parameters as the platform manifest has them."""

    name: str
    severity: Severity
    parameters: dict[str, Any]
    failed: Annotated[int, Field(ge=0)]
    warned: Annotated[int, Field(ge=0)]
    waived: Annotated[int, Field(ge=0)]


class WaiverGiven(ReportModel):
    """A waiver that names the node. Where the finding is not `waived`, it has expired."""

    owner: str
    reason: str
    until: str


class PolicyFinding(ReportModel):
    """A node that does not satisfy a policy, or the product itself, and on which targets."""

    policy: str
    verdict: Verdict
    node: str
    file: str
    line: Annotated[int, Field(ge=1)]
    message: str
    targets: list[str]
    waiver: WaiverGiven | None = None


class IdleWaiver(ReportModel):
    """A waiver for nodes of this product that all satisfy the policy, or are gone: it can be removed."""

    policy: str
    nodes: list[str]
    owner: str
    until: str


class PolicyReport(ReportModel):
    """The whole report; policies and findings are sorted."""

    schema_version: Literal["1.0"] = "1.0"
    kind: Literal["PolicyReport"] = "PolicyReport"
    outcome: Outcome
    policies: list[PolicyJudged] = []
    findings: list[PolicyFinding] = []
    idle_waivers: list[IdleWaiver] = []

    @property
    def holds_until(self) -> str | None:
        """The last day on which a waiver that it rests on still holds; None when it rests on none."""
        return min((f.waiver.until for f in self.findings if f.verdict == "waived" and f.waiver), default=None)

    def written(self) -> bytes:
        """The report's bytes: canonical JSON."""
        return canonical_bytes(self.model_dump(mode="json", exclude_none=True))
