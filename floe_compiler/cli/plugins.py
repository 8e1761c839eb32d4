"""`floe plugins`: list plugins, or the configuration of one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from floe_compiler.cli.arguments import add_json
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.plugins.types import BY_ANY_NAME, TYPES

_REFERENCES: Final = {"EnvRef": "{env: NAME}", "SecretRef": "{secret: NAME}"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    parser.add_argument("type", nargs="?", choices=[row.key for row in TYPES], metavar="TYPE", help="one plugin type")
    parser.add_argument("name", nargs="?", metavar="NAME", help="one plugin: its configuration")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints one line a plugin, or one line a configuration field."""
    registry = PluginRegistry()
    rows = list(_fields(registry, options.type, options.name) if options.name else _plugins(registry, options.type))
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    if not rows:
        print(f"{options.name} has nothing to configure", file=sys.stderr)
    widths = {key: max(len(str(row[key])) for row in rows) for key in rows[0]} if rows else {}
    for row in rows:
        print("  ".join(f"{row[key]!s:<{width}}" for key, width in widths.items()).rstrip())
    return 0


def _plugins(registry: PluginRegistry, wanted: str | None) -> Iterator[dict[str, Any]]:
    for row in TYPES:
        if wanted not in (None, row.key):
            continue
        for name, offer in registry.offers(row.key).items():
            plugin = registry.get_plugin(row.key, name)
            yield {
                "type": row.key,
                "name": name,
                "default": "default" if name == row.default else "",
                "distribution": offer.distribution,
                "version": offer.version or plugin.version,
                "summary": plugin.summary,
            }


def _fields(registry: PluginRegistry, plugin_type: str, name: str) -> Iterator[dict[str, Any]]:
    plugin = registry.get_plugin(BY_ANY_NAME[plugin_type].key, name)
    described = plugin.config_model.model_json_schema()
    for field, details in described.get("properties", {}).items():
        required = field in described.get("required", ())
        yield {
            "field": field,
            "type": _type(details),
            "default": "required" if required else json.dumps(details.get("default")),
            "description": details.get("description", ""),
        }


def _type(details: dict[str, Any]) -> str:
    """A JSON schema in a few words: `string | {secret: NAME}`."""
    if "$ref" in details:
        name = details["$ref"].rpartition("/")[2]
        return _REFERENCES.get(name, "object")
    if "enum" in details or "const" in details:
        return " | ".join(json.dumps(value) for value in details.get("enum", [details.get("const")]))
    members = details.get("anyOf") or details.get("oneOf") or ()
    found = [_type(member) for member in members if member.get("type") != "null"] or [str(details.get("type", "any"))]
    return " | ".join(dict.fromkeys(found))
