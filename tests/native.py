"""What every plugin renders for the demo product, beside the configurations in fixtures/native.

A case is a folder `fixtures/native/<type>/<plugin>/<case>/`: `config.yaml`, and below `expected/` every file that the
plugin renders with it. `python -m tests.native --write` renders all of them anew.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from fixtures.demo import PRODUCT, copy_products
from floe_compiler import compile_product, load_bundle
from floe_compiler.compile.natives import native_files
from floe_compiler.compile.plugins import Configured, ConfiguredPlugins
from floe_compiler.manifest import normal_form
from floe_compiler.model.bundle import BundleHead
from floe_compiler.plugins.contracts import CatalogPlugin, NativePlugin
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.plugins.types import TYPES

ROOT: Final = Path(__file__).parent.parent
CASES: Final = ROOT / "fixtures" / "native"
DEFAULT: Final = "default"


class Subject(NamedTuple):
    """What plugins render from."""

    head: BundleHead
    manifests: dict[str, dict[str, Any]]


class Case(NamedTuple):
    """A plugin with a configuration."""

    type: str
    plugin: str
    name: str

    @property
    def folder(self) -> Path:
        return CASES / self.type / self.plugin / self.name

    @property
    def config(self) -> dict[str, Any]:
        return yaml.safe_load((self.folder / "config.yaml").read_text("utf-8")) or {}

    @property
    def expected(self) -> dict[str, bytes]:
        folder = self.folder / "expected"
        return {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }


def natives() -> list[tuple[str, str]]:
    """Every built-in plugin that renders native files, found as floe finds it: type and name."""
    registry = PluginRegistry([])
    return [
        (row.key, name)
        for row in TYPES
        for name, offer in registry.offers(row.key).items()
        if issubclass(registry.plugin_class(offer), NativePlugin | CatalogPlugin)
    ]


def cases() -> list[Case]:
    """Every case that lies in fixtures/native."""
    return [Case(*folder.relative_to(CASES).parts) for folder in sorted(CASES.glob("*/*/*"))]


def subject(bundle_path: Path) -> Subject:
    """The head and the manifests of a bundle."""
    bundle = load_bundle(bundle_path)
    head = BundleHead(**{name: getattr(bundle.index, name) for name in BundleHead.model_fields})
    manifests = {name: normal_form(bundle.read(target.manifest), name) for name, target in head.targets.items()}
    return Subject(head, manifests)


def rendered(case: Case, on: Subject) -> dict[str, bytes]:
    """What the plugin renders, by path below its folder. A catalog is rendered with the default storage."""
    registry = PluginRegistry([])
    chosen = {case.type: (case.plugin, case.config)}
    if case.type == "catalog":
        chosen["storage"] = ("s3", {})
    configured = {key: _configured(registry, key, *choice) for key, choice in chosen.items()}
    prefix = f"{case.type}/{case.plugin}/"
    files = native_files(ConfiguredPlugins(configured, {}), on.head, on.manifests)
    return {path.removeprefix(prefix): content for path, content in files.items() if path.startswith(prefix)}


def _configured(registry: PluginRegistry, key: str, name: str, config: dict[str, Any]) -> Configured:
    plugin = registry.get_plugin(key, name)
    return Configured(registry.offer(key, name), plugin, plugin.config_model.model_validate(config))


def demo_bundle(folder: Path, registry: PluginRegistry | None = None) -> Path:
    """The demo product, copied below the folder and compiled there."""
    return compile_product(copy_products(folder) / PRODUCT, registry=registry).path


def _write() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as scratch:
        on = subject(demo_bundle(Path(scratch)))
    for case in cases():
        files = rendered(case, on)
        if files != case.expected:
            shutil.rmtree(case.folder / "expected", ignore_errors=True)
            for path, content in files.items():
                file = case.folder / "expected" / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            yield case.folder.relative_to(ROOT)


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(__doc__)
    for written in _write():
        print(written)
