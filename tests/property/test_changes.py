"""Laws of floe diff, over bundles changed at random: nothing differs from itself, and back is forth mirrored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floe_compiler import diff_bundles
from floe_compiler.canonical import canonical_bytes
from floe_compiler.model.change_set import ChangeSet
from tests.resealed import Resealed

Edit = Callable[[Resealed], Resealed]
MODELS = ("stg_lamps", "stg_burns", "stg_sightings", "lamp_log", "brightest", "keeper_notes", "days")
CONFIGS = ("materialized", "unique_key", "tags", "meta", "on_schema_change", "grants", "access", "fog_signal")
COLUMNS = ("lamp_id", "lamp_name", "burnt_hours")
REPORTS = ("model.beacons.lamp_report.v1", "model.beacons.lamp_report.v2")
WORDS = st.sampled_from(["view", "table", "incremental", "private", "public", "gull", "crow", "10"])
MIRRORED = {"added": "removed", "removed": "added", "changed": "changed", "moved": "moved", "renamed": "renamed"}


def of_node(name: str, **fields: Any) -> Edit:
    return lambda bundle: bundle.with_manifest(lambda manifest: manifest["nodes"][name].update(fields))


def of_config(name: str, key: str, value: Any) -> Edit:
    return lambda bundle: bundle.with_manifest(lambda manifest: manifest["nodes"][name]["config"].update({key: value}))


def without_node(name: str) -> Edit:
    def change(manifest: Any) -> None:
        manifest["nodes"].pop(name, None)
        manifest["child_map"].pop(name, None)
        for children in manifest["child_map"].values():
            children[:] = [child for child in children if child != name]

    return lambda bundle: bundle.with_manifest(change)


def without_column(name: str, column: str) -> Edit:
    return lambda bundle: bundle.with_manifest(lambda manifest: manifest["nodes"][name]["columns"].pop(column, None))


def of_column(name: str, column: str, key: str, value: str) -> Edit:
    def change(manifest: Any) -> None:
        if column in manifest["nodes"][name]["columns"]:
            manifest["nodes"][name]["columns"][column][key] = value

    return lambda bundle: bundle.with_manifest(change)


def of_macro(name: str, word: str) -> Edit:
    text = "{% macro x() %}" + word + "{% endmacro %}"
    return lambda bundle: bundle.with_manifest(lambda manifest: manifest["macros"][name].update(macro_sql=text))


def of_index(key: str, inner: str, value: Any) -> Edit:
    return lambda bundle: bundle.with_index(lambda index: index[key].update({inner: value}))


def of_file(path: str, content: bytes | None) -> Edit:
    return lambda bundle: bundle.with_files({path: content})


def of_setting(word: str) -> Edit:
    line = f"\nvars: {{bright_after: {word}}}\n".encode()
    return lambda bundle: bundle.with_files(
        {"project/dbt_project.yml": bundle.files["project/dbt_project.yml"].split(b"\nvars:")[0] + line}
    )


model = st.sampled_from([f"model.beacons.{name}" for name in MODELS])
edits: st.SearchStrategy[Edit] = st.one_of(
    st.builds(lambda name, word: of_node(name, raw_code=f"select '{word}'"), model, WORDS),
    st.builds(lambda name, word: of_node(name, description=word, lantern=word), model, WORDS),
    st.builds(of_config, model, st.sampled_from(CONFIGS), WORDS),
    st.builds(without_node, model),
    st.builds(without_node, st.just("seed.beacons.lamps")),
    st.builds(without_column, st.sampled_from(REPORTS), st.sampled_from(COLUMNS)),
    st.builds(
        of_column,
        st.sampled_from(REPORTS),
        st.sampled_from(COLUMNS),
        st.sampled_from(["data_type", "description", "lantern"]),
        WORDS,
    ),
    st.builds(of_macro, st.sampled_from(["macro.beacons.minutes", "macro.beacons.hours", "macro.tides.metres"]), WORDS),
    st.builds(of_index, st.just("schedule"), st.just("cron"), st.sampled_from(["0 1 * * *", "0 2 * * *"])),
    st.builds(of_index, st.just("product"), st.sampled_from(["version", "description"]), WORDS),
    st.builds(lambda word: of_index("environment", "constants", {"BEACON_REGION": word}), WORDS),
    st.builds(
        of_file,
        st.sampled_from(["catalog/x/a.yaml", "deployment/job.yaml", "orchestrator/y/z.py"]),
        st.sampled_from([None, b"a: 1\n", b"a: 2\n", b"x = 1\n", b"x = 2 # two\n"]),
    ),
    st.builds(of_file, st.just("project/seeds/lamps.csv"), st.sampled_from([b"lamp_id\n1\n", b"lamp_id\n2\n"])),
    st.builds(of_setting, st.sampled_from(["1", "2"])),
)


def edited(bundle: Resealed, changes: list[Edit]) -> Resealed:
    for change in changes:
        bundle = change(bundle)
    return bundle


def facts(changes: ChangeSet, *, mirrored: bool) -> Counter[tuple[object, ...]]:
    """What was found, as it would be found in the other direction if `mirrored`."""
    found: Counter[tuple[object, ...]] = Counter()
    for finding in changes.findings:
        before, after = (canonical_bytes(value) for value in (finding.before, finding.after))
        change: str = finding.change
        if mirrored:
            before, after, change = after, before, MIRRORED[change]
        found[
            (finding.object.kind, finding.object.id, finding.object.targets, finding.field, change, before, after)
        ] += 1
    return found


SETTINGS = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@SETTINGS
@given(changes=st.lists(edits, max_size=4))
def test_nothing_differs_from_itself(beacons: Resealed, changes: list[Edit]) -> None:
    bundle = edited(beacons, changes).bundle
    again = edited(beacons, changes).bundle
    assert diff_bundles(bundle, again).findings == ()


@SETTINGS
@given(one=st.lists(edits, max_size=3), other=st.lists(edits, max_size=3))
def test_back_is_forth_mirrored(beacons: Resealed, one: list[Edit], other: list[Edit]) -> None:
    old, new = edited(beacons, one).bundle, edited(beacons, other).bundle
    forth, back = diff_bundles(old, new), diff_bundles(new, old)
    assert facts(forth, mirrored=True) == facts(back, mirrored=False)


@SETTINGS
@given(changes=st.lists(edits, min_size=1, max_size=4))
def test_what_differs_is_told_and_nothing_is_told_twice(beacons: Resealed, changes: list[Edit]) -> None:
    found = diff_bundles(beacons.bundle, edited(beacons, changes).bundle).findings
    names = [finding.fingerprint for finding in found]
    assert len(names) == len(set(names))
    assert diff_bundles(beacons.bundle, edited(beacons, changes).bundle).findings == found
