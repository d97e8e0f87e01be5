"""HbA1c of the diabetics. In: their records and gaps; out: draws, and visits with an open gap."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.calendar import GO_LIVE, office_hour, weekday
from uptake.demo.hospital.fhir import LATEST, chicago
from uptake.demo.hospital.laboratory import LEGACY_SITES, SITES, Draw, Draws
from uptake.demo.hospital.people import stream
from uptake.demo.hospital.population import Gap

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping, Sequence

    from uptake.demo.hospital.record import Record, Visit

YEAR = timedelta(days=365)
ORDERED_SHARE = 1 / 6
"""Of the visits with an open gap since go-live, those at which the test was ordered and done."""
EARLIER_SHARE = 1 / 10
OLD_TEST_SHARE = 0.3
LAST_DRAW = date(2026, 10, 30)


@dataclass(frozen=True, slots=True)
class GapVisit:
    """A visit of a diabetic whose HbA1c of the last 12 months nobody can read."""

    record: Record
    visit: Visit
    gap: Gap
    closes: bool
    """The test was ordered there and done within a month."""


@dataclass(slots=True)
class Gaps:
    """What was planned: everybody's draws at the laboratory, and the visits with an open gap."""

    draws: dict[str, Draws] = field(default_factory=dict)
    visits: list[GapVisit] = field(default_factory=list)


def plan_gaps(records: Sequence[Record], gaps: Mapping[str, Gap], seed: int) -> Gaps:
    """Return the draws of the diabetics of 18 to 75, and their visits with an open gap, by time."""
    plan = Gaps()
    diabetics = [r for r in records if r.who.number in gaps]
    unread = [r for r in diabetics if gaps[r.who.number] is not Gap.READABLE]
    for turn, record in enumerate(sorted(unread, key=lambda r: gaps[r.who.number].name)):
        rng = stream(seed, "draws", record.who.number)
        legacy = gaps[record.who.number] is Gap.LEGACY
        plan.draws[record.who.number] = _under_local_code(rng, turn) if legacy else _unread(rng)
    found = [(r, v) for r in unread for v in r.recent if _is_open(plan.draws, r, v)]
    readable = [r for r in diabetics if gaps[r.who.number] is Gap.READABLE]
    closing = _closing(readable, found)
    for record in readable:
        rng = stream(seed, "draws", record.who.number)
        visit = closing.get(record.who.number)
        plan.draws[record.who.number] = _closed(rng, visit) if visit else _regular(rng)
    found += [(r, v) for r in readable for v in r.recent if _is_open(plan.draws, r, v)]
    plan.visits = [
        GapVisit(r, v, gaps[r.who.number], closing.get(r.who.number) is v)
        for r, v in sorted(found, key=lambda rv: rv[1].start)
        if v.start >= GO_LIVE
    ]
    return plan


def _is_open(draws: Mapping[str, Draws], record: Record, visit: Visit) -> bool:
    own = draws[record.who.number]
    return own.site in LEGACY_SITES or not any(
        d.a1c and visit.start - YEAR < d.at <= visit.start for d in own.draws
    )


def _closing(readable: Iterable[Record], found: Sequence[tuple[Record, Visit]]) -> dict[str, Visit]:
    """Choose the visits at which the test is ordered and then done, evenly over time."""
    closing: dict[str, Visit] = {}
    live = sum(v.start >= GO_LIVE for _, v in found)
    for begun, opened, share in (
        (True, live, ORDERED_SHARE),
        (False, len(found) - live, EARLIER_SHARE),
    ):
        candidates = [
            (visit, record.who.number)
            for record in readable
            if record.who.number not in closing
            for visit in record.recent
            if (visit.start >= GO_LIVE) == begun and visit.start < LATEST - timedelta(days=6)
        ]
        first = {number: visit for visit, number in reversed(candidates)}
        ranked = sorted(first.items(), key=lambda nv: nv[1].start)
        wanted = min(len(ranked), round(opened * share / (1 - share)))
        closing |= dict(ranked[i * len(ranked) // wanted] for i in range(wanted))
    return closing


def _days(rng: random.Random, days: Iterable[int], *, a1c: bool) -> list[Draw]:
    return [Draw(weekday(rng, ago), a1c) for ago in sorted(days, reverse=True)]


def _under_local_code(rng: random.Random, turn: int) -> Draws:
    last, gap = rng.randint(8, 150), rng.randint(90, 120)
    days = [last + gap * n for n in range(3) if last + gap * n < 350]
    return Draws(tuple(LEGACY_SITES)[turn % len(LEGACY_SITES)], _days(rng, days, a1c=True))


def _unread(rng: random.Random) -> Draws:
    last, gap = rng.randint(8, 150), rng.randint(90, 120)
    days = [last + gap * n for n in range(3) if last + gap * n < 350]
    older = [rng.randint(380, 470)] if rng.random() < OLD_TEST_SHARE else []
    return Draws(rng.choice(SITES), _days(rng, older, a1c=True) + _days(rng, days, a1c=False))


def _regular(rng: random.Random) -> Draws:
    last, gap = rng.randint(6, 90), rng.randint(92, 118)
    return Draws(rng.choice(SITES), _days(rng, [last + gap * n for n in range(4)], a1c=True))


def _closed(rng: random.Random, visit: Visit) -> Draws:
    """Other tests before the visit, then the one that was ordered there."""
    seen = chicago(visit.start).date()
    before = [_on(rng, seen - timedelta(days=d + rng.randint(0, 30))) for d in (160, 60)]
    day = seen + timedelta(days=rng.randint(2, min(24, max(3, (LAST_DRAW - seen).days - 2))))
    return Draws(
        rng.choice(SITES),
        [*(Draw(at, a1c=False) for at in before), Draw(_on(rng, min(day, LAST_DRAW)), a1c=True)],
    )


def _on(rng: random.Random, day: date) -> datetime:
    """Return a time in office hours of that day, or of the Monday after."""
    return office_hour(
        rng, day + timedelta(days=max(0, 7 - day.weekday()) % 7 * (day.weekday() > 4))
    )
