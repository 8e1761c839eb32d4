"""Facts of the index: product, platform, plugins, targets, environment, schedule, dependencies, requirements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from floe_compiler.diff.compare.facts import Fact
from floe_compiler.diff.compare.structure import leaves
from floe_compiler.model.bundle import CompiledArtifacts, PluginInfo
from floe_compiler.model.change_set import Change, Place, Step, Thing
from floe_compiler.store.listing import INDEX

PRODUCT: Final = Place(file="floe.yaml")
PLATFORM: Final = Place(file="platform-manifest.yaml")
INDEX_FILE: Final = Place(file=INDEX, in_bundle=True)
_COMPARED: Final = (
    ("schema_version",), ("kind",), ("product",), ("platform",), ("transforms",), ("schedule",), ("dependencies",),
    ("artifacts",), ("environment", "constants"), ("environment", "variables"), ("environment", "secrets"),
    ("runtime", "requirements"), ("runtime", "profile"), ("plugins", "*", "name"), ("plugins", "*", "distribution"),
    ("plugins", "*", "version"), ("plugins", "*", "config"), ("targets", "*", "compute"), ("targets", "*", "manifest"),
    ("targets", "*", "nodes"),
)  # fmt: skip
"""What of an index is compared by name; everything else is compared as it stands, and no rule knows it."""


def product_facts(old: CompiledArtifacts, new: CompiledArtifacts) -> Iterator[Fact]:
    """Everything in which two indexes differ, but for the files that they list."""
    yield from _notes("product", new.product.name, _plain(old.product), _plain(new.product), PRODUCT)
    yield from _notes("platform", new.platform.name, _plain(old.platform), _plain(new.platform), PLATFORM)
    yield from _plugins(old.plugins, new.plugins)
    yield from _targets(old, new)
    yield from _schedule(_plain(old.schedule), _plain(new.schedule))
    yield from members(
        "dependency",
        {item.name: item.digest for item in old.dependencies},
        {item.name: item.digest for item in new.dependencies},
        PRODUCT,
    )
    yield from _transforms(old, new)
    yield from members(
        "requirement", _requirements(old.runtime.requirements), _requirements(new.runtime.requirements), PLATFORM
    )
    yield from _names("variable", old.environment.variables, new.environment.variables)
    yield from _names("secret", old.environment.secrets, new.environment.secrets)
    for path, before, after in leaves(_remainder(old), _remainder(new)):
        yield product_fact("index", "changed", "index", path, INDEX_FILE, field=path, before=before, after=after)


def members(kind: str, old: Mapping[str, Any], new: Mapping[str, Any], place: Place) -> Iterator[Fact]:
    """What was added to a mapping, removed from it, or has another value: aspects `kind.added`, `.removed`, `kind`."""
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield product_fact(f"{kind}.added", "added", kind, name, place, after=new[name])
        elif name not in new:
            yield product_fact(f"{kind}.removed", "removed", kind, name, place, before=old[name])
        elif old[name] != new[name]:
            yield product_fact(kind, "changed", kind, name, place, before=old[name], after=new[name])


def product_fact(
    aspect: str,
    change: Change,
    kind: str,
    name: str,
    place: Place,
    *,
    field: str | None = None,
    before: Any = None,
    after: Any = None,
) -> Fact:
    """A fact whose cause is its own edit, in one of floe's files."""
    step = Step(what=f"{kind} {change}", kind=kind, id=name, name=name, where=place)
    thing = Thing(kind=kind, id=name, name=name)
    return Fact(aspect, change, thing, field, before, after, place, (step,))


def _plain(model: Any) -> Any:
    return model.model_dump(mode="json", exclude_none=True) if model is not None else None


def _remainder(index: CompiledArtifacts) -> dict[str, Any]:
    """The index without what is compared by name."""
    plain = index.plain()
    for path in _COMPARED:
        _remove(plain, path)
    return {key: value for key, value in plain.items() if any(_values(value))}


def _remove(value: dict[str, Any], path: tuple[str, ...]) -> None:
    first, *rest = path
    if not rest:
        value.pop(first, None)
        return
    for key in list(value) if first == "*" else [first]:
        if isinstance(value.get(key), dict):
            _remove(value[key], tuple(rest))


def _values(value: Any) -> list[Any]:
    """What a mapping holds, but for mappings that hold nothing."""
    if isinstance(value, dict):
        return [inner for item in value.values() for inner in _values(item)]
    return [value]


def _notes(kind: str, new_name: str, old: dict[str, Any], new: dict[str, Any], place: Place) -> Iterator[Fact]:
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before != after:
            aspect = f"{kind}.name" if key == "name" else f"{kind}.note"
            yield product_fact(aspect, "changed", kind, new_name, place, field=key, before=before, after=after)


def _plugins(old: Mapping[str, PluginInfo], new: Mapping[str, PluginInfo]) -> Iterator[Fact]:
    for kind in sorted(old.keys() | new.keys()):
        before, after = old.get(kind), new.get(kind)
        if before is None or after is None:
            change: Change = "added" if before is None else "removed"
            names = (before.name if before else None, after.name if after else None)
            yield product_fact(
                f"plugin.{change}", change, "plugin", kind, PLATFORM, field=kind, before=names[0], after=names[1]
            )
        elif before != after:
            yield from _plugin(kind, before, after)


def _plugin(kind: str, old: PluginInfo, new: PluginInfo) -> Iterator[Fact]:
    if old.name != new.name:
        yield product_fact(
            "plugin.replaced", "changed", "plugin", kind, PLATFORM, field=kind, before=old.name, after=new.name
        )
        return
    before, after = f"{old.distribution} {old.version}", f"{new.distribution} {new.version}"
    if before != after:
        yield product_fact(
            "plugin.version", "changed", "plugin", kind, PLATFORM, field="version", before=before, after=after
        )
    for path, was, becomes in leaves(old.config, new.config):
        yield product_fact(
            "plugin.config", "changed", "plugin", kind, PLATFORM, field=f"config.{path}", before=was, after=becomes
        )


def _targets(old: CompiledArtifacts, new: CompiledArtifacts) -> Iterator[Fact]:
    if not old.targets.keys() & new.targets.keys():
        names = sorted(old.targets), sorted(new.targets)
        yield product_fact("targets.apart", "changed", "target", "targets", PLATFORM, before=names[0], after=names[1])
    for name in sorted(old.targets.keys() | new.targets.keys()):
        before, after = old.targets.get(name), new.targets.get(name)
        if before is None or after is None:
            change: Change = "added" if before is None else "removed"
            compute = (before.compute.name if before else None, after.compute.name if after else None)
            fact = product_fact(
                f"target.{change}", change, "target", name, PLATFORM, before=compute[0], after=compute[1]
            )
            yield fact.on((name,))
        else:
            yield from (fact.on((name,)) for fact in _compute(name, before.compute, after.compute))


def _compute(target: str, old: PluginInfo, new: PluginInfo) -> Iterator[Fact]:
    if old.name != new.name:
        yield product_fact(
            "target.compute", "changed", "target", target, PLATFORM, field="compute", before=old.name, after=new.name
        )
        return
    before, after = f"{old.distribution} {old.version}", f"{new.distribution} {new.version}"
    if before != after:
        yield product_fact(
            "target.version", "changed", "target", target, PLATFORM, field="version", before=before, after=after
        )
    for path, was, becomes in leaves(old.config, new.config):
        yield product_fact(
            "target.config", "changed", "target", target, PLATFORM, field=f"config.{path}", before=was, after=becomes
        )


def _schedule(old: Any, new: Any) -> Iterator[Fact]:
    if old is None or new is None:
        if old != new:
            change: Change = "added" if old is None else "removed"
            yield product_fact(f"schedule.{change}", change, "schedule", "schedule", PRODUCT, before=old, after=new)
        return
    for path, before, after in leaves(old, new):
        yield product_fact(
            "schedule", "changed", "schedule", "schedule", PRODUCT, field=path, before=before, after=after
        )


def _transforms(old: CompiledArtifacts, new: CompiledArtifacts) -> Iterator[Fact]:
    before, after = [_plain(item) for item in old.transforms], [_plain(item) for item in new.transforms]
    for position in range(max(len(before), len(after))):
        was = before[position] if position < len(before) else None
        becomes = after[position] if position < len(after) else None
        if was != becomes:
            change: Change = "added" if was is None else "removed" if becomes is None else "changed"
            yield product_fact(
                "transform", change, "transform", f"transforms[{position}]", PRODUCT, before=was, after=becomes
            )


def _requirements(lines: Iterable[str]) -> dict[str, str]:
    return {name: version for name, _, version in (line.partition("==") for line in lines)}


def _names(kind: str, old: Iterable[str], new: Iterable[str]) -> Iterator[Fact]:
    yield from members(kind, dict.fromkeys(old), dict.fromkeys(new), PLATFORM)
