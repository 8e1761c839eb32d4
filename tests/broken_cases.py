"""Faults that no command line leads to; `call` in a `case.toml` names one. Each raises a FloeError."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from unittest import mock

from floe_compiler.builtin.data_quality.dbt_bouncer import DbtBouncer
from floe_compiler.builtin.dbt_runtime.cloud import CloudConfig, CloudDBTPlugin
from floe_compiler.builtin.dbt_runtime.local import LocalDBTPlugin
from floe_compiler.diff import diff
from floe_compiler.errors import FloeError, Problem
from floe_compiler.freeze.schema import check_schema
from floe_compiler.load.acknowledgements import acknowledgements_of
from floe_compiler.plugins.contracts import CancelToken
from floe_compiler.published import schema
from floe_compiler.store.layout import Store
from floe_compiler.store.listing import INDEX
from floe_compiler.store.publish import publish
from floe_compiler.verify import verify
from tests.bundles import MANIFEST, index_value, make_bundle, on_disk


def a_compile_that_takes_too_long(work: Path) -> None:
    """Callers of the runtime may set a timeout; the command line has none."""
    product = work / "product"
    LocalDBTPlugin().compile_project(product, product, "dev", target_path=work / "target", timeout=0.0)


def a_compile_that_is_cancelled(work: Path) -> None:
    """Callers of the runtime may cancel; the command line ends with its process."""
    cancel = CancelToken()
    cancel.cancel()
    product = work / "product"
    LocalDBTPlugin().compile_project(product, product, "dev", target_path=work / "target", cancel=cancel)


def a_python_that_cannot_be_started(work: Path) -> None:
    """The interpreter that floe runs in is gone when dbt's process is to start."""
    product = work / "product"
    runtime = LocalDBTPlugin()
    with mock.patch.object(sys, "executable", "/usr/bin/python-that-was-removed"):
        runtime.compile_project(product, product, "dev", target_path=work / "target")


def an_index_that_does_not_match_its_schema(work: Path) -> None:
    """Models and schema come from one source; only a bug parts them."""
    del work
    check_schema({**index_value(), "product": {"name": "loaves"}}, schema("compiled-artifacts"))


def a_damaged_bundle_in_the_store(work: Path) -> None:
    """Publishing repairs it and warns; that is no error of the command that found it."""
    bundle = make_bundle()
    store = Store(work / ".floe")
    folder = publish(store, bundle)
    (folder / INDEX).chmod(0o644)
    (folder / INDEX).write_bytes(b"{}")
    damages: list[Problem] = []
    publish(store, bundle, damages.append)
    raise FloeError(damages)


def a_finding_acknowledged_twice(work: Path) -> None:
    """`floe diff` reads the file where the product lies."""
    acknowledgements_of(work / "product", date(2026, 11, 1))


def bundles_without_a_manifest_to_compare(work: Path) -> None:
    """Only a runtime that is not dbt's can have written it."""
    bundles = [
        verify(on_disk(make_bundle({MANIFEST: content}), work / name))
        for name, content in (("old", b'{"nodes":{}}'), ("new", b'{"nodes":{"model.orders.orders":5}}'))
    ]
    diff(*bundles)


def a_check_that_breaks(work: Path) -> None:
    """No manifest of dbt has a description that is a number."""
    model = {"resource_type": "model", "package_name": "loaves", "name": "rye", "original_file_path": "models/rye.sql"}
    model |= {"unique_id": "model.loaves.rye", "description": 5, "config": {}}
    manifest = {"metadata": {"dbt_version": "1.11.16", "project_name": "loaves"}, "nodes": {"model.loaves.rye": model}}
    _judge(work, manifest)


def a_judge_without_a_manifest(work: Path) -> None:
    """What dbt wrote was checked before."""
    _judge(work, {})


def _judge(work: Path, manifest: object) -> None:
    (work / "manifest.json").write_text(json.dumps(manifest))
    (work / "scratch").mkdir()
    checks = {"models-described": {"name": "check_model_description_populated"}}
    DbtBouncer().judge(checks, work / "manifest.json", work / "scratch")


def a_bundle_without_a_commit(work: Path) -> None:
    """What dbt Cloud compiled names its commit; another runtime's bundle names none."""
    config = CloudConfig.model_validate({"account": 17, "jobs": {"dev": 4101}})
    product, sealed_dir = work / "product", work / "bundle" / "dbt_runtime" / "cloud"
    CloudDBTPlugin(config).run_models(product, product, "dev", sealed_dir=sealed_dir)
