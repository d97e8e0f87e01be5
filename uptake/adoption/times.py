"""Times of an export. In: the text of a column; out: instants, never a guessed one.

A local time is read with the zone that the surface names. The hour that comes twice in autumn and
the one that is left out in spring have no instant of their own, so they are refused.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from uptake.errors import SourceError

_ISO = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_SLASHED = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d\d)(?::(\d\d))?(?: ?([AaPp])[Mm])?", re.ASCII
)
_NOON = 12
_MONTHS = 12

NONE = "no time"
UNREADABLE = "the time cannot be read"
NO_ZONE = "the time has no zone, and the surface names none"
TWICE = "the local hour came twice that night: the clocks went back"
NEVER = "the local hour never came: the clocks went forward"


class RefusalError(Exception):
    """A row that is refused; the message says why, with nothing of the row."""


class Times:
    """Reads one column; dates with slashes need the whole column to tell day from month."""

    def __init__(self, zone: str) -> None:
        try:
            self._zone = ZoneInfo(zone) if zone else None
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SourceError(f"there is no time zone {zone!r}; write one as America/Chicago") \
                from error  # fmt: skip
        self._days: dict[date, timezone | None] = {}
        self._slashed = False
        self._month_first = False
        self._day_first = False

    def read(self, text: str) -> datetime:
        """Return the instant in UTC; raises RefusalError."""
        if not text:
            raise RefusalError(NONE)
        try:
            found = self._iso(text) if _ISO.fullmatch(text) else self._american(text)
            if found.tzinfo is None:
                found = self._placed(found)
            return found.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise RefusalError(UNREADABLE) from error

    def settle(self) -> None:
        """Raise SourceError when the column never showed whether day or month comes first."""
        if self._day_first:
            raise SourceError(
                "the day comes before the month in these times; export them as YYYY-MM-DD HH:MM"
            )
        if self._slashed and not self._month_first:
            raise SourceError(
                "no time here has a day over 12, so day and month cannot be told apart; export the "
                "times as YYYY-MM-DD HH:MM"
            )

    @staticmethod
    def _iso(text: str) -> datetime:
        return datetime.fromisoformat(text.replace(",", ".").replace(" ", "T", 1).replace(" ", ""))

    def _american(self, text: str) -> datetime:
        match = _SLASHED.fullmatch(text)
        if match is None:
            raise RefusalError(UNREADABLE)
        month, day, year, hour, minute = (int(part) for part in match.groups()[:5])
        half = (match[7] or "").lower()
        if half and not 1 <= hour <= _NOON:
            raise RefusalError(UNREADABLE)
        hour = hour % _NOON + (_NOON if half == "p" else 0) if half else hour
        if month > _MONTHS >= day:
            datetime(year, day, month)  # noqa: DTZ001 -- is it a day at all?
            self._day_first = True
            raise RefusalError(UNREADABLE)
        found = datetime(year, month, day, hour, minute, int(match[6] or 0))  # noqa: DTZ001 -- local
        self._slashed = True
        self._month_first |= day > _MONTHS
        return found

    def _placed(self, local: datetime) -> datetime:
        """Return a local time in the surface's zone."""
        if self._zone is None:
            raise RefusalError(NO_ZONE)
        day = local.date()
        if day not in self._days:
            self._days[day] = _steady(day, self._zone)
        zone = self._days[day]
        if zone is not None:
            return local.replace(tzinfo=zone)
        first, second = (local.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() == second.utcoffset():
            return first
        # PEP 495: of the two readings of a time in a gap neither comes back as it went.
        back = first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None)
        raise RefusalError(TWICE if back == local else NEVER)


def _steady(day: date, zone: ZoneInfo) -> timezone | None:
    """Return a day's one offset, as most days have; asking for every row is slow."""
    hours = [datetime.combine(day, time(hour), zone) for hour in range(24)]
    last = datetime.combine(day, time.max, zone)
    offsets = {h.replace(fold=f).utcoffset() for h in (*hours, last) for f in (0, 1)}
    offset = offsets.pop()
    return timezone(offset) if offset is not None and not offsets else None
