"""The reference of built-in plugins, from what `floe plugins` says of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from floe_compiler.plugins.contracts import LoadedBy
from floe_compiler.plugins.description import ConfigField, Description, described
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.plugins.types import TYPES, PluginType

PROOFS: Final = {"tool": "loaded by the tool in floe's tests", "schema": "valid against its schema only"}
_INTRODUCTION: Final = """\
# Plugins

<!-- Made from floe_compiler/builtin by `make generate`. -->

What is built in, type by type: what can be configured, and which tool loads what is rendered. Every field has a
default that works offline unless it says `required`. `floe plugins` lists these and whatever else is installed;
`floe plugins TYPE NAME` prints the fields of one. [Write a plugin](../guides/write-a-plugin.md) adds another.

Where a command is shown, it is typed in the plugin's own folder of a bundle; `$BUNDLE` is the bundle, and `$RUN_DIR` a
folder to write to. *Proven* says what floe's own tests have seen: the tool itself loading the file, or no more than a
published schema that the file matches.
"""


def plugins_page(registry: PluginRegistry | None = None) -> str:
    """The page: a heading for each type, an entry for each of its built-ins, the default first."""
    registry = registry or PluginRegistry([])
    return _INTRODUCTION + "".join(f"{line}\n" for row in TYPES for line in _type(row, registry))


def _type(row: PluginType, registry: PluginRegistry) -> Iterator[str]:
    yield ""
    yield f"## {row.key}"
    yield ""
    yield f"{row.question}. Contract: `{row.contract}`; entry points of third parties: `{row.group}`."
    plugins = [described(registry, row.key, name) for name in registry.offers(row.key)]
    if not plugins:
        yield ""
        yield "None is built in yet."
    for plugin in sorted(plugins, key=lambda each: (not each.is_default, each.name)):
        yield from _plugin(plugin)


def _plugin(plugin: Description) -> Iterator[str]:
    yield ""
    yield f"### {plugin.type}: {plugin.name}"
    yield ""
    page = f" [{_host(plugin.page)}]({plugin.page})" if plugin.page else ""
    yield f"{plugin.summary}.{' The default.' if plugin.is_default else ''}{page}"
    yield ""
    if plugin.fields:
        yield from fields_table(plugin.fields)
    else:
        yield "It has nothing to configure."
    yield ""
    if plugin.loaded_by:
        yield "| File | Loaded by | Command | Proven |"
        yield "| --- | --- | --- | --- |"
        yield from map(_file, plugin.loaded_by)
    else:
        yield "It has no file of its own in a bundle."


def fields_table(fields: Iterable[ConfigField]) -> Iterator[str]:
    """The lines of a table of keys."""
    yield "| Key | Type | Default | Meaning |"
    yield "| --- | --- | --- | --- |"
    yield from map(_field, fields)


def _field(field: ConfigField) -> str:
    said = f"{field.description}{' *Sensitive: a reference, never a value.*' if field.sensitive else ''}"
    default = field.default if field.default == "required" else f"`{field.default}`"
    return f"| `{field.path}` | {_cell(field.type)} | {_cell(default)} | {_cell(said)} |"


def _file(row: LoadedBy) -> str:
    return f"| `{row.file}` | {row.tool} | `{_cell(row.command)}` | {PROOFS[row.proof]} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _host(page: str) -> str:
    return page.removeprefix("https://").partition("/")[0]
