"""A double of dbt Cloud: a server on loopback with accounts, jobs and runs, in which real dbt parses and builds."""

from tests.doubles.dbt_cloud.faults import Fault
from tests.doubles.dbt_cloud.platform import TOKEN, DbtCloud, RunRecord
from tests.doubles.dbt_cloud.workshop import Workshop

__all__ = ["TOKEN", "DbtCloud", "Fault", "RunRecord", "Workshop"]
