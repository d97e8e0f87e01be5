"""The review of duplicates in a browser: WCAG 2.2 AA, 320 px, and the keyboard alone, no script."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from running import running

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))
import duplicate_cases as cases
import web_cases
from duplicate_cases import CHAIN, LINKED, LOST, TWINS, WAITS

from uptake.identity.decisions import decisions
from uptake.web.views.duplicates.pairs import key_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from uptake.web.site import Site

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
AXE = Path(__file__).parent / "axe.min.js"
RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']"
PAGES = (
    "/patients/review", "/patients/review?queue=related&feed=ehr",
    *(f"/patients/review/{key_of(of)}" for of in (WAITS, TWINS, LINKED, LOST)),
)  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    cases.write_project(folder)
    web_cases.assess(folder)
    return folder


@pytest.fixture
def site(project: Path) -> Iterator[Site]:
    for path in project.glob("state.db*"):
        path.unlink()
    cases.write_pairs((project / "current").resolve(), passed=False)
    made = web_cases.make_site(project)
    yield made
    made.state.close()


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    with running(site) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A reviewer's browser that runs no script, at the first pair."""
    context = browser.new_context(
        viewport={"width": 1100, "height": 800}, java_script_enabled=False
    )
    opened = context.new_page()
    opened.goto(f"{address}/patients/review")
    opened.get_by_role("link", name="Judge the first").click()
    opened.locator("input[name=decision]:focus").wait_for()
    yield opened
    context.close()


def wrong(page: Page) -> list[object]:
    """Return what axe finds wrong with a page."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(f"axe.run({{runOnly: {RULES}}})")
    return [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]]


def type_name(page: Page, name: str) -> None:
    """Go to the name, sign, and send the form."""
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type(name)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("width", [1100, 360, 320])
def test_every_page_is_accessible_and_none_is_wider_than_the_screen(
    browser: Browser, address: str, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    for path in PAGES:
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        assert wrong(page) == [], path
    page.close()


def test_what_was_decided_and_what_was_refused_are_accessible(
    browser: Browser, address: str
) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto(f"{address}/patients/review/{key_of(WAITS)}")
    page.get_by_label("The same person").check()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("status").get_by_text("Kept: the same person").wait_for()
    assert wrong(page) == []
    page.get_by_role("link", name="Look at it again").click()
    page.get_by_role("heading", name="What was decided").wait_for()
    assert wrong(page) == []
    page.locator("[name=seen]").evaluate("field => { field.value = '0' }")
    page.get_by_label("Two different people").check()
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("alert").get_by_text("meanwhile").wait_for()
    assert wrong(page) == []
    page.close()


def test_three_pairs_are_judged_by_keyboard_alone(page: Page, site: Site) -> None:
    page.keyboard.press("Space")
    type_name(page, "Ada")
    page.get_by_text("Kept: the same person").wait_for()
    page.locator("input[name=decision]:focus").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_text("Kept: two different people").wait_for()
    page.locator("input[name=decision]:focus").wait_for()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.get_by_text("Kept: unsure").wait_for()
    assert page.get_by_text("1 pair waits for a decision").count() == 1
    kept = {d.records: (d.decision, d.by) for d in decisions(site.state)}
    assert kept == {
        WAITS.records: ("same", "Ada"),
        LOST.records: ("different", "Ada"),
        CHAIN.records: ("unsure", "Ada"),
    }


def test_enter_alone_decides_nothing(page: Page, site: Site) -> None:
    for _ in range(3):
        page.keyboard.press("Enter")
    assert page.url.endswith(key_of(WAITS))
    assert decisions(site.state) == ()


def test_a_number_chooses_where_the_browser_has_access_keys(page: Page) -> None:
    keys = page.locator("input[name=decision]").evaluate_all("all => all.map(i => i.accessKey)")
    assert keys == ["1", "2", "3", "4"]


def test_the_records_and_the_form_are_seen_together(page: Page) -> None:
    for what in (page.get_by_role("cell", name="1961-04-02"), page.get_by_label("Your name")):
        box = what.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 800
