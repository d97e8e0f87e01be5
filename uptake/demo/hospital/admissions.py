"""Who is admitted when. In: records and the outside sources' customers; out: planned stays."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.calendar import FIRST, GO_LIVE, WEEKS, even
from uptake.demo.hospital.fhir import AS_OF, LATEST
from uptake.demo.hospital.staff import WARDS

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from uptake.demo.hospital.record import Record

A_WEEK = 0.011
"""Admissions a week for each patient known."""
WEST_SHARE = 0.078
"""The share of the hours in beds that the bay with its own gateway has."""
SICK_SHARE = 0.26
"""The share of stays in which the patient gets worse for a while."""
SICK_IN_BAY = 0.085
"""The share of the hours of such stays that are in the bay."""
OPENED_EVERY = 8
"""Since go-live the portal is opened at one admission in so many."""


@dataclass(slots=True)
class Admission:
    """A stay: planned first, then with what came of it."""

    record: Record
    ward: str
    start: datetime
    end: datetime
    number: int = 1
    """Which stay of the person it is."""
    sick: bool = False
    west: bool = False
    """In the bay whose monitors report through a gateway of their own."""
    opened: int | None = None
    """Which of the admissions at which the portal was opened this is."""
    encounter: str = ""
    signed: datetime | None = None
    """When the first inpatient order was."""
    looked: datetime | None = None
    reconciled: datetime | None = None
    potassium: list[str] = field(default_factory=list)
    """The results of the ward's device."""

    @property
    def current(self) -> bool:
        """Tell whether the patient is still in bed."""
        return self.end > LATEST


def plan_admissions(
    records: Sequence[Record],
    outside: Collection[str],
    diabetics: Collection[str],
    rng: random.Random,
) -> list[Admission]:
    """Return the stays of the 26 weeks, by start, evenly spread over weeks, wards and shares.

    None of the diabetics is in the bay: its clock is not to blame for their gaps.
    """
    count = max(4, round(A_WEEK * len(records) * WEEKS))
    span = (AS_OF - timedelta(hours=7) - FIRST) / count
    pool = _pool(records, outside, rng)
    taken: dict[str, datetime] = {}
    plans: list[Admission] = []
    for index in range(count):
        start = FIRST + span * (index + rng.uniform(0.05, 0.95))
        end = start + timedelta(minutes=rng.randint(44 * 60, 100 * 60))
        record = _free(pool, taken, start, end)
        taken[record.who.number] = end
        before = sum(p.record is record for p in plans)
        plans.append(Admission(record, WARDS[index % len(WARDS)][0], start, end, before + 1))
    _choose_bay(plans, diabetics)
    _choose_sick(plans)
    for turn, plan in enumerate(p for p in plans if p.start >= GO_LIVE):
        if turn % OPENED_EVERY == OPENED_EVERY // 2:
            plan.opened = turn // OPENED_EVERY
    return plans


def _pool(records: Sequence[Record], outside: Collection[str], rng: random.Random) -> list[Record]:
    """Adults with long-term medicines, those first whom an outside source knows."""
    adults = [r for r in records if r.who.age >= 19 and r.who.drugs]
    adults = adults or [r for r in records if r.who.age >= 19]
    return sorted(
        rng.sample(adults, len(adults)),
        key=lambda r: (r.who.number not in outside, r.who.age < 40),
    )


def _free(pool: list[Record], taken: dict[str, datetime], start: datetime, end: datetime) -> Record:
    """Take the first who is neither in the clinic nor in a bed then, and put them last."""
    day = timedelta(days=1)

    def free(record: Record) -> bool:
        last = taken.get(record.who.number)
        return not any(start - day < v.start < end + day for v in record.visits) and (
            last is None or last + 10 * day < start
        )

    place = next((i for i, record in enumerate(pool) if free(record)), 0)
    record = pool.pop(place)
    pool.append(record)
    return record


def _hours(plan: Admission) -> float:
    return (min(plan.end, LATEST) - plan.start) / timedelta(hours=1)


def _choose_bay(plans: list[Admission], diabetics: Collection[str]) -> None:
    """Give the bay evenly spread stays of 5 West until it has its share of the hours."""
    total, has = sum(map(_hours, plans)), 0.0
    ward = [p for p in plans if p.ward == "5w"]
    ward = [p for p in ward if p.record.who.number not in diabetics] or ward
    places = even(0.3)
    seen: set[str] = set()
    for _ in range(4 * len(ward)):
        plan = ward[int(next(places) * len(ward))]
        hours, number = _hours(plan), plan.record.who.number
        # nobody twice: the gateway has one Patient for each
        if number not in seen and (not seen or has + hours / 2 <= WEST_SHARE * total):
            plan.west = True
            seen.add(number)
            has += hours


def _choose_sick(plans: list[Admission]) -> None:
    """Choose who gets worse, evenly; in the bay until it has its share of their hours."""
    places = even()
    for plan in plans:
        plan.sick = not plan.west and next(places) < SICK_SHARE
    for live in (True, False):
        period = [p for p in plans if (p.start >= GO_LIVE) == live]
        wanted = SICK_IN_BAY / (1 - SICK_IN_BAY) * sum(_hours(p) for p in period if p.sick)
        bay, has = [p for p in period if p.west], 0.0
        for _, plan in sorted(zip(places, bay, strict=False), key=lambda pair: pair[0]):
            if not has or has + _hours(plan) / 2 <= wanted:
                plan.sick = True
                has += _hours(plan)
