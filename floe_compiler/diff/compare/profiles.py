"""Facts of profiles.yml, compared as dbt reads it: which target is the default, and what a target's output says.

What a target's configuration says differently is a fact of the index; here stands what differs without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from floe_compiler.diff.compare.facts import Fact
from floe_compiler.diff.compare.product import PLATFORM, product_fact
from floe_compiler.diff.compare.structure import leaves
from floe_compiler.diff.compare.yaml_events import values
from floe_compiler.model.change_set import REDACTED

if TYPE_CHECKING:
    from floe_compiler.verify import VerifiedBundle

FILE: Final = "profiles.yml"
_CREDENTIALS: Final = ("password", "passphrase", "token", "secret", "private_key", "keyfile_json", "access_key")
_REFERENCE: Final = "env_var("


def profile_facts(old: VerifiedBundle, new: VerifiedBundle, explained: Collection[str]) -> Iterator[Fact]:
    """The differences; `explained` are targets of which other facts already say what changed."""
    before, after = _profile(old), _profile(new)
    if before is None or after is None:
        if before != after or _bytes(old) != _bytes(new):
            yield product_fact("profile", "changed", "profile", FILE, PLATFORM)
        return
    default = before.get("target"), after.get("target")
    if default[0] != default[1]:
        yield product_fact(
            "profile.default", "changed", "profile", FILE, PLATFORM, field="target", before=default[0], after=default[1]
        )
    outputs: tuple[Mapping[str, Any], Mapping[str, Any]] = before.get("outputs") or {}, after.get("outputs") or {}
    for target in sorted(outputs[0].keys() & outputs[1].keys()):
        if target not in explained:
            for path, was, becomes in leaves(outputs[0][target], outputs[1][target]):
                fact = product_fact(
                    "profile", "changed", "profile", target, PLATFORM, field=path,
                    before=_shown(path, was), after=_shown(path, becomes),
                )  # fmt: skip
                yield fact.on((target,))
    for path, was, becomes in leaves(_rest(before), _rest(after)):
        yield product_fact("profile", "changed", "profile", FILE, PLATFORM, field=path, before=was, after=becomes)


def _profile(bundle: VerifiedBundle) -> Mapping[str, Any] | None:
    documents = values(_bytes(bundle))
    profile = documents[0].get(bundle.index.runtime.profile) if documents and isinstance(documents[0], dict) else None
    return profile if isinstance(profile, dict) else None


def _bytes(bundle: VerifiedBundle) -> bytes:
    path = f"{bundle.index.runtime.profiles}/{FILE}"
    return bundle.read(path) if path in bundle.paths else b""


def _rest(profile: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in profile.items() if key not in ("target", "outputs")}


def _shown(path: str, value: Any) -> Any:
    """What may be shown: of a credential, only that it is a reference."""
    secret = any(word in path.lower() for word in _CREDENTIALS)
    return REDACTED if secret and value is not None and _REFERENCE not in str(value) else value
