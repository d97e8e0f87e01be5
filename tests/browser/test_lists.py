"""Work lists in a browser: on a telephone each row is a card, and no column is out of sight."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import test_pages
from running import running

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))
import web_cases
from gap_cases import appointment
from payer_cases import claim, coverage, order, patient
from test_web_authorizations import write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

LISTS = {
    "/visits?day=2026-06-22": (
        "Visits and gaps",
        ["When", "Gap", "State", "Why", "Evidence", "Gaps"],
    ),
    "/authorizations": (
        "Open authorizations",
        ["Payer", "Status", "Days", "Documents", "Clocks"],
    ),
}
NAMES = "cells => cells.map(c => getComputedStyle(c, '::before').content.replaceAll('\"', ''))"
OUTSIDE = "cells => cells.filter(c => c.getBoundingClientRect().right > innerWidth).length"

browser = test_pages.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("project")
    waits = order()
    visit = appointment("p", "2026-06-22T08:30:00-05:00")
    asked = claim(waits) | {"patient": {"reference": "Patient/p"}}
    write(folder, patient(), coverage(), waits, asked, visit)
    web_cases.assess(folder)
    site = web_cases.make_site(folder)
    with running(site) as served:
        yield served
    site.state.close()


@pytest.mark.parametrize("width", [1100, 769, 768, 360, 320])
@pytest.mark.parametrize("path", LISTS)
def test_no_column_is_out_of_sight(browser: Browser, address: str, path: str, width: int) -> None:
    label, columns = LISTS[path]
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(address + path)
    region = page.get_by_role("region", name=label)
    cells = region.locator("tbody th, tbody td")
    hidden = region.evaluate("e => e.scrollWidth - e.clientWidth")
    outside = cells.evaluate_all(OUTSIDE)
    names = region.locator("tbody td").evaluate_all(NAMES)
    head = region.get_by_role("rowheader").first.inner_text()
    page.evaluate(test_pages.AXE.read_text())
    found = page.evaluate(f"axe.run({{runOnly: {test_pages.RULES}}})")
    page.close()
    assert (hidden, outside) == (0, 0)
    assert list(dict.fromkeys(names)) == (columns if width <= 768 else ["none"])
    assert "Berg" in head
    assert "born 1960-05-04" in head
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []
