"""Prior authorization. In: records; out: orders with the claims and the payer's answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.calendar import GO_LIVE, WEEKS, even, week_of
from uptake.demo.hospital.codes import ICD10CM, ORDERS, SNOMED
from uptake.demo.hospital.fhir import LATEST, Resource, coding, concept, hl7, moment, to
from uptake.demo.hospital.staff import HOSPITAL, PAYER

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from datetime import datetime

    from uptake.demo.hospital.record import Record, Visit

A_WEEK = 0.013
"""Orders a week for each patient known."""
DENIED = 0.12
DAYS_BEFORE, DAYS_AFTER = 9.5, 4.5
LEARNING = timedelta(days=24)
"""How long it took from go-live until answers came faster."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order that needs the payer's word."""

    record: Record
    id: str
    at: datetime
    submitted: datetime
    decided: datetime | None


def write_orders(records: Sequence[Record], rng: random.Random) -> list[Order]:
    """Write about as many orders each week, with claims and answers; return them by time."""
    places, denials = even(0.1), even(0.7)
    orders = []
    for record, visit in _chosen(records, rng):
        orders.append(_order(record, visit, rng, next(places), denied=next(denials) < DENIED))
    return orders


def _chosen(records: Sequence[Record], rng: random.Random) -> list[tuple[Record, Visit]]:
    """Choose visits of adults, the same number in each week."""
    weeks: dict[int, list[tuple[Record, Visit]]] = {week: [] for week in range(1, WEEKS + 1)}
    for record in records:
        for visit in record.recent if record.who.age >= 25 else ():
            weeks[week_of(visit.start)].append((record, visit))
    chosen: list[tuple[Record, Visit]] = []
    for week, visits in weeks.items():
        wanted = round(A_WEEK * len(records) * week) - len(chosen)
        chosen += sorted(
            rng.sample(visits, max(0, min(wanted, len(visits)))), key=lambda rv: rv[1].start
        )
    return chosen


def _days(at: datetime, place: float) -> float:
    """Days from order to answer: as ever before go-live, then ever fewer for some weeks."""
    learned = min(1.0, max(0.0, (at - GO_LIVE) / LEARNING))
    middle = DAYS_BEFORE + (DAYS_AFTER - DAYS_BEFORE) * learned
    spread = 3.2 - 1.2 * learned
    # place is even in [0, 1); its cube gathers most near the middle
    off = 2 * place - 1
    return middle + spread * (0.55 * off + 0.45 * off**3)


def _order(
    record: Record, visit: Visit, rng: random.Random, place: float, *, denied: bool
) -> Order:
    at = visit.start + timedelta(minutes=15)
    identity = _request(record, visit, at, rng)
    days = _days(at, place)
    submitted = at + timedelta(days=days * rng.uniform(0.2, 0.4))
    decided = at + timedelta(days=days)
    if submitted > LATEST:
        return Order(record, identity, at, submitted, None)
    claim = _claim(record, identity, submitted)
    if decided > LATEST:
        return Order(record, identity, at, submitted, None)
    answer: Resource = {"disposition": "Denied"}
    if not denied:
        answer = {"disposition": "Approved", "preAuthRef": f"PA{rng.randint(10**7, 10**8 - 1)}"}
    body = {**_asked(record, decided), "request": to("Claim", claim), "outcome": "complete"}
    record.chart.add("ClaimResponse", decided + timedelta(minutes=1), body | answer)
    return Order(record, identity, at, submitted, decided)


def _asked(record: Record, created: datetime) -> Resource:
    """Return what a claim and the answer to it have in common."""
    return {
        "status": "active",
        "type": hl7("claim-type", "professional", "Professional"),
        "use": "preauthorization",
        "patient": record.subject,
        "created": moment(created),
        "insurer": to("Organization", PAYER),
    }


def _claim(record: Record, order: str, submitted: datetime) -> str:
    coverage = {"sequence": 1, "focal": True, "coverage": to("Coverage", record.coverage)}
    body = {
        **_asked(record, submitted),
        "provider": to("Organization", HOSPITAL),
        "priority": hl7("processpriority", "normal", "Normal"),
        "referral": to("ServiceRequest", order),
        "insurance": [coverage],
    }
    return record.chart.add("Claim", submitted + timedelta(minutes=1), body)


def _request(record: Record, visit: Visit, at: datetime, rng: random.Random) -> str:
    category, service, reason = rng.choice(ORDERS)
    body = record.at(
        visit,
        {
            "status": "active",
            "intent": "order",
            "category": [concept(coding(SNOMED, *category))],
            "priority": "urgent" if rng.random() < 0.2 else "routine",
            "code": concept(coding(SNOMED, *service)),
            "authoredOn": moment(at),
            "requester": to("Practitioner", visit.doctor),
            "reasonCode": [concept(coding(ICD10CM, *reason))],
            "insurance": [to("Coverage", record.coverage)],
        },
    )
    received, done = at + timedelta(minutes=1), at + timedelta(days=45)
    if done > LATEST:
        return record.chart.add("ServiceRequest", received, body)
    return record.chart.add_versions(
        "ServiceRequest", received, body, done, {"status": "completed"}
    )
