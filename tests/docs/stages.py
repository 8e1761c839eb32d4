"""The spine as the code has it: read from `pipeline.py` and from what the stages' signatures say."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from floe_compiler import pipeline
from floe_compiler import stages as lazily

COMPILING: Final = ("compile_product", "_seal")
CONSUMING: Final = ("verify", "run")


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: its one public function, the types that go in and come out, and its package's first sentence."""

    name: str
    takes: str
    gives: str
    purpose: str


def stages() -> tuple[Stage, ...]:
    """The stages that make a bundle, in the order in which the pipeline calls them, then those that consume it."""
    called = [name for function in COMPILING for name in _called_in(function)]
    return tuple(_stage(name) for name in (*called, *CONSUMING))


def spine_in_words() -> tuple[str, ...]:
    """The stages in the order in which the pipeline's first lines name them."""
    return tuple(re.findall(r"\w+", (inspect.getdoc(pipeline) or "").partition("\n\n")[2]))


def _called_in(function: str) -> Iterator[str]:
    """The stages that a function of the pipeline calls, in its order."""
    module = ast.parse(Path(pipeline.__file__).read_text(encoding="utf-8"))
    (found,) = (node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == function)
    calls = [node.func for node in ast.walk(found) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        match call:
            case ast.Attribute(value=ast.Name(id="stages"), attr=name) if name in spine_in_words():
                yield name


def _stage(name: str) -> Stage:
    function: Callable[..., Any] = getattr(lazily, name)
    signature = inspect.signature(function)
    takes = next(p for p in signature.parameters.values() if not _is_store(p))
    return Stage(name, _name(takes.annotation), _name(signature.return_annotation), _purpose(name, function))


def _is_store(parameter: inspect.Parameter) -> bool:
    return _name(parameter.annotation) == "Store"


def _name(annotation: object) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def _purpose(name: str, function: Callable[..., Any]) -> str:
    """The package's own words: what follows its name in the first line of its docstring."""
    package = function.__module__.rpartition(".")[0]
    described = import_module(package if package.endswith(name) else function.__module__)
    first = (inspect.getdoc(described) or "").partition("\n\n")[0].replace("\n", " ")
    text = first.partition(": ")[2] or first
    return text[0].upper() + text[1:]
