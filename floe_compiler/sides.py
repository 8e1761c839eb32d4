"""The two sides of a comparison, from the words that name them: each one is a bundle in the end.

A word names, the first that fits:

1. a bundle on disk: a file, or a folder with an index; or an index alone, for the bundle of its digest in the store;
2. a digest, `sha256:…`, or its beginning;
3. a name in the store, or a git revision of the product's repository. What is both is refused (FLOE-D106):
   `store:NAME` and `git:NAME` say which is meant.

A revision is compiled from a checkout of its own, through the store's cache. Where only one side is named, the other
one is the product's folder as it is now.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final

from floe_compiler import stages
from floe_compiler.digests import digest
from floe_compiler.errors import FloeError, Problem, Where
from floe_compiler.pipeline import compile_product, load_bundle, store_of
from floe_compiler.revisions import (
    Repository,
    checked_out,
    commit_of,
    fork_of,
    names_in,
    parse_range,
    repository_of,
    shallowness,
)
from floe_compiler.store.layout import Store, prepare
from floe_compiler.store.listing import INDEX
from floe_compiler.store.paths import shown
from floe_compiler.store.refs import resolve_digest

if TYPE_CHECKING:
    from floe_compiler.plugins.registry import PluginRegistry
    from floe_compiler.verify import VerifiedBundle

WORKING_TREE: Final = "working tree"
_IN_STORE: Final = "store:"
_IN_GIT: Final = "git:"
_DIGEST: Final = "sha256:"
_BEGIN_OF_JSON: Final = b"{"
_SHORT: Final = 7
_SHOWN: Final = len(_DIGEST) + 12
_PRODUCT_FILE: Final = "floe.yaml"


@dataclass(frozen=True, slots=True)
class Side:
    """One side: the bundle, and what people call it."""

    name: str
    bundle: VerifiedBundle


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the words are said: of which product, for which targets, beside which store."""

    product: Path
    targets: tuple[str, ...] = ()
    targets_beside: tuple[str, ...] = ()
    """Those of a bundle on the other side, for what is compiled beside it; `targets` go before them."""
    store: Store | None = None
    install_packages: bool = False
    registry: PluginRegistry | None = None
    progress: Callable[[str], None] = lambda stage: None
    warn: Callable[[Problem], object] = lambda problem: None

    @property
    def kept_in(self) -> Store:
        """The store that is meant."""
        return self.store or store_of(self.product)

    @property
    def folder(self) -> Path:
        """The product's folder."""
        return self.product.parent if self.product.is_file() else self.product


@dataclass(frozen=True, slots=True)
class _Revision:
    """A commit, and the words that named it."""

    name: str
    commit: str
    repository: Repository

    @property
    def label(self) -> str:
        """As people see it: `main (5f6a7b8)`."""
        short = self.commit[:_SHORT]
        return short if self.commit.startswith(self.name) else f"{self.name} ({short})"


_Named = Side | _Revision | None
"""A bundle, a revision; None: the working tree."""


def sides(old: str, new: str | None, at: Surroundings) -> tuple[Side, Side]:
    """The bundles that two words name; `old` alone may be a range of git: `main..HEAD`, `main...HEAD`.

    Raises FloeError: FLOE-D10x for what names nothing or cannot be compiled, FLOE-V0xx for a damaged bundle.
    """
    first, second = (_range(old, at) if new is None else None) or (
        _named(old, at),
        None if new is None else _named(new, at),
    )
    at = _for_the_same_targets(at, (first, second))
    return _side(first, at), _side(second, at)


def _pair(old: str, new: str | None, at: Surroundings) -> tuple[_Named, _Named]:
    if new is not None:
        return _named(old, at), _named(new, at)
    return _range(old, at) or (_named(old, at), None)


def _range(text: str, at: Surroundings) -> tuple[_Named, _Named] | None:
    found = parse_range(text)
    if found is None or _is_bundle(Path(text)):
        return None
    old, new = _revision(found.old, at), _revision(found.new, at)
    if found.since_fork:
        old = replace(old, commit=_fork(old, new))
    return old, new


def _fork(old: _Revision, new: _Revision) -> str:
    fork = fork_of(old.repository, old.commit, new.commit)
    if fork is None:
        message = f"{old.label} and {new.label} have no commit in common"
        raise FloeError(Problem("FLOE-D103", message, hint=shallowness(old.repository) or None))
    return fork


def _named(word: str, at: Surroundings) -> _Named:
    if word.startswith(_IN_GIT):
        return _revision(word.removeprefix(_IN_GIT), at)
    if word.startswith(_IN_STORE):
        return _kept(word, resolve_digest(at.kept_in, word.removeprefix(_IN_STORE)), at)
    if _is_bundle(Path(word)):
        alone = _digest_of_an_index(Path(word))
        return _kept(Path(word).name, alone, at) if alone else _called(Path(word).name, load_bundle(Path(word)))
    if word.startswith(_DIGEST):
        return _kept(word, resolve_digest(at.kept_in, word), at)
    return _in_store_or_git(word, at)


def _is_bundle(path: Path) -> bool:
    """Whether something is there that can only be a bundle, be it damaged: a folder may have a branch's name."""
    return path.is_file() or os.path.lexists(path / INDEX)


def _digest_of_an_index(path: Path) -> str | None:
    """The digest of a file that is an index without its bundle, which is the bundle's; None for any other."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return digest(file.read()) if file.read(1) == _BEGIN_OF_JSON and not file.seek(0) else None


def _in_store_or_git(word: str, at: Surroundings) -> _Named:
    stored = _stored(word, at)
    repository = _repository(at, required=not stored)
    commit = commit_of(repository, word) if repository else None
    if stored and commit:
        message = f"{shown(word)} is both: a name in the store and a git revision ({commit[:_SHORT]})"
        hint = f"Say which: `{_IN_STORE}{word}` or `{_IN_GIT}{word}`."
        raise FloeError(Problem("FLOE-D106", message, hint=hint))
    if repository and commit:
        return _Revision(word, commit, repository)
    if stored:
        return _kept(word, stored, at)
    if os.path.lexists(word):
        load_bundle(Path(word))  # which says what is wrong with it
    raise FloeError(_nothing(word, at, repository))


def _repository(at: Surroundings, *, required: bool) -> Repository | None:
    """The product's repository; where git does not answer, none, unless it is needed for an answer."""
    try:
        return repository_of(at.folder) if at.folder.is_dir() else None
    except FloeError:
        if required:
            raise
        return None


def _stored(word: str, at: Surroundings) -> str | None:
    try:
        return resolve_digest(at.kept_in, word)
    except FloeError as error:
        if any(problem.code != "FLOE-V001" for problem in error.problems):
            raise
        return None


def _revision(word: str, at: Surroundings) -> _Revision:
    repository = repository_of(at.folder)
    commit = commit_of(repository, word) if repository else None
    if repository is None or commit is None:
        raise FloeError(_nothing(word, at, repository))
    return _Revision(word, commit, repository)


def _nothing(word: str, at: Surroundings, repository: Repository | None) -> Problem:
    store = shown(str(at.kept_in.root))
    if repository is None:
        message = f"{shown(word)} names no bundle, here or in {store}, and the product lies in no git repository"
        return Problem("FLOE-D101", message)
    message = f"{shown(word)} names no bundle, here or in {store}, and no revision that git knows"
    near = get_close_matches(word, names_in(repository), n=1)
    hint = shallowness(repository) or (f"Did you mean `{near[0]}`?" if near else None)
    return Problem("FLOE-D101", message, hint=hint)


def _kept(word: str, named: str, at: Surroundings) -> Side:
    """A bundle of the store; a digest goes by itself, a name says for which one it stands."""
    bundle = stages.verify(at.kept_in.bundle(named), named)
    return Side(f"{word[:_SHOWN]}…", bundle) if word.startswith(_DIGEST) else _called(word, bundle)


def _called(name: str, bundle: VerifiedBundle) -> Side:
    """A bundle with the beginning of its digest; one that lies under its digest needs no other name."""
    if name == bundle.digest.replace(":", "-"):
        return Side(f"{bundle.digest[:_SHOWN]}…", bundle)
    return Side(f"{name} ({bundle.digest.removeprefix(_DIGEST)[:_SHORT]})", bundle)


def _for_the_same_targets(at: Surroundings, named: Sequence[_Named]) -> Surroundings:
    """What is compiled beside a bundle is compiled for the bundle's targets, unless others were asked for."""
    known = [one.bundle.index.targets for one in named if isinstance(one, Side)]
    return replace(at, targets_beside=tuple(sorted(known[0]))) if known else at


def _side(named: _Named, at: Surroundings) -> Side:
    match named:
        case None:
            with _blaming(f"the {WORKING_TREE}"):
                return Side(WORKING_TREE, _compiled(at.product, at))
        case _Revision():
            return Side(named.label, _compiled_revision(named, at))
        case Side():
            return named


def _compiled(product: Path, at: Surroundings) -> VerifiedBundle:
    registry = at.registry or stages.PluginRegistry()
    compiled = compile_product(
        product,
        targets=at.targets or _beside(product, at, registry),
        store=at.kept_in,
        registry=registry,
        install_packages=at.install_packages,
        named=False,
        progress=at.progress,
        warn=at.warn,
    )
    return stages.verify(compiled.path, compiled.digest)


def _beside(product: Path, at: Surroundings, registry: PluginRegistry) -> tuple[str, ...]:
    """The targets of the bundle on the other side; none where those are the default, which may be cached as such."""
    if not at.targets_beside:
        return ()
    resolved = stages.resolve(stages.load(product, at.kept_in), registry.names(), ())
    is_default = at.targets_beside == tuple(sorted(target.name for target in resolved.targets))
    return () if is_default else at.targets_beside


def _compiled_revision(revision: _Revision, at: Surroundings) -> VerifiedBundle:
    repository, store = revision.repository, at.kept_in
    prepare(store)
    with checked_out(repository, revision.commit, store.tmp) as tree:
        folder = tree / repository.within
        product = folder / at.product.name if at.product.is_file() else folder
        _require(folder / (at.product.name if at.product.is_file() else _PRODUCT_FILE), revision)
        if not at.install_packages:
            stages.lend_packages(at.product, product, root=repository.root, checkout_root=tree)
        progress = at.progress
        with _blaming(f"the revision {revision.label}", tree, f"{revision.name}:"):
            return _compiled(product, replace(at, progress=lambda stage: progress(f"{revision.name}: {stage}")))


def _require(file: Path, revision: _Revision) -> None:
    """Raises FLOE-D104 for a revision in which the product is not where it is now."""
    if not file.exists():
        within = revision.repository.within
        place = f"`{within}`" if within else "the repository's root"
        message = f"the product is not in {revision.label}: there is no {file.name} in {place}"
        raise FloeError(Problem("FLOE-D104", message))


@contextmanager
def _blaming(side: str, tree: Path | None = None, shown_as: str = "") -> Iterator[None]:
    """Puts a problem before those of a compile that says which side they are of. In a checkout, places are shown as
    git shows them: `main:models/orders.sql`."""
    try:
        yield
    except FloeError as error:
        prefixes = (f"{os.path.relpath(tree)}/", f"{tree}/", f"{tree.resolve()}/") if tree else ()
        problems = [_seen(problem, prefixes, shown_as) for problem in error.problems]
        raise FloeError([Problem("FLOE-D107", f"{side} does not compile"), *problems]) from error


def _seen(problem: Problem, prefixes: Sequence[str], shown_as: str) -> Problem:
    def seen(text: str) -> str:
        for prefix in prefixes:
            text = text.replace(prefix, shown_as)
        return text

    where = problem.where and Where(seen(problem.where.file), problem.where.line, problem.where.column,
                                    problem.where.text)  # fmt: skip
    return Problem(problem.code, seen(problem.message), where, problem.hint and seen(problem.hint))
