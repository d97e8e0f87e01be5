"""The community pharmacy. In: a person; out: prescriptions as received and what was dispensed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital import entries
from uptake.demo.hospital.codes import (
    PHARMACY_NUMBER,
    TERMINOLOGY,
)
from uptake.demo.hospital.drugs import DRUGS
from uptake.demo.hospital.fhir import (
    LATEST,
    LISTED,
    Chart,
    Resource,
    civil,
    coding,
    concept,
    moment,
    quantity,
    to,
)
from uptake.demo.hospital.people import identifier, patient
from uptake.demo.hospital.staff import CLINIC_UNIT, PHYSICIAN, clinicians, practitioner

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from uptake.demo.hospital.people import Person
    from uptake.demo.hospital.record import Visit

SOURCE = "http://corner-pharmacy.example/cpx"
PHARMACY, PRESCRIBERS = "org-corner", "org-lakeshore-clinic"
PREFIX = "rx-pr"
DISPENSED = ("medicationCodeableConcept", "subject", "dosageInstruction")
"""What a dispense repeats of its prescription."""


def write_dispensing(
    who: Person, rng: random.Random, visit: Visit, resources: dict[str, list[Resource]]
) -> bool:
    """Write the prescriptions of a visit and their fills; tell whether there were any."""
    drugs = _filled(who, rng)
    if not drugs:
        return False
    chart = Chart(resources, SOURCE, who.number)
    own = identifier("PI", "Patient internal identifier", PHARMACY_NUMBER, f"{who.number}7")
    subject = to("Patient", chart.add("Patient", visit.start, patient(who, own)))
    doctor = visit.doctor.replace("pr-", PREFIX + "-")
    limits = (visit.start, visit.start + timedelta(minutes=40))
    seen = entries.visit(subject, limits, "loc-prescriber", PRESCRIBERS)
    seen["participant"] = [{"individual": to("Practitioner", doctor)}]
    encounter = to("Encounter", chart.add("Encounter", limits[1] + timedelta(minutes=1), seen))
    when = visit.start + timedelta(minutes=14)
    for drug in (DRUGS[name] for name in drugs):
        base = {"subject": subject, "encounter": encounter}
        order = entries.prescription(drug, "community", base, when, doctor)
        written = to(
            "MedicationRequest", chart.add("MedicationRequest", when + timedelta(minutes=2), order)
        )
        shared = {key: order[key] for key in DISPENSED} | {"authorizingPrescription": [written]}
        _fills(chart, rng, when, shared)
    return True


def _filled(who: Person, rng: random.Random) -> tuple[str, ...]:
    """What they fill: mostly what the hospital lists; at times another strength, or one more."""
    if rng.random() > 0.88:
        return ()
    drugs = list(who.drugs)
    if "lisinopril" in drugs and rng.random() < 0.25:
        drugs[drugs.index("lisinopril")] = "lisinopril 20"
    if who.age > 50 and rng.random() < 0.12:
        drugs.append("allopurinol")
    return tuple(drugs)


def _fills(chart: Chart, rng: random.Random, written: datetime, shared: Resource) -> None:
    first = written.date() + timedelta(days=rng.randint(0, 2))
    for turn in range(4):
        handed = civil(first + timedelta(days=turn * 90), rng.randint(9 * 60, 18 * 60))
        if handed > LATEST or handed < written:
            continue
        chart.add(
            "MedicationDispense",
            handed + timedelta(minutes=3),
            {
                "status": "completed",
                "type": concept(
                    coding(TERMINOLOGY + "v3-ActCode", "FF", "First Fill")
                    if turn == 0
                    else coding(TERMINOLOGY + "v3-ActCode", "RF", "Refill")
                ),
                **shared,
                "performer": [{"actor": to("Organization", PHARMACY)}],
                "quantity": quantity(90, "each", "{each}"),
                "daysSupply": quantity(90, "days", "d"),
                "whenHandedOver": moment(handed),
            },
        )


def prescribers() -> list[Resource]:
    """Return the clinic's physicians as the pharmacy knows them."""
    return [
        practitioner(c.id.replace("pr-", PREFIX + "-"), c.family, c.given, serial, SOURCE)
        for serial, c in enumerate(clinicians())
        if (c.unit, c.role) == (CLINIC_UNIT, PHYSICIAN)
    ]


def place() -> Resource:
    """Return the one Location that prescriptions name."""
    return {
        "resourceType": "Location",
        "id": "loc-prescriber",
        "status": "active",
        "meta": {"lastUpdated": moment(LISTED), "source": SOURCE},
        "name": "Prescriber's clinic",
        "mode": "instance",
        "managingOrganization": to("Organization", PRESCRIBERS),
    }
