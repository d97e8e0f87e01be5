"""FHIR dates and times, as far as they were given. In: two texts; out: which is earlier."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_MOMENT = re.compile(
    r"(?P<date>\d{4}(?:-\d\d(?:-\d\d)?)?)"
    r"(?:T(?P<time>\d\d:\d\d(?::\d\d)?)(?P<fraction>\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)?)?"
)
_TIME = re.compile(r"T?(?P<time>\d\d(?::\d\d(?::\d\d)?)?)(?P<fraction>\.\d+)?")


def compared(left: str, right: str) -> int | None:
    """Return -1, 0 or 1; None where the precision, a missing zone or a fault leaves it open."""
    a, b = _parts(left), _parts(right)
    if a is None or b is None:
        return None
    if a[1] != b[1] and len(a[0]) > 3 and len(b[0]) > 3:  # one with a zone and one without
        return None
    for x, y in zip(a[0], b[0], strict=False):
        if x != y:
            return -1 if x < y else 1
    return 0 if len(a[0]) == len(b[0]) else None


def _parts(text: str) -> tuple[list[float], bool] | None:
    """Return year, month, day, hour, minute and second as far as given, in UTC; and if zoned."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return _time_parts(text)
    parts: list[float] = [int(p) for p in match["date"].split("-")]
    if not match["time"]:
        return parts, False
    clock = [int(p) for p in match["time"].split(":")]
    zone = match["zone"]
    try:
        at = datetime(*(int(p) for p in parts), *clock, tzinfo=UTC)  # type: ignore[misc, arg-type]
        if zone and zone != "Z":
            sign = -1 if zone[0] == "+" else 1
            at += sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
    except (ValueError, OverflowError):
        return None
    found: list[float] = [at.year, at.month, at.day, at.hour, at.minute]
    if len(clock) > 2:
        found.append(at.second + float(match["fraction"] or 0))
    return found, bool(zone)


def _time_parts(text: str) -> tuple[list[float], bool] | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    parts: list[float] = [float(p) for p in match["time"].split(":")]
    if match["fraction"]:
        parts[-1] += float(match["fraction"])
    return [0, *parts], False
