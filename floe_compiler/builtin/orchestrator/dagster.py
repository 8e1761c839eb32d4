"""Dagster, with dagster-dbt's view of the manifest. Source: https://docs.dagster.io/integrations/libraries/dbt

`definitions.py` uses what Dagster and dagster-dbt document and no more, since a bundle outlives the Dagster that it was
made for. What runs is the sealed manifest: through dbt itself where the runtime is `local` (the program that it seals
in the bundle), and through `floe run` for every other runtime, which only floe knows how to start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import jinja2
import yaml
from pydantic import Field

from floe_compiler.model.bundle import BundleHead
from floe_compiler.plugins.contracts import LoadedBy, Manifests, OrchestratorPlugin, PluginConfig
from floe_compiler.run.selection import effective_selection

SEALED_DBT: Final = "local"
"""The dbt runtime whose bundles hold a program that runs them without floe."""
REFUSED: Final = 6
"""How that program ends when it does not start dbt."""
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)
_NOT_A_NAME: Final = re.compile(r"[^A-Za-z0-9_]")


class DagsterConfig(PluginConfig):
    """How the product looks in Dagster. The defaults need nothing."""

    code_location: Annotated[
        str | None, Field(min_length=1, description="The code location's name; by default the product's.")
    ] = None
    asset_key_prefix: Annotated[
        list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]],
        Field(description="What the keys of all assets but sources begin with, where products share a Dagster."),
    ] = []
    group_by: Annotated[
        Literal["folder", "dbt_group", "product"],
        Field(description="The asset groups: dbt's, else the folder of a model; dbt's alone; or the product."),
    ] = "folder"
    schedule_status: Annotated[
        Literal["RUNNING", "STOPPED"],
        Field(description="Whether the schedule is on from the start, or waits for somebody to switch it on."),
    ] = "RUNNING"
    pool: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z0-9_]+$", description="The concurrency pool that a build takes a slot of."),
    ] = None
    max_retries: Annotated[int, Field(ge=0, le=100, description="How often a build that failed is started again.")] = 0
    retry_delay_seconds: Annotated[int, Field(ge=0, description="How long Dagster waits before it does.")] = 60
    run_tags: Annotated[dict[str, str], Field(description="Tags of the runs that the schedule starts.")] = {}
    op_tags: Annotated[
        dict[str, str], Field(description="Tags of the step, as executors read them: `dagster/priority`.")
    ] = {}


class Dagster(OrchestratorPlugin):
    """Renders a code location: its definitions, and the workspace that names it."""

    summary = "Dagster: an asset for each dbt node, its tests as checks"
    config_model = DagsterConfig
    loaded_by = (
        LoadedBy("definitions.py", "Dagster", "dagster definitions validate -f definitions.py", "tool"),
        LoadedBy("workspace.yaml", "Dagster", "dagster definitions validate -w workspace.yaml", "tool"),
    )

    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        assert isinstance(config, DagsterConfig)  # noqa: S101 - the registry pairs plugin and model
        location = {"relative_path": "definitions.py", "location_name": config.code_location or head.product.name}
        workspace = yaml.safe_dump({"load_from": [{"python_file": location}]}, sort_keys=False)
        definitions = _TEMPLATE.render(_values(config, head, next(iter(manifests))))
        return {"definitions.py": definitions.encode("ascii"), "workspace.yaml": workspace.encode("ascii")}


def _values(config: DagsterConfig, head: BundleHead, default_target: str) -> dict[str, Any]:
    """What the template is filled with."""
    owner = head.product.owner.email if head.product.owner else None
    return {
        "config": config,
        "title": f"{head.product.name} {head.product.version} in Dagster",
        "product": head.product,
        "name": _NOT_A_NAME.sub("_", head.product.name),
        "owners": [owner] if owner and _EMAIL.fullmatch(owner) else [],
        "schedule": head.schedule,
        "default_target": default_target,
        "selections": {target: effective_selection(head, target, None) for target in head.targets},
        "needs": ", ".join(head.runtime.requirements),
        "refused": REFUSED,
        "sealed_dbt": head.plugins["dbt_runtime"].name == SEALED_DBT,
    }


def _literal(value: Any) -> str:
    """A value as Python writes it, in double quotes and in ASCII."""
    if value is None or isinstance(value, bool | int):
        return repr(value)
    return json.dumps(value)


_ENVIRONMENT: Final = jinja2.Environment(
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # noqa: S701 - Python is rendered, no page
)
_ENVIRONMENT.filters["literal"] = _literal
_TEMPLATE: Final = _ENVIRONMENT.from_string(r'''"""{{ title }}: an asset for each dbt node, its tests as asset checks.

    dagster definitions validate -f definitions.py
    dagster dev -f definitions.py

Rendered by floe and sealed in this bundle. To change it, change the product and compile again.
{% if sealed_dbt %}
Needs, beside dagster and dagster-dbt: {{ needs }}.
{% else %}
Needs, beside dagster and dagster-dbt: floe{{ ", " + needs if needs else "" }}.
{% endif %}

FLOE_TARGET   the dbt target: {{ default_target }}, if nothing else is said
FLOE_RUN_DIR  the folder of everything that a run writes; by default below the system's temporary one
"""

import hashlib
import json
import os
{% if config.group_by != "product" %}
import re
{% endif %}
{% if sealed_dbt %}
import signal
{% endif %}
import subprocess
{% if sealed_dbt %}
import sys
{% endif %}
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    dbt_assets,
{% if config.group_by == "folder" %}
    group_from_dbt_resource_props_fallback_to_directory,
{% endif %}
)

EVERYTHING = "fqn:*"
SELECTIONS = {
{% for target, selection in selections | dictsort %}
    {{ target | literal }}: {{ selection | literal if selection else "EVERYTHING" }},
{% endfor %}
}
TARGET = os.environ.get("FLOE_TARGET", {{ default_target | literal }})
if TARGET not in SELECTIONS:
    raise ValueError(f"FLOE_TARGET is {TARGET}, and this bundle has {', '.join(SELECTIONS)}")

PRODUCT = {{ product.name | literal }}
BUNDLE = Path(__file__).resolve().parents[2]
DIGEST = "sha256:" + hashlib.sha256((BUNDLE / "compiled_artifacts.json").read_bytes()).hexdigest()
MANIFEST = json.loads((BUNDLE / "targets" / TARGET / "manifest.json").read_bytes())
RUN_DIR = Path(os.environ.get("FLOE_RUN_DIR") or Path(tempfile.gettempdir(), "floe", PRODUCT, TARGET))
UNIQUE_ID = "dagster_dbt/unique_id"
{% if sealed_dbt %}
REFUSED = {{ refused }}  # the exit status of sealed_dbt.py when bundle or environment are not what they should be
{% endif %}


class Translator(DagsterDbtTranslator):
    """dbt's nodes as dagster-dbt shows them, with a group and an owner for each, and a check for every test."""

{% if config.asset_key_prefix %}
    def get_asset_key(self, dbt_resource_props):
        key = super().get_asset_key(dbt_resource_props)
        is_source = dbt_resource_props["resource_type"] == "source"
        return key if is_source else key.with_prefix({{ config.asset_key_prefix | literal }})

{% endif %}
    def get_group_name(self, dbt_resource_props):
{% if config.group_by == "folder" %}
        kind = dbt_resource_props["resource_type"]
        in_folder = kind == "model" and group_from_dbt_resource_props_fallback_to_directory(dbt_resource_props)
        return re.sub(r"\W", "_", in_folder or super().get_group_name(dbt_resource_props) or f"{kind}s")
{% elif config.group_by == "dbt_group" %}
        group = super().get_group_name(dbt_resource_props)
        return re.sub(r"\W", "_", group) if group else None
{% else %}
        return {{ name | literal }}
{% endif %}

    def get_owners(self, dbt_resource_props):
        return super().get_owners(dbt_resource_props) or {{ owners | literal }}

    def get_asset_check_spec(self, asset_spec, manifest, unique_id, project):
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        test = manifest["nodes"][unique_id]
        parents = test["depends_on"]["nodes"]
        said = len(parents) == 1 or test.get("attached_node") or "dagster" in test["config"]["meta"]
        if said or asset_spec.metadata[UNIQUE_ID] != parents[0]:
            return spec
        # a test that asks several models and belongs to none is a check of the first
        blocking = test["config"]["severity"].lower() == "error"
        return dg.AssetCheckSpec(test["name"], asset=asset_spec.key, blocking=blocking, metadata={UNIQUE_ID: unique_id})


TRANSLATOR = Translator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))


@dbt_assets(
    manifest=MANIFEST,
    select=SELECTIONS[TARGET],
    name={{ name | literal }},
    dagster_dbt_translator=TRANSLATOR,
{% if config.pool %}
    pool={{ config.pool | literal }},
{% endif %}
{% if config.max_retries %}
    retry_policy=dg.RetryPolicy(max_retries={{ config.max_retries }}, delay={{ config.retry_delay_seconds }}),
{% endif %}
{% if config.op_tags %}
    op_tags={{ config.op_tags | literal }},
{% endif %}
)
def product(context: dg.AssetExecutionContext):
    """`dbt build` of the assets that were picked, from the sealed manifest."""
    assets = {spec.metadata[UNIQUE_ID]: spec.key for spec in product.specs}
    checks = {spec.metadata[UNIQUE_ID]: spec.key for spec in product.check_specs}
    for unique_id, status, metadata in build(selection(context)):
        if unique_id in assets and status == "success":
            yield dg.MaterializeResult(asset_key=assets[unique_id], metadata=metadata)
        elif unique_id in checks and is_expected(checks[unique_id], context):
            yield dg.AssetCheckResult(
                asset_key=checks[unique_id].asset_key,
                check_name=checks[unique_id].name,
                passed=status == "pass",
                severity=dg.AssetCheckSeverity.WARN if status == "warn" else dg.AssetCheckSeverity.ERROR,
                metadata=metadata,
            )


def selection(context: dg.AssetExecutionContext) -> list[str]:
    """dbt's options: for all that the product selects, or for the assets and the checks that were picked."""
    if context.selected_asset_keys == product.keys:
{% if sealed_dbt %}
        return ["--select", *SELECTIONS[TARGET].split()] if SELECTIONS[TARGET] != EVERYTHING else []
{% else %}
        return []  # floe knows what the product selects
{% endif %}
    specs = [spec for spec in product.specs if spec.key in context.selected_asset_keys]
    specs += [spec for spec in product.check_specs if is_expected(spec.key, context)]
    nodes = [MANIFEST["nodes"][spec.metadata[UNIQUE_ID]] for spec in specs]
{% if sealed_dbt %}
    return ["--indirect-selection", "empty", "--select", *(f"fqn:{'.'.join(node['fqn'])}" for node in nodes)]
{% else %}
    picked = {node["unique_id"] for node in nodes}
    reached = {child for unique_id in picked for child in MANIFEST["child_map"].get(unique_id, [])} - picked
    tests = [MANIFEST["nodes"][unique_id] for unique_id in sorted(reached) if unique_id.startswith("test.")]
    exclude = ["--exclude", " ".join(f"fqn:{'.'.join(test['fqn'])}" for test in tests)] if tests else []
    return ["--select", " ".join(f"fqn:{'.'.join(node['fqn'])}" for node in nodes), *exclude]
{% endif %}


def is_expected(check: dg.AssetCheckKey, context: dg.AssetExecutionContext) -> bool:
    """Whether Dagster waits for the check: it was picked, or it is one of a source that a picked asset reads."""
    of_sources = product.get_upstream_input_keys(frozenset(context.selected_asset_keys))
    return check in context.selected_asset_check_keys or check.asset_key in of_sources


{% if sealed_dbt %}
def build(options: list[str]) -> Iterator[tuple[str, str, dict]]:
    """Each node that dbt has finished: its id, its status, and what is worth showing.

    sealed_dbt.py makes sure that files, versions and variables are as sealed, and starts dbt on the sealed manifest.
    """
    sealed_dbt = BUNDLE / "dbt_runtime" / "local" / "sealed_dbt.py"
    command = [sys.executable, "-B", str(sealed_dbt), "build", "--target", TARGET, *options]
    environ = {**os.environ, "DBT_LOG_FORMAT": "json", "FLOE_RUN_DIR": str(RUN_DIR)}
    errors = []
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as dbt:
        try:
            for line in dbt.stdout:
                if not line.startswith("{"):
                    print(line, end="")
                    continue
                info, data = (event := json.loads(line))["info"], event["data"]
                print(info["msg"], flush=True)
                if info["level"] == "error":
                    errors.append(info["msg"])
                if info["name"] in ("LogModelResult", "LogSeedResult", "LogSnapshotResult", "LogTestResult"):
                    node = data["node_info"]
                    shown = {"seconds": data["execution_time"], "unique_id": node["unique_id"], "bundle": DIGEST}
                    yield node["unique_id"], node["node_status"], shown
        except BaseException:  # Dagster ends the run: dbt cancels what the database still does for it
            dbt.send_signal(signal.SIGINT)
            dbt.communicate()
            raise
    if dbt.returncode:
        said = "\n".join(errors) or f"dbt ended with exit status {dbt.returncode}"
        raise dg.Failure(said, allow_retries=dbt.returncode != REFUSED)
{% else %}
def build(options: list[str]) -> Iterator[tuple[str, str, dict]]:
    """Each node that was run: its id, its status, and what is worth showing. `floe run` verifies the bundle first."""
    command = ["floe", "run", str(BUNDLE), "--target", TARGET, "--run-dir", str(RUN_DIR), "--json", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    report = json.loads(done.stdout)
    for node in report.get("nodes", []):
        shown = {"seconds": node["execution_time"], "unique_id": node["unique_id"], "bundle": DIGEST}
        yield node["unique_id"], node["status"], shown
    if done.returncode:
        raise dg.Failure("\n".join(problem["message"] for problem in report["problems"]))
{% endif %}


sources = [TRANSLATOR.get_asset_spec(MANIFEST, unique_id, None) for unique_id in MANIFEST["sources"]]
{% if schedule %}
job = dg.define_asset_job(
    "{{ name }}_build",
    selection=dg.AssetSelection.assets(product) | dg.AssetSelection.checks(product),
{% if config.run_tags %}
    tags={{ config.run_tags | literal }},
{% endif %}
)
schedule = dg.ScheduleDefinition(
    name="{{ name }}_schedule",
    job=job,
    cron_schedule={{ schedule.cron | literal }},
    execution_timezone={{ schedule.timezone | literal }},
    default_status=dg.DefaultScheduleStatus.{{ config.schedule_status }},
)
defs = dg.Definitions(assets=[product, *sources], jobs=[job], schedules=[schedule])
{% else %}
defs = dg.Definitions(assets=[product, *sources])
{% endif %}
''')
