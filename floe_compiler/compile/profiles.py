"""dbt's profiles.yml: outputs by the compute plugins, written as dbt reads them.

Source: https://docs.getdbt.com/docs/core/connect-data-platform/profiles.yml

References become `env_var()` calls, so that the file holds names and never values. A secret's variable has
the prefix by which dbt knows that its value must not be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from floe_compiler.compile.natives import storage_properties
from floe_compiler.model.values import EnvRef, SecretRef
from floe_compiler.plugins.contracts import ComputePlugin, ProfileOutput
from floe_compiler.plugins.registry import blame

if TYPE_CHECKING:
    from floe_compiler.compile.plugins import Configured, ConfiguredPlugins
    from floe_compiler.plugins.contracts import Properties

SECRET_PREFIX: Final = "DBT_ENV_SECRET_"  # noqa: S105 - a prefix, not a secret
_JINJA: Final = ("{{", "{%", "{#")


def render_outputs(configured: ConfiguredPlugins) -> dict[str, ProfileOutput]:
    """The output of every target, by its compute plugin, which opens the platform's storage. Raises FLOE-P003."""
    file_io = storage_properties(configured)
    return {target: _output(compute, file_io) for target, compute in configured.computes.items()}


def profiles_yml(profile: str, default_target: str, outputs: Mapping[str, ProfileOutput]) -> bytes:
    """The file: one profile, one output a target."""
    document = {
        profile: {
            "target": default_target,
            "outputs": {name: _written(dict(output.values)) for name, output in sorted(outputs.items())},
        }
    }
    # escaped: PyYAML writes some characters plainly, U+0085 among them, that it then reads as others
    text: str = yaml.safe_dump(document, sort_keys=True, allow_unicode=False, width=10_000)
    return text.encode("ascii")


def variable_of(reference: EnvRef | SecretRef) -> str:
    """The environment variable that dbt reads a reference from."""
    return reference.env if isinstance(reference, EnvRef) else SECRET_PREFIX + reference.secret


def _output(compute: Configured, file_io: Properties) -> ProfileOutput:
    plugin = cast(ComputePlugin, compute.plugin)
    with blame(compute.offer):
        return plugin.with_storage(plugin.render_output(compute.config), file_io)


def _written(value: Any) -> Any:
    if isinstance(value, EnvRef | SecretRef):
        return f"{{{{ env_var('{variable_of(value)}') }}}}"
    if isinstance(value, dict):
        return {key: _written(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    if isinstance(value, str) and any(mark in value for mark in _JINJA):
        return "{{ " + repr(value) + " }}"
    return value
