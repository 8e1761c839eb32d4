"""Facts of the files that plugins rendered and of deployment files, compared by what they mean.

YAML, JSON, TOML and ini are compared as structures, Python as a syntax tree without docstrings, everything else, and
what its format cannot read, as text. What is different in no more than comments, blanks or the order of keys is no
fact. Any path will do: nothing here knows a plugin.

A plugin renders from its configuration, the index and the manifests, and from nothing else. Where the plugin is the
same in both bundles and something else differs, its files follow from that, which is told already: they are one fact
of the plugin together, and the README, which says what the files are, is none. Values of `deployment/` that changed as
something else did are not told again either.
"""

from __future__ import annotations

import ast
import configparser
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from floe_compiler.canonical import NotCanonical, canonical_bytes, parse
from floe_compiler.diff.compare.facts import Fact
from floe_compiler.diff.compare.structure import leaves
from floe_compiler.diff.compare.yaml_events import values
from floe_compiler.digests import digest
from floe_compiler.model.change_set import Change, Place, Step, Thing
from floe_compiler.model.policy_report import REPORT

if TYPE_CHECKING:
    from floe_compiler.verify import VerifiedBundle

_FOLLOW: Final = "files.follow"
_MOST_LEAVES: Final = 50
_DEEPEST: Final = 100
_LARGEST_PYTHON: Final = 1024 * 1024
README: Final = "README.md"
"""Says for people what the other files are."""
CATALOGS: Final = "catalogs.yml"
"""A file of the dbt project that dbt reads and that shows on no node."""


def file_facts(
    old: VerifiedBundle, new: VerifiedBundle, replaced: Collection[str], told: Collection[Fact]
) -> Iterator[Fact]:
    """Files that are new, gone, or say something else. `replaced` are the keys of plugins that came, went or were
    replaced, whose files come and go with them; `told` is everything else that differs."""
    before, after = _digests(old), _digests(new)
    same_plugins = {
        f"{key}/{plugin.name}" for key, plugin in old.index.plugins.items() if new.index.plugins.get(key) == plugin
    }
    pairs = {(canonical_bytes(fact.before), canonical_bytes(fact.after)) for fact in told}
    following: dict[str, list[str]] = {}
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) == after.get(path):
            continue
        origin = "/".join(path.split("/")[:2])
        if path == README:
            yield from () if told else (replace(_fact(path, "changed"), aspect=_FOLLOW),)
        elif told and origin in same_plugins:
            following.setdefault(origin, []).append(path)
        elif path in before and path in after:
            yield from _changed(path, old.read(path), new.read(path), pairs)
        elif path.partition("/")[0] not in replaced:
            change: Change = "added" if path in after else "removed"
            yield _fact(path, change, None, before.get(path), after.get(path))
    for origin, paths in following.items():
        sides = [path for path in paths if path in before], [path for path in paths if path in after]
        if sides[0] != sides[1] or any(_differs(path, old.read(path), new.read(path)) for path in paths):
            yield replace(_fact(origin, "changed", None, *sides), aspect=_FOLLOW)


def _differs(path: str, old: bytes, new: bytes) -> bool:
    """Whether a file means something else."""
    return any(True for _ in _changed(path, old, new, ()))


def _digests(bundle: VerifiedBundle) -> Mapping[str, str]:
    """Of every file that is not compared elsewhere: project, profiles, manifests and the policy report are."""
    index = bundle.index
    manifests = {target.manifest for target in index.targets.values()}
    covered = (f"{index.runtime.project}/", f"{index.runtime.profiles}/")
    catalogs = f"{index.runtime.project}/{CATALOGS}"
    return {
        item.path: item.digest
        for item in index.artifacts
        if item.path == catalogs or not (item.path.startswith(covered) or item.path in manifests or item.path == REPORT)
    }


def _changed(path: str, old: bytes, new: bytes, told: Collection[tuple[bytes, bytes]]) -> Iterator[Fact]:
    before, after = meaning(path, old), meaning(path, new)
    if before is None or after is None:
        if not _same_text(old, new):
            yield _fact(path, "changed", None, digest(old), digest(new))
        return
    found = [leaf for leaf in leaves(before, after) if not told or _pair(leaf) not in told]
    if len(found) == 1:
        yield _fact(path, "changed", found[0][0] or None, found[0][1], found[0][2])
    elif found:
        shown = found[:_MOST_LEAVES]
        yield _fact(path, "changed", None, {leaf[0]: leaf[1] for leaf in shown}, {leaf[0]: leaf[2] for leaf in shown})


def _pair(leaf: tuple[str, Any, Any]) -> tuple[bytes, bytes]:
    return canonical_bytes(leaf[1]), canonical_bytes(leaf[2])


def meaning(path: str, content: bytes) -> Any:
    """A JSON value that stands for what a file says; None where only its text can be compared."""
    reader = _READERS.get(path.rpartition(".")[2].lower())
    found = reader(content) if reader else None
    return found if _is_shallow(found) else None


def _is_shallow(value: Any) -> bool:
    """Whether a value can be compared leaf by leaf without going too deep."""
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        level = [inner for item in level for inner in _inner(item)]
        depth += 1
    return not level


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _yaml(content: bytes) -> Any:
    """The documents of the file; where each is an object of Kubernetes, by its kind and name, in whatever order."""
    documents = values(content)
    if documents is None:
        return None
    documents = [document for document in documents if document is not None]
    named = {_object_name(document): document for document in documents if _object_name(document)}
    if named and len(named) == len(documents):
        return named
    return documents[0] if len(documents) == 1 else {str(at): document for at, document in enumerate(documents)}


def _object_name(document: Any) -> str:
    match document:
        case {"kind": str(kind), "metadata": {"name": str(name), **rest}}:
            return "/".join(str(part) for part in (rest.get("namespace"), kind, name) if part)
    return ""


def _json(content: bytes) -> Any:
    try:
        value = parse(content)
        canonical_bytes(value)
    except NotCanonical:
        return None
    return value


def _toml(content: bytes) -> Any:
    try:
        return _plain(tomllib.loads(content.decode()))
    except (ValueError, RecursionError):
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | str) else str(value)


def _ini(content: bytes) -> Any:
    parser = configparser.ConfigParser(interpolation=None, default_section="", allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names keep their capitals
    try:
        parser.read_string(content.decode())
    except (configparser.Error, ValueError):
        return None
    return {section: dict(parser[section]) for section in parser.sections()}


def _python(content: bytes) -> Any:
    """The syntax tree as text, without docstrings; comments and layout are not in it."""
    if len(content) > _LARGEST_PYTHON:
        return None
    try:
        tree = ast.parse(content)
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                node.body = _without_docstring(node.body)
        return {"syntax": digest(ast.dump(tree).encode("utf-8", "surrogatepass"))}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest
    return body


_READERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "yaml": _yaml,
    "yml": _yaml,
    "json": _json,
    "toml": _toml,
    "ini": _ini,
    "cfg": _ini,
    "conf": _ini,
    "py": _python,
}


def _same_text(old: bytes, new: bytes) -> bool:
    """Whether two texts differ in nothing but the blanks at the ends of lines."""
    return [line.rstrip() for line in old.splitlines()] == [line.rstrip() for line in new.splitlines()]


def _fact(path: str, change: Change, field: str | None = None, before: Any = None, after: Any = None) -> Fact:
    place = Place(file=path, in_bundle=True)
    step = Step(what=f"file {change}", kind="file", id=path, name=path, where=place)
    aspect = "file" if change == "changed" else f"file.{change}"
    return Fact(aspect, change, Thing(kind="file", id=path, name=path), field, before, after, place, (step,))
