"""Where cards and the panel are shown: the titles of feeds, and the clock and day of the zone."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from cds_cases import BASE, call, service, write_project
from markdown_it import MarkdownIt
from sqlalchemy import select

from uptake.delivery import panel
from uptake.delivery.cards import Place, told_of
from uptake.delivery.cases import Case, Context, Item, Judged
from uptake.delivery.hooks import Context as HookContext
from uptake.delivery.prefetch import resolve
from uptake.project import local
from uptake.rollout import feedback
from uptake.state.database import open_state
from uptake.state.schema import event_inbox, panel_answer
from uptake.web import cds
from uptake.web.app import create_app
from uptake.web.site import Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the test client asks for a package that nothing needs
    from starlette.testclient import TestClient

if TYPE_CHECKING:
    from pathlib import Path

TITLE = "Lab <b>of</b> *West* & co"
MADRID, CHICAGO = ZoneInfo("Europe/Madrid"), ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)


def judge(case: Case) -> Judged:
    """Say one result of the laboratory, of an hour ago."""
    at = case.now.astimezone(UTC) - timedelta(hours=1)
    told = Context("9.1", "%", source="lab", at=at)
    return Judged("One result", (Item("high", "HbA1c", (told,), "info", ("Observation/o1",)),))


@contextmanager
def opened(folder: Path, settings: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Serve a project with these settings, and a service that says one result of feed `lab`."""
    offered = {"try-patient-view": service(judge=judge)}
    for module in (cds, panel):
        monkeypatch.setattr(module, "services", lambda *_: offered)
    (folder / "lab").mkdir(exist_ok=True)
    project = write_project(folder / f"project-{uuid4()}", settings=settings)
    state = open_state(f"sqlite:///{folder}/state.db")
    base = "http://127.0.0.1:8000"
    app = create_app(Site(project, state, base))
    with TestClient(app, base_url=base, client=("127.0.0.1", 5), follow_redirects=False) as client:
        yield client
    state.close()


def feeds(title: str = "", more: str = "") -> str:
    said = f"title = '{title}'" if title else ""
    return f'{more}\n[feeds.lab]\npath = "../lab"\n{said}\n'


def card_of(client: TestClient) -> dict[str, Any]:
    response = client.post("/cds-services/try-patient-view", json=call())
    (card,) = response.json()["cards"]
    return dict(card)


def panel_of(client: TestClient) -> str:
    return str(client.get(f"/panel?card={card_of(client)['uuid']}").text)


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_a_title_stands_on_card_and_panel_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path, feeds(TITLE), monkeypatch) as client:
        rendered = MarkdownIt("commonmark", {"html": True}).render(card_of(client)["detail"])
        page = panel_of(client)
    escaped = "Lab &lt;b&gt;of&lt;/b&gt; *West* &amp; co"
    assert f"({escaped})" in rendered
    assert escaped in page
    for text in (rendered, page):
        assert "<b>of" not in text
        assert "(lab)" not in text


def test_a_feed_without_a_title_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path, feeds(), monkeypatch) as client:
        assert card_of(client)["detail"].endswith("(lab)")
        assert re.search(r"UTC, lab\b", words(panel_of(client)))


def test_a_title_is_shown_whole() -> None:
    place = Place(BASE, titles={"lab": "x" * 60})
    told = told_of(Context("9.1", "%", source="lab", at=NOW), place, NOW)
    assert "x" * 60 in told


def test_a_source_that_speaks_for_itself_is_said_once() -> None:
    said = Context("dispensed", source="shop", author="Corner Pharmacy", at=date(2026, 11, 1))
    place = Place(BASE, titles={"shop": "Corner Pharmacy"})
    assert told_of(said, place, NOW).count("Corner Pharmacy") == 1
    assert "by Corner Pharmacy" in told_of(said, Place(BASE), NOW)


def test_what_is_no_feed_has_no_title() -> None:
    assert Place(BASE, titles={"lab": "West"}).called("the chart") == "the chart"


def test_an_answer_and_a_report_are_of_the_feed_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def item_and_about(page: str) -> tuple[list[str], list[str]]:
        return (
            re.findall(r'name="item" value="(\w+)"', page),
            re.findall(r'value="(\w+\|Observation/o1)"', page),
        )

    with opened(tmp_path, feeds(), monkeypatch) as client:
        path = f"/panel?card={card_of(client)['uuid']}"
        before = item_and_about(client.get(path).text)
    assert before[1] == ["lab|Observation/o1"]
    with opened(tmp_path, feeds(TITLE), monkeypatch) as client:
        page = client.get(path).text
        assert item_and_about(page) == before
        form = {"card": path.partition("=")[2], "id": str(uuid4()), "item": before[0][0],
                "use_case": "care-gap-closure"}  # fmt: skip
        (choice, *_) = re.findall(r'name="choice" value="([\w-]+)"', page)
        assert client.post("/panel/answer", data=form | {"choice": choice}).status_code == 303
    with opened(tmp_path, feeds("Another"), monkeypatch) as client:
        assert "Change the answer" in client.get(path).text, "it survives a new title"
    state = open_state(f"sqlite:///{tmp_path}/state.db")
    with state.read() as connection:
        rows = [*connection.execute(select(event_inbox)), *connection.execute(select(panel_answer))]
    state.close()
    assert rows
    assert not [row for row in rows if "West" in str(row) or "Another" in str(row)]


@pytest.mark.parametrize(
    ("zone", "at", "shown"),
    [
        # by the clock it was charted by, which hangs here, too
        (MADRID, datetime(2026, 11, 29, 0, 5, tzinfo=timezone(timedelta(hours=1))),
         "2026-11-29 00:05"),
        (CHICAGO, datetime(2026, 11, 28, 17, 5, tzinfo=timezone(timedelta(hours=-6))),
         "2026-11-28 17:05"),
        # charted by another: ours, with its name
        (MADRID, datetime(2026, 11, 28, 23, 5, tzinfo=UTC), "2026-11-29 00:05 CET"),
        (CHICAGO, datetime(2026, 11, 28, 23, 5, tzinfo=UTC), "2026-11-28 17:05 CST"),
        (CHICAGO, datetime(2026, 11, 28, 23, 5), "2026-11-28 17:05 CST"),  # noqa: DTZ001 -- a table's
        (ZoneInfo("Asia/Singapore"), datetime(2026, 11, 28, 23, 5, tzinfo=UTC),
         "2026-11-29 07:05 UTC+08"),
        (ZoneInfo("Europe/London"), datetime(2026, 11, 28, 23, 5, tzinfo=UTC), "2026-11-28 23:05"),
        # summer time, and the hour that comes twice
        (MADRID, datetime(2026, 7, 1, 12, 0, tzinfo=UTC), "2026-07-01 14:00 CEST"),
        (CHICAGO, datetime(2026, 11, 1, 1, 30, tzinfo=timezone(timedelta(hours=-5))),
         "2026-11-01 01:30 CDT"),
        (CHICAGO, datetime(2026, 11, 1, 1, 30, tzinfo=timezone(timedelta(hours=-6))),
         "2026-11-01 01:30 CST"),
        (CHICAGO, datetime(2026, 11, 1, 2, 30, tzinfo=timezone(timedelta(hours=-6))),
         "2026-11-01 02:30"),
        # nobody said where this is
        (None, datetime(2026, 11, 28, 17, 5, tzinfo=timezone(timedelta(hours=-6))),
         "2026-11-28 17:05"),
        (None, datetime(2026, 11, 28, 23, 5, tzinfo=UTC), "2026-11-28 23:05 UTC"),
        # a day is a day; and what no clock here can show
        (MADRID, date(2026, 11, 28), "2026-11-28"), (MADRID, None, ""),
        (MADRID, datetime.max.replace(tzinfo=UTC), "9999-12-31 23:59 UTC"),
    ],
)  # fmt: skip
def test_the_clock_here(zone: ZoneInfo | None, at: Any, shown: str) -> None:
    assert Place(BASE, zone=zone).moment(at) == shown


@pytest.mark.parametrize(
    ("zone", "at", "told"),
    [
        (MADRID, date(2026, 11, 29), "2026-11-29, today"),
        (MADRID, date(2026, 11, 28), "2026-11-28, 1 day ago"),
        (CHICAGO, date(2026, 11, 28), "2026-11-28, today"),
        (CHICAGO, date(2026, 11, 29), "2026-11-29, in the future"),
        (None, date(2026, 11, 28), "2026-11-28, today"),
        (MADRID, datetime(2026, 11, 24, 23, 30, tzinfo=UTC), "2026-11-25, 4 days ago"),
        (CHICAGO, datetime(2026, 11, 25, 5, 30, tzinfo=UTC), "2026-11-24, 3 days ago"),
        (MADRID, datetime(2026, 11, 28, 22, 30, tzinfo=UTC),
         "2026-11-28 23:30 CET, 60 minutes ago"),
    ],
)  # fmt: skip
def test_days_ago_are_days_here(zone: ZoneInfo | None, at: Any, told: str) -> None:
    assert told_of(Context(at=at), Place(BASE, zone=zone), NOW) == told


def test_an_age_is_time_that_passed_though_the_clocks_were_changed() -> None:
    now = local(datetime(2026, 11, 1, 8, 30, tzinfo=UTC), CHICAGO)
    at = datetime(2026, 11, 1, 0, 30, tzinfo=timezone(timedelta(hours=-5)))
    told = told_of(Context(at=at), Place(BASE, zone=CHICAGO), now)
    assert told == "2026-11-01 00:30, 3 hours ago"


@pytest.mark.parametrize(
    ("zone", "shown"), [("", "2026-11-28 23:30 UTC"), ("Europe/Madrid", "2026-11-29 00:30 CET")]
)
def test_a_page_tells_what_is_kept_by_the_clock_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, shown: str
) -> None:
    report = feedback.Report(
        str(uuid4()), "workflow friction", "", "nothing", "", "slow", "A. Nurse", "", "", NOW
    )
    with opened(tmp_path, feeds(more=f'[project]\nzone = "{zone}"\n'), monkeypatch) as client:
        state = open_state(f"sqlite:///{tmp_path}/state.db")
        feedback.report(state, report)
        state.close()
        assert words(client.get(f"/feedback/{report.id}").text).count(shown) >= 1


@pytest.mark.parametrize(
    ("zone", "day"), [(None, "2026-11-28"), (MADRID, "2026-11-29"), (CHICAGO, "2026-11-28")]
)
def test_today_in_a_template_is_the_day_here(zone: ZoneInfo | None, day: str) -> None:
    now = local(NOW, zone) if zone else NOW
    assert resolve("A?date=le{{today()}}", HookContext("p"), now) == f"A?date=le{day}"


@pytest.mark.parametrize(
    ("zone", "today", "tomorrow", "clock"),
    [
        ("", "2026-11-28", "2026-11-29", "2026-11-28 22:30 UTC"),
        ("Europe/Madrid", "2026-11-29", "2026-11-30", "2026-11-28 23:30 CET"),
        ("America/Chicago", "2026-11-28", "2026-11-29", "2026-11-28 16:30 CST"),
    ],
)
def test_what_is_asked_and_shown_has_the_day_and_the_clock_of_the_zone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    zone: str,
    today: str,
    tomorrow: str,
    clock: str,
) -> None:
    days: list[str] = []

    def noted(case: Case) -> Judged:
        days.append(case.now.date().isoformat())
        return judge(case)

    settings = feeds(more=f'[assess]\nas_of = "2026-11-28T23:30:00Z"\n[project]\nzone = "{zone}"\n')
    with opened(tmp_path, settings, monkeypatch) as client:
        offered = {"try-patient-view": replace(service(), judge=noted)}
        for module in (cds, panel):
            monkeypatch.setattr(module, "services", lambda *_: offered)
        assert f"{clock}, 60 minutes ago" in card_of(client)["detail"].replace("\\", "")
        assert clock in panel_of(client)
        assert f'value="{tomorrow}"' in client.get("/visits").text
    assert set(days) == {today}
    state = open_state(f"sqlite:///{tmp_path}/state.db")
    with state.read() as connection:
        kept = set(connection.scalars(select(event_inbox.c.at)))
    state.close()
    assert kept == {NOW}, "what is kept is the instant"
