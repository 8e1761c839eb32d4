"""Every link leads somewhere: to a file, and to a heading in it."""

from __future__ import annotations

import pytest

from tests.docs.pages import DOCS, ROOT, Page, pages

ELSEWHERE = ("https://", "mailto:")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_resolve(page: Page) -> None:
    lost = []
    for link in page.links:
        if link.startswith(ELSEWHERE):
            continue
        path, _, fragment = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        if (
            not target.exists()
            or not target.is_relative_to(ROOT)
            or (fragment and fragment not in Page(target).anchors)
        ):
            lost.append(link)
    assert not lost


def test_the_index_leads_to_every_page_within_two_clicks() -> None:
    index = Page(DOCS / "README.md")
    reached = {index.path, *_targets(index)}
    reached |= {target for path in reached if path.suffix == ".md" for target in _targets(Page(path))}
    assert [page.name for page in pages() if page.path.is_relative_to(DOCS) and page.path not in reached] == []


def _targets(page: Page) -> set[object]:
    paths = (link.partition("#")[0] for link in page.links if not link.startswith(ELSEWHERE))
    return {(page.path.parent / path).resolve() for path in paths if path}
