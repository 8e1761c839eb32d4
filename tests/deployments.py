"""What is rendered for Kubernetes, beside the settings in fixtures/deployment.

A case is a folder `fixtures/deployment/<case>/`: `case.yaml` says what differs from a plain product on a plain
platform, and below `expected/` lies every file that is rendered. `python -m tests.deployments --write` renders them
anew.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from floe_compiler.compile.container import container_variables
from floe_compiler.compile.deployment import deployment_files
from floe_compiler.compile.plugins import Configured, ConfiguredPlugins
from floe_compiler.model.bundle import BundleHead
from floe_compiler.model.deployment import Deployment
from floe_compiler.plugins.registry import PluginRegistry
from tests.bundles import index_value

CASES: Final = Path(__file__).parent.parent / "fixtures" / "deployment"


def cases() -> list[Path]:
    """The folder of every case."""
    return sorted(file.parent for file in CASES.glob("*/case.yaml"))


def expected(case: Path) -> dict[str, bytes]:
    """What lies beside the case."""
    folder = case / "expected"
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def rendered(case: Path) -> dict[str, bytes]:
    """What floe renders for it, by path below `deployment/`."""
    return rendered_for(**yaml.safe_load((case / "case.yaml").read_text("utf-8")))


def rendered_for(
    *,
    schedule: dict[str, str] | None = None,
    targets: tuple[str, ...] = ("dev",),
    environment: dict[str, list[str]] | None = None,
    product: dict[str, str] | None = None,
    deployment: dict[str, Any] | None = None,
    **plugins: Any,
) -> dict[str, bytes]:
    """What is rendered where these things differ from a plain product, and the others do not."""
    value = index_value()
    value["schedule"] = schedule
    value["targets"] = dict.fromkeys(targets, value["targets"]["dev"])
    value["environment"] |= environment or {}
    value["product"] |= product or {}
    head = BundleHead(**{name: value[name] for name in BundleHead.model_fields if name in value})
    configured = {
        key: _configured(key, **choice) for key, choice in {"secrets": {"use": "k8s_secrets"}, **plugins}.items()
    }
    variables = container_variables(ConfiguredPlugins(configured, {}), head)
    return deployment_files(head, Deployment.model_validate(deployment or {}), variables)


def _configured(key: str, use: str, config: dict[str, Any] | None = None) -> Configured:
    registry = PluginRegistry([])
    plugin = registry.get_plugin(key, use)
    return Configured(registry.offer(key, use), plugin, plugin.config_model.model_validate(config or {}))


def _write() -> Iterator[Path]:
    for case in cases():
        files = rendered(case)
        if files != expected(case):
            shutil.rmtree(case / "expected", ignore_errors=True)
            for path, content in files.items():
                file = case / "expected" / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            yield case


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(__doc__)
    for written in _write():
        print(written.name)
