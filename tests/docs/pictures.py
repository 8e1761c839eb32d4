"""Two pictures, drawn from the code as SVG: the pipeline, and what lies in a bundle."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final
from xml.sax.saxutils import escape

from floe_compiler.cli.main import COMMANDS
from floe_compiler.model.bundle import CompiledArtifacts
from floe_compiler.plugins.types import TYPES
from floe_compiler.store.listing import INDEX
from tests.docs.regions import built_ins
from tests.docs.stages import CONSUMING, Stage, stages

WIDTH: Final = 880
INPUTS: Final = (
    ("platform-manifest.yaml", "what the platform team decided"),
    ("floe.yaml", "what the data team wants"),
    ("dbt project", "the SQL: models, tests, macros"),
)
MADE_BY: Final = {
    **{row.key: f"rendered by the {row.key} plugin" for row in TYPES},
    "README.md": "for every file, who loads it, and with which command",
    "dbt_runtime": "what a run must know of the compile",
    "deployment": "Kubernetes manifests, as a kustomize folder",
    "profiles": "made by the compute plugin; no values of secrets",
    "project": "the dbt project and its packages, as dbt read them",
    "reports": "what the policies found",
    "targets": "dbt's manifest, made by the dbt runtime, in normal form",
}
"""Who makes the files of each folder of a bundle. A folder that is not here cannot be drawn."""

READERS: Final = ("inspect", "diff")
"""Commands that show a verified bundle and are no stages."""

INK, FAINT, PAPER, LINE = "#1f2933", "#52606d", "#ffffff", "#9aa5b1"
MAKING, CONSUMED, SEALED, PLUGIN = "#dbeafe", "#dcfce7", "#1e3a5f", "#fef3c7"
_SANS: Final = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
_MONO: Final = "Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def pipeline_picture() -> str:
    """From the inputs down to a run, one row a stage, with the type that each hands to the next."""
    found = stages()
    making = [stage for stage in found if stage.name not in CONSUMING]
    parts = [*_inputs(20)]
    y = 96
    for stage in making:
        parts += [*_arrow(y, stage.takes if stage is not making[0] else ""), *_stage(stage, y + 44, MAKING)]
        y += 98
        if stage.name == "compile":
            below = 26 * len(_chip_rows())
            parts.append(_line(130, y - 2, 130, y + below - 8, arrow=False))
            y += below - 8
    parts += [*_arrow(y, ""), *_sealed(y + 44)]
    y += 44 + 62
    for stage in (stage for stage in found if stage.name in CONSUMING):
        parts += [*_arrow(y, stage.takes if stage.name != "verify" else ""), *_stage(stage, y + 44, CONSUMED)]
        y += 98
    readers = [f"floe {name}" for name in READERS if name in COMMANDS]
    parts.append(_text(244, y + 12, f"Also of a VerifiedBundle: {', '.join(readers)}", 13, FAINT))
    return _picture(parts, y + 34, "From three inputs to a sealed bundle, and from a bundle to a run")


def bundle_picture(paths: Sequence[str]) -> str:
    """The index with its fields on the left, every other file on the right under who made it."""
    fields = list(CompiledArtifacts.model_fields)
    by_folder = groupby(sorted(paths), key=lambda path: path.split("/")[0])
    folders = [(name, [file for file in files if file != name]) for name, files in by_folder]
    top = 76
    parts = [
        _text(20, 30, "The sha256 of these bytes", 14, FAINT),
        _text(20, 50, "is the bundle's digest", 14, FAINT),
        _text(326, 50, "Every other file, listed in the index with its size and its digest", 14, FAINT),
        *_card(20, top, 230, 48 + 24 * len(fields), SEALED),
        _text(36, top + 28, INDEX, 13, PAPER, mono=True, bold=True),
    ]
    for number, name in enumerate(fields):
        colour = PAPER if name == fields[-1] else "#cbd5e1"
        parts.append(_text(36, top + 58 + 24 * number, name, 13, colour, mono=True))
    y = top
    for name, files in folders:
        parts += [*_folder(name, files, y), _line(286, y + 22, 322, y + 22)]
        y += 58 + 20 * len(files)
    listing = top + 54 + 24 * (len(fields) - 1)
    last = y - 36 - 20 * len(folders[-1][1])
    parts.append(_line(250, listing, 286, listing, arrow=False))
    parts.append(_line(286, top + 22, 286, max(listing, last), arrow=False))
    return _picture(parts, max(y, top + 66 + 24 * len(fields)) + 8, "What lies in a bundle")


def _folder(name: str, files: Sequence[str], y: int) -> Iterator[str]:
    """A card; of a file that lies in no folder, its name is all."""
    yield from _card(326, y, WIDTH - 346, 44 + 20 * len(files), PAPER)
    yield _text(342, y + 26, f"{name}/" if files else name, 14, INK, mono=True, bold=True)
    yield _text(342 + 9 * len(name) + 24, y + 26, MADE_BY[name], 13, FAINT)
    for number, file in enumerate(files):
        yield _text(356, y + 50 + 20 * number, file.removeprefix(f"{name}/"), 13, INK, mono=True)


def _inputs(y: int) -> Iterator[str]:
    width = (WIDTH - 40 - 2 * 20) // 3
    for number, (title, who) in enumerate(INPUTS):
        x = 20 + number * (width + 20)
        yield from _card(x, y, width, 60, PAPER)
        yield _text(x + 16, y + 26, title, 14, INK, mono=True, bold=True)
        yield _text(x + 16, y + 47, who, 13, FAINT)
        yield _line(x + width // 2, y + 60, x + width // 2, y + 74, arrow=False)
    yield _line(130, y + 74, WIDTH - 20 - width // 2, y + 74, arrow=False)


def _stage(stage: Stage, y: int, colour: str) -> Iterator[str]:
    yield from _card(40, y, 180, 50, colour)
    yield _text(130, y + 31, stage.name, 17, INK, mono=True, bold=True, anchor="middle")
    lines = textwrap.wrap(stage.purpose.replace("`", ""), 78)
    for number, line in enumerate(lines):
        yield _text(244, y + 20 + 20 * number, line, 14, INK)
    if stage.name == "compile":
        yield from _chips(244, y + 32 + 20 * (len(lines) - 1))


def _chips(x: int, y: int) -> Iterator[str]:
    for number, row in enumerate(_chip_rows()):
        left, top = x, y + 26 * number
        for key in row:
            width = _chip_width(key)
            yield f'<rect x="{left}" y="{top}" width="{width}" height="22" rx="11" fill="{PLUGIN}"/>'
            yield _text(left + width // 2, top + 15, key, 12, INK, mono=True, anchor="middle")
            left += width + 8


def _chip_rows() -> list[list[str]]:
    """The plugin types that have built-ins, in as many rows as the picture needs."""
    rows: list[list[str]] = [[]]
    for key in (row.key for row in TYPES if built_ins(row)):
        if sum(_chip_width(other) + 8 for other in rows[-1]) + _chip_width(key) > WIDTH - 264:
            rows.append([])
        rows[-1].append(key)
    return rows


def _chip_width(key: str) -> int:
    return 8 * len(key) + 20


def _sealed(y: int) -> Iterator[str]:
    yield from _card(40, y, WIDTH - 80, 58, SEALED)
    yield _text(64, y + 35, "sealed bundle", 16, PAPER, bold=True)
    yield _text(
        240, y + 35, "a read-only folder of native files, or one file; named by its digest sha256:…", 14, "#cbd5e1"
    )


def _arrow(y: int, label: str, length: int = 40) -> Iterator[str]:
    yield _line(130, y - 2, 130, y + length + 2)
    if label:
        yield _text(146, y + length // 2 + 5, label, 13, FAINT, mono=True)


def _card(x: int, y: int, width: int, height: int, fill: str) -> Iterable[str]:
    return [
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="{fill}" stroke="{LINE}"/>',
    ]


def _line(x1: int, y1: int, x2: int, y2: int, *, arrow: bool = True) -> str:
    end = ' marker-end="url(#arrow)"' if arrow else ""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{LINE}" stroke-width="1.6"{end}/>'


def _text(
    x: int, y: int, text: str, size: int, fill: str, *, mono: bool = False, bold: bool = False, anchor: str = "start"
) -> str:
    family = _MONO if mono else _SANS
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" font-family="{family}" font-size="{size}"{weight} fill="{fill}"'
        f' text-anchor="{anchor}">{escape(text)}</text>'
    )


def _picture(parts: Iterable[str], height: int, title: str) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
            f' orient="auto"><path d="M0,0 L10,5 L0,10 z" fill="{LINE}"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{height}" rx="12" fill="#f8fafc"/>',
            *parts,
            "</svg>\n",
        ]
    )
