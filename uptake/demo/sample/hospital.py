"""The hospital's record of one person. In: a person; out: visits, lists, orders, coverage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from uptake.demo.sample import entries, ward
from uptake.demo.sample.codes import (
    ALLERGENS,
    CHILD_VACCINES,
    CVX,
    DISEASES,
    ICD10CM,
    ORDERS,
    PROCEDURES,
    RXNORM,
    SNOMED,
    TERMINOLOGY,
    VACCINES,
)
from uptake.demo.sample.drugs import DRUGS, ROUTES
from uptake.demo.sample.fhir import (
    AS_OF,
    Chart,
    Resource,
    civil,
    coding,
    concept,
    dosage,
    drug_concept,
    hl7,
    moment,
    to,
)
from uptake.demo.sample.people import identifier, patient
from uptake.demo.sample.staff import CLINIC, DOCTORS, HOSPITAL, NURSES, PAYER

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from uptake.demo.sample.people import Person

SOURCE = "http://lakeshore.example/ehr"
DOCTOR_AT = timedelta(minutes=12)


@dataclass(frozen=True, slots=True)
class Visit:
    """A clinic visit: its encounter, its start and the doctor seen."""

    encounter: str
    start: datetime
    doctor: str


@dataclass(slots=True)
class Record:
    """What is needed to write into one person's chart."""

    who: Person
    rng: random.Random
    chart: Chart
    subject: Resource
    visits: list[Visit]

    def at(self, visit: Visit, body: Resource) -> Resource:
        """Return the body with its subject and encounter."""
        return {"subject": self.subject, "encounter": to("Encounter", visit.encounter), **body}


def weekday(rng: random.Random, days_ago: int) -> datetime:
    """Return a time in office hours on a working day about that many days ago."""
    day = AS_OF.date() - timedelta(days=days_ago)
    day -= timedelta(days=max(0, day.weekday() - 4))
    return civil(day, 8 * 60 + 5 * rng.randint(0, 96))


def write_record(who: Person, rng: random.Random, resources: dict[str, list[Resource]]) -> Record:
    """Write everything the hospital knows of one person; return the record with its visits."""
    chart = Chart(resources, SOURCE, who.number)
    days = _visit_days(who, rng)
    registered = weekday(rng, days[0]) - timedelta(minutes=10)
    identity = chart.add(
        "Patient",
        registered,
        {**patient(who), "managingOrganization": to("Organization", HOSPITAL)},
    )
    record = Record(who, rng, chart, to("Patient", identity), [])
    doctor = f"pr-{rng.randrange(len(DOCTORS)):02d}"
    for ago in days:
        record.visits.append(_visit(record, weekday(rng, ago), doctor))
    _problems(record)
    _allergies(record)
    _medications(record)
    _vaccines(record)
    _procedures(record)
    coverage = _coverage(record)
    _order(record, coverage)
    return record


def _visit_days(who: Person, rng: random.Random) -> list[int]:
    """Days before the as-of date, oldest first: the one of the diagnoses, then routine ones."""
    adult_days = (who.age - 18) * 365 if who.age >= 20 else 700
    first = rng.randint(500, max(520, min(3400, adult_days)))
    routine = min(4, 1 + (len(who.diseases) + 1) // 2)
    last = rng.randint(12, 150) if rng.random() < 0.95 else rng.randint(380, 450)
    later = [last + gap * rng.randint(84, 105) for gap in range(routine)]
    return [first, *sorted((d for d in later if d < 470), reverse=True)]


def _visit(record: Record, start: datetime, doctor: str) -> Visit:
    end = start + timedelta(minutes=record.rng.choice((25, 30, 40, 45)))
    body = entries.visit(record.subject, (start, end), CLINIC, HOSPITAL)
    body["identifier"] = [
        {
            "system": "http://lakeshore.example/visit",
            "value": f"V{record.who.number}{len(record.visits) + 1:02d}",
        }
    ]
    body["participant"] = [{"individual": to("Practitioner", doctor)}]
    encounter = record.chart.add("Encounter", end + timedelta(minutes=2), body)
    visit = Visit(encounter, start, doctor)
    nurse = f"pr-{len(DOCTORS) + record.rng.randrange(len(NURSES)):02d}"
    ward.clinic_vitals(
        record.chart,
        record.rng,
        record.at(visit, {"performer": [to("Practitioner", nurse)]}),
        start + timedelta(minutes=4),
        record.who,
    )
    return visit


def _problems(record: Record) -> None:
    first = record.visits[0]
    when = first.start + DOCTOR_AT
    for name in record.who.diseases:
        body = entries.condition(
            DISEASES[name], "problem-list-item", record.at(first, {}), when, first.doctor
        )
        record.chart.add("Condition", when + timedelta(minutes=1), body)


def _allergies(record: Record) -> None:
    first, rng = record.visits[0], record.rng
    substance = concept(coding(SNOMED, "716186003", "No known allergy"))
    extra: Resource = {}
    if rng.random() < 0.35:
        code, name = rng.choice(ALLERGENS)
        substance = concept(coding(RXNORM, code, name))
        extra = {
            "type": "allergy",
            "category": ["medication"],
            "criticality": "low",
            "reaction": [{"manifestation": [concept(coding(SNOMED, "247472004", "Hives"))]}],
        }
    when = first.start + timedelta(minutes=9)
    record.chart.add(
        "AllergyIntolerance",
        when + timedelta(minutes=1),
        {
            "clinicalStatus": hl7("allergyintolerance-clinical", "active", "Active"),
            "verificationStatus": hl7("allergyintolerance-verification", "confirmed", "Confirmed"),
            **extra,
            "code": substance,
            "patient": record.subject,
            "encounter": to("Encounter", first.encounter),
            "recordedDate": moment(when),
            "recorder": to("Practitioner", first.doctor),
        },
    )


def _medications(record: Record) -> None:
    last = record.visits[-1]
    when = last.start + DOCTOR_AT
    for name in record.who.drugs:
        body = entries.prescription(
            DRUGS[name], "community", record.at(last, {}), when, last.doctor
        )
        record.chart.add("MedicationRequest", when + timedelta(minutes=1), body)
    taken = [
        d
        for d, disease in (("aspirin", "hyperlipidemia"), ("acetaminophen", "arthritis"))
        if disease in record.who.diseases and record.rng.random() < 0.5
    ]
    for drug in (DRUGS[name] for name in taken):
        record.chart.add(
            "MedicationStatement",
            when + timedelta(minutes=1),
            {
                "status": "active",
                "medicationCodeableConcept": drug_concept(drug),
                "subject": record.subject,
                "context": to("Encounter", last.encounter),
                "effectiveDateTime": moment(when),
                "dateAsserted": moment(when),
                "informationSource": record.subject,
                "dosage": [dosage(drug, ROUTES[drug.route])],
            },
        )


def _vaccines(record: Record) -> None:
    rng, who = record.rng, record.who
    pool = CHILD_VACCINES if who.age < 18 else VACCINES
    given = rng.choice(pool if who.age >= 50 or who.age < 18 else pool[:2])
    last = record.visits[-1]
    when = last.start + timedelta(minutes=18)
    common = {"status": "completed", "patient": record.subject, "primarySource": True}
    record.chart.add(
        "Immunization",
        when + timedelta(minutes=2),
        {
            **common,
            "vaccineCode": concept(coding(CVX, *given)),
            "encounter": to("Encounter", last.encounter),
            "occurrenceDateTime": moment(when),
            "performer": [{"actor": to("Practitioner", last.doctor)}],
        },
    )
    if rng.random() < 0.6:
        told = next(v for v in pool if v != given)
        day = record.visits[0].start - timedelta(days=rng.randint(20, 200))
        record.chart.add(
            "Immunization",
            record.visits[0].start + DOCTOR_AT,
            {
                **common,
                "primarySource": False,
                "vaccineCode": concept(coding(CVX, *told)),
                "reportOrigin": hl7(
                    "immunization-origin", "recall", "Parent/Guardian/Patient Recall"
                ),
                "occurrenceDateTime": moment(day)[:10],
                "performer": [{"actor": to("Organization", HOSPITAL)}],
            },
        )


def _procedures(record: Record) -> None:
    if record.who.age < 40 or record.rng.random() < 0.4:
        return
    code, name = PROCEDURES[0 if record.rng.random() < 0.5 else record.rng.randrange(1, 4)]
    visit = record.rng.choice(record.visits)
    start = visit.start + timedelta(minutes=8)
    record.chart.add(
        "Procedure",
        start + timedelta(minutes=30),
        record.at(
            visit,
            {
                "status": "completed",
                "code": concept(coding(SNOMED, code, name)),
                "performedPeriod": {
                    "start": moment(start),
                    "end": moment(start + timedelta(minutes=14)),
                },
                "performer": [{"actor": to("Practitioner", visit.doctor)}],
            },
        ),
    )


def _coverage(record: Record) -> str:
    who = record.who
    plan = (
        ("RETIRE", "retiree health program") if who.age >= 65 else ("EHCPOL", "employee healthcare")
    )
    turn = int(who.number)
    begun = max(who.birth, date(2016 + turn % 9, 1 + turn % 12, 1))
    member = f"PH{record.rng.randint(10**8, 10**9 - 1)}"
    return record.chart.add(
        "Coverage",
        record.visits[0].start,
        {
            "identifier": [
                identifier("MB", "Member Number", "http://prairie.example/member", member)
            ],
            "status": "active",
            "type": concept(coding(TERMINOLOGY + "v3-ActCode", *plan)),
            "subscriber": record.subject,
            "subscriberId": member,
            "beneficiary": record.subject,
            "relationship": hl7("subscriber-relationship", "self", "Self"),
            "period": {"start": begun.isoformat()},
            "payor": [to("Organization", PAYER)],
        },
    )


def _order(record: Record, coverage: str) -> None:
    rng, last = record.rng, record.visits[-1]
    if record.who.age < 30 or rng.random() < 0.55 or AS_OF - last.start > timedelta(days=160):
        return
    category, service, reason = rng.choice(ORDERS)
    when = last.start + timedelta(minutes=15)
    recent = AS_OF - when < timedelta(days=45)
    record.chart.add(
        "ServiceRequest",
        when + timedelta(minutes=1),
        record.at(
            last,
            {
                "status": "active" if recent else "completed",
                "intent": "order",
                "category": [concept(coding(SNOMED, *category))],
                "priority": "urgent" if rng.random() < 0.2 else "routine",
                "code": concept(coding(SNOMED, *service)),
                "authoredOn": moment(when),
                "requester": to("Practitioner", last.doctor),
                "reasonCode": [concept(coding(ICD10CM, *reason))],
                "insurance": [to("Coverage", coverage)],
            },
        ),
    )
