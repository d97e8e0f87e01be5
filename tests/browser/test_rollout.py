"""The rollout in a browser: WCAG 2.2 AA also where a form was refused; keyboard only, no script."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import test_pages
from running import running

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))
import web_cases as cases

from uptake.adoption.access import import_access
from uptake.rollout.charter import draft_charter, write_criterion, write_item
from uptake.rollout.conditions import Waiver
from uptake.rollout.gates import waive
from uptake.rollout.people import add_champion, add_training
from uptake.rollout.workflow import CURRENT, DESIGN, Step, place, read_maps, save_map

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from uptake.web.site import Site

CODE = "medication-reconciliation"
BASE = f"/rollout/{CODE}"
PAGES = (
    "/rollout", f"/rollout?use_case={CODE}", f"{BASE}/charter", f"{BASE}/map",
    f"{BASE}/map/current", f"{BASE}/map/design", f"{BASE}/people", f"{BASE}/gates",
    "/rollout/prior-authorization/charter", "/rollout/prior-authorization/map",
    "/rollout/prior-authorization/map/current", "/rollout/prior-authorization/people",
)  # fmt: skip
FORMS = (
    ("charter", "items"), ("charter", "criterion-1"), ("charter", "sign"), ("map", "places"),
    ("map/current", "map"), ("people", "champion"), ("people", "end"), ("people", "training"),
    ("gates", "waive-scoping-charter"), ("gates", "review"),
)  # fmt: skip
ACCESS = """practitioner,name,role,unit,surfaces
p1,Dr Ada Bell,Physician (MD),4 West,uptake-panel
p2,Ben Cole,RN,4 West,uptake-panel
p3,Di Ek,RN,5 East,uptake-panel
"""
LONG = "A sentence that says a good deal, and a-word-that-has-no-end-" + "x" * 90

browser = test_pages.browser


def write_rollout(site: Site, folder: Path) -> None:
    """Write a rollout in which something of everything is there."""
    state, now = site.state, datetime.now(UTC) - timedelta(days=2)
    case, measures = site.definitions().use_cases[CODE], site.definitions().measures.values()
    draft_charter(state, case, measures, None, "uptake", now)
    write_item(state, CODE, "owner", "Dr Ada Bell", "Sam", now)
    write_criterion(state, CODE, 1, (LONG, LONG, LONG), ("practice", LONG), "Sam", now)
    steps = [Step("Nurse", LONG, LONG, LONG, "uptake-panel"), Step("Physician", "Signs")]
    for kind in (CURRENT, CURRENT, DESIGN):
        save_map(state, CODE, kind, date(2026, 10, 1), "Grace", "RN", steps, "Sam", now,
                 ["uptake-panel"])  # fmt: skip
    place(state, case, "allergies", 1, "Sam", now)
    (folder / "access.csv").write_text(ACCESS, "utf-8")
    import_access(state, ["uptake-panel"], folder / "access.csv", as_of=date(2026, 10, 1), now=now)
    add_champion(state, CODE, "4 West", "p1", "physician", "Sam", now)
    add_training(state, CODE, "p1", date(2026, 10, 1), "Sam", now)
    asked = Waiver("scoping", "acceptance", LONG, date(2099, 1, 1), "Ada", now)
    waive(state, CODE, asked, date(2026, 11, 1))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("project")
    cases.write_project(folder)
    found = cases.make_site(folder)
    write_rollout(found, folder)
    yield found
    found.state.close()


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    with running(site) as served:
        yield served


def violations(page: Page) -> list[Any]:
    page.evaluate(test_pages.AXE.read_text())
    found = page.evaluate(f"axe.run({{runOnly: {test_pages.RULES}}})")
    return [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]]


def too_wide(page: Page) -> int:
    over: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return over


@pytest.mark.parametrize("width", [1100, 360, 320])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_with_every_form_open(
    browser: Browser, address: str, path: str, width: int
) -> None:
    page, asked, wrong = test_pages.opened(browser, address + path, width)
    assert page.evaluate("document.scripts.length") == 0
    assert too_wide(page) <= 0
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert too_wide(page) <= 0
    assert violations(page) == []
    assert [url for url in asked if not url.startswith(address)] == []
    assert wrong == []
    page.close()


@pytest.mark.parametrize("width", [1100, 320])
@pytest.mark.parametrize(("path", "form"), FORMS)
def test_a_refused_form_is_accessible_and_leads_to_its_fields(
    browser: Browser, address: str, path: str, form: str, width: int
) -> None:
    page, _, _ = test_pages.opened(browser, f"{address}{BASE}/{path}", width)
    with page.expect_navigation():  # submit() asks no browser whether a field is filled
        page.evaluate(
            """name => {
              const form = document.querySelector(`input[name=form][value="${name}"]`).form;
              for (const field of form.querySelectorAll('input:not([type=hidden]), select'))
                if (field.type === 'checkbox') field.checked = false; else field.value = '';
              if (name === 'map') form.append(Object.assign(
                document.createElement('input'), {type: 'hidden', name: 'do', value: 'save'}));
              form.submit();
            }""",
            form,
        )
    assert page.evaluate("document.activeElement.className") == "errors"
    assert too_wide(page) <= 0
    assert violations(page) == []
    for link in page.locator(".errors a").all():
        link.focus()
        page.keyboard.press("Enter")
        field = page.evaluate("location.hash.slice(1)")
        assert page.locator(f'[id="{field}"]').is_visible(), field
    page.close()


def test_the_work_is_drawn_with_the_keyboard_alone(
    browser: Browser, address: str, site: Site
) -> None:
    page, _, _ = test_pages.opened(browser, f"{address}/rollout/care-gap-closure/map/current", 1100)

    def tab_to(key: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == key:
                return
        pytest.fail(f"{key} is not reached")

    tab_to("map-actor-1")
    page.keyboard.type("Coordinator")
    page.keyboard.press("Tab")
    page.keyboard.type("Reads the charts")
    page.get_by_role("button", name="Add a step").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator("fieldset.step").count() == 4
    assert page.input_value("#map-action-1") == "Reads the charts"
    assert not read_maps(site.state, "care-gap-closure")
    page.locator("#map-surface-4").focus()
    tab_to("map-observer")
    page.keyboard.type("Grace")
    page.keyboard.press("Tab")
    page.keyboard.type("RN")
    page.keyboard.press("Tab")
    page.keyboard.type("Sam")
    with page.expect_navigation():
        page.keyboard.press("Enter")  # in a field: it keeps, and moves no row
    assert page.url.endswith("/rollout/care-gap-closure/map#current")
    (drawn,) = read_maps(site.state, "care-gap-closure")
    assert [(s.actor, s.action) for s in drawn.steps] == [("Coordinator", "Reads the charts")]
    assert drawn.by == "Sam"
    page.close()
