"""The neighbouring hospital. In: a person it knows; out: its visits, problems and prescriptions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital import entries
from uptake.demo.hospital.calendar import weekday
from uptake.demo.hospital.codes import ALLERGENS, DISEASES, RIVERSIDE_NUMBER, RXNORM, SNOMED
from uptake.demo.hospital.drugs import DRUGS
from uptake.demo.hospital.fhir import Chart, Resource, coding, concept, hl7, moment, to
from uptake.demo.hospital.people import identifier, patient
from uptake.demo.hospital.staff import location, organization, practitioner

if TYPE_CHECKING:
    import random

    from uptake.demo.hospital.people import Person

SOURCE = "http://riverside.example/rvh"
HOSPITAL, PLACE = "org-riverside", "loc-riverside"
KNOWN = 0.35
"""The share of our patients whom Riverside knows."""
DOCTORS = (("Amsel", "Judith"), ("Bhatt", "Sunil"), ("Corrigan", "Eamon"), ("Delacroix", "Yves"))
EXTRA = ("omeprazole", "allopurinol", "albuterol", "metoprolol", "sertraline")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A visit there: whose chart, what entries name, and by whom and when it was."""

    who: Person
    rng: random.Random
    chart: Chart
    base: Resource
    doctor: str
    at: datetime


def write_visits(who: Person, rng: random.Random, resources: dict[str, list[Resource]]) -> bool:
    """Write one or two visits of the last year; tell whether medicines were prescribed."""
    chart = Chart(resources, SOURCE, who.number)
    first = weekday(rng, rng.randint(190, 330))
    times = [first, weekday(rng, rng.randint(2, 150))] if rng.random() < 0.4 else [first]
    own = identifier("PI", "Patient internal identifier", RIVERSIDE_NUMBER, f"R{who.number}88")
    subject = to("Patient", chart.add("Patient", first, patient(who, own)))
    doctor = f"rv-{rng.randrange(len(DOCTORS)):03d}"
    visits = []
    for at in times:
        limits = (at, at + timedelta(minutes=35))
        body = entries.visit(subject, limits, PLACE, HOSPITAL)
        body["participant"] = [{"individual": to("Practitioner", doctor)}]
        visits.append(to("Encounter", chart.add("Encounter", limits[1], body)))
    base = {"subject": subject, "encounter": visits[0]}
    seen = _Seen(who, rng, chart, base, doctor, first + timedelta(minutes=10))
    _problems(seen)
    _allergy(seen)
    return _prescriptions(seen)


def _problems(seen: _Seen) -> None:
    for name in seen.who.diseases[:3]:
        body = entries.condition(
            DISEASES[name], "problem-list-item", seen.base, seen.at, seen.doctor
        )
        seen.chart.add("Condition", seen.at + timedelta(minutes=1), body)


def _allergy(seen: _Seen) -> None:
    substance = concept(coding(SNOMED, "716186003", "No known allergy"))
    if seen.rng.random() < 0.3:
        substance = concept(coding(RXNORM, *seen.rng.choice(ALLERGENS)))
    seen.chart.add(
        "AllergyIntolerance",
        seen.at + timedelta(minutes=2),
        {
            "clinicalStatus": hl7("allergyintolerance-clinical", "active", "Active"),
            "verificationStatus": hl7("allergyintolerance-verification", "confirmed", "Confirmed"),
            "code": substance,
            "patient": seen.base["subject"],
            "encounter": seen.base["encounter"],
            "recordedDate": moment(seen.at),
            "recorder": to("Practitioner", seen.doctor),
        },
    )


def _prescriptions(seen: _Seen) -> bool:
    """What Riverside prescribed: a part of what we know, and often one that we do not."""
    drugs = list(seen.who.drugs[: seen.rng.randint(1, 2)])
    if seen.who.age >= 40 and seen.rng.random() < 0.6:
        drugs.append(seen.rng.choice([name for name in EXTRA if name not in seen.who.drugs]))
    for place, name in enumerate(drugs):
        at = seen.at + timedelta(minutes=4 + place)
        body = entries.prescription(DRUGS[name], "community", seen.base, at, seen.doctor)
        seen.chart.add("MedicationRequest", at + timedelta(minutes=1), body)
    return bool(drugs)


def add_directory(feed: dict[str, list[Resource]]) -> None:
    """Add Riverside's own staff and place."""
    feed["Organization"] = [organization(HOSPITAL, "Riverside Hospital", 49_110_273, SOURCE)]
    feed["Location"] = [
        location(PLACE, "Riverside outpatient center", SOURCE, clinic=True)
        | {"managingOrganization": to("Organization", HOSPITAL)}
    ]
    feed["Practitioner"] = [
        practitioner(f"rv-{index:03d}", *name, 700 + index, SOURCE)
        for index, name in enumerate(DOCTORS)
    ]
