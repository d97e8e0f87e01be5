"""Vital signs and hospital stays. In: a chart; out: clinic vitals, and NEWS2 sets of inpatients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.demo.sample.codes import (
    ADMISSIONS,
    LOINC,
    SNOMED,
    TERMINOLOGY,
)
from uptake.demo.sample.drugs import DRUGS
from uptake.demo.sample.entries import condition, prescription
from uptake.demo.sample.fhir import (
    AS_OF,
    LATEST,
    Resource,
    coding,
    concept,
    hl7,
    moment,
    quantity,
    to,
)
from uptake.demo.sample.staff import DOCTORS, HOSPITAL, NURSES, WARDS

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from uptake.demo.sample.fhir import Chart
    from uptake.demo.sample.hospital import Record
    from uptake.demo.sample.people import Person

# What each vital sign adds at full acuity (1.0) to its resting mean: mean, spread, at worst.
RESPIRATION = (16.0, 1.4, 11.0)
PULSE = (76.0, 7.0, 48.0)
SYSTOLIC = (128.0, 10.0, -36.0)
TEMPERATURE = (36.8, 0.25, 1.9)
SATURATION = (97.3, 0.8, -7.0)


def _reading(rng: random.Random, norm: tuple[float, float, float], acuity: float) -> float:
    mean, spread, worst = norm
    return mean + rng.gauss(0, spread) + worst * acuity


def _vital(chart: Chart, base: Resource, at: datetime, code: Resource, value: Resource) -> None:
    chart.add(
        "Observation",
        at + timedelta(seconds=75),
        {
            "status": "final",
            "category": [hl7("observation-category", "vital-signs", "Vital Signs")],
            "code": code,
            **base,
            "effectiveDateTime": moment(at),
            **value,
        },
    )


def _number(
    code: str, display: str, value: float, unit: str, ucum: str
) -> tuple[Resource, Resource]:
    return (concept(coding(LOINC, code, display)), {"valueQuantity": quantity(value, unit, ucum)})


def _pressure(systolic: int, diastolic: int) -> tuple[Resource, Resource]:
    parts = (
        ("8480-6", "Systolic blood pressure", systolic),
        ("8462-4", "Diastolic blood pressure", diastolic),
    )
    return (
        concept(coding(LOINC, "85354-9", "Blood pressure panel with all children optional")),
        {
            "component": [
                {
                    "code": concept(coding(LOINC, code, name)),
                    "valueQuantity": quantity(value, "mmHg", "mm[Hg]"),
                }
                for code, name, value in parts
            ]
        },
    )


def clinic_vitals(
    chart: Chart, rng: random.Random, base: Resource, at: datetime, who: Person
) -> None:
    """Write blood pressure, pulse and weight of a clinic visit."""
    high = 14 if "hypertension" in who.diseases else 0
    adult = who.age >= 16
    systolic = int(rng.gauss(122 + high, 9)) if adult else int(rng.gauss(104, 6))
    _vital(chart, base, at, *_pressure(systolic, int(systolic * 0.42 + rng.gauss(22, 3))))
    _vital(
        chart,
        base,
        at + timedelta(minutes=1),
        *_number("8867-4", "Heart rate", int(rng.gauss(74, 7)), "beats/minute", "/min"),
    )
    usual = 58 + int(who.number) * 7 % 41 if adult else 11 + 2.9 * who.age
    kilograms = usual + rng.gauss(0, 0.7)
    _vital(
        chart,
        base,
        at + timedelta(minutes=2),
        *_number("29463-7", "Body weight", round(kilograms, 1), "kg", "kg"),
    )


def _oxygen(rng: random.Random, acuity: float) -> tuple[Resource, Resource]:
    if acuity > 0.35:
        return _number(
            "3151-8", "Inhaled oxygen flow rate", rng.choice((2, 3, 4)), "L/min", "L/min"
        )
    return _number("3150-0", "Inhaled oxygen concentration", 21, "%", "%")


def _consciousness(rng: random.Random, acuity: float) -> tuple[Resource, Resource]:
    answer = ("248234008", "Mentally alert")
    if acuity > 0.7 and rng.random() < 0.5:
        answer = rng.choice((("130987000", "Acute confusion"), ("300202002", "Responds to voice")))
    scale = "ACVPU (Alert Confusion Voice Pain Unresponsive) scale score"
    return (
        concept(coding(SNOMED, "1104441000000107", scale)),
        {"valueCodeableConcept": concept(coding(SNOMED, *answer))},
    )


def _news_set(
    chart: Chart, rng: random.Random, base: Resource, at: datetime, acuity: float
) -> None:
    """Write the seven parameters of NEWS2, half a minute apart, as a nurse charts them."""
    systolic = int(_reading(rng, SYSTOLIC, acuity))
    parts = (
        _number(
            "9279-1",
            "Respiratory rate",
            int(_reading(rng, RESPIRATION, acuity)),
            "breaths/minute",
            "/min",
        ),
        _number(
            "59408-5",
            "Oxygen saturation in Arterial blood by Pulse oximetry",
            min(100, int(_reading(rng, SATURATION, acuity))),
            "%",
            "%",
        ),
        _oxygen(rng, acuity),
        _pressure(systolic, int(systolic * 0.42 + rng.gauss(20, 3))),
        _number("8867-4", "Heart rate", int(_reading(rng, PULSE, acuity)), "beats/minute", "/min"),
        _consciousness(rng, acuity),
        _number(
            "8310-5",
            "Body temperature",
            round(_reading(rng, TEMPERATURE, acuity), 1),
            "degrees C",
            "Cel",
        ),
    )
    for place, part in enumerate(parts):
        _vital(chart, base, at + timedelta(seconds=30 * place), *part)


@dataclass(frozen=True, slots=True)
class Stay:
    """A hospital stay: its encounter, its limits and what it was for."""

    encounter: str
    start: datetime
    end: datetime
    current: bool


def _limits(record: Record, *, current: bool) -> tuple[datetime, datetime]:
    """When a stay begins and ends; nobody is in the clinic while in a bed."""
    rng = record.rng
    if current:
        return AS_OF - timedelta(minutes=rng.randint(1800, 5700)), LATEST
    while True:
        start = AS_OF - timedelta(minutes=rng.randint(14_400, 78_000))
        end = start + timedelta(hours=rng.randint(44, 100))
        if not any(start - timedelta(days=1) < v.start < end for v in record.visits):
            return start, end


def write_stay(record: Record, ward_index: int, *, current: bool) -> Stay:
    """Write one stay with its diagnosis, treatment, procedure and NEWS2 sets."""
    rng = record.rng
    start, end = _limits(record, current=current)
    encounter = _admit(record, start, end, ward_index, current=current)
    stay = Stay(encounter, start, end, current)
    doctor = record.visits[-1].doctor
    base = {"subject": record.subject, "encounter": to("Encounter", encounter)}
    _diagnose(record, stay, base, doctor)
    nurse = to("Practitioner", f"pr-{len(DOCTORS) + rng.randrange(len(NURSES)):02d}")
    acuity, at = rng.choice((0.15, 0.25, 0.4, 0.75)), start + timedelta(minutes=25)
    while at < end - timedelta(minutes=8):
        _news_set(record.chart, rng, {**base, "performer": [nurse]}, at, acuity)
        acuity = min(1.0, max(0.0, acuity * 0.9 + rng.gauss(0, 0.09)))
        at += timedelta(minutes=rng.randint(330, 440) if acuity < 0.6 else rng.randint(150, 240))
    return stay


def _admit(
    record: Record, start: datetime, end: datetime, ward_index: int, *, current: bool
) -> str:
    code, _ = WARDS[ward_index]
    period = {"start": moment(start)} | ({} if current else {"end": moment(end)})
    return record.chart.add(
        "Encounter",
        start + timedelta(minutes=3),
        {
            "identifier": [
                {"system": "http://lakeshore.example/visit", "value": f"H{record.who.number}01"}
            ],
            "status": "in-progress" if current else "finished",
            "class": coding(TERMINOLOGY + "v3-ActCode", "IMP", "inpatient encounter"),
            "type": [concept(coding(SNOMED, "32485007", "Hospital admission"))],
            "subject": record.subject,
            "participant": [{"individual": to("Practitioner", record.visits[-1].doctor)}],
            "period": period,
            "location": [
                {
                    "location": to("Location", f"loc-{code}"),
                    "status": "active" if current else "completed",
                    "period": period,
                }
            ],
            "serviceProvider": to("Organization", HOSPITAL),
        },
    )


def _diagnose(record: Record, stay: Stay, base: Resource, doctor: str) -> None:
    known = {"I50.9"} if "heart failure" in record.who.diseases else set()
    reason = record.rng.choice([d for d in ADMISSIONS if d.icd not in known])
    when = stay.start + timedelta(minutes=50)
    record.chart.add(
        "Condition",
        when + timedelta(minutes=1),
        condition(reason, "encounter-diagnosis", base, when, doctor),
    )
    ordered = when + timedelta(minutes=5)
    order = prescription(DRUGS["acetaminophen"], "inpatient", base, ordered, doctor)
    order["status"] = "active" if stay.current else "completed"
    record.chart.add("MedicationRequest", ordered + timedelta(minutes=1), order)
    begun = stay.start + timedelta(minutes=70)
    record.chart.add(
        "Procedure",
        begun + timedelta(minutes=20),
        {
            "status": "completed",
            "code": concept(coding(SNOMED, "399208008", "Plain chest X-ray")),
            **base,
            "performedPeriod": {
                "start": moment(begun),
                "end": moment(begun + timedelta(minutes=12)),
            },
            "performer": [{"actor": to("Practitioner", doctor)}],
        },
    )
