"""The steps from a path to a bundle that may be trusted; `verify` takes them in this order.

(0) What is it: a folder, or a regular file. Nothing else is opened.
(1) Its index is there, regular, and within its cap.
(2) The index's digest is the one that was asked for, if one was.
(3) The index is JSON in canonical form (RFC 8785): no duplicate keys, one byte form only.
(4) Its schema version is known. Until here nothing in it was believed.
(5) It matches the schema, and written again it gives the same bytes: no defaults left out, no nulls.
(6) Its list of files is one that a bundle can have: safe, portable, sorted, without repetition or collision,
    within the caps; and fields that name files name listed ones.
(7) The tree holds exactly the listed files, all of them regular; an archive's frame is what floe writes.
(8) Every file has its size and its digest.

A step that fails ends the walk with all its problems, since the next ones would rest on it; (7) and (8) are
reported together.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from floe_compiler.canonical import NotCanonical, canonical_bytes, digest, parse
from floe_compiler.errors import FloeError, Problem, Where, raise_if_any
from floe_compiler.model.bundle import SCHEMA_VERSION, CompiledArtifacts
from floe_compiler.store.archive import Archive
from floe_compiler.store.integrity import Folder, digest_problem
from floe_compiler.store.limits import MAX_FILES, MAX_INDEX, MAX_TOTAL, in_words
from floe_compiler.store.listing import INDEX, Listed, list_problems
from floe_compiler.store.paths import folders_of, shown
from floe_compiler.verify.verified import SEAL, VerifiedBundle


def verify(source: Path, expected_digest: str | None = None) -> VerifiedBundle:
    """The bundle in a folder or a single file, after every step that this module's first lines list.

    Without an expected digest the bundle proves to be whole, not to be the one that somebody meant. Raises
    FloeError with FLOE-V0xx problems, each at its path in the bundle.
    """
    # (0) what is it
    form = _form_of(source)
    # (1) the index
    index_bytes = form.index_bytes()
    # (2) is it the one
    if expected_digest is not None:
        raise_if_any(filter(None, [digest_problem(index_bytes, expected_digest)]))
    # (3) canonical JSON
    value = _canonical_value(index_bytes)
    # (4) schema version
    _require_known_version(value)
    # (5) schema
    index = _matching(value, index_bytes)
    # (6) the list
    listed = [Listed(a.path, a.size, a.digest) for a in index.artifacts]
    raise_if_any([*list_problems(listed), *_dangling(index)])
    # (7) the tree, and (8) the content
    files = form.files(index_bytes, listed)
    raise_if_any(files.problems())

    digest_of_index = digest(index_bytes)
    return VerifiedBundle(
        digest=digest_of_index,
        index=index,
        index_bytes=index_bytes,
        folder=form.location if isinstance(form, Folder) else None,
        checks=_checks(form, index_bytes, listed, expected_digest),
        _read=files.read,
        seal=SEAL,
    )


def _form_of(source: Path) -> Folder | Archive:
    """The path given may be a link to a bundle; within the bundle nothing may."""
    try:
        path = source.resolve(strict=True)
    except (OSError, RuntimeError):  # a loop of links is a RuntimeError before Python 3.13
        raise FloeError(Problem("FLOE-V001", f"{source} leads nowhere", Where(str(source)))) from None
    if path.is_dir():
        return Folder(path)
    if path.is_file():
        return Archive(path)
    message = f"{source} is neither a folder nor a regular file"
    raise FloeError(Problem("FLOE-V001", message, Where(str(source))))


def _canonical_value(index_bytes: bytes) -> Any:
    try:
        value = parse(index_bytes)
    except NotCanonical as error:
        raise FloeError(Problem("FLOE-V002", f"{INDEX} is not JSON: {error}", Where(INDEX))) from error
    try:
        rewritten = canonical_bytes(value)
    except (NotCanonical, RecursionError) as error:
        raise FloeError(Problem("FLOE-V003", f"{INDEX} has no canonical form: {error}", Where(INDEX))) from error
    if rewritten != index_bytes:
        raise FloeError(Problem("FLOE-V003", f"{INDEX} is not in canonical form (RFC 8785)", Where(INDEX)))
    return value


def _require_known_version(value: Any) -> None:
    version = value.get("schema_version") if isinstance(value, dict) else None
    if version != SCHEMA_VERSION:
        message = f"the index has schema version {version!r:.40}; this floe knows {SCHEMA_VERSION!r}"
        raise FloeError(Problem("FLOE-V004", message, Where(INDEX)))


def _matching(value: Any, index_bytes: bytes) -> CompiledArtifacts:
    try:
        index = CompiledArtifacts.model_validate(value)
    except ValidationError as error:
        raise FloeError(_schema_problems(error)) from error
    if canonical_bytes(index.plain()) != index_bytes:
        message = f"{INDEX} leaves a default out or writes a null"
        raise FloeError(Problem("FLOE-V003", message, Where(INDEX)))
    return index


def _schema_problems(error: ValidationError) -> Iterator[Problem]:
    """One problem a fault, with the place in the index and without the value found there."""
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(str(part) for part in fault["loc"])
        yield Problem("FLOE-V005", f"{shown(place) or INDEX}: {fault['msg']}", Where(INDEX))


def _dangling(index: CompiledArtifacts) -> Iterator[Problem]:
    """Fields that name a file, or a folder of files, that the list does not have."""
    files = {artifact.path for artifact in index.artifacts}
    either = files | folders_of(files)
    named = {f"targets.{name}.manifest": (target.manifest, files) for name, target in index.targets.items()}
    named["runtime.project"] = (index.runtime.project, either)
    named["runtime.profiles"] = (index.runtime.profiles, either)
    for field, (path, known) in named.items():
        if path not in known:
            message = f"{shown(field)} names {shown(path)}, which the index does not list"
            yield Problem("FLOE-V013", message, Where(INDEX))


def _checks(
    form: Folder | Archive, index_bytes: bytes, listed: list[Listed], expected_digest: str | None
) -> tuple[str, ...]:
    """What was checked, one line a step, for `floe verify --explain`."""
    is_folder = isinstance(form, Folder)
    total = sum(file.size for file in listed)
    asked = "the one that was asked for" if expected_digest else "not compared: no digest was asked for"
    lines = (
        f"a {'folder' if is_folder else 'single file'}: {form.location}",
        f"{INDEX} is a regular file of {in_words(len(index_bytes))} (cap {in_words(MAX_INDEX)})",
        f"its digest is {digest(index_bytes)}, {asked}",
        "it is JSON in canonical form (RFC 8785)",
        f"its schema version is {SCHEMA_VERSION}, which this floe knows",
        "it matches the schema, and written again it gives the same bytes",
        f"it lists {len(listed)} files of {in_words(total)} (caps {MAX_FILES} and {in_words(MAX_TOTAL)}),"
        " under safe, portable paths, sorted and without collision; every file that a field names is listed",
        f"the folder holds these {len(listed)} files and nothing else, all regular"
        if is_folder
        else f"the frame of the archive is the one for these {len(listed)} files, byte for byte",
        f"every one of the {len(listed)} files has its size and its SHA-256",
    )
    return tuple(f"({number}) {line}" for number, line in enumerate(lines))
