"""Reads a product's platform manifest and every one that it extends: paths only, no meaning.

A platform manifest may lie outside of the product's folder, but not outside of the repository: the nearest
folder above the product that holds a `.git`. Links are followed before that is judged. Where there is no
repository there is no such limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath, PureWindowsPath

from floe_compiler.digests import digest
from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.load.loaded import Loaded, as_model, shown_as
from floe_compiler.load.yaml_door import read_file
from floe_compiler.model.inputs import DataProduct, FileName, PinnedFile, PlatformManifest

Tiers = tuple[Loaded[PlatformManifest], ...]


def load_tiers(product: Loaded[DataProduct]) -> Tiers:
    """The tiers of a product's platform, the nearest first. Raises FloeError: FLOE-L001 for a file that is not
    there, L065 for an absolute path, L066 for a cycle, L067 outside of the repository, L068 for bytes that
    are not the pinned ones; and whatever is wrong with a tier itself."""
    root = repository_of(product.path)
    found: list[Loaded[PlatformManifest]] = []
    named: _Named | None = _named(product.model.platform, product, "platform")
    while named is not None:
        _check_path(named, root)
        _check_cycle(named, found)
        tier = as_model(_content(named), named.file, PlatformManifest)
        found.append(tier)
        named = _named(tier.model.extends, tier, "extends") if tier.model.extends else None
    return tuple(found)


def repository_of(path: Path) -> Path | None:
    """The nearest folder above that holds a `.git` (in a worktree that is a file), links resolved."""
    above = path.resolve().parents
    return next((folder for folder in above if (folder / ".git").exists()), None)


@dataclass(frozen=True, slots=True)
class _Named:
    """A file as another one names it: `where` is the place of the name, `pinned` the digest with its place."""

    text: str
    file: Path
    where: Where
    pinned: tuple[str, Where] | None


def _named(name: FileName, by: Loaded[DataProduct] | Loaded[PlatformManifest], key: str) -> _Named:
    where = by.document.where
    if isinstance(name, PinnedFile):
        pinned = (name.digest, where((key, "digest")))
        return _Named(name.path, by.path.parent / name.path, where((key, "path")), pinned)
    return _Named(name, by.path.parent / name, where((key,)), None)


def _check_path(named: _Named, root: Path | None) -> None:
    if PurePosixPath(named.text).is_absolute() or PureWindowsPath(named.text).is_absolute():
        message = f"`{named.text}` is absolute, so it would mean another file on another machine"
        raise FloeError(Problem("FLOE-L065", message, named.where, "Write it relative to this file."))
    if root is not None and not named.file.resolve().is_relative_to(root):
        message = f"`{named.text}` lies outside of the repository `{shown_as(root)}`"
        hint = "A product and its platform are reviewed together: keep both in one repository."
        raise FloeError(Problem("FLOE-L067", message, named.where, hint))
    if not named.file.exists():
        raise FloeError(Problem("FLOE-L001", f"there is no file `{named.text}`", named.where, _nearest(named)))


def _nearest(named: _Named) -> str:
    folder, by = named.file.parent, Path(named.where.file).name
    names = sorted(p.name for p in folder.iterdir() if p.is_file()) if folder.is_dir() else []
    near = get_close_matches(named.file.name, [name for name in names if name != by], n=1)
    guess = f" Did you mean `{near[0]}`?" if near else ""
    return f"Paths are relative to the file that names them.{guess}"


def _check_cycle(named: _Named, found: list[Loaded[PlatformManifest]]) -> None:
    files = [tier.path.resolve() for tier in found]
    if named.file.resolve() not in files:
        return
    first = files.index(named.file.resolve())
    circle = [*(tier.document.file for tier in found[first:]), found[first].document.file]
    message = f"the platform manifests extend each other in a circle: {' -> '.join(circle)}"
    raise FloeError(Problem("FLOE-L066", message, named.where, "Remove one `extends`: the highest tier has none."))


def _content(named: _Named) -> bytes:
    """The bytes, compared with the pinned digest before anything is made of them."""
    content = read_file(named.file, shown_as=shown_as(named.file))
    if named.pinned is not None and digest(content) != named.pinned[0]:
        message = f"`{named.text}` is not the pinned file: its bytes have another digest"
        hint = f"Review what changed in it, then pin {digest(content)}."
        raise FloeError(Problem("FLOE-L068", message, named.pinned[1], hint))
    return content
