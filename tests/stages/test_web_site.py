"""What pages keep: a decision shows at once, an event soon, and nobody waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from uptake.errors import EngineError
from uptake.model import Action, UsageEvent
from uptake.project import init_project, read_project
from uptake.rollout.charter import write_item
from uptake.state import events
from uptake.state.database import open_state
from uptake.web import site as module
from uptake.web.site import Site

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    init_project(tmp_path)
    project = read_project(tmp_path)
    state = open_state(project.state_url)
    monkeypatch.setattr(module, "HEARD", 0.0)
    yield Site(project, state, "http://127.0.0.1")
    state.close()


def happen(site: Site, key: str) -> None:
    events.record(site.state, [UsageEvent(key, NOW, Action.VIEWED, "portal", "case")], NOW)


def soon(ask: Callable[[], object], wanted: object) -> bool:
    for _ in range(200):
        if ask() == wanted:
            return True
        time.sleep(0.01)
    return False


class Counting:
    """Makes answers, slowly if asked to, and counts them."""

    def __init__(self) -> None:
        self.made = 0
        self.go = threading.Event()
        self.go.set()

    def __call__(self) -> int:
        self.go.wait(5)
        self.made += 1
        return self.made


def test_nothing_new_is_made_once(site: Site) -> None:
    make = Counting()
    assert [site.of_state("x", make) for _ in range(3)] == [1, 1, 1]


def test_an_event_is_shown_soon_and_nobody_waits(site: Site) -> None:
    make = Counting()
    site.of_state("x", make)
    happen(site, "e1")
    make.go.clear()
    began = time.monotonic()
    assert [site.of_state("x", make) for _ in range(5)] == [1] * 5, "what is kept is answered"
    assert time.monotonic() - began < 5, "the maker is still waiting"
    make.go.set()
    assert soon(lambda: site.of_state("x", make), 2)
    assert make.made == 2, "five questions, one new answer"


def test_a_decision_is_shown_at_once(site: Site) -> None:
    make = Counting()
    site.of_state("x", make)
    write_item(site.state, "care-gap-closure", "owner", "Dr. A", "A", NOW)
    assert site.of_state("x", make) == 2


def test_a_failure_in_the_background_leaves_what_is_kept(site: Site) -> None:
    answers: Iterator[int] = iter([1])

    def make() -> int:
        for answer in answers:
            return answer
        raise EngineError("the disk is full")

    site.of_state("x", make)
    happen(site, "e1")
    assert [site.of_state("x", make) for _ in range(3)] == [1, 1, 1]


def test_a_long_inbox_is_moved_to_its_files(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOVED", 2)
    for number in range(3):
        happen(site, f"e{number}")
    site.told("x", lambda situation: situation.now)
    assert events.count(site.state) == 0
    assert events.everything(site.state, site.project.folder or Path()).num_rows == 3
