"""`python -m tests.docs --write`: draws regions and pictures anew and types every page's commands, so that
the pages show what the code does today. Without `--write` it only names the pages that do not.

Read the difference before you commit it: what changed in a page has changed for its readers.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.docs.drawn import drawn_files
from tests.docs.pages import Page, is_generated, pages
from tests.docs.regions import drawn_anew
from tests.docs.terminal import is_typed, play
from tests.warm import WarmRegistry


def main() -> int:
    """1 when something differs and was not written."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write what differs")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="only pages whose names end so")
    options = parser.parse_args()
    found = 0
    for path, content in _stale(tuple(options.pages)):
        found += 1
        print(path)
        if options.write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    return 1 if found and not options.write else 0


def _stale(wanted: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    registry = WarmRegistry()
    try:
        for page in pages():
            if not is_generated(page) and (not wanted or page.name.endswith(wanted)):
                yield from _stale_page(page, registry)
        if not wanted:
            for path, content in drawn_files(registry).items():
                if not path.exists() or path.read_text(encoding="utf-8") != content:
                    yield path, content
    finally:
        registry.end()


def _stale_page(page: Page, registry: WarmRegistry) -> Iterator[tuple[Path, str]]:
    text = drawn_anew(page.text)
    if is_typed(page):
        with tempfile.TemporaryDirectory() as folder:
            _, text = play(Page(page.path, text), Path(folder), registry)
    if text != page.text:
        yield page.path, text


if __name__ == "__main__":
    sys.exit(main())
