"""Reads the bundles of the products that a product builds on, as far as resolving needs to know them.

Of a bundle its index is read, whose digest is the bundle's, and the manifests whose models are asked for; the
bytes of each are compared with their digests. What the bundle runs is not looked at: nothing of it is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from floe_compiler.canonical import NotCanonical, parse, parse_canonical
from floe_compiler.digests import digest, is_digest
from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.load.loaded import Loaded, shown_as
from floe_compiler.manifest import PRIVATE
from floe_compiler.model.bundle import CompiledArtifacts
from floe_compiler.model.documents import Pointer
from floe_compiler.model.inputs import DataProduct, DependencyChoice
from floe_compiler.store.archive import Archive
from floe_compiler.store.integrity import Folder, digest_problem
from floe_compiler.store.layout import Store
from floe_compiler.store.listing import INDEX, Listed, list_problems

PROTECTED: Final = "protected"  # dbt's default
Accesses = Mapping[str, str]
"""dbt's `access` (private, protected or public) of every model, by its name."""


@dataclass(frozen=True, slots=True)
class LoadedDependency:
    """What a dependency's bundle says.

    `builds_on` holds, for every product that it rests on directly or not, the names on the way there, as far
    as those bundles could be found. `models` is by target, and empty when no model is asked for. `file` is
    the one that was read, and `file_digest` that of its bytes.
    """

    choice: DependencyChoice
    at: Pointer
    product: str
    digest: str
    builds_on: Mapping[str, tuple[str, ...]]
    models: Mapping[str, Accesses]
    file: Path
    file_digest: str


def load_dependencies(product: Loaded[DataProduct], store: Store) -> tuple[LoadedDependency, ...]:
    """In the order of floe.yaml. Raises FloeError: FLOE-L072 for a bundle that is not there, FLOE-V0xx for
    one that is damaged, each at the line that names it."""
    found: list[LoadedDependency] = []
    problems: list[Problem] = []
    for i, choice in enumerate(product.model.dependencies):
        at: Pointer = ("dependencies", i)
        where = product.document.where((*at, "bundle"))
        try:
            found.append(_load(choice, at, _locate(choice, product.path.parent, store, where), store))
        except FloeError as error:
            problems.extend(_at_its_line(problem, choice, where) for problem in error.problems)
    if problems:
        raise FloeError(problems)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Found:
    """A bundle on disk, in either form. `digest` is the one asked for, if one was."""

    form: Folder | Archive
    digest: str | None

    @property
    def file(self) -> Path:
        location = self.form.location
        return location / INDEX if isinstance(self.form, Folder) else location


def _locate(choice: DependencyChoice, folder: Path, store: Store, where: Where) -> _Found:
    if is_digest(choice.bundle):
        path, asked = store.bundle(choice.bundle), choice.bundle
    else:
        path, asked = folder / choice.bundle, None
    if path.is_dir():
        return _Found(Folder(path), asked)
    if path.is_file():
        return _Found(Archive(path), asked)
    place = f"in the store `{shown_as(store.root)}`" if asked else f"at `{shown_as(path)}`"
    message = f"the bundle of `{choice.name}` is not {place}"
    hint = "Compile that product first; `bundle` is a path relative to floe.yaml, or a digest in the store."
    raise FloeError(Problem("FLOE-L072", message, where, hint))


def _load(choice: DependencyChoice, at: Pointer, found: _Found, store: Store) -> LoadedDependency:
    index_bytes = found.form.index_bytes()
    index = _index(index_bytes, found.digest)
    neighbours = (store.bundles, found.form.location.parent)
    return LoadedDependency(
        choice=choice,
        at=at,
        product=index.product.name,
        digest=digest(index_bytes),
        builds_on=_builds_on(index, neighbours),
        models=_models(found, index_bytes, index) if choice.models else {},
        file=found.file,
        file_digest=digest(found.file.read_bytes()) if isinstance(found.form, Archive) else digest(index_bytes),
    )


def _index(index_bytes: bytes, expected: str | None) -> CompiledArtifacts:
    """The index, after the checks that need no other file."""
    if expected and (problem := digest_problem(index_bytes, expected)):
        raise FloeError(problem)
    try:
        index = CompiledArtifacts.model_validate(parse_canonical(index_bytes))
    except NotCanonical as error:
        raise FloeError(Problem("FLOE-V003", f"its index is not canonical: {error}")) from error
    except ValidationError as error:
        message = f"its index does not match the schema: {error.errors()[0]['msg']}"
        raise FloeError(Problem("FLOE-V005", message)) from error
    problems = list(list_problems(_listed(index)))
    if problems:
        raise FloeError(problems)
    return index


def _listed(index: CompiledArtifacts) -> list[Listed]:
    return [Listed(a.path, a.size, a.digest) for a in index.artifacts]


def _builds_on(index: CompiledArtifacts, folders: tuple[Path, ...]) -> dict[str, tuple[str, ...]]:
    """The products beneath, each with the names on the shortest way to it."""
    ways: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    level: list[tuple[CompiledArtifacts, tuple[str, ...]]] = [(index, (index.product.name,))]
    while level:
        beneath = []
        for known, way in level:
            for needed in known.dependencies:
                ways.setdefault(needed.name, (*way, needed.name))
                if needed.digest not in seen and (index_beneath := _beside(needed.digest, folders)):
                    beneath.append((index_beneath, (*way, needed.name)))
                seen.add(needed.digest)
        level = beneath
    return ways


def _beside(wanted: str, folders: tuple[Path, ...]) -> CompiledArtifacts | None:
    """The index of a bundle that lies, under its digest, in one of the folders."""
    for folder in folders:
        path = folder / wanted.replace(":", "-")
        if path.is_dir():
            return _index(Folder(path).index_bytes(), wanted)
    return None


def _models(found: _Found, index_bytes: bytes, index: CompiledArtifacts) -> dict[str, Accesses]:
    files = found.form.files(index_bytes, _listed(index))
    listed = {artifact.path for artifact in index.artifacts}
    missing = [t.manifest for t in index.targets.values() if t.manifest not in listed]
    if missing:
        raise FloeError(Problem("FLOE-V013", f"its index names {missing[0]} and does not list it"))
    return {name: _accesses(files.read(target.manifest), name) for name, target in index.targets.items()}


def _accesses(manifest: bytes, target: str) -> Accesses:
    """Every model's name and access; of several versions of one model, an open one goes before a private one."""
    try:
        nodes: list[Any] = list(parse(manifest)["nodes"].values())
        models = [(n["name"], n.get("access") or PROTECTED) for n in nodes if n["resource_type"] == "model"]
    except (NotCanonical, KeyError, TypeError, AttributeError) as error:
        problem = Problem("FLOE-C206", f"the manifest of target `{target}` is not a manifest.json")
        raise FloeError(problem) from error
    return dict(sorted(models, key=lambda model: model[1] != PRIVATE))


def _at_its_line(problem: Problem, choice: DependencyChoice, where: Where) -> Problem:
    if problem.where == where:
        return problem
    message = f"the bundle of `{choice.name}` cannot be used: {problem.message}"
    return Problem(problem.code, message, where, problem.hint)
