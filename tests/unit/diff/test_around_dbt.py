"""Facts of the index, of profiles and of files of plugins that no product of the corpus has."""

from __future__ import annotations

from typing import Any

import pytest

from floe_compiler import diff_bundles
from floe_compiler.model.policy_report import PolicyReport
from tests.resealed import Change, Resealed

PLUGIN = {"name": "dagster", "distribution": "floe-compiler", "version": "1", "config": {"port": 3000}}
DIGESTS = ("sha256:" + "0" * 64, "sha256:" + "1" * 64)


def rules(old: Resealed, new: Resealed) -> list[tuple[str, str, str]]:
    """Rule, level and summary of every finding."""
    return [(f.rule, f.level, f.summary) for f in diff_bundles(old.bundle, new.bundle).findings]


def plugin(kind: str, **fields: Any) -> Change:
    return lambda index: index["plugins"].__setitem__(kind, {**PLUGIN, **fields})


def without(kind: str) -> Change:
    return lambda index: index["plugins"].pop(kind, None)


def dependency(*digests: str) -> Change:
    return lambda index: index.__setitem__("dependencies", [{"name": "tides", "digest": d} for d in digests])


def version_of(name: str, version: str) -> Change:
    def change(index: Any) -> None:
        lines = [line for line in index["runtime"]["requirements"] if not line.startswith(f"{name}==")]
        index["runtime"]["requirements"] = sorted([*lines, f"{name}=={version}"])

    return change


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (plugin("orchestrator"), plugin("orchestrator", version="2"), ("plugin-version-changed", "unknown")),
        (plugin("orchestrator"), plugin("orchestrator", name="airflow"), ("plugin-replaced", "risky")),
        (plugin("storage", name="s3"), plugin("storage", name="gcs"), ("place-of-data-replaced", "breaking")),
        (plugin("orchestrator"), plugin("orchestrator", config={"port": 4000}), ("plugin-config-changed", "risky")),
        (without("orchestrator"), plugin("orchestrator"), ("plugin-added", "risky")),
        (plugin("orchestrator"), without("orchestrator"), ("plugin-removed", "breaking")),
        (dependency(DIGESTS[0]), dependency(DIGESTS[1]), ("dependency-changed", "risky")),
        (dependency(), dependency(DIGESTS[0]), ("dependency-changed", "risky")),
        (version_of("dbt-core", "1.10.4"), version_of("dbt-core", "1.11.16"), ("dbt-version-changed", "risky")),
        (
            lambda index: index["targets"]["dev"]["compute"].update(name="duckdb"),
            lambda index: index["targets"]["dev"]["compute"].update(name="spark"),
            ("place-of-data-replaced", "breaking"),
        ),
        (
            lambda index: None,
            lambda index: index["targets"]["dev"]["compute"].update(version="2"),
            ("target-plugin-version-changed", "unknown"),
        ),
        (
            lambda index: None,
            lambda index: index["environment"].update(secrets=["TOWER_KEY"]),
            ("variable-needed", "risky"),
        ),
        (
            lambda index: index["environment"].update(secrets=["TOWER_KEY"]),
            lambda index: None,
            ("variable-not-needed", "safe"),
        ),
        (lambda index: None, lambda index: index["product"].update(name="lamps"), ("product-replaced", "risky")),
        (lambda index: None, lambda index: index["platform"].update(name="inland"), ("platform-replaced", "risky")),
    ],
)
def test_a_field_of_the_index_is_one_finding(
    beacons: Resealed, before: Change, after: Change, expected: tuple[str, str]
) -> None:
    found = rules(beacons.with_index(before), beacons.with_index(after))
    assert [finding[:2] for finding in found] == [expected]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("orchestrator/dagster/jobs.yaml", b"a: 1\nb: {c: 2, d: 3}\n", b"# why\nb:\n  d: 3\n  c: 2\na: 1\n"),
        ("semantic_layer/cube/model.json", b'{"a":1,"b":[1,2]}', b'{\n "b": [1, 2],\n "a": 1\n}\n'),
        ("catalog/polaris/catalog.toml", b"[a]\nx = 1\ny = 2\n", b"[a]\n# why\ny = 2\nx = 1\n"),
        ("catalog/hive/hive.ini", b"[a]\nX = 1\ny = 2\n", b"; why\n[a]\ny = 2\nX=1\n"),
        (
            "orchestrator/dagster/definitions.py",
            b'"""Jobs."""\nimport dagster\n\ndef job():\n    return dagster.job(1)\n',
            b'"""All jobs."""\nimport dagster  # the tool\ndef job():\n    """One."""\n    return dagster.job( 1 )\n',
        ),
        (
            "deployment/all.yaml",
            b"kind: A\nmetadata: {name: x}\n---\nkind: B\nmetadata: {name: y}\n",
            b"kind: B\nmetadata: {name: y}\n---\n# the first\nkind: A\nmetadata: {name: x}\n",
        ),
        ("observability/notes.txt", b"as it was \n", b"as it was\n"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_means_the_same_is_the_same(beacons: Resealed, path: str, old: bytes, new: bytes) -> None:
    assert old != new
    assert rules(beacons.with_files({path: old}), beacons.with_files({path: new})) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "rule", "field"),
    [
        ("orchestrator/dagster/jobs.yaml", b"a: {b: 1}\n", b"a: {b: 2}\n", "file-changed", "a.b"),
        ("orchestrator/dagster/jobs.yaml", b"a: 2026-01-01\n", b"a: 2026-01-02\n", "file-changed", "a"),
        ("orchestrator/dagster/definitions.py", b"x = 1\n", b"x = 2\n", "file-changed", "syntax"),
        ("semantic_layer/cube/model.json", b'{"a":[1,2]}', b'{"a":[2,1]}', "file-changed", "a"),
        ("semantic_layer/cube/queries.sql", b"select 1\n", b"select 2\n", "file-changed", None),
        ("deployment/job.yaml", b"image: a:1\n", b"image: a:2\n", "deployment-changed", "image"),
        ("somebody/elses/broken.yaml", b"a: [1\n", b"a: [2\n", "file-changed", None),
        ("somebody/elses/broken.py", b"def (:\n", b"def [:\n", "file-changed", None),
    ],
)
def test_a_file_that_means_something_else_is_one_finding(
    beacons: Resealed, path: str, old: bytes, new: bytes, rule: str, field: str | None
) -> None:
    changes = diff_bundles(beacons.with_files({path: old}).bundle, beacons.with_files({path: new}).bundle)
    assert [(f.rule, f.field, f.object.id) for f in changes.findings] == [(rule, field, path)]


def test_what_a_newer_index_says_besides_is_never_missed(beacons: Resealed) -> None:
    one, other = beacons.with_index(lambda i: i["runtime"].update(profiles="profiles")), beacons
    assert rules(one, other) == []
    moved = beacons.with_files(
        {"settings/profiles.yml": beacons.files["profiles/profiles.yml"], "profiles/profiles.yml": None}
    ).with_index(lambda i: i["runtime"].update(profiles="settings"))
    assert rules(beacons, moved) == [
        ("not-known", "unknown", "index runtime.profiles: runtime.profiles: profiles → settings")
    ]


def test_a_policy_that_is_gone_is_not_satisfied(beacons: Resealed) -> None:
    def report(*policies: str) -> bytes:
        judged = [
            {"name": name, "severity": "warn", "parameters": {}, "failed": 0, "warned": 1, "waived": 0}
            for name in policies
        ]
        finding = {"policy": "tall", "verdict": "warned", "node": "model.beacons.days", "file": "models/marts/days.sql",
                   "line": 1, "message": "too short", "targets": ["dev"]}  # fmt: skip
        return PolicyReport.model_validate(
            {"outcome": "passed", "policies": judged, "findings": [finding] * len(policies)}
        ).written()

    one, other = (beacons.with_files({"reports/policy.json": report(*names)}) for names in (["tall"], []))
    assert [rule for rule, _, _ in rules(one, other)] == ["policy-removed"]


def test_files_come_and_go(beacons: Resealed) -> None:
    one, other = (
        beacons.with_files({"catalog/polaris/a.txt": b"a"}),
        beacons.with_files({"catalog/polaris/b.txt": b"b"}),
    )
    assert [rule for rule, _, _ in rules(one, other)] == ["file-removed", "file-added"] or [
        rule for rule, _, _ in rules(one, other)
    ] == ["file-added", "file-removed"]


def test_the_files_of_a_plugin_that_is_replaced_come_and_go_with_it(beacons: Resealed) -> None:
    one = beacons.with_index(plugin("catalog", name="polaris")).with_files({"catalog/polaris/a.txt": b"a"})
    other = beacons.with_index(plugin("catalog", name="glue")).with_files({"catalog/glue/b.txt": b"b"})
    assert [rule for rule, _, _ in rules(one, other)] == ["place-of-data-replaced"]


@pytest.mark.parametrize(
    "hostile",
    [
        b"".join([b"a: &a0 [x]\n", *(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40))]),
        b"".join(
            [b"a: &a0 {x: 1}\n", *(b"a%d: &a%d {<<: [*a%d, *a%d]}\n" % (n, n, n - 1, n - 1) for n in range(1, 40))]
        ),
        b"a: &a [*a]\n",
        b"[" * 5000 + b"]" * 5000,
        b"%TAG ! tag:x,2000:\n---\na: 1\n",
        b"a: .nan\nb: 123456789012345678901234567890\n",
        b"? {a: 1}\n: 2\n",
        b"\xff\xfe",
        b"a: !!python/object:os.system x\n",
    ],
)
def test_yaml_that_is_not_safe_to_read_is_compared_as_text(beacons: Resealed, hostile: bytes) -> None:
    path = "somebody/elses/file.yaml"
    found = rules(beacons.with_files({path: b"a: 1\n"}), beacons.with_files({path: hostile}))
    assert [(rule, level) for rule, level, _ in found] == [("file-changed", "unknown")]


def test_aliases_that_stay_small_are_written_out(beacons: Resealed) -> None:
    path = "somebody/elses/file.yaml"
    one, other = (
        beacons.with_files({path: b"a: &a {x: 1}\nb: *a\n"}),
        beacons.with_files({path: b"a: {x: 1}\nb: {x: 1}\n"}),
    )
    assert rules(one, other) == []


def test_json_that_is_nested_too_deeply_is_compared_as_text(beacons: Resealed) -> None:
    path = "somebody/elses/file.json"
    files = [{path: b"[" * 900 + number + b"]" * 900} for number in (b"1", b"2")]
    found = rules(beacons.with_files(files[0]), beacons.with_files(files[1]))
    assert [(rule, level) for rule, level, _ in found] == [("file-changed", "unknown")]


def test_a_policy_report_of_another_form_is_compared_as_a_whole(beacons: Resealed) -> None:
    other = beacons.with_files({"reports/policy.json": b'{"schema_version":"9.9"}'})
    assert [(rule, level) for rule, level, _ in rules(beacons, other)] == [("file-changed", "unknown")]


def test_a_profile_that_a_newer_plugin_renders_differently_is_a_finding(beacons: Resealed) -> None:
    other = beacons.replacing("profiles/profiles.yml", "threads: 2", "threads: 2\n      keepalives: 5")
    assert rules(beacons, other) == [("profile-changed", "risky", "profile dev: keepalives: unset → 5")]


def test_another_default_target_is_a_finding(beacons: Resealed) -> None:
    other = beacons.replacing("profiles/profiles.yml", "target: dev", "target: prod")
    assert [rule for rule, _, _ in rules(beacons, other)] == ["default-target-changed"]


def test_a_credential_in_a_profile_is_not_shown(beacons: Resealed) -> None:
    one, other = (
        beacons.replacing("profiles/profiles.yml", "threads: 2", f"threads: 2\n      password: {word}")
        for word in ("crow", "gull")
    )
    changes = diff_bundles(one.bundle, other.bundle)
    assert [(f.before, f.after) for f in changes.findings] == [("(hidden)", "(hidden)")]
    assert "crow" not in changes.model_dump_json() + "gull" * ("gull" in changes.model_dump_json())


def test_the_value_of_a_constant_that_dbt_calls_a_secret_is_not_shown(beacons: Resealed) -> None:
    one, other = (
        beacons.with_index(lambda index, word=word: index["environment"]["constants"].update(DBT_ENV_SECRET_KEY=word))
        for word in ("crow", "gull")
    )
    assert [(f.before, f.after) for f in diff_bundles(one.bundle, other.bundle).findings] == [("(hidden)", "(hidden)")]
