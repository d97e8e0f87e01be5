"""Audit logs: whose they are, which rows are events, which are refused and why; each event once."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from usage_cases import (
    HEADER,
    LIST,
    NOW,
    PORTAL,
    SURFACES,
    audit_event,
    inbox,
    ndjson,
    new_state,
    write,
)

from uptake.adoption import import_log
from uptake.adoption.access import import_access
from uptake.adoption.imports import import_usage
from uptake.adoption.rows import QUOTES, read_rows
from uptake.adoption.times import RefusalError, Times
from uptake.errors import SourceError
from uptake.state import events

if TYPE_CHECKING:
    from uptake.adoption.import_log import Imported
    from uptake.state.database import State

ROW = "pr-001,MR1,2026-11-02 10:00:00,Opened,12.5,,WS-1"


@pytest.fixture
def state(tmp_path: Path) -> State:
    return new_state(tmp_path)


def take(state: State, path: Path, **more: object) -> Imported:
    return import_usage(state, SURFACES, path, **({"surface": None, "now": NOW} | more))  # type: ignore[arg-type]


def refusals(state: State, path: Path) -> list[tuple[int, bytes, str]]:
    from uptake.adoption.rows import digest

    return [(r.line, r.raw, r.reason) for r in import_log.refused(state, digest(path))]


def test_a_row_is_an_event(state: State, tmp_path: Path) -> None:
    done = take(state, write(tmp_path / "a.csv", ROW))
    assert (done.surface, done.accepted, done.repeated, done.refused) == ("portal", 1, 0, 0)
    (event,) = inbox(state)
    assert event["at"] == datetime(2026, 11, 2, 16, 0, tzinfo=UTC)  # Chicago, in winter
    assert (event["action"], event["use_case"]) == ("viewed", "medication-reconciliation")
    assert (event["practitioner"], event["patient"], event["seconds"]) == ("pr-001", "MR1", 12.5)
    assert len(event["id"]) == 64


def test_the_same_event_is_kept_once_however_it_is_exported(state: State, tmp_path: Path) -> None:
    rows = [f"pr-{n:03},MR{n},2026-11-02 10:{n:02}:00,Opened,,,WS" for n in range(20)]
    take(state, write(tmp_path / "a.csv", *rows))
    random.Random(1).shuffle(rows)
    header = "Reason;Event;MRN;User ID;Event Time;Seconds"
    turned = [f";{e};{m};{u};{t};" for u, m, t, e, *_ in (row.split(",") for row in rows)]
    again = write(tmp_path / "b.csv", *turned, turned[0], header=f"\ufeff{header}")
    done = take(state, again)
    assert (done.accepted, done.repeated) == (0, 21)
    assert len(inbox(state)) == 20


def test_a_file_twice_says_when_it_came_first(state: State, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ROW)
    take(state, path)
    done = take(state, path, now=NOW + timedelta(days=1))
    assert (done.accepted, done.repeated, done.earlier) == (0, 1, NOW)
    assert [e.at for e in import_log.entries(state)] == [NOW]


def test_events_that_were_moved_to_files_are_known(state: State, tmp_path: Path) -> None:
    take(state, write(tmp_path / "a.csv", ROW), folder=tmp_path)
    assert events.compact(state, tmp_path) == 1
    more = write(tmp_path / "b.csv", ROW, ROW.replace("MR1", "MR2"))
    done = take(state, more, folder=tmp_path)
    assert (done.accepted, done.repeated) == (1, 1)
    assert [e["patient"] for e in inbox(state)] == ["MR2"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("pr-1,MR1,2026-11-02 10:00,Printed,,,W", "an action that the surface does not name"),
        ("pr-1,MR1,,Opened,,,W", "no time"),
        ("pr-1,MR1,yesterday,Opened,,,W", "the time cannot be read"),
        ("pr-1,MR1,2026-02-30 10:00,Opened,,,W", "the time cannot be read"),
        ("pr-1,MR1,2026-11-02,Opened,,,W", "the time cannot be read"),
        ("pr-1,MR1,2026-11-20T12:06:00Z,Opened,,,W", "the time is in the future"),
        ("pr-1,MR1,2026-11-01 01:30,Opened,,,W", "the local hour came twice that night"),
        ("pr-1,MR1,2026-03-08 02:30,Opened,,,W", "the local hour never came"),
        ("pr-1,MR1,2026-11-02 10:00,Opened,soon,,W", "the seconds are no number"),
        ("pr-1,MR1,2026-11-02 10:00,Opened,-1,,W", "the seconds are no number"),
        ("pr-1,MR1,2026-11-02 10:00,Opened", "the wrong number of columns"),
        (b"pr-1,MR\xe9,2026-11-02 10:00,Opened,,,W", "bytes that are no UTF-8"),
        (b"pr-1,MR\x001,2026-11-02 10:00,Opened,,,W", "a NUL character"),
        ('pr-1,"MR1,2026-11-02 10:00,Opened,,,W', "the quotes do not pair"),
    ],
)
def test_a_row_that_is_not_sure_is_refused_and_the_rest_goes_on(
    state: State, tmp_path: Path, row: str | bytes, reason: str
) -> None:
    path = write(tmp_path / "a.csv", ROW, row, ROW.replace("MR1", "MR2"))
    done = take(state, path)
    assert (done.accepted, done.refused) == (2, 1)
    (kept,) = refusals(state, path)
    raw = row if isinstance(row, bytes) else row.encode()
    assert (kept[0], kept[1]) == (3, raw + b"\n")
    assert kept[2].startswith(reason)
    assert list(done.reasons) == [kept[2]]


def test_a_mended_surface_takes_what_was_refused(state: State, tmp_path: Path) -> None:
    from dataclasses import replace

    path = write(tmp_path / "a.csv", ROW, ROW.replace("MR1,", "MR2,").replace("Opened", "Printed"))
    assert take(state, path).refused == 1
    mended = replace(PORTAL, actions={**PORTAL.actions, "printed": "viewed"})
    done = import_usage(state, {"portal": mended}, path, surface=None, now=NOW)
    assert (done.accepted, done.repeated, done.refused, done.earlier) == (1, 1, 0, NOW)
    assert refusals(state, path) == []


def test_an_offset_needs_no_zone_and_a_clock_may_be_five_minutes_ahead(
    state: State, tmp_path: Path
) -> None:
    header = "when,staff,patient,what"
    rows = ["2026-11-20T12:04:00Z,pr-1,p1,opened", "2026-11-20T06:04:59.5-06:00,pr-1,p1,ordered",
            "2026-11-20 12:00,pr-1,p1,opened"]  # fmt: skip
    path = write(tmp_path / "a.csv", *rows, header=header)
    done = take(state, path)
    assert (done.surface, done.accepted) == (LIST.code, 2)
    assert done.reasons == {"the time has no zone, and the surface names none": 1}


def test_american_dates_need_a_day_over_12_somewhere(state: State, tmp_path: Path) -> None:
    early = "pr-1,MR1,11/02/2026 3:05 PM,Opened,,,W"
    path = write(tmp_path / "a.csv", early)
    with pytest.raises(SourceError, match="day and month cannot be told apart"):
        take(state, path)
    assert inbox(state) == []
    assert import_log.entries(state) == ()
    take(state, write(tmp_path / "b.csv", early, "pr-1,MR1,10/31/2026 23:05:07,Opened,,,W"))
    assert [e["at"] for e in inbox(state)] == [
        datetime(2026, 11, 1, 4, 5, 7, tzinfo=UTC),
        datetime(2026, 11, 2, 21, 5, tzinfo=UTC),
    ]
    with pytest.raises(SourceError, match="the day comes before the month"):
        take(state, write(tmp_path / "c.csv", early, "pr-1,MR1,31/10/2026 23:05,Opened,,,W"))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-07-01 10:00", datetime(2026, 7, 1, 15, 0, tzinfo=UTC)),
        ("2026-07-01T10:00:00.123456789", datetime(2026, 7, 1, 15, 0, 0, 123456, tzinfo=UTC)),
        ("2026-07-01 10:00:00 +0200", datetime(2026, 7, 1, 8, 0, tzinfo=UTC)),
        ("2026-11-01 00:59:59", datetime(2026, 11, 1, 5, 59, 59, tzinfo=UTC)),
        ("2026-11-01 02:00", datetime(2026, 11, 1, 8, 0, tzinfo=UTC)),
        ("2026-03-08 03:00", datetime(2026, 3, 8, 8, 0, tzinfo=UTC)),
    ],
)
def test_a_time_is_an_instant(text: str, instant: datetime) -> None:
    assert Times("America/Chicago").read(text) == instant


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "Europe/Berlin", "America/Chicago"])
def test_every_half_hour_of_a_year_is_one_instant_or_none(zone: str) -> None:
    """A local time that is read comes back as it went; each refusal is in a night of change."""
    from zoneinfo import ZoneInfo

    times, days = Times(zone), set()
    for n in range(366 * 48):
        local = datetime(2026, 1, 1) + timedelta(minutes=30 * n)  # noqa: DTZ001 -- it is local
        try:
            found = times.read(f"{local:%Y-%m-%d %H:%M}")
        except RefusalError:
            days.add(local.date())
        else:
            assert found.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
    assert len(days) == 2


def test_a_surface_is_told_by_the_header_or_named(state: State, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x,y", header="who,what")
    with pytest.raises(SourceError, match=r"no surface has the columns .*: portal, list"):
        take(state, path)
    with pytest.raises(SourceError, match="there is no surface tablet; known: portal, list, alert"):
        take(state, path, surface="tablet")
    with pytest.raises(SourceError, match="does not have, once each, the columns Event Time"):
        take(state, path, surface="portal")
    with pytest.raises(SourceError, match="FHIR AuditEvents only"):
        take(state, path, surface="alert")
    twin = {**SURFACES, "twin": LIST}
    both = write(tmp_path / "b.csv", header="when,staff,patient,what")
    from dataclasses import replace

    twin["twin"] = replace(LIST, code="twin")
    with pytest.raises(SourceError, match=r"several surfaces have .*: list, twin"):
        import_usage(state, twin, both, surface=None, now=NOW)


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"", "nothing in it"),
        (b"\n\n", "nothing in it"),
        ("User ID".encode("utf-16"), "UTF-16"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"PK\x03\x04", "workbook"),
    ],
)
def test_what_is_no_export_is_named(state: State, tmp_path: Path, raw: bytes, what: str) -> None:
    (tmp_path / "a.csv").write_bytes(raw)
    with pytest.raises(SourceError, match=what):
        take(state, tmp_path / "a.csv")


def test_strangers_are_kept_and_counted_without_a_name(state: State, tmp_path: Path) -> None:
    first = take(state, write(tmp_path / "a.csv", ROW))
    assert first.notes == ("there is no access list yet, so nobody can tell who had access",)
    people = write(tmp_path / "p.csv", "pr-001,4 East,portal", header="practitioner,unit,surfaces")
    import_access(state, SURFACES, people, as_of=date(2026, 11, 1), now=NOW)
    rows = [ROW.replace("10:00", f"11:{n:02}") for n in range(3)]
    rows += [row.replace("pr-001", "pr-9").replace("MR1", "MR9") for row in rows[:2]]
    done = take(state, write(tmp_path / "b.csv", *rows), known_patients=lambda _: {"MR1"})
    assert done.notes == (
        "2 events are of 1 person not on the access list of 2026-11-01; kept",
        "2 events are about 1 patient not in the data; kept",
    )
    assert len(inbox(state)) == 6


def test_an_audit_event_is_an_event(state: State, tmp_path: Path) -> None:
    sent = audit_event("alert-sent", agent=[{"who": {"reference": "Device/engine"}}])
    told = audit_event("alert-overridden", outcomeDesc="already aware")
    path = ndjson(tmp_path / "a.ndjson", sent, audit_event(), told)
    done = take(state, path)
    assert (done.surface, done.accepted, done.refused) == ("alert", 3, 0)
    found = {e["action"]: e for e in inbox(state)}
    assert found["served"]["practitioner"] == ""
    assert found["viewed"]["practitioner"] == "pr-001"
    assert (found["viewed"]["patient"], found["viewed"]["encounter"]) == ("p1", "v1")
    assert found["overridden"]["reason"] == "already aware"
    assert found["viewed"]["at"] == datetime(2026, 11, 2, 16, 0, tzinfo=UTC)
    assert found["viewed"]["use_case"] == ""  # the surface serves two


@pytest.mark.parametrize("indent", [None, 2])
def test_a_bundle_of_audit_events(state: State, tmp_path: Path, indent: int | None) -> None:
    entries = [{"resource": audit_event()}, {"resource": {"resourceType": "Patient", "id": "x"}}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries},
                               indent=indent))  # fmt: skip
    done = take(state, path, surface="alert")
    assert (done.accepted, done.reasons) == (1, {"this is no AuditEvent of FHIR R4": 1})
    assert refusals(state, path)[0][0] == 2


@pytest.mark.parametrize(
    ("agent", "who"),
    [
        ([{"requestor": True, "who": {"reference": "https://ehr/fhir/Practitioner/a1"}}], "a1"),
        ([{"requestor": True, "who": {"reference": "Practitioner/a1/_history/3"}}], "a1"),
        ([{"who": {"type": "Practitioner", "identifier": {"value": "77"}}}], "77"),
        ([{"requestor": True, "type": {"coding": [{"code": "humanuser"}]}, "altId": "u7"}], "u7"),
        ([{"requestor": True, "who": {"reference": "Device/d"}, "altId": "u7"}], ""),
        ([{"requestor": True, "who": {"reference": "Patient/p"}}], ""),
    ],
)  # fmt: skip
def test_the_person_is_the_requestor(
    state: State, tmp_path: Path, agent: list[object], who: str
) -> None:
    take(state, ndjson(tmp_path / "a.ndjson", audit_event(agent=agent)))
    assert [e["practitioner"] for e in inbox(state)] == [who]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ('{"resourceType":"AuditEvent",', "the line is no JSON"),
        ({"resourceType": "Patient"}, "this is no AuditEvent"),
        (audit_event(outcome={"code": "0"}), "this is no AuditEvent"),
        (audit_event(outcome="8"), "what was audited failed"),
        (audit_event("read"), "an action that the surface does not name"),
        (audit_event(subtype=[{"code": "alert-sent"}, {"code": "alert-read"}]), "several actions"),
        (audit_event(entity=[{"what": {"reference": f"Patient/{n}"}} for n in "ab"]), "several"),
        (audit_event(recorded="2026-11-02"), "the time cannot be read"),
    ],
)  # fmt: skip
def test_an_audit_event_that_is_not_sure_is_refused(
    state: State, tmp_path: Path, event: object, reason: str
) -> None:
    path = ndjson(tmp_path / "a.ndjson", audit_event(), event)  # type: ignore[arg-type]
    done = take(state, path)
    assert (done.accepted, done.refused) == (1, 1)
    assert reason in next(iter(done.reasons))


def test_an_open_quote_costs_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'a,b\n"x,1\ny,2\n"two\nlines",3\nz,4\n')
    with path.open("rb") as stream:
        rows = list(read_rows(stream, ","))
    assert [(r.line, r.fault) for r in rows if r.fault] == [(2, QUOTES)]
    assert [list(r.fields) for r in rows if not r.fault][1:] == [
        ["y", "2"], ["two\nlines", "3"], ["z", "4"],
    ]  # fmt: skip


def test_a_file_of_open_quotes_is_read_in_time(state: State, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = ['"pr-1,MR1,2026-11-02 10:00,Opened,,,W'] * 5_000
    path.write_text("\n".join([HEADER, *rows]))
    done = take(state, path)
    assert done.accepted == 0
    assert done.refused >= 2_500
