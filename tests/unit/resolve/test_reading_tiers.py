"""extends: by path or path and digest, over any number of tiers, and never out of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from floe_compiler.digests import digest
from floe_compiler.load import load
from floe_compiler.store.layout import Store
from tests.unit.resolve.products import decided, refusal, refusals, values, write_product, write_tier


def test_a_platform_has_any_number_of_tiers(tmp_path: Path) -> None:
    bodies = [f"plugins: {{compute: {{use: duckdb, config: {{threads: {i + 1}}}}}}}" for i in range(12)]
    resolved = decided(write_product(tmp_path, *bodies))
    assert resolved.platform.metadata.name == "tier11"
    assert values(resolved, "plugins.compute.config.threads") == list(range(12, 0, -1))


def test_a_parent_need_not_be_complete(tmp_path: Path) -> None:
    resolved = decided(write_product(tmp_path, "", "targets: {dev: {compute: duckdb}}"))
    assert [target.name for target in resolved.targets] == ["dev"]


def test_a_tier_may_lie_anywhere_in_the_repository(tmp_path: Path) -> None:
    (tmp_path / "group" / "deep").mkdir(parents=True)
    write_tier(tmp_path / "group" / "deep", 0, "default_target: dev")
    write_tier(tmp_path, 1, "", extends="group/deep/tier0.yaml")
    assert decided(write_product(tmp_path, platform="../tier1.yaml")).platform.default_target == "dev"


@pytest.mark.parametrize("pinned", ["platform", "extends"])
def test_a_pinned_file_is_read_as_long_as_its_bytes_are_the_same(tmp_path: Path, pinned: str) -> None:
    above = write_tier(tmp_path, 0, "")
    pin = f"{{path: tier0.yaml, digest: '{digest(above.read_bytes())}'}}"
    if pinned == "platform":
        product = write_product(tmp_path, platform=pin.replace("tier0", "../tier0"))
        place = "floe.yaml:4:"
    else:
        write_tier(tmp_path, 1, "", extends=pin)
        product = write_product(tmp_path, platform="../tier1.yaml")
        place = "tier1.yaml:4:"
    decided(product)

    above.write_text(above.read_text() + "# moved silently\n")
    problem = refusal(product)
    assert problem.code == "FLOE-L068"
    assert place in str(problem.where)
    assert digest(above.read_bytes()) in str(problem.hint)


def test_a_pinned_file_is_not_parsed_before_its_digest_is_known_to_be_right(tmp_path: Path) -> None:
    pin = f"{{path: ../tier0.yaml, digest: '{digest(b'another file')}'}}"
    (tmp_path / "tier0.yaml").write_bytes(b"{{{ not yaml")
    assert refusal(write_product(tmp_path, platform=pin)).code == "FLOE-L068"


def test_a_missing_parent_is_refused_at_the_line_that_names_it(tmp_path: Path) -> None:
    write_tier(tmp_path, 1, "", extends="tierO.yaml")
    (tmp_path / "tier0.yaml").touch()
    problem = refusal(write_product(tmp_path, platform="../tier1.yaml"))
    assert (problem.code, problem.where and problem.where.line) == ("FLOE-L001", 4)
    assert "Did you mean `tier0.yaml`?" in str(problem.hint)


@pytest.mark.parametrize("circle", [("tier0.yaml",), ("tier1.yaml", "tier0.yaml"), ("./x/../tier0.yaml",)])
def test_a_circle_is_refused_and_shown(tmp_path: Path, circle: tuple[str, ...]) -> None:
    (tmp_path / "x").mkdir()
    for i, above in enumerate(circle):
        write_tier(tmp_path, i, "", extends=above)
    problem = refusal(write_product(tmp_path, platform="../tier0.yaml"))
    assert problem.code == "FLOE-L066"
    assert problem.message.count("tier0.yaml") == 2


def test_a_circle_through_a_link_is_refused(tmp_path: Path) -> None:
    write_tier(tmp_path, 0, "", extends="linked.yaml")
    (tmp_path / "linked.yaml").symlink_to("tier0.yaml")
    assert refusal(write_product(tmp_path, platform="../tier0.yaml")).code == "FLOE-L066"


def test_no_tier_lies_outside_of_the_repository(tmp_path: Path) -> None:
    write_tier(tmp_path, 0, "")
    repository = tmp_path / "repository"
    repository.mkdir()
    write_tier(repository, 1, "", extends="../tier0.yaml")
    problem = refusal(write_product(repository, platform="../tier1.yaml"))
    assert (problem.code, problem.where and problem.where.line) == ("FLOE-L067", 4)
    assert refusal(write_product(repository, platform="../../tier0.yaml")).code == "FLOE-L067"


def test_a_link_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    write_tier(tmp_path, 0, "")
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "tier.yaml").symlink_to("../tier0.yaml")
    assert refusal(write_product(repository, platform="../tier.yaml")).code == "FLOE-L067"


def test_without_a_repository_there_is_no_such_limit(tmp_path: Path) -> None:
    write_tier(tmp_path, 0, "")
    product = write_product(tmp_path / "here", platform="../../tier0.yaml")
    (tmp_path / "here" / ".git").rmdir()
    decided(product)


def test_the_git_file_of_a_worktree_marks_a_repository_too(tmp_path: Path) -> None:
    write_tier(tmp_path, 0, "")
    product = write_product(tmp_path / "here", platform="../../tier0.yaml")
    (tmp_path / "here" / ".git").rmdir()
    (tmp_path / "here" / ".git").write_text("gitdir: elsewhere\n")
    assert refusal(product).code == "FLOE-L067"


@pytest.mark.parametrize("path", ["/etc/platform.yaml", "C:\\\\platform.yaml"])
def test_an_absolute_path_is_refused(tmp_path: Path, path: str) -> None:
    write_tier(tmp_path, 1, "", extends=f'"{path}"')
    assert refusal(write_product(tmp_path, platform="../tier1.yaml")).code == "FLOE-L065"


def test_what_is_wrong_with_a_parent_is_shown_in_the_parent(tmp_path: Path) -> None:
    product = write_product(tmp_path, "plugins: {comptue: duckdb}", "")
    problem = refusal(product)
    assert problem.code == "FLOE-L051"
    assert str(problem.where).endswith("tier0.yaml:4:11")


def test_duplicate_keys_of_a_parent_are_refused(tmp_path: Path) -> None:
    codes = [p.code for p in refusals(write_product(tmp_path, "default_target: dev\ndefault_target: prod", ""))]
    assert codes == ["FLOE-L024"]


def test_every_file_that_was_read_is_an_input(tmp_path: Path) -> None:
    product = write_product(tmp_path, "", "", "")
    documents = load(product, Store(tmp_path / "store"))
    files = [product / "floe.yaml", *(tmp_path / f"tier{i}.yaml" for i in (2, 1, 0))]
    assert documents.inputs == tuple(str(file) for file in files)
    assert documents.digests == tuple(digest(file.read_bytes()) for file in files)
    assert len(documents.names) == len(files)
