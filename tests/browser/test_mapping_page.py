"""Mappings by keyboard, without scripts, on a phone's width."""

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
import web_cases as cases

from uptake.terminology.mappings import decisions

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from uptake.web.site import Site

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


@pytest.fixture(scope="module")
def site(made_once: cases.MadeOnce, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("mappings")
    cases.copy_assessed(made_once, folder)
    made = cases.make_site(folder)
    yield made
    made.state.close()


@pytest.fixture(scope="module")
def page(site: Site) -> Iterator[Page]:
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium")
    from playwright.sync_api import sync_playwright

    with running(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": 320, "height": 700}, java_script_enabled=False
        )
        opened = context.new_page()
        opened.goto(f"{address}/mappings")
        yield opened
        browser.close()


def test_a_suggestion_is_approved_by_keyboard_alone(page: Page, site: Site) -> None:
    chosen = page.locator("input[type=radio][value='http://loinc.org|4548-4']")
    chosen.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert chosen.is_checked()
    decision = page.get_by_label("Decision on").first
    decision.focus()
    page.keyboard.type("Approve")
    page.get_by_label("Your name").focus()
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    page.get_by_text("approved by").wait_for()
    assert page.get_by_text("1 code approved since").count() == 1
    (kept,) = decisions(site.state)
    assert (kept.mapping.target_code, kept.by) == ("4548-4", "Ada")


def test_nothing_is_wider_than_the_page(page: Page) -> None:
    box = page.locator("main").bounding_box()
    assert box is not None
    assert box["width"] <= 320
    for field in page.locator("fieldset").all():
        inside = field.bounding_box()
        assert inside is not None
        assert inside["x"] + inside["width"] <= 320
