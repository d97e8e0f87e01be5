"""A clinician's way in a browser: practice chart, card, panel in a frame, answer, feedback."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))
import practice_cases as cases

from uptake.demo.practice.serving import practice_served
from uptake.state.schema import event_inbox, panel_answer
from uptake.web.app import create_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame, Page

    from uptake.web.site import Site

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
AXE = (Path(__file__).parent / "axe.min.js").read_text()
RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']"


def two_free_ports() -> int:
    """Return a port that is free, and so is the next one."""
    while True:
        with socket.socket() as one, socket.socket() as next_one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                next_one.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@contextmanager
def served(site: Site, port: int) -> Iterator[None]:
    config = uvicorn.Config(create_app(site), port=port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.02)
    yield
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """The product, and the address of the practice EHR beside it."""
    folder, port = tmp_path_factory.mktemp("practice"), two_free_ports()
    cases.write_project(folder, port)
    found = cases.open_site(folder, port)
    with ExitStack() as running:
        running.callback(found.state.close)
        running.enter_context(served(found, port))
        yield found, running.enter_context(practice_served(folder, port))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


class Seat:
    """A browser before the practice EHR: what it asked for, and what its console calls wrong."""

    def __init__(self, browser: Browser, address: str, width: int, *, scripts: bool = True) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts
        )
        self.context.set_default_timeout(8000)
        self.page: Page = self.context.new_page()
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on(
            "console", lambda said: self.wrong.append(said.text) if said.type == "error" else None
        )
        self.page.goto(address)

    def open_chart(self) -> None:
        self.page.get_by_role("button", name="Ada Okafor").click()
        self.page.wait_for_url("**/chart/*")

    def open_panel(self) -> Frame:
        """Open the panel from a card; a busy machine has none in time, and is asked again."""
        from playwright.sync_api import TimeoutError as TooLate

        link = self.page.get_by_role("link", name="Open the panel", exact=True)
        for _ in range(4):
            try:
                link.wait_for()
                break
            except TooLate:
                self.page.reload()
        link.click()
        self.page.wait_for_url("**panel=*")
        frame = self.page.query_selector("iframe")
        assert frame
        inside = frame.content_frame()
        assert inside
        inside.wait_for_selector("h1")
        return inside


@pytest.fixture(params=[1100, 320])
def seat(request: Any, browser: Browser, site: tuple[Site, str]) -> Iterator[Seat]:
    with site[0].state.write() as connection:
        connection.execute(panel_answer.delete())
    found = Seat(browser, site[1], request.param)
    yield found
    found.context.close()


def violations(where: Page | Frame) -> list[Any]:
    found = where.evaluate(f"{AXE}; axe.run({{runOnly: {RULES}, iframes: false}})")
    return [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]]


def actions(site: Site) -> list[tuple[str, float | None]]:
    with site.state.read() as connection:
        rows = connection.execute(
            select(event_inbox.c.action, event_inbox.c.seconds).order_by(event_inbox.c.seq)
        )
        return [(row.action, row.seconds) for row in rows]


def test_chart_card_panel_answer_feedback(seat: Seat, site: tuple[Site, str]) -> None:
    before = len(actions(site[0]))
    page = seat.page
    assert violations(page) == []
    seat.open_chart()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    inside = seat.open_panel()
    assert inside.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert violations(inside) == []
    assert "warfarin" in inside.inner_text("ul.items")
    inside.get_by_label("Reason").first.fill("she takes it")
    inside.get_by_role("button", name="Unsure").first.click()
    inside.get_by_text("“she takes it”").wait_for()
    assert violations(inside) == []
    inside.get_by_label("What is wrong?").fill("the dose is old")
    inside.get_by_role("button", name="Send").click()
    inside.get_by_text("Thank you.").wait_for()
    page.wait_for_timeout(300)
    page.get_by_label("Comment").fill("not now")
    page.get_by_role("button", name="Set aside").click()
    page.get_by_text("You set this aside.").wait_for()
    new = actions(site[0])[before:]
    for action in ("served", "launched", "viewed", "acted", "overridden"):
        assert action in {a for a, _ in new}
    assert [s for a, s in new if a == "viewed" and s], "how long it was seen is told"
    ours = (site[0].base_url, site[1])
    assert [url for url in seat.asked if not url.startswith(ours)] == []
    assert seat.wrong == []


def test_the_keyboard_answers(seat: Seat) -> None:
    seat.open_chart()
    inside = seat.open_panel()
    inside.get_by_label("Reason").first.focus()
    seat.page.keyboard.press("Tab")
    focused = "document.activeElement.textContent"
    assert inside.evaluate(focused) == "Continue"
    assert inside.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(3):
        seat.page.keyboard.press("Tab")
    assert inside.evaluate(focused) == "Unsure"
    seat.page.keyboard.press("Enter")
    inside.get_by_text("Change the answer").wait_for()


def test_without_scripts(browser: Browser, site: tuple[Site, str]) -> None:
    seat = Seat(browser, site[1], 360, scripts=False)
    seat.open_chart()
    frame = seat.page.frame_locator("iframe")
    seat.page.get_by_role("link", name="Open the panel", exact=True).click()
    frame.get_by_text("Change the answer").or_(frame.get_by_text("What do you do?")).first.click()
    frame.get_by_role("button", name="Unsure").first.click()
    frame.get_by_text("Change the answer").first.wait_for()
    seat.context.close()


def test_a_change_of_patient_ends_the_view(browser: Browser, site: tuple[Site, str]) -> None:
    seat = Seat(browser, site[1], 1100)
    seat.open_chart()
    inside = seat.open_panel()
    other = seat.context.new_page()  # the same browser, another tab
    other.goto(site[1])
    other.get_by_label("Name of a patient").fill("Other")
    other.get_by_role("button", name="Find").click()
    other.get_by_role("button", name="Other").click()
    other.get_by_role("link", name="Open the Uptake panel").click()
    other.frame_locator("iframe").get_by_role("heading", level=1).wait_for()
    inside.get_by_text("Change the answer").or_(
        inside.get_by_text("What do you do?")
    ).first.wait_for()
    button = inside.get_by_role("button", name="Unsure").first
    if not button.is_visible():
        inside.get_by_text("Change the answer").first.click()
    button.click()
    inside.get_by_text("Nothing was kept.").wait_for()
    seat.context.close()
