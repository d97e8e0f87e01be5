"""Adoption in a browser: charts, reasons, times and people of a use case that is live."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import test_pages

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))
from chain_cases import served, viewed
from test_web_adoption import PATH, shown

from uptake.web.templating import STATIC

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

ADDRESS = "http://127.0.0.1"
EVENTS = (
    *served(), *viewed(*range(1, 31)),
    *viewed(31, 32, 33, action="overridden", reason="done elsewhere"),
)  # fmt: skip


browser = test_pages.browser


@pytest.mark.parametrize("width", [1100, 360, 320])
@pytest.mark.parametrize("path", ["/adoption", PATH])
def test_a_live_use_case_is_accessible_and_fits(
    browser: Browser, path: str, width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(tmp_path, monkeypatch, path, events=list(EVENTS))
    page = browser.new_page(viewport={"width": width, "height": 800})

    def answer(route: Route) -> None:
        _, static, name = route.request.url.partition("/static/")
        if static:
            route.fulfill(path=STATIC / name.partition("?")[0])
        else:
            route.fulfill(body=text, content_type="text/html; charset=utf-8")

    page.route("**/*", answer)
    page.goto(ADDRESS + path)
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    drawn = page.locator("figure svg").count()
    least = page.evaluate(
        "Math.min(...[...document.querySelectorAll('figure svg text')]"
        ".filter(e => e.textContent.trim())"
        ".map(e => e.getBoundingClientRect().height))"
    )
    page.evaluate(test_pages.AXE.read_text())
    found = page.evaluate(f"axe.run({{runOnly: {test_pages.RULES}}})")
    page.close()
    assert over <= 0
    assert drawn == (1 if path == "/adoption" else 6)
    assert least >= 9, "words in a chart can be read on a telephone"
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []
