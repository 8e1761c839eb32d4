"""Products for tests about policies and secrets, written where a test wants them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

TARGETS = ("dev", "prod")


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """The files below the folder; indentation that all lines share is not part of them."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return folder


def change(file: Path, old: str, new: str) -> None:
    """Puts a text in the place of another one, which must be there."""
    text = file.read_text("utf-8")
    assert old in text, f"{file.name} does not have {old!r}"
    file.write_text(text.replace(old, new), "utf-8")


def with_policies(product: Path, policies: str) -> None:
    """Puts other policies in the place of the platform's."""
    manifest = product / "platform-manifest.yaml"
    before, _, _ = manifest.read_text("utf-8").partition("policies:")
    manifest.write_text(before + dedent(policies).lstrip("\n"), "utf-8")
