"""dependencies: on bundles of other products, by path or digest; never in a circle, never on what is not there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from floe_compiler.canonical import canonical_bytes, digest
from floe_compiler.load import load
from floe_compiler.model.bundle import CompiledArtifacts
from floe_compiler.model.frozen import FrozenBundle
from floe_compiler.pipeline import compile_product, decide_product, load_bundle
from floe_compiler.resolve import ResolvedDependency
from floe_compiler.store.export import export_archive, export_folder
from floe_compiler.store.layout import Store, prepare
from floe_compiler.store.publish import publish
from tests.bundles import FILES, MANIFEST, index_value
from tests.unit.resolve.products import BUILDS, decided, refusal, refusals, write_product

MODELS = {"customers": "public", "customer_history": "protected", "raw_customers": "private"}


def bundle_of(
    name: str, builds_on: Mapping[str, str] | None = None, models: Mapping[str, str] = MODELS
) -> FrozenBundle:
    """A sealed bundle of a product with these models, by access, on bundles of others, by digest."""
    nodes = {
        f"model.{name}.{model}": {"resource_type": "model", "name": model, "access": access}
        for model, access in models.items()
    }
    nodes[f"seed.{name}.countries"] = {"resource_type": "seed", "name": "countries"}
    files = {**FILES, MANIFEST: json.dumps({"nodes": nodes}).encode()}
    value = index_value(files)
    value["product"]["name"] = name
    value["dependencies"] = [{"name": other, "digest": found} for other, found in sorted((builds_on or {}).items())]
    index_bytes = canonical_bytes(value)
    return FrozenBundle(digest(index_bytes), CompiledArtifacts.model_validate(value), index_bytes, files)


def depending(folder: Path, *entries: str) -> Path:
    """A product, `orders`, with these dependencies."""
    return write_product(folder, "", floe=f"{BUILDS}\ndependencies: [{', '.join(entries)}]")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Where `floe` looks when no store is named."""
    found = Store(tmp_path / "product" / ".floe")
    found.root.parent.mkdir()
    prepare(found)
    return found


def test_a_dependency_is_a_folder_an_archive_or_a_digest_in_the_store(tmp_path: Path, store: Store) -> None:
    folder, archive, published = bundle_of("a"), bundle_of("b"), bundle_of("c")
    export_folder(folder, tmp_path / "a")
    export_archive(archive, tmp_path / "b.tar")
    publish(store, published)
    product = depending(
        tmp_path,
        f'{{name: c, bundle: "{published.digest}"}}',
        "{name: b, bundle: ../b.tar}",
        "{name: a, bundle: ../a}",
    )
    bundles = (folder, archive, published)
    expected = tuple(ResolvedDependency(bundle.index.product.name, bundle.digest) for bundle in bundles)
    assert decided(product).dependencies == expected


def test_another_store_may_hold_it(tmp_path: Path) -> None:
    shared = Store(tmp_path / "shared")
    prepare(shared)
    bundle = bundle_of("a")
    publish(shared, bundle)
    product = depending(tmp_path, f'{{name: a, bundle: "{bundle.digest}"}}')
    assert decide_product(product, store=shared)[0].dependencies == (ResolvedDependency("a", bundle.digest),)
    assert refusal(product).code == "FLOE-L072"


def test_what_is_read_of_it_is_an_input(tmp_path: Path, store: Store) -> None:
    folder, archive = bundle_of("a"), bundle_of("b")
    export_folder(folder, tmp_path / "a")
    export_archive(archive, tmp_path / "b.tar")
    product = depending(tmp_path, "{name: a, bundle: ../a}", "{name: b, bundle: ../b.tar}")
    documents = load(product, store)
    assert documents.inputs[-2:] == (str(tmp_path / "a" / "compiled_artifacts.json"), str(tmp_path / "b.tar"))
    assert documents.digests[-2:] == (folder.digest, digest((tmp_path / "b.tar").read_bytes()))


@pytest.mark.parametrize("bundle", ["../nothing", "sha256:" + "0" * 64])
def test_a_bundle_that_is_not_there_is_refused_at_its_line(tmp_path: Path, bundle: str) -> None:
    problem = refusal(depending(tmp_path, f'{{name: a, bundle: "{bundle}"}}'))
    assert problem.code == "FLOE-L072"
    assert "floe.yaml:6:" in str(problem.where)


def test_a_damaged_bundle_is_refused_at_its_line(tmp_path: Path) -> None:
    export_folder(bundle_of("a"), tmp_path / "a")
    (tmp_path / "a" / MANIFEST).write_bytes(b"{}")
    problem = refusal(depending(tmp_path, "{name: a, bundle: ../a, models: [customers]}"))
    assert problem.code == "FLOE-V008"
    assert "floe.yaml:6:" in str(problem.where)
    assert "`a`" in problem.message


def test_another_bundle_under_a_digest_is_refused(tmp_path: Path, store: Store) -> None:
    asked, other = bundle_of("a"), bundle_of("a", models={})
    export_folder(other, store.bundle(asked.digest))
    assert refusal(depending(tmp_path, f'{{name: a, bundle: "{asked.digest}"}}')).code == "FLOE-V012"


def test_another_products_bundle_is_refused(tmp_path: Path) -> None:
    export_folder(bundle_of("b"), tmp_path / "b")
    problem = refusal(depending(tmp_path, "{name: a, bundle: ../b}"))
    assert (problem.code, "`b`" in problem.message) == ("FLOE-R040", True)


def test_a_product_cannot_build_on_itself(tmp_path: Path) -> None:
    export_folder(bundle_of("orders"), tmp_path / "orders")
    problem = refusal(depending(tmp_path, "{name: orders, bundle: ../orders}"))
    assert problem.code == "FLOE-R041"
    assert "orders -> orders" in problem.message


def test_a_circle_over_others_is_refused_and_shown(tmp_path: Path, store: Store) -> None:
    earlier = bundle_of("orders")
    payments = bundle_of("payments", {"orders": earlier.digest})
    customers = bundle_of("customers", {"payments": payments.digest})
    publish(store, payments)
    publish(store, customers)
    problem = refusal(depending(tmp_path, f'{{name: customers, bundle: "{customers.digest}"}}'))
    assert problem.code == "FLOE-R041"
    assert "orders -> customers -> payments -> orders" in problem.message


def test_a_circle_is_seen_among_bundles_that_lie_side_by_side(tmp_path: Path) -> None:
    earlier = bundle_of("orders")
    payments = bundle_of("payments", {"orders": earlier.digest})
    customers = bundle_of("customers", {"payments": payments.digest})
    for bundle in (payments, customers):
        export_folder(bundle, tmp_path / "shelf" / bundle.digest.replace(":", "-"))
    path = f"../shelf/{customers.digest.replace(':', '-')}"
    assert refusal(depending(tmp_path, f"{{name: customers, bundle: {path}}}")).code == "FLOE-R041"


def test_products_that_share_a_dependency_are_no_circle(tmp_path: Path, store: Store) -> None:
    calendar = bundle_of("calendar")
    customers = bundle_of("customers", {"calendar": calendar.digest})
    for bundle in (calendar, customers):
        publish(store, bundle)
    entries = [f'{{name: {b.index.product.name}, bundle: "{b.digest}"}}' for b in (customers, calendar)]
    assert len(decided(depending(tmp_path, *entries)).dependencies) == 2


def test_models_that_are_there_and_open_may_be_read(tmp_path: Path) -> None:
    export_folder(bundle_of("a"), tmp_path / "a")
    decided(depending(tmp_path, "{name: a, bundle: ../a, models: [customers, customer_history]}"))


def test_a_missing_model_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    export_folder(bundle_of("a"), tmp_path / "a")
    problem = refusal(depending(tmp_path, "{name: a, bundle: ../a, models: [customers, custommers_history]}"))
    assert problem.code == "FLOE-R042"
    assert "did you mean `customer_history`?" in problem.message
    assert "custommers" in str(problem.where and problem.where.text)


def test_a_seed_is_no_model(tmp_path: Path) -> None:
    export_folder(bundle_of("a"), tmp_path / "a")
    assert refusal(depending(tmp_path, "{name: a, bundle: ../a, models: [countries]}")).code == "FLOE-R042"


def test_a_private_model_is_refused(tmp_path: Path) -> None:
    export_folder(bundle_of("a"), tmp_path / "a")
    assert refusal(depending(tmp_path, "{name: a, bundle: ../a, models: [raw_customers]}")).code == "FLOE-R043"


def test_a_product_named_twice_is_refused(tmp_path: Path) -> None:
    export_folder(bundle_of("a"), tmp_path / "a")
    export_folder(bundle_of("a", models={}), tmp_path / "other")
    problem = refusal(depending(tmp_path, "{name: a, bundle: ../a}", "{name: a, bundle: ../other}"))
    assert problem.code == "FLOE-R044"


def test_every_faulty_dependency_is_reported_at_once(tmp_path: Path) -> None:
    product = depending(tmp_path, "{name: a, bundle: ../a}", "{name: b, bundle: ../b}")
    assert [problem.code for problem in refusals(product)] == ["FLOE-L072", "FLOE-L072"]


def test_what_a_product_builds_on_is_sealed_and_another_bundle_of_it_makes_another(tmp_path: Path) -> None:
    product, sealed = depending(tmp_path, "{name: a, bundle: ../a}"), set()
    for bundle in (bundle_of("a"), bundle_of("a", models={})):
        shutil.rmtree(tmp_path / "a", ignore_errors=True)
        export_folder(bundle, tmp_path / "a")
        compiled = compile_product(product)
        assert not compiled.cached
        assert compile_product(product).cached
        index = load_bundle(compiled.path).index
        assert [(d.name, d.digest) for d in index.dependencies] == [("a", bundle.digest)]
        sealed.add(compiled.digest)
    assert len(sealed) == 2
