"""The hospital's record of one person. In: a person; out: visits, lists, orders, coverage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital import entries, ward
from uptake.demo.hospital.calendar import office_hour, weekday, working_day
from uptake.demo.hospital.codes import (
    ALLERGENS,
    CHILD_VACCINES,
    CVX,
    DISEASES,
    PROCEDURES,
    RXNORM,
    SNOMED,
    TERMINOLOGY,
    VACCINES,
)
from uptake.demo.hospital.drugs import DRUGS, ROUTES
from uptake.demo.hospital.fhir import (
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
from uptake.demo.hospital.people import identifier, patient
from uptake.demo.hospital.staff import CLINIC, CLINIC_UNIT, HOSPITAL, NURSE, PAYER, PHYSICIAN, ids

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from uptake.demo.hospital.people import Person

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
    coverage: str = ""

    @property
    def winter(self) -> Visit:
        """The visit before the 26 weeks, at which long-term medicines were renewed."""
        return self.visits[1]

    @property
    def recent(self) -> list[Visit]:
        """The visits of the 26 weeks."""
        return self.visits[2:]

    def at(self, visit: Visit, body: Resource) -> Resource:
        """Return the body with its subject and encounter."""
        return {"subject": self.subject, "encounter": to("Encounter", visit.encounter), **body}


def write_record(
    who: Person, rng: random.Random, place: float, resources: dict[str, list[Resource]]
) -> Record:
    """Write everything the hospital knows of one person; return the record with its visits.

    `place` is where in the 26 weeks the person's first visit falls.
    """
    chart = Chart(resources, SOURCE, who.number)
    times = _visit_times(who, rng, place)
    identity = chart.add(
        "Patient",
        times[0] - timedelta(minutes=10),
        {**patient(who), "managingOrganization": to("Organization", HOSPITAL)},
    )
    record = Record(who, rng, chart, to("Patient", identity), [])
    doctor = rng.choice(ids(CLINIC_UNIT, PHYSICIAN))
    for at in times:
        record.visits.append(_visit(record, at, doctor))
    _problems(record)
    _allergies(record)
    _medications(record)
    _vaccines(record)
    _procedures(record)
    _coverage(record)
    return record


def _visit_times(who: Person, rng: random.Random, place: float) -> list[datetime]:
    """The visit of the diagnoses, the one of last winter, and one or two in the 26 weeks."""
    adult_days = (who.age - 18) * 365 if who.age >= 20 else 700
    first = rng.randint(500, max(520, min(3400, adult_days)))
    winter = rng.randint(192, 310)
    often = len(who.diseases) >= 3 or int(who.number) % 2
    days = {working_day(place), working_day(place + 0.5)} if often else {working_day(place)}
    older = [weekday(rng, first), weekday(rng, winter)]
    return older + [office_hour(rng, day) for day in sorted(days)]


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
    nurse = record.rng.choice(ids(CLINIC_UNIT, NURSE))
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
    last = record.winter
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
    last = record.winter
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


def _coverage(record: Record) -> None:
    who = record.who
    plan = (
        ("RETIRE", "retiree health program") if who.age >= 65 else ("EHCPOL", "employee healthcare")
    )
    turn = int(who.number)
    begun = max(who.birth, date(2016 + turn % 9, 1 + turn % 12, 1))
    member = f"PH{record.rng.randint(10**8, 10**9 - 1)}"
    record.coverage = record.chart.add(
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
