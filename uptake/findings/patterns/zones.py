"""Where a sender's clocks are. In: feeds and the offsets they sent; out: `zone_offset`.

A zone is what the project says, or what the offsets tell: two of them that alternate as one zone's
daylight saving does. One constant offset tells nothing, and neither does UTC.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from uptake.engine.duckdb import in_utc

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

COLUMNS = ("feed", "zone", "inferred", "year", "valid_from", "valid_to", "offset_minutes")
_STEP = timedelta(days=7)
"""Two changes of a clock within a week would be passed over; since 1970 no listed zone had that."""

_TIMED = "m.at_precision in ('minute', 'second', 'fraction')"
_KNOWN = "m.at_date between date '1970-01-01' and date '2099-12-31'"
"""Dates beyond are what programs write for no date (0001-01-01, 9999-12-31)."""
_SPAN = f"""
select min(at_time), max(at_time) from moment m where {_TIMED} and {_KNOWN}
"""
_OFFSETS = f"""
select r.feed, m.at_date, m.at_offset, count(*) from moment m join resource r using (rid)
where m.at_offset <> 0 and {_TIMED} and {_KNOWN}
group by all order by all
"""


def build_zone_offsets(db: Database, settings: Mapping[str, Any]) -> None:
    """Make `zone_offset`: for each feed whose zone is known, its offset from UTC at every time.

    A row a stretch without a change, from `valid_from` up to `valid_to`, both in UTC and in one
    `year`, so that a join finds it by equality; over the times of the load.
    """
    db.run(
        "create table zone_offset (feed varchar, zone varchar, inferred boolean, "
        "year integer, valid_from timestamp, valid_to timestamp, offset_minutes integer)"
    )
    start, end = db.row(_SPAN)
    if start is None:
        return
    sent: dict[str, list[tuple[datetime, int, int]]] = {}
    for feed, day, offset, count in db.rows(_OFFSETS):
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(minutes=offset)
        sent.setdefault(feed, []).append((noon, offset, count))
    for feed, declared in db.rows("select feed, zone from feed order by feed"):
        zone = declared or infer_zone(sent.get(feed, []), settings)
        if zone:
            stretches = offsets_of(zone, start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
            rows = [
                (feed, zone, not declared, since.year, in_utc(since), in_utc(until), minutes)
                for since, until, minutes in stretches
            ]
            db.insert("zone_offset", COLUMNS, rows)


def infer_zone(sent: Sequence[tuple[datetime, int, int]], settings: Mapping[str, Any]) -> str:
    """Return the zone whose daylight saving the offsets follow, "" when they do not tell.

    `sent` holds an instant at noon of a day, an offset in minutes, and how many times had it.
    """
    often = dict[int, int]()
    for _, offset, count in sent:
        often[offset] = often.get(offset, 0) + count
    common = sorted(often, key=lambda offset: -often[offset])[:2]
    if len(common) < 2 or often[common[1]] < settings["least"]:
        return ""
    total, year = sum(often.values()), max(sent)[0].year
    best, zone = 0, ""
    for name in settings["zones"]:
        clock = ZoneInfo(name)
        seasons = {_minutes(datetime(year, month, 1, tzinfo=UTC), clock) for month in (1, 7)}
        if seasons != set(common):
            continue
        fits = sum(count for at, offset, count in sent if _minutes(at, clock) == offset)
        if fits > best:
            best, zone = fits, name
    return zone if best >= settings["agreement"] * total else ""


@functools.cache
def offsets_of(
    zone: str, start: datetime, end: datetime
) -> tuple[tuple[datetime, datetime, int], ...]:
    """Return the stretches of one offset in the years of two instants: from, until, minutes.

    Source: the time zone database, as `zoneinfo` finds it.
    """
    clock = ZoneInfo(zone)
    years = [datetime(year, 1, 1, tzinfo=UTC) for year in range(start.year, end.year + 2)]
    cuts = sorted({*years, *_changes(clock, years[0], years[-1])})
    return tuple(
        (since, until, _minutes(since, clock)) for since, until in itertools.pairwise(cuts)
    )


def _changes(clock: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the minutes at which the clock is set, between two instants."""
    at = start
    while at < end:
        then = min(at + _STEP, end)
        if _minutes(at, clock) != _minutes(then, clock):
            yield _change(clock, at, then)
        at = then


def _change(clock: ZoneInfo, before: datetime, after: datetime) -> datetime:
    old = _minutes(before, clock)
    while after - before > timedelta(minutes=1):
        middle = before + (after - before) // 2
        if _minutes(middle, clock) == old:
            before = middle
        else:
            after = middle
    return after.replace(second=0, microsecond=0)


def _minutes(at: datetime, clock: ZoneInfo) -> int:
    offset = at.astimezone(clock).utcoffset()
    return round((offset or timedelta()).total_seconds() / 60)
