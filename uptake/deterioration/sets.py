"""Sets of vital signs. In: the readings of one patient; out: the set at an instant, and before.

A set is what was measured in the hour before its newest vital sign. Oxygen and consciousness are
charted less often: they count up to four hours, marked as carried. Nothing else is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from uptake.deterioration.news2 import PARAMETERS, Score, Values, score
from uptake.deterioration.settings import settings

if TYPE_CHECKING:
    from uptake.deterioration.readings import Charted, Read, Reading

CARRIED = ("oxygen", "consciousness")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two readings of one parameter in one set that are too far apart: both are shown."""

    used: Reading
    other: Reading


@dataclass(frozen=True, slots=True)
class VitalSet:
    """One set; `anchor` is the time of its newest vital sign."""

    anchor: datetime
    readings: Mapping[str, Reading]
    """By parameter; what is missing is not in it."""
    carried: frozenset[str]
    """Parameters whose reading is older than the set."""
    conflicts: tuple[Conflict, ...]
    """A confirmed reading is used, a monitor's contradicts it."""
    score: Score
    unconfirmed: Score
    """The score if the monitor's readings were right; the same where there is no conflict."""
    charted: Charted | None
    """The total that somebody charted with it."""


def newest_sets(read: Read, now: datetime) -> tuple[VitalSet, ...]:
    """Return the newest set and the ones before it, newest first, as far as a trend goes.

    Each begins before the earliest reading that the one after it is made of.
    """
    found: list[VitalSet] = []
    times = _times(read)
    while times and len(found) < settings().trend_sets:
        anchor = max(times)
        if anchor < now - settings().trend:
            break
        found.append(set_at(read, anchor))
        measured = [r.at for name, r in found[-1].readings.items() if name not in CARRIED]
        before = min(measured, default=anchor)
        times = [at for at in times if at < before]
    return tuple(found)


def _times(read: Read) -> list[datetime]:
    """Return when vital signs were measured; where there are none at all, oxygen and the rest."""
    measured = [r.at for r in read.readings if r.parameter not in CARRIED]
    return measured or [r.at for r in read.readings]


def set_at(read: Read, anchor: datetime) -> VitalSet:
    """Return the set whose newest vital sign was measured at `anchor`."""
    opens = anchor - settings().window
    chosen: dict[str, Reading] = {}
    conflicts: list[Conflict] = []
    carried: set[str] = set()
    for name in PARAMETERS:
        closes = anchor + settings().together if name in CARRIED else anchor
        here = [r for r in read.readings if r.parameter == name and opens <= r.at <= closes]
        if here:
            chosen[name] = max(here, key=_preferred)
            conflicts += _conflicts(chosen[name], here)
        elif name in CARRIED and (older := _carried(read.readings, name, anchor)):
            chosen[name] = older
            carried.add(name)
    others = {c.used.parameter: c.other for c in conflicts}
    return VitalSet(
        anchor,
        MappingProxyType(chosen),
        frozenset(carried),
        tuple(conflicts),
        score(_values(chosen), read.scale),
        score(_values(chosen | others), read.scale),
        _charted(read, anchor),
    )


def _preferred(reading: Reading) -> tuple[object, ...]:
    """Return what is greatest of the reading to use: confirmed, then newest, then corrected.

    Of what still ties the worse counts (oxygen given), then the id, so that order never does.
    """
    worse = reading.value is True
    return (reading.validated, reading.at, reading.rank, worse, reading.source)


def _carried(readings: Sequence[Reading], name: str, anchor: datetime) -> Reading | None:
    opens = anchor - settings().carried
    older = [r for r in readings if r.parameter == name and opens <= r.at <= anchor]
    return max(older, key=_preferred, default=None)


def _conflicts(used: Reading, here: Collection[Reading]) -> list[Conflict]:
    """Return the newest monitor's reading that is too far from the confirmed one."""
    limit = settings().tolerance.get(used.parameter)
    if limit is None or not used.validated or not isinstance(used.value, Decimal):
        return []
    apart = [
        r
        for r in here
        if not r.validated and isinstance(r.value, Decimal) and abs(r.value - used.value) > limit
    ]
    return [Conflict(used, max(apart, key=_preferred))] if apart else []


def _charted(read: Read, anchor: datetime) -> Charted | None:
    near = [c for c in read.charted if abs(c.at - anchor) <= settings().window]
    return min(near, key=lambda c: (abs(c.at - anchor), c.source), default=None)


def _values(chosen: Mapping[str, Reading]) -> Values:
    held: dict[str, Any] = {name: reading.value for name, reading in chosen.items()}
    return Values(**held)
