"""`floe plugins`: list plugins, or the configuration of one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from floe_compiler.cli.arguments import add_json
from floe_compiler.plugins.description import Description, described
from floe_compiler.plugins.registry import PluginRegistry
from floe_compiler.plugins.types import TYPES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    parser.add_argument("type", nargs="?", choices=[row.key for row in TYPES], metavar="TYPE", help="one plugin type")
    parser.add_argument("name", nargs="?", metavar="NAME", help="one plugin: its configuration")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints one line a plugin, or one line a configuration field."""
    registry = PluginRegistry()
    if options.name:
        plugin = described(registry, options.type, options.name)
        rows = [field._asdict() for field in plugin.fields]
        shown = [{**row, "sensitive": "sensitive" if row["sensitive"] else ""} for row in rows]
        if not rows:
            print(f"{plugin.name} has nothing to configure", file=sys.stderr)
    else:
        types = [options.type] if options.type else [row.key for row in TYPES]
        found = [described(registry, key, name) for key in types for name in registry.offers(key)]
        rows = [_row(plugin) for plugin in found]
        shown = [{**row, "default": "default" if row["default"] else ""} for row in rows]
    if options.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        _print_table(shown)
    return 0


def _row(plugin: Description) -> dict[str, Any]:
    return {
        "type": plugin.type,
        "name": plugin.name,
        "default": plugin.is_default,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "summary": plugin.summary,
    }


def _print_table(rows: Iterable[Mapping[str, Any]]) -> None:
    """In columns as wide as what is in them; one in which nothing stands is left out."""
    lines = list(rows)
    widths = {key: max(len(str(row[key])) for row in lines) for key in lines[0]} if lines else {}
    for row in lines:
        print("  ".join(f"{row[key]!s:<{width}}" for key, width in widths.items() if width).rstrip())
