"""What Dagster makes of a definitions.py. Runs in Dagster's own environment, without floe, and prints JSON.

python dagster_code_location.py describe FILE ...           groups, owners, checks and the schedule of every file
python dagster_code_location.py materialise FILE [KEY ...]  builds some assets, or all, and tells what happened
python dagster_code_location.py last_run                    what the last run in DAGSTER_HOME left in the event log
python dagster_code_location.py ticks FILE FROM N           the next N ticks, and what they would start
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._utils.schedules import schedule_execution_time_iterator


def loaded(file: str) -> Any:
    spec = importlib.util.spec_from_file_location("definitions", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def describe(*files: str) -> Iterator[dict[str, Any]]:
    for file in files:
        definitions = loaded(file).defs
        product = next(asset for asset in definitions.assets if isinstance(asset, dg.AssetsDefinition))
        yield {
            "assets": {
                spec.key.to_user_string(): {
                    "group": spec.group_name,
                    "owners": list(spec.owners),
                    "kinds": sorted(spec.kinds),
                    "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
                    "described": bool(spec.description),
                }
                for spec in product.specs
            },
            "checks": sorted(f"{key.asset_key.to_user_string()}:{key.name}" for key in product.check_keys),
            "schedules": [
                [schedule.name, schedule.cron_schedule, schedule.execution_timezone, schedule.default_status.value]
                for schedule in definitions.schedules or []
            ],
        }


def materialise(file: str, *keys: str) -> dict[str, Any]:
    definitions = loaded(file).defs
    picked = [dg.AssetKey.from_user_string(key) for key in keys] or None
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(instance=instance, asset_selection=picked, raise_on_error=False)
    return {"success": result.success, **told(result.all_events)}


def last_run() -> dict[str, Any]:
    with dg.DagsterInstance.get() as instance:
        run = next(iter(instance.get_run_records(limit=1))).dagster_run
        entries = instance.all_logs(run.run_id)
    return {"success": run.is_success, **told(entry.dagster_event for entry in entries if entry.dagster_event)}


def told(events: Iterable[dg.DagsterEvent]) -> dict[str, Any]:
    assets, checks, failures = [], {}, []
    for event in events:
        if event.event_type_value == "ASSET_MATERIALIZATION":
            assets.append(event.asset_key.to_user_string())
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            check = event.event_specific_data
            name = f"{check.asset_key.to_user_string()}:{check.check_name}"
            checks[name] = {"passed": check.passed, "severity": check.severity.value}
        elif event.event_type_value == "STEP_FAILURE":
            failure = event.event_specific_data
            said = failure.user_failure_data
            failures.append(said.description if said else failure.error.message)
    return {"assets": sorted(assets), "checks": checks, "failures": failures}


def ticks(file: str, start: str, count: str) -> list[dict[str, Any]]:
    schedule = next(iter(loaded(file).defs.schedules))
    found = []
    since = datetime.fromisoformat(start).timestamp()
    times = schedule_execution_time_iterator(since, schedule.cron_schedule, schedule.execution_timezone)
    for due in (next(times) for _ in range(int(count))):
        context = dg.build_schedule_context(scheduled_execution_time=due)
        requests = schedule.evaluate_tick(context).run_requests
        found.append({"utc": due.astimezone(UTC).isoformat(), "local": due.isoformat(), "runs": len(requests)})
    return found


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    with redirect_stdout(sys.stderr):
        answer = globals()[command](*arguments)
        answer = list(answer) if isinstance(answer, Iterator) else answer
    print(json.dumps(answer))
