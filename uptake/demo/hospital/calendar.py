"""The 26 weeks of the hospital's daily life. In: shares and numbers; out: days and even spreads."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.fhir import AS_OF, civil

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from datetime import datetime

WEEKS = 26
FIRST_DAY = date(2026, 5, 4)
"""A Monday."""
FIRST = civil(FIRST_DAY, 0)
GO_LIVE_WEEK = 9
GO_LIVE = civil(FIRST_DAY + timedelta(weeks=GO_LIVE_WEEK - 1), 0)
WORKING_DAYS = WEEKS * 5
LOOKED = date(2026, 10, 18)
"""The day up to which the data were sent when a nurse looks at them, and is puzzled."""
LAST_WEEKS = AS_OF - timedelta(days=28)
"""Who used a surface is asked of the time since then."""
_GOLDEN = 0.6180339887498949


def even(start: float = 0.0) -> Iterator[float]:
    """Yield numbers of [0, 1) spread so evenly that any run of them has its share of each part."""
    place = start % 1
    while True:
        place = (place + _GOLDEN) % 1
        yield place


def working_day(share: float) -> date:
    """Return the working day of the 26 weeks at that share of them."""
    week, day = divmod(int(share % 1 * WORKING_DAYS), 5)
    return FIRST_DAY + timedelta(weeks=week, days=day)


def office_hour(rng: random.Random, day: date) -> datetime:
    """Return a time between 8:00 and 16:00 of that day."""
    return civil(day, 8 * 60 + 5 * rng.randint(0, 96))


def weekday(rng: random.Random, days_ago: int) -> datetime:
    """Return a time in office hours on a working day about that many days ago."""
    day = AS_OF.date() - timedelta(days=days_ago)
    return office_hour(rng, day - timedelta(days=max(0, day.weekday() - 4)))


def week_of(at: datetime) -> int:
    """Return the number of the week: 1 is the first of the 26."""
    return (at - FIRST) // timedelta(weeks=1) + 1
