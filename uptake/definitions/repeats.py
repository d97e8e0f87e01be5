"""Examples that need many resources. In: a line `200 times {…}`; out: two hundred lines.

In the resource `<<n>>` counts from 1, `<<8..17>>` goes round from 8 to 17, and
`<<2025-01-06 + 1 day>>` moves on with each: a date, or a date-time, as in
`<<2025-01-06T08:00:00 + 90 minutes>>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

_LINE = re.compile(r"(\d{1,4}) times (\{.*)")
_PLACE = re.compile(r"<<(.*?)>>")
_ROUND = re.compile(r"(\d+)\.\.(\d+)")
_MOVING = re.compile(r"(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d)? \+ (\d+) (day|hour|minute)s?")


def expand(text: str) -> str:
    """Return the lines of an example with repeated ones written out.

    Raises ValueError for a place that says none of the three.
    """
    return "\n".join(line for written in text.split("\n") for line in lines_of(written))


def lines_of(written: str) -> Iterator[str]:
    """Yield what one line of an example stands for; raises ValueError as `expand` does."""
    repeated = _LINE.fullmatch(written.strip())
    if not repeated:
        yield written
        return
    parts = _PLACE.split(repeated[2])
    for n in range(int(repeated[1])):
        yield "".join(_told(part, n) if i % 2 else part for i, part in enumerate(parts))


def _told(place: str, n: int) -> str:
    """Return what stands at a place in the resource number n, counted from 0."""
    if place == "n":
        return str(n + 1)
    if around := _ROUND.fullmatch(place):
        first, last = int(around[1]), int(around[2])
        return str(first + n % (last - first + 1)).zfill(len(around[1]))
    if moving := _MOVING.fullmatch(place):
        day, time, step, unit = moving.groups()
        moved = datetime.fromisoformat(day + (time or "")).replace(tzinfo=UTC)
        moved += n * timedelta(**{f"{unit}s": int(step)})
        return moved.strftime("%Y-%m-%dT%H:%M:%S") if time else date.isoformat(moved.date())
    raise ValueError(f"<<{place}>> says nothing; write <<n>>, <<8..17>> or <<2025-01-06 + 1 day>>")
