"""`floe inspect`: show what a bundle holds."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from floe_compiler.cli.arguments import add_bundle, add_json, add_store, chosen_store
from floe_compiler.pipeline import load_bundle
from floe_compiler.verify import VerifiedBundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_bundle(parser)
    parser.add_argument("--files", action="store_true", help="list every file")
    add_store(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Verifies, and prints the index: as JSON the very bytes, else as people read it."""
    bundle = load_bundle(options.bundle, store=chosen_store(options))
    if options.json:
        print(bundle.index_bytes.decode())
        return 0
    width = 14
    for title, text in _rows(bundle, files=options.files):
        print(f"{title:<{width}}{text}")
    return 0


def _rows(bundle: VerifiedBundle, *, files: bool) -> Iterator[tuple[str, str]]:
    index = bundle.index
    yield "product", f"{index.product.name} {index.product.version}"
    if index.product.description:
        yield "", index.product.description
    if index.product.owner:
        yield "owner", " ".join(filter(None, [index.product.owner.name, index.product.owner.email]))
    yield "platform", f"{index.platform.name} {index.platform.version}, {index.platform.owner}"
    yield "digest", bundle.digest
    yield from _listed("targets", [f"{name}: {t.compute.name}, {t.nodes} nodes" for name, t in index.targets.items()])
    yield from _listed(
        "plugins", [f"{key}: {p.name} ({p.distribution} {p.version})" for key, p in index.plugins.items()]
    )
    yield from _listed("transforms", [f"dbt {t.select or 'everything'}" for t in index.transforms])
    if index.schedule:
        yield "schedule", f"{index.schedule.cron} ({index.schedule.timezone})"
    yield from _listed("constants", [f"{name}={value}" for name, value in index.environment.constants.items()])
    yield from _listed("variables", index.environment.variables)
    yield from _listed("secrets", index.environment.secrets)
    yield from _listed("needs", index.runtime.requirements)
    size = sum(artifact.size for artifact in index.artifacts)
    yield "files", f"{len(index.artifacts)}, {size:,} bytes"
    if files:
        for artifact in index.artifacts:
            yield "", f"{artifact.digest[7:19]}  {artifact.size:>10,}  {artifact.path}"


def _listed(title: str, texts: list[str]) -> Iterator[tuple[str, str]]:
    for number, text in enumerate(texts):
        yield (title if number == 0 else ""), text
