"""Pages in a browser: WCAG 2.2 AA, the keyboard, 320 px, nothing asked of anybody outside."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from running import running

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))
import web_cases as cases

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
AXE = Path(__file__).parent / "axe.min.js"
RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']"
PAGES = (
    "/", "/use-cases/care-gap-closure", "/use-cases/care-gap-closure/fit",
    "/use-cases/care-gap-closure/defined", "/findings", "/findings/COD-01", "/feeds",
    "/patients/review", "/mappings", "/feedback", "/feedback/new", "/nope", "/adoption",
    "/adoption?use_case=care-gap-closure", "/checks", "/checks/COD-10", "/feeds/lab",
    "/visits", "/authorizations",
)  # fmt: skip


@pytest.fixture(scope="module")
def address(made_once: cases.MadeOnce, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("project")
    cases.copy_assessed(made_once, folder)
    cases.assess(folder)  # a second run: trends are drawn
    site = cases.make_site(folder)
    with running(site) as served:
        yield served
    site.assessing.stop()
    site.state.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


def opened(browser: Browser, url: str, width: int) -> tuple[Any, list[str], list[str]]:
    """Return a page, the addresses it asked for, and what its console says is wrong."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.goto(url)
    return page, asked, wrong


@pytest.mark.parametrize("width", [1100, 360, 320])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_and_asks_nobody_outside(
    browser: Browser, address: str, path: str, width: int
) -> None:
    page, asked, wrong = opened(browser, address + path, width)
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    page.evaluate(AXE.read_text())
    found = page.evaluate(f"axe.run({{runOnly: {RULES}}})")
    page.close()
    assert over <= 0
    assert [url for url in asked if not url.startswith(address)] == []
    assert [text for text in wrong if "404" not in text] == []
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []


def test_the_keyboard_skips_to_the_content_and_opens_a_stage(
    browser: Browser, address: str
) -> None:
    page, _, _ = opened(browser, address, 1100)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.chain') !== null"):
            break
    style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert style == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/use-cases/*/defined")
    page.close()


def test_assess_again_says_how_far_it_is_and_when_it_is_done(
    browser: Browser, address: str
) -> None:
    page, asked, wrong = opened(browser, f"{address}/mappings", 1100)
    page.get_by_role("button", name="Assess again").click()
    page.get_by_role("status").get_by_text("The run is done.").wait_for(timeout=60_000)
    assert sum(url.endswith("/runs/progress") for url in asked) >= 1
    assert wrong == []
    page.close()
