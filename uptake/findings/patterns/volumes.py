"""How many patients a day a sender tells of. In: `event`; out: `volume`.

A day is held against the same weekday of the weeks before it: the median says what is expected, the
median deviation of those weeks how far it goes astray by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

_WEEK = 7
_ORDINARY = 2.0
"""Within so many standard deviations nobody needs to know how far the days before went astray."""
_NORMAL = 1.4826
"""The median deviation of a normal distribution, in standard deviations, inverted."""

_DAILY = """
select feed, type, at_date, count(distinct coalesce(patient_rid, rid)) as people
from event
where entered_in_error is not true and at_precision not in ('year', 'month')
  and at_date between $first and $last
group by all order by all
"""
_HOURS = """
select feed, type, hour, count(*) as n from (
  select e.feed, e.type, extract(hour from e.at_time + to_minutes(
    case when e.at_offset = 0 then coalesce(z.offset_minutes, 0) else coalesce(e.at_offset, 0) end
  )) as hour
  from event e
  left join zone_offset z on e.at_offset = 0 and z.feed = e.feed
    and z.year = extract(year from e.at_time)
    and e.at_time >= z.valid_from and e.at_time < z.valid_to
  where e.at_precision in ('minute', 'second', 'fraction') and substr(e.at_text, 12, 5) <> '00:00'
    and e.entered_in_error is not true and e.at_date between $first and $last
) group by all order by all
"""


@dataclass(frozen=True, slots=True)
class Day:
    """One row of `volume`."""

    feed: str
    type: str
    day: date
    people: int
    expected: Decimal
    deviation: Decimal
    """How far from what is expected, in robust standard deviations."""
    quiet_since: date | None
    """The first of the quiet days in a row that this one belongs to; NULL: it is not quiet."""
    quiet_days: int
    """How many of those are days on which somebody was expected."""
    missing: Decimal
    """How many patients were expected on those and did not come."""
    busiest: int
    """The most patients on a day of the baseline weeks before."""
    closes: bool
    """A part of the day is always quiet here: such a sender has holidays."""


_COLUMNS = (
    "feed varchar, type varchar, day date, people integer, expected decimal(12, 2), "
    "deviation decimal(12, 2), quiet_since date, quiet_days integer, missing decimal(12, 2), "
    "busiest integer, closes boolean"
)


def build_volumes(db: Database, settings: Mapping[str, Any]) -> None:
    """Make `volume`: each of the last days of each feed and type, once it has a baseline.

    Patients are counted, not facts, so that one long stay is not a busy day. A type of which the
    feed has nothing in the baseline weeks has no row.
    """
    db.run(f"create table volume ({_COLUMNS})")
    last = _last_day(db, settings)
    if last is None:
        return
    days = (settings["weeks"] + 2 * settings["baseline_weeks"]) * _WEEK
    span = {"first": last - timedelta(days=days - 1), "last": last}
    hours: dict[tuple[str, str], list[int]] = {}
    for feed, kind, hour, n in db.rows(_HOURS, span):
        hours.setdefault((feed, kind), [0] * 24)[hour] = n
    counts: dict[tuple[str, str], list[int]] = {}
    for feed, kind, day, people in db.rows(_DAILY, span):
        daily = counts.setdefault((feed, kind), [0] * days)
        daily[(day - span["first"]).days] = people
    rows = [
        row
        for key, daily in counts.items()
        for row in judge_days(
            key, span["first"], daily, closes(hours.get(key, ()), settings), settings
        )
    ]
    db.insert("volume", [f.name for f in fields(Day)], [astuple(row) for row in rows])


def _last_day(db: Database, settings: Mapping[str, Any]) -> date | None:
    """Return the last day to judge: of a live load before the run, of an extract its newest.

    None where no day is later than 1970: 0001-01-01 is what programs write for no date.
    """
    today, newest = db.row(
        "select (select as_of_date from run), max(at_date) from event, run "
        "where at_date between date '1970-01-01' and as_of_date and entered_in_error is not true"
    )
    if newest is None:
        return None
    live = today - newest <= timedelta(days=settings["extract_days"])
    last: date = today if live else newest
    return last - timedelta(days=settings["settling_days"])


def closes(hours: Sequence[int], settings: Mapping[str, Any]) -> bool:
    """Tell whether a sender rests for so long a part of the day that it is not always open.

    `hours` holds how many times fall into each hour; without any nobody knows, and it may close.
    """
    least = settings["active_hour"] * sum(hours)
    longest = run = 0
    for n in (*hours, *hours):
        run = 0 if n and n >= least else run + 1
        longest = max(longest, run)
    return not hours or longest > settings["rest_hours"]


def judge_days(
    key: tuple[str, str],
    first: date,
    daily: Sequence[int],
    has_holidays: bool,
    settings: Mapping[str, Any],
) -> Iterator[Day]:
    """Yield what is to be said of the last days of a sender and type.

    `daily` holds the patients of each day from `first` on; the weeks before those that are judged
    are their baseline.
    """
    weeks = settings["baseline_weeks"]
    expected = _expected(daily, weeks)
    since, quiet_days, missing = None, 0, 0.0
    for at in range(len(daily) - settings["weeks"] * _WEEK, len(daily)):
        day, people, usual = first + timedelta(days=at), daily[at], expected[at]
        if usual is None:
            continue
        if people < settings["quiet"] * usual or (people == 0 and since):
            since = since or day
            quiet_days += usual >= 0.5
            missing += usual - people
        elif people or usual:
            since, quiet_days, missing = None, 0, 0.0
        yield Day(
            *key,
            day,
            people,
            _rounded(usual),
            _rounded(_deviation(at, daily, expected, weeks * _WEEK)),
            since,
            quiet_days,
            _rounded(missing),
            max(daily[at - weeks * _WEEK : at]),
            has_holidays,
        )


def _expected(daily: Sequence[int], weeks: int) -> list[float | None]:
    """Return what is expected on each day; None before the sender has a baseline of so many weeks.

    That is the median or mean of the same weekday in the weeks before, the lesser.
    """
    begun = next(at for at, people in enumerate(daily) if people) + weeks * _WEEK
    return [
        _middle([daily[at - _WEEK * week] for week in range(1, weeks + 1)]) if at >= begun else None
        for at in range(len(daily))
    ]


def _middle(people: Sequence[int]) -> float:
    """Return the lesser of median and mean; where the median is nobody, a mean of at most one.

    The median forgets a flood, the mean sees that few came on some days.
    """
    return min(max(float(median(people)), 1.0), sum(people) / len(people))


def _deviation(
    at: int, daily: Sequence[int], expected: Sequence[float | None], window: int
) -> float:
    """Return how far a day is from what was expected, in standard deviations.

    These are of how far the days before went astray (median absolute deviation), and no less than
    what counting brings by itself: 2 (√x - √e) is normal for a Poisson count (Anscombe).
    """
    usual, people = expected[at] or 0.0, daily[at]
    by_chance = 2 * (math.sqrt(people) - math.sqrt(usual))
    if abs(by_chance) < _ORDINARY:
        return by_chance
    astray = [
        abs(daily[before] / was - 1)
        for before in range(max(at - window, 0), at)
        if (was := expected[before]) is not None and was >= 1
    ]
    relative = _NORMAL * median(astray) * usual if astray else 0.0
    return min(by_chance, (people - usual) / relative, key=abs) if relative else by_chance


def _rounded(number: float) -> Decimal:
    return round(Decimal(number), 2)
