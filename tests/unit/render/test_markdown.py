"""markdown: a comment that GitHub takes, that fits a screen before it is unfolded, and in which no name does harm."""

from __future__ import annotations

import re

import pytest

from floe_compiler.diff.render.markdown import LIMIT, marker, render
from floe_compiler.diff.render.mermaid import MOST_NODES, flowchart, left_out
from floe_compiler.model.change_set import ChangeSet
from tests.change_sets import GRAPH, change_set, hostile, large, report


def test_the_first_line_is_a_marker_of_the_product_and_nothing_else() -> None:
    before, after = render(report()), render(report(change_set([])))
    assert before.splitlines()[0] == after.splitlines()[0] == marker("bakery") == "<!-- floe diff: bakery -->"
    assert marker("a --> <b>") == "<!-- floe diff: a_--___b_ -->"


def test_a_screen_of_summary_comes_before_what_is_folded() -> None:
    summary = render(report(large(500, 500))).split("<details>")[0]
    assert len(summary.splitlines()) < 25
    assert "500 risky" in summary
    assert "and 492 more below." in summary


def test_what_is_folded_begins_after_an_empty_line() -> None:
    assert re.search(r"[^\n]\n<details>", render(report()).replace("</details>\n", "")) is None


@pytest.mark.parametrize("changes", [large(10, 10), large(900, 900), large(4_000, 4_000), hostile()])
def test_a_comment_fits_and_is_whole(changes: ChangeSet) -> None:
    written = render(report(changes))
    assert len(written.encode()) < LIMIT
    assert written.count("<details>") == written.count("</details>")
    assert written.count("```mermaid\n") == 1
    assert len(re.findall(r"^```$", written, re.M)) == 1


def test_what_did_not_fit_is_counted() -> None:
    written = render(report(large(4_000, 4_000)))
    shown = len(re.findall(r"^- ", written, re.M))
    assert f"\n{4_000 - shown:,} findings did not fit here." in written


def test_a_hostile_name_stays_in_its_code_span() -> None:
    """What is left without code spans and comments is text of ours."""
    written = render(report(hostile())).split("```mermaid")
    text = written[0] + written[1].split("\n```\n", 1)[1]
    outside = re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", text)
    assert "hostile" not in outside
    assert "javascript" not in outside
    assert "</script>" not in outside


def test_the_lineage_is_a_chart_of_what_changed_and_what_it_hits() -> None:
    assert flowchart(GRAPH).splitlines()[:8] == [
        "flowchart LR",
        '  n0(["board"]):::impacted',
        '  n1["+ crumbs"]:::safe',
        '  n2["~ loaves"]:::breaking',
        '  n3["~ sales"]:::risky',
        '  n4["sales_by_day"]:::impacted',
        '  n5[("raw_loaves")]:::unchanged',
        "  n2 --> n3",
    ]


def test_a_large_lineage_is_cut_to_what_is_looked_for() -> None:
    graph = large(500, 3).graph
    chart = flowchart(graph)
    assert len(re.findall(r"^  n\d+\[", chart, re.M)) == MOST_NODES
    assert left_out(graph) == 500 - MOST_NODES
    assert all(f"model_0000{number}" in chart for number in range(3))


def test_a_name_means_nothing_to_mermaid() -> None:
    chart = flowchart(hostile().graph)
    assert re.fullmatch(
        r'flowchart LR\n(  n\d+\["[\w .,/~+#;-]+"\]:::\w+\n)+(  n\d+ --> n\d+\n)+(  classDef [^\n]+\n?)+', chart
    )
