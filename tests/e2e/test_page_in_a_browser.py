"""`floe diff --format html` in a real browser: what is clicked, typed and pressed shows what it should."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from floe_compiler.diff.render.html import render
from floe_compiler.model.change_set import ChangeSet
from tests.browser import WHY_NO_BROWSER, browser
from tests.change_sets import EVERYTHING, GRAPH, change_set, hostile, large, report

pytestmark = [pytest.mark.tools, pytest.mark.skipif(bool(WHY_NO_BROWSER), reason=WHY_NO_BROWSER)]


@pytest.fixture(scope="module")
def window() -> Iterator[Chrome]:
    with browser() as driver:
        yield driver


class Page:
    """The page, as somebody in front of it sees it."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def seen(self, selector: str) -> list[WebElement]:
        return [element for element in self.all(selector) if element.is_displayed()]

    def node(self, name: str) -> WebElement:
        return next(node for node in self.all(".node") if f" {name}:" in (node.get_dom_attribute("aria-label") or ""))

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def cards(self) -> list[str]:
        """The titles of the findings that are seen."""
        return [card.find_element(By.CSS_SELECTOR, ".title").text.split(" on ")[0] for card in self.seen(".finding")]

    def with_class(self, name: str) -> set[str]:
        """The names of the nodes that have a class."""
        return {text.text for text in self.all(f".node.{name} text:nth-of-type(2)")}

    def run(self, script: str) -> Any:
        return self.driver.execute_script(f"return {script}")


Open = Callable[..., Page]


@pytest.fixture
def page(window: Chrome, tmp_path: Path) -> Open:
    """Opens the page of a change set."""

    def opened(changes: ChangeSet | None = None) -> Page:
        file = tmp_path / "page.html"
        file.write_text(render(report(changes)), encoding="utf-8")
        window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
        window.set_window_size(1500, 1000)
        window.get_log("browser")
        window.get(file.as_uri())
        return Page(window)

    return opened


def test_the_page_asks_nobody_for_anything_and_complains_of_nothing(page: Open, window: Chrome) -> None:
    shown = page()
    assert shown.run("performance.getEntriesByType('resource').length") == 0
    assert window.get_log("browser") == []


def test_findings_are_listed_by_risk(page: Open) -> None:
    shown = page()
    assert [level.text.lower() for level in shown.seen(".level h2")] == [
        "breaking", "risky", "unknown", "safe", "acknowledged",
    ]  # fmt: skip
    open_findings = [finding.title for finding in EVERYTHING if not finding.acknowledged]
    assert shown.cards() == open_findings


def test_a_click_on_a_node_shows_what_it_is_and_what_hangs_on_it(page: Open) -> None:
    shown = page()
    assert not shown.one(".panel").is_displayed()
    shown.node("sales").click()
    panel = shown.one(".panel").text
    assert "sales" in panel
    assert "changed, risky" in panel
    assert "models/sales.sql" in panel
    assert "macro grams: sql changed" in panel
    assert "Reads (1)\nloaves" in panel
    assert "Read by (1)\nsales_by_day" in panel
    assert "2 nodes downstream in all" in panel
    assert shown.with_class("chosen") == {"sales"}
    assert shown.with_class("near") == {"raw_loaves", "loaves", "sales", "sales_by_day", "board"}
    dimmed = shown.node("crumbs").value_of_css_property("opacity")
    assert float(dimmed) < 0.5 < float(shown.node("loaves").value_of_css_property("opacity"))


def test_names_in_the_panel_lead_from_node_to_node(page: Open) -> None:
    shown = page()
    shown.node("sales").click()
    next(link for link in shown.seen(".panel .node-link") if link.text == "sales_by_day").click()
    assert shown.one(".panel h2").text.endswith("sales_by_day")
    assert shown.with_class("chosen") == {"sales_by_day"}


def test_a_click_on_a_finding_shows_its_nodes(page: Open) -> None:
    shown = page()
    macro = next(card for card in shown.seen(".finding") if "Macro changed" in card.text)
    macro.find_element(By.CSS_SELECTOR, ".title").click()
    assert shown.with_class("chosen") == {"sales"}
    assert "chosen" in str(macro.get_dom_attribute("class"))


def test_search_leaves_what_was_searched_for(page: Open) -> None:
    shown = page()
    shown.one("#search").send_keys("desk@bakery")
    assert shown.cards() == ["Column removed from a contract"]
    assert shown.one("#counter").text == "1 of 6"
    assert "loaves" in shown.with_class("found")
    shown.one("#search").clear()
    shown.one("#search").send_keys("crumbs")
    assert shown.cards() == ["Something new"]
    assert shown.with_class("found") == {"crumbs"}
    shown.one("#search").send_keys(Keys.ESCAPE)
    assert len(shown.cards()) == 5
    assert shown.one("#counter").text == "6 findings"


def test_a_search_opens_the_groups_in_which_it_finds(page: Open) -> None:
    shown = page()
    shown.one("#search").send_keys("ana@bakery")
    shown.one("#search").clear()
    shown.one("#search").send_keys("unique_loaves_id")
    assert shown.cards() == ["Test removed"]


def test_levels_are_switched_off_and_on(page: Open) -> None:
    shown = page()
    chip = shown.one(".chip.risky")
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"
    assert "SQL changed" not in shown.cards()
    assert len(shown.cards()) == 3
    chip.click()
    assert len(shown.cards()) == 5


def test_everything_is_done_by_keyboard(page: Open) -> None:
    shown = page()
    shown.press("/", "grams")
    assert shown.cards() == ["Macro changed"]
    shown.press(Keys.ESCAPE, "j")
    focused = shown.driver.switch_to.active_element
    assert "Column removed from a contract" in focused.text
    assert shown.with_class("chosen") == {"loaves"}
    shown.press("j")
    assert "SQL changed" in shown.driver.switch_to.active_element.text
    shown.press("k")
    assert shown.driver.switch_to.active_element == focused

    shown.node("loaves").click()
    for key, name in ((Keys.ARROW_RIGHT, "crumbs"), (Keys.ARROW_DOWN, "sales"), (Keys.ARROW_LEFT, "loaves")):
        shown.press(key)
        assert shown.with_class("chosen") == {name} or name == "crumbs"
    shown.press(Keys.ESCAPE)
    assert shown.with_class("chosen") == set()
    tab_stops = [node for node in shown.all(".node") if node.get_dom_attribute("tabindex") == "0"]
    assert len(tab_stops) == 1, "the lineage is one stop on the way through the page"


def test_the_lineage_is_zoomed(page: Open) -> None:
    shown = page(large(300, 5))
    before = shown.one(".canvas svg").size["width"]
    shown.one("#closer").click()
    assert shown.one(".canvas svg").size["width"] > before
    shown.one("#whole").click()
    assert shown.one(".canvas svg").size["width"] <= shown.one(".canvas").size["width"]


def test_a_large_lineage_begins_at_what_changed(page: Open) -> None:
    shown = page(large(300, 1))
    canvas, node = shown.one(".canvas").rect, shown.node("model_00000").rect
    assert canvas["x"] <= node["x"] <= canvas["x"] + canvas["width"]
    assert canvas["y"] <= node["y"] <= canvas["y"] + canvas["height"]


def test_no_two_nodes_touch(page: Open) -> None:
    shown = page(large(120, 3))
    boxes = shown.run("[...document.querySelectorAll('.node rect')].map((r) => r.getBoundingClientRect().toJSON())")
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            beside = one["right"] <= other["left"] or other["right"] <= one["left"]
            assert beside or one["bottom"] <= other["top"] or other["bottom"] <= one["top"]


def test_names_fit_into_their_boxes(page: Open) -> None:
    shown = page()
    too_wide = """[...document.querySelectorAll('.node')].filter((node) => {
      const box = node.querySelector('rect').getBoundingClientRect();
      return [...node.querySelectorAll('text')].some((t) => t.getBoundingClientRect().right > box.right);
    }).length"""
    assert shown.run(too_wide) == 0


def test_hostile_names_are_text(page: Open, window: Chrome) -> None:
    window.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument",
        {"source": "window.hostile = () => { document.title = 'taken over'; }"},
    )
    shown = page(hostile())
    shown.all(".node")[0].click()
    shown.press("j")
    assert "</script><script>hostile()" in shown.one(".panel").text
    assert shown.driver.title == "floe diff: bakery"
    assert shown.all("img") == []
    assert len(shown.all("script")) == 2
    assert [a.get_attribute("href") for a in shown.all("a") if "javascript" in str(a.get_attribute("href"))] == []
    assert window.get_log("browser") == []


def test_the_page_lets_no_other_script_run(page: Open, window: Chrome) -> None:
    shown = page()
    shown.driver.execute_script(
        "const s = document.createElement('script'); s.textContent = 'document.title = 1'; document.body.append(s)"
    )
    assert shown.driver.title == "floe diff: bakery"
    assert any("Content Security Policy" in entry["message"] for entry in window.get_log("browser"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_are_readable_in_light_and_in_dark(page: Open, window: Chrome, scheme: str) -> None:
    shown = page()
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": features})
    shown.node("sales").click()
    assert (shown.run("getComputedStyle(document.body).backgroundColor") == "rgb(251, 250, 248)") is (scheme == "light")
    poor = shown.driver.execute_script(_CONTRAST)
    assert poor == [], "WCAG 2.2 asks for 4.5"


def test_paper_has_everything_and_no_controls(page: Open, window: Chrome) -> None:
    shown = page()
    window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    shown.run("dispatchEvent(new Event('beforeprint'))")
    assert not shown.one("#search").is_displayed()
    assert len(shown.cards()) == 6
    assert all(lines.is_displayed() for lines in shown.all(".lines"))
    pdf = base64.b64decode(window.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.3, "paperHeight": 11.7})["data"])
    assert pdf.startswith(b"%PDF")


def test_a_narrow_screen_needs_no_scrolling_sideways(page: Open, window: Chrome) -> None:
    shown = page()
    window.set_window_size(520, 900)
    assert shown.run("document.documentElement.scrollWidth <= innerWidth")


def test_a_page_without_a_graph_or_without_findings_works(page: Open, window: Chrome) -> None:
    empty = GRAPH.model_copy(update={"nodes": (), "edges": ()})
    shown = page(change_set(EVERYTHING, empty))
    shown.press("j")
    assert "chosen" in str(shown.seen(".finding")[0].get_dom_attribute("class"))
    assert page(change_set([], empty)).one(".nothing").text == "Nothing will run differently."
    assert window.get_log("browser") == []


_CONTRAST = """
const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = (element) => {
  for (; element; element = element.parentElement) {
    const colour = parts(getComputedStyle(element).backgroundColor);
    if (colour[3] !== 0) return colour;
  }
  return [255, 255, 255];
};
const words = "h1, h2, h3, p, dt, dd, code, small, summary, button, del, ins, a, li, span, output";
return [...document.querySelectorAll(words)]
  .filter((e) => e.checkVisibility() && !e.disabled && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
  .map((e) => {
    const one = light(parts(getComputedStyle(e).color)), other = light(behind(e));
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    return [ratio, e.tagName, e.className, e.textContent.trim()];
  })
  .filter(([ratio]) => ratio < 4.5)
  .map(([ratio, ...rest]) => [ratio.toFixed(1), ...rest].join(" "));
"""
