"""Other products that this one builds on: the right ones, never itself, and with the models that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from floe_compiler.errors import Problem
from floe_compiler.manifest import PRIVATE

if TYPE_CHECKING:
    from floe_compiler.load import Documents
    from floe_compiler.load.dependencies import LoadedDependency


@dataclass(frozen=True, slots=True)
class ResolvedDependency:
    """Another product, and the bundle of it that is meant."""

    name: str
    digest: str


def resolved_dependencies(documents: Documents, problems: list[Problem]) -> tuple[ResolvedDependency, ...]:
    """Sorted by name. Finds FLOE-R040 another product's bundle, R041 a circle, R042 a model that is not there,
    R043 a private model, R044 a product named twice."""
    names: set[str] = set()
    for dependency in documents.dependencies:
        problems.extend(_problems(dependency, documents))
        if dependency.choice.name in names:
            where = documents.product.document.where((*dependency.at, "name"))
            message = f"`{dependency.choice.name}` is named twice under `dependencies`"
            problems.append(Problem("FLOE-R044", message, where, "Keep one of the two."))
        names.add(dependency.choice.name)
    found = (ResolvedDependency(d.product, d.digest) for d in documents.dependencies)
    return tuple(sorted(found, key=lambda dependency: dependency.name))


def _problems(dependency: LoadedDependency, documents: Documents) -> Iterator[Problem]:
    document, own = documents.product.document, documents.name
    if dependency.product != dependency.choice.name:
        message = f"the bundle of `{dependency.choice.name}` is that of another product: `{dependency.product}`"
        where = document.where((*dependency.at, "bundle"))
        yield Problem("FLOE-R040", message, where, "Correct the name or the bundle.")
    way = (own,) if dependency.product == own else dependency.builds_on.get(own)
    if way:
        circle = " -> ".join(dict.fromkeys((own, *way[:-1])))
        message = f"`{own}` would build on itself: {circle} -> {own}"
        hint = "Move what both need into a product of its own."
        yield Problem("FLOE-R041", message, document.where((*dependency.at, "name")), hint)
    for i, model in enumerate(dependency.choice.models):
        if problem := _model_problem(dependency, model):
            code, message, hint = problem
            yield Problem(code, message, document.where((*dependency.at, "models", i)), hint)


def _model_problem(dependency: LoadedDependency, model: str) -> tuple[str, str, str] | None:
    """The first target decides: what holds on one target only cannot be relied on."""
    name = dependency.choice.name
    for target, models in dependency.models.items():
        if model not in models:
            near = get_close_matches(model, models, n=1)
            guess = f": did you mean `{near[0]}`?" if near else ""
            message = f"`{name}` has no model `{model}` on target `{target}`{guess}"
            return "FLOE-R042", message, f"`floe inspect` shows what the bundle of `{name}` holds."
        if models[model] == PRIVATE:
            message = f"the model `{model}` of `{name}` is private"
            return "FLOE-R043", message, f"Ask the owners of `{name}` to make it `protected` or `public`."
    return None
