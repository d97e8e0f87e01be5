"""Who uses it, on the page: shares, reasons, times; nothing that was typed is markup."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import web_cases
from chain_cases import CASE, MANY, opportunities, served, situation, viewed
from reached import LIST, NOW, PORTAL, event, opportunity, person

from uptake.project import read_project
from uptake.rollout.chain import chain
from uptake.rollout.people import add_champion
from uptake.state.database import open_state
from uptake.web import usage
from uptake.web.app import create_app
from uptake.web.site import Site

if TYPE_CHECKING:
    from uptake.rollout.situation import Situation

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

SCRIPT = web_cases.SCRIPT
PATH = f"/adoption?use_case={CASE}"


@contextmanager
def pages(folder: Path, monkeypatch: pytest.MonkeyPatch, one: Situation) -> Iterator[TestClient]:
    """Give the pages of a situation by hand."""
    run = folder / "run"
    run.mkdir()
    (run / "summary.json").write_text(json.dumps({**one.summary, "inputs": []}))
    (folder / "uptake.toml").write_text("")
    monkeypatch.setattr(Site, "_read_situation", lambda _: one)
    monkeypatch.setattr(Site, "definitions", lambda _: one.definitions)
    monkeypatch.setattr(Site, "run", lambda _: run)
    project = read_project(folder)
    site = Site(project, open_state(project.state_url), "http://127.0.0.1")
    try:
        yield TestClient(create_app(site), base_url="http://127.0.0.1")
    finally:
        site.state.close()


def shown(folder: Path, monkeypatch: pytest.MonkeyPatch, path: str = PATH, **told: Any) -> str:
    """Return a page as it is sent."""
    events = told.pop("events", [*served(), *viewed(*range(1, 31))])
    with situation(folder, events, **told) as one, pages(folder, monkeypatch, one) as client:
        answer = client.get(path)
    assert answer.status_code == 200
    text: str = answer.text.replace("\u00a0", " ")
    return text


def used(folder: Path, events: list[dict[str, Any]], **told: Any) -> usage.Usage:
    with situation(folder, events, **told) as one:
        case = one.definitions.use_cases[CASE]
        found = usage.usage(one, chain(one, case), case)
    assert found is not None
    return found


def test_every_use_case_is_in_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [*served(), *viewed(*range(1, 31)), *viewed(31, 32, action="overridden")]
    text = shown(tmp_path, monkeypatch, "/adoption", events=events)
    assert "30 of 40 people with access used it in 28 days" in text
    row = text.split('href="/adoption?use_case=care">')[-1].split("</tr>")[0]
    cells = dict(re.findall(r'<td data-is="([^"]*)"[^>]*>(.*?)</td>', row))
    assert cells["With access"] == "40"
    assert cells["Overridden, of 100 shown"] == "5", "2 of 40"
    assert (cells["Time to open"], cells["Openings"]) == ("5 minutes", "32")


def test_a_long_time_to_open_is_in_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = [event(n, "viewed", 1014, practitioner=f"pr-{n}") for n in MANY]
    text = shown(tmp_path, monkeypatch, "/adoption", events=[*served(), *late])
    assert ">17 hours</td>" in text
    assert "1,014" not in text


def test_a_page_says_who_why_and_how_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [
        *served(), *viewed(*range(1, 31)),
        *viewed(31, 32, 33, action="overridden", reason="done elsewhere"),
        *viewed(34, action="overridden", reason=SCRIPT),
    ]  # fmt: skip
    people = [person(f"pr-{n}", ("nurse", "physician")[n % 2]) for n in MANY]
    held = opportunities(acted=MANY)
    text = shown(tmp_path, monkeypatch, events=events, people=people, held=held)
    assert "<h1>Who uses it?" in text
    assert '<p class="lead">30 of 40 people with access used it in 28 days' in text
    for title in ("Used, by week", "Seen, by week", "Used, by role", "Used, by unit",
                  "Used, by surface", "Why it was overridden"):  # fmt: skip
        assert title in text
    assert "“done elsewhere” is the reason of 3 of 4 overrides (75 %)." in text
    assert "Half of what was opened was opened within 5 minutes of being served" in text
    assert "How these times are measured" in text
    assert "Ask the 10 who do not use it what stands in the way." in text
    assert SCRIPT not in text


def test_what_was_withheld_is_counted_by_reason(tmp_path: Path) -> None:
    held = [event(n, "withheld", reason="no date" if n < 4 else "no source") for n in range(1, 5)]

    def told(name: str, *events: dict[str, Any]) -> list[str]:
        (tmp_path / name).mkdir()
        found = used(tmp_path / name, [*served(), *viewed(1), *events]).drawings
        return [d.sentence for d in found if "put on a card" in d.sentence]

    assert told("many", *held) == [
        "4 items were found and not put on a card: “no date” is the reason of 3."
    ]
    (one,) = told("one", held[0])
    assert one.startswith("1 item was found and not put on a card")
    assert told("none") == []


def test_names_and_units_are_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [person(SCRIPT, SCRIPT, (SCRIPT,))] + [person(f"pr-{n}") for n in MANY]
    text = shown(tmp_path, monkeypatch, people=people)
    assert SCRIPT not in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_champion_is_marked_among_those_who_use_it_least(tmp_path: Path) -> None:
    with situation(tmp_path, [*served(), *viewed(*range(1, 31))]) as one:
        add_champion(one.state, CASE, "4 East", "pr-35", "nurse", "Sam", NOW)
        case = one.definitions.use_cases[CASE]
        found = usage.usage(one, chain(one, case), case)
    assert found is not None
    assert len(found.people.rows) == usage.LISTED
    marks = {row[0].text: row[3].text for row in found.people.rows}
    assert marks["Name of pr-35"] == "champion of 4 East"
    assert set(marks.values()) == {"", "champion of 4 East"}
    assert found.people.note == "The first 20 of 40 are here."
    idle = [row[4].text for row in found.people.rows]
    assert idle == ["0"] * 10 + ["1"] * 10


def test_times_that_end_before_they_begin_stand_apart(tmp_path: Path) -> None:
    at = NOW - timedelta(days=7)
    held = [opportunity(n, decided_at=at + timedelta(minutes=65 if n > 10 else 0)) for n in MANY]
    found = used(tmp_path, [*served(), *viewed(*MANY)], held=held)
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in found.times.rows}
    assert rows["served to opened"] == ["5 minutes", "5 minutes", "40", "0"]
    assert rows["opened to decision taken"] == ["60 minutes", "60 minutes", "30", "10"]


def test_a_surface_goes_by_its_title(tmp_path: Path) -> None:
    people = [person(f"pr-{n}", surface=(PORTAL, LIST)[n % 2]) for n in MANY]
    events = [*served(), *viewed(*(n for n in MANY if not n % 2))]
    found = used(tmp_path, events, people=people)
    by_surface = next(d for d in found.drawings if d.columns[0] == "Surface")
    assert by_surface.rows == (
        ("The worklist", "0", "20", "0 %"),
        ("The portal", "20", "20", "100 %"),
    )
    assert by_surface.sentence == "Least of all: The worklist, 0 of 20 people with access."


def test_what_is_not_live_waits_for_its_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(tmp_path, monkeypatch, events=[], live=None)
    assert "Cannot tell: it is not live: its gate was not passed." in text
    assert f'href="/rollout?use_case={CASE}">Decide on its go-live gate.' in text
    assert "No two moments of one opportunity are known." in text


def test_a_stall_among_people_gives_the_next_action_and_leads_on(tmp_path: Path) -> None:
    found = used(tmp_path, [*served(), *viewed(*range(1, 9))])
    assert found.action
    assert found.link == f"/rollout?use_case={CASE}", "never to the page one is on"


def test_before_a_run_looked_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Assess again" in shown(tmp_path, monkeypatch, run=False)


def test_a_use_case_that_is_none_is_404(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with situation(tmp_path) as one, pages(tmp_path, monkeypatch, one) as client:
        assert client.get("/adoption?use_case=nope").status_code == 404


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0.0, "under a minute"), (1, "1 minute"), (43.2, "43 minutes"), (119, "119 minutes"),
     (120, "2 hours"), (1034, "17 hours"), (2879, "48 hours"), (2880, "2 days"),
     (18847, "13 days")],
)  # fmt: skip
def test_a_time_is_said_as_people_do(minutes: float, said: str) -> None:
    assert usage.span(minutes) == said


def test_an_event_of_another_use_case_is_not_of_this(tmp_path: Path) -> None:
    other = [event(n, "viewed", 5, practitioner=f"pr-{n}", use_case="other") for n in MANY]
    found = used(tmp_path, [*served(), *other])
    assert {row[4].text for row in found.people.rows} == {"0"}
