"""What uptake.toml says of feeds' titles and of the zone: read, refused; what "now" is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from uptake.errors import DefinitionError
from uptake.project import (
    TITLE_LONGEST,
    Project,
    as_of,
    init_project,
    instant,
    local,
    now,
    read_project,
)

REAL = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)
MADRID, CHICAGO = "Europe/Madrid", "America/Chicago"


def project(folder: Path, *, title: str = "", zone: str = "", as_of: str = "") -> Project:
    """Return a project of one feed, `lab`, with these settings, each as TOML writes its value."""
    (folder / "lab").mkdir(exist_ok=True)
    lines = [
        "[assess]", f"as_of = {as_of}" if as_of else "",
        "[project]", f"zone = {zone}" if zone else "",
        "[feeds.lab]", f"title = {title}" if title else "",
    ]  # fmt: skip
    (folder / "uptake.toml").write_text("\n".join(lines), "utf-8")
    return read_project(folder)


def faults(folder: Path, **settings: str) -> list[str]:
    """Return what is wrong with them, without the name of the file."""
    with pytest.raises(DefinitionError) as refused:
        project(folder, **settings)
    return [line.partition("uptake.toml: ")[2] for line in str(refused.value).splitlines()]


def test_what_nobody_said(tmp_path: Path) -> None:
    for found in (Project(), project(tmp_path)):
        assert found.titles == {}
        assert found.zone is None


def test_init_writes_neither(tmp_path: Path) -> None:
    init_project(tmp_path)
    found = read_project(tmp_path)
    assert (found.titles, found.zone) == ({}, None)


@pytest.mark.parametrize(
    "title", ["Northside Laboratory", "Çağ & <b> “Söhne”", "x" * TITLE_LONGEST]
)
def test_a_title(tmp_path: Path, title: str) -> None:
    assert project(tmp_path, title=f"'{title}'").titles == {"lab": title}


def test_space_around_a_title_is_none_of_it(tmp_path: Path) -> None:
    assert project(tmp_path, title='" Northside "').titles == {"lab": "Northside"}


@pytest.mark.parametrize(
    ("title", "fault"),
    [
        ('""', "is empty"), ('"  "', "is empty"), ("7", "is no str"), ("['a']", "is no str"),
        (r'"one\ntwo"', "has a line break"), (r'"a\tb"', "has a line break"),
        (r'"a\u202Eb"', "another character that cannot be shown"),
        (r'"a\u0000b"', "another character that cannot be shown"),
        (f'"{"x" * (TITLE_LONGEST + 1)}"', f"has 61 characters; write {TITLE_LONGEST} at most"),
    ],
)  # fmt: skip
def test_a_title_that_cannot_be_shown(tmp_path: Path, title: str, fault: str) -> None:
    (found,) = faults(tmp_path, title=title)
    assert found.startswith("feeds.lab.title ")
    assert fault in found


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ('title = "Lab"', 'title = "lab"', True),
        ('title = "west"', "", True),
        ('title = "East"', 'title = "West"', False),
        ("", "", False),
    ],
)
def test_no_two_feeds_have_one_title(tmp_path: Path, one: str, other: str, *, alike: bool) -> None:
    for name in ("east", "west"):
        (tmp_path / name).mkdir()
    (tmp_path / "uptake.toml").write_text(f"[feeds.east]\n{one}\n[feeds.west]\n{other}\n")
    if not alike:
        assert len(read_project(tmp_path).feeds) == 2
        return
    with pytest.raises(DefinitionError, match=r"feeds\.east and feeds\.west have one title"):
        read_project(tmp_path)


@pytest.mark.parametrize(
    "zone", ["Europe/Atlantis", "Madrid", "+01:00", "CET+1", "../etc/passwd", "Europe"]
)
def test_a_zone_that_is_none(tmp_path: Path, zone: str) -> None:
    assert faults(tmp_path, zone=f'"{zone}"') == [
        f"project.zone is {zone!r}; write one as in America/Chicago"
    ]


def test_a_zone_is_a_text(tmp_path: Path) -> None:
    assert faults(tmp_path, zone="1") == ["project.zone is no str"]


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    assert len(faults(tmp_path, zone='"Mars"', title='""')) == 2


@pytest.mark.parametrize(
    ("zone", "day"),
    [("", "2026-11-28"), (MADRID, "2026-11-29"), (CHICAGO, "2026-11-28"),
     ("Pacific/Auckland", "2026-11-29"), ("Pacific/Honolulu", "2026-11-28")],
)  # fmt: skip
def test_today_is_the_day_there(tmp_path: Path, zone: str, day: str) -> None:
    found = now(project(tmp_path, zone=f'"{zone}"'), REAL)
    assert found == REAL, "it is the same instant"
    assert found.date().isoformat() == day


@pytest.mark.parametrize(
    ("zone", "utc", "day"),
    [(CHICAGO, datetime(2026, 11, 29, 5, 59, tzinfo=UTC), "2026-11-28"),
     (CHICAGO, datetime(2026, 11, 29, 6, 0, tzinfo=UTC), "2026-11-29"),
     (MADRID, datetime(2026, 11, 28, 22, 59, tzinfo=UTC), "2026-11-28"),
     (MADRID, datetime(2026, 11, 28, 23, 0, tzinfo=UTC), "2026-11-29")],
)  # fmt: skip
def test_a_day_begins_at_midnight_there(tmp_path: Path, zone: str, utc: datetime, day: str) -> None:
    assert now(project(tmp_path, zone=f'"{zone}"'), utc).date().isoformat() == day


@pytest.mark.parametrize("zone", ["", MADRID, CHICAGO, "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("day", ["2026-11-01", "2026-10-25", "2026-03-29"])
def test_an_as_of_that_is_a_day_is_that_day_everywhere(tmp_path: Path, zone: str, day: str) -> None:
    found = project(tmp_path, zone=f'"{zone}"', as_of=f'"{day}"')
    assert now(found, REAL).date().isoformat() == day
    assert as_of(found, REAL) == instant(day, REAL), "what a run is made as of stays UTC's"
    assert as_of(found, REAL).isoformat() == f"{day}T23:59:59.999999+00:00"


def test_an_as_of_that_is_an_instant_stays_it(tmp_path: Path) -> None:
    found = project(tmp_path, zone=f'"{MADRID}"', as_of='"2026-11-01T20:00:00-06:00"')
    assert now(found, REAL).isoformat() == "2026-11-02T03:00:00+01:00"
    assert as_of(found, REAL).isoformat() == "2026-11-01T20:00:00-06:00"
    untold = project(tmp_path, zone=f'"{MADRID}"', as_of='"2026-11-01T23:30:00"')
    assert now(untold, REAL) == as_of(untold, REAL) == datetime(2026, 11, 1, 23, 30, tzinfo=UTC)


def test_time_passes_as_it_does_where_the_clocks_are_changed() -> None:
    """In Chicago 1 November 2026 has 25 hours: at two in summer time it is one again."""
    zone = ZoneInfo(CHICAGO)
    before = local(datetime(2026, 11, 1, 6, 30, tzinfo=UTC), zone)
    after = local(datetime(2026, 11, 1, 8, 30, tzinfo=UTC), zone)
    assert (before.isoformat(), before.tzname()) == ("2026-11-01T01:30:00-05:00", "CDT")
    assert (after.isoformat(), after.tzname()) == ("2026-11-01T02:30:00-06:00", "CST")
    assert after - before == timedelta(hours=2)
    assert before + timedelta(hours=2) == after
