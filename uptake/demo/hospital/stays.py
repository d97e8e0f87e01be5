"""Hospital stays. In: planned admissions; out: their records, and what their sets call for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital import gateway
from uptake.demo.hospital.calendar import GO_LIVE, even
from uptake.demo.hospital.codes import ADMISSIONS, ANALYTES, SNOMED, TERMINOLOGY
from uptake.demo.hospital.drugs import DRUGS, ROUTES
from uptake.demo.hospital.entries import condition, prescription
from uptake.demo.hospital.fhir import (
    LATEST,
    Chart,
    Resource,
    coding,
    concept,
    dosage,
    drug_concept,
    hl7,
    moment,
    to,
)
from uptake.demo.hospital.laboratory import result
from uptake.demo.hospital.staff import HOSPITAL, NURSE, PHYSICIAN, WARD_NAMES, ids
from uptake.demo.hospital.ward import draw_set, write_set

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from datetime import datetime

    from uptake.demo.hospital.admissions import Admission

ACKNOWLEDGED, OVERRIDDEN, UNREAD = "acknowledged", "overridden", "unread"
READ_SHARE, ACKNOWLEDGED_SHARE, EARLIER_RESPONSE = 0.82, 0.18, 0.12
DEVICE = "poc-6n"
"""The device of 6 North that measures potassium at the bedside."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A set that somebody had to be called for, and what became of the call."""

    admission: Admission
    at: datetime
    received: datetime
    """When the last measurement of the set reached the record."""
    score: int
    outcome: str


@dataclass(slots=True)
class Wards:
    """What is needed to write stays; `answers` and `late_answers` spread outcomes evenly."""

    west: dict[str, list[Resource]]
    alerts: list[Alert] = field(default_factory=list)
    _answers: Iterator[float] = field(default_factory=lambda: even(0.2))
    _late: Iterator[float] = field(default_factory=lambda: even(0.4))
    _before: Iterator[float] = field(default_factory=lambda: even(0.6))

    def outcome(self, plan: Admission, at: datetime) -> str:
        """Return what will be done about an alert."""
        if at < GO_LIVE:
            return ACKNOWLEDGED if next(self._before) < EARLIER_RESPONSE else UNREAD
        share = next(self._late if plan.west else self._answers)
        in_time = not plan.west and at < min(plan.end, LATEST) - timedelta(minutes=90)
        # nobody measures again because of an alert of the bay: it comes five hours late
        if share < ACKNOWLEDGED_SHARE and in_time:
            return ACKNOWLEDGED
        return OVERRIDDEN if share < READ_SHARE else UNREAD

    def write(self, plan: Admission) -> None:
        """Write one stay with its diagnosis, treatment, procedure and sets."""
        record, rng = plan.record, plan.record.rng
        plan.encounter = _admit(plan)
        base = {"subject": record.subject, "encounter": to("Encounter", plan.encounter)}
        doctor = rng.choice(ids(WARD_NAMES[plan.ward], PHYSICIAN))
        _diagnose(plan, base, doctor)
        _treat(plan, base, doctor)
        _look_outside(plan, base)
        if plan.ward == "6n":
            _potassium(plan, base)
        nurse = rng.choice(ids(WARD_NAMES[plan.ward], NURSE))
        chart, vitals = record.chart, {**base, "performer": [to("Practitioner", nurse)]}
        if plan.west:
            chart, vitals = gateway.connect(plan, self.west)
        for at, alerts in _times(plan, rng):
            self._set(plan, chart, vitals, at, alerts=alerts)

    def _set(
        self, plan: Admission, chart: Chart, base: Resource, at: datetime, *, alerts: bool
    ) -> None:
        rng = plan.record.rng
        found = draw_set(rng, alerts=alerts)
        received = write_set(chart, base, at, found)
        if not alerts:
            return
        outcome = self.outcome(plan, at)
        self.alerts.append(Alert(plan, at, received, sum(found.points), outcome))
        if outcome == ACKNOWLEDGED:
            again = at + timedelta(minutes=rng.randint(34, 50))
            write_set(chart, base, again, draw_set(rng, alerts=False))


def _times(plan: Admission, rng: random.Random) -> Iterator[tuple[datetime, bool]]:
    """Yield when sets are charted and which of them alert: every 6 h, oftener while it is bad."""
    length = plan.end - plan.start
    worse = plan.start + length * rng.uniform(0.15, 0.55)
    better = worse + length * 0.3 if plan.sick else worse
    at = plan.start + timedelta(minutes=25)
    while at < min(plan.end, LATEST) - timedelta(minutes=8):
        bad = worse <= at < better
        yield at, bad
        at += timedelta(minutes=rng.randint(150, 240) if bad else rng.randint(330, 440))


def _admit(plan: Admission) -> str:
    record = plan.record
    period: Resource = {"start": moment(plan.start)}
    stay = [{"location": to("Location", f"loc-{plan.ward}"), "status": "active", "period": period}]
    body: Resource = {
        "identifier": [
            {
                "system": "http://lakeshore.example/visit",
                "value": f"H{record.who.number}{plan.number:02d}",
            }
        ],
        "status": "in-progress",
        "class": coding(TERMINOLOGY + "v3-ActCode", "IMP", "inpatient encounter"),
        "type": [concept(coding(SNOMED, "32485007", "Hospital admission"))],
        "subject": record.subject,
        "participant": [{"individual": to("Practitioner", record.winter.doctor)}],
        "period": period,
        "location": stay,
        "serviceProvider": to("Organization", HOSPITAL),
    }
    received = plan.start + timedelta(minutes=3)
    if plan.current:
        return record.chart.add("Encounter", received, body)
    whole = period | {"end": moment(plan.end)}
    gone = [{**stay[0], "status": "completed", "period": whole}]
    return record.chart.add_versions(
        "Encounter",
        received,
        body,
        plan.end + timedelta(minutes=6),
        {"status": "finished", "period": whole, "location": gone},
    )


def _diagnose(plan: Admission, base: Resource, doctor: str) -> None:
    chart, rng = plan.record.chart, plan.record.rng
    known = {"I50.9"} if "heart failure" in plan.record.who.diseases else set()
    reason = rng.choice([d for d in ADMISSIONS if d.icd not in known])
    when = plan.start + timedelta(minutes=50)
    body = condition(reason, "encounter-diagnosis", base, when, doctor)
    chart.add("Condition", when + timedelta(minutes=1), body)
    begun = plan.start + timedelta(minutes=70)
    limits = {"start": moment(begun), "end": moment(begun + timedelta(minutes=12))}
    chart.add(
        "Procedure",
        begun + timedelta(minutes=20),
        {
            "status": "completed",
            "code": concept(coding(SNOMED, "399208008", "Plain chest X-ray")),
            **base,
            "performedPeriod": limits,
            "performer": [{"actor": to("Practitioner", doctor)}],
        },
    )


def _treat(plan: Admission, base: Resource, doctor: str) -> None:
    """Sign the orders of the stay: something for pain, and some of the medicines of home."""
    record, rng = plan.record, plan.record.rng
    drugs = record.who.drugs
    continued = rng.sample(drugs, min(len(drugs), rng.randint(1, 3))) if drugs else []
    plan.signed = plan.start + timedelta(minutes=rng.randint(64, 172))
    for place, name in enumerate(("acetaminophen", *continued)):
        at = plan.signed + timedelta(minutes=place)
        body = prescription(DRUGS[name], "inpatient", base, at, doctor)
        received = at + timedelta(minutes=1)
        if plan.current:
            record.chart.add("MedicationRequest", received, body)
        else:
            done = plan.end + timedelta(minutes=6)
            record.chart.add_versions(
                "MedicationRequest", received, body, done, {"status": "completed"}
            )


def _look_outside(plan: Admission, base: Resource) -> None:
    """Let somebody open the portal, mostly after the orders; some then write down what is taken."""
    if plan.opened is None or plan.signed is None:
        return
    record, rng = plan.record, plan.record.rng
    before = plan.opened % 5 == 3
    minutes = rng.randint(43, 58) if before else rng.randint(200, 900)
    plan.looked = min(plan.start + timedelta(minutes=minutes), LATEST - timedelta(minutes=20))
    if plan.opened % 5 not in (0, 3) or not record.who.drugs:
        return
    plan.reconciled = plan.looked + timedelta(minutes=rng.randint(4, 15))
    drug = DRUGS[record.who.drugs[0]]
    record.chart.add(
        "MedicationStatement",
        plan.reconciled + timedelta(minutes=1),
        {
            "status": "active",
            "medicationCodeableConcept": drug_concept(drug),
            "subject": base["subject"],
            "context": base["encounter"],
            "effectiveDateTime": moment(plan.reconciled),
            "dateAsserted": moment(plan.reconciled),
            "informationSource": base["subject"],
            "dosage": [dosage(drug, ROUTES[drug.route])],
        },
    )


def _potassium(plan: Admission, base: Resource) -> None:
    """Measure potassium twice at the bedside, with the ward's own device."""
    rng = plan.record.rng
    for hours in (3, 26):
        at = plan.start + timedelta(minutes=hours * 60 + rng.randint(0, 200))
        if at > min(plan.end, LATEST) - timedelta(minutes=10):
            return
        body = {
            "status": "final",
            "category": [hl7("observation-category", "laboratory", "Laboratory")],
            **base,
            "effectiveDateTime": moment(at),
            "issued": moment(at + timedelta(minutes=2)),
            "performer": [to("Organization", HOSPITAL)],
            "device": to("Device", DEVICE),
            **result(ANALYTES["potassium"], rng.gauss(0, 0.9)),
        }
        received = at + timedelta(minutes=3)
        plan.potassium.append(plan.record.chart.add("Observation", received, body))


def device() -> Resource:
    """Return the bedside device as a Device of the record."""
    return {
        "resourceType": "Device",
        "id": DEVICE,
        "meta": {"lastUpdated": moment(GO_LIVE - timedelta(days=90))},
        "status": "active",
        "deviceName": [{"name": "Point-of-care analyzer, 6 North", "type": "user-friendly-name"}],
        "location": to("Location", "loc-6n"),
    }
