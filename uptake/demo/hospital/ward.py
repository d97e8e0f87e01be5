"""Vital signs. In: a chart; out: those of a clinic visit, and NEWS2 sets that alert or do not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.codes import LOINC, SNOMED
from uptake.demo.hospital.fhir import Resource, coding, concept, hl7, moment, quantity

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from uptake.demo.hospital.fhir import Chart
    from uptake.demo.hospital.people import Person

# What each vital sign adds at full acuity (1.0) to its resting mean: mean, spread, at worst.
RESPIRATION = (16.0, 1.4, 11.0)
PULSE = (76.0, 7.0, 48.0)
SYSTOLIC = (128.0, 10.0, -36.0)
TEMPERATURE = (36.8, 0.25, 1.9)
SATURATION = (97.3, 0.8, -7.0)
ALERT = ("248234008", "Mentally alert")
NOT_ALERT = (("130987000", "Acute confusion"), ("300202002", "Responds to voice"))
RECEIVED = timedelta(seconds=75)
"""How long a measurement takes to reach the record."""


def _reading(rng: random.Random, norm: tuple[float, float, float], acuity: float) -> float:
    mean, spread, worst = norm
    return mean + rng.gauss(0, spread) + worst * acuity


def _vital(chart: Chart, base: Resource, at: datetime, code: Resource, value: Resource) -> None:
    chart.add(
        "Observation",
        at + RECEIVED,
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


@dataclass(frozen=True, slots=True)
class VitalSet:
    """The seven parameters of NEWS2, as one nurse charts them."""

    respiration: int
    saturation: int
    flow: int
    """Liters of oxygen a minute; 0 is air."""
    systolic: int
    diastolic: int
    pulse: int
    temperature: float
    answer: tuple[str, str]

    @property
    def points(self) -> tuple[int, ...]:
        """The points of each parameter (Royal College of Physicians, 2017)."""
        return (
            _points(self.respiration, ((8, 3), (11, 1), (20, 0), (24, 2)), 3),
            _points(self.saturation, ((91, 3), (93, 2), (95, 1)), 0),
            2 if self.flow else 0,
            _points(self.systolic, ((90, 3), (100, 2), (110, 1), (219, 0)), 3),
            _points(self.pulse, ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2)), 3),
            0 if self.answer == ALERT else 3,
            _points(self.temperature, ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1)), 2),
        )

    @property
    def alerts(self) -> bool:
        """Tell whether somebody has to be called: a total of 5, or one parameter of 3."""
        return sum(self.points) >= 5 or 3 in self.points


def _points(value: float, steps: tuple[tuple[float, int], ...], above: int) -> int:
    """Return the points of the first step whose limit the value does not exceed."""
    return next((points for limit, points in steps if value <= limit), above)


def draw_set(rng: random.Random, *, alerts: bool) -> VitalSet:
    """Return a set that calls for somebody, or one that does not."""
    while True:
        acuity = rng.uniform(0.5, 0.95) if alerts else rng.uniform(0.0, 0.3)
        found = _draw(rng, acuity)
        if found.alerts == alerts:
            return found


def _draw(rng: random.Random, acuity: float) -> VitalSet:
    systolic = int(_reading(rng, SYSTOLIC, acuity))
    confused = acuity > 0.7 and rng.random() < 0.4
    return VitalSet(
        respiration=int(_reading(rng, RESPIRATION, acuity)),
        saturation=min(100, int(_reading(rng, SATURATION, acuity))),
        flow=rng.choice((2, 3, 4)) if acuity > 0.4 else 0,
        systolic=systolic,
        diastolic=int(systolic * 0.42 + rng.gauss(20, 3)),
        pulse=int(_reading(rng, PULSE, acuity)),
        temperature=round(_reading(rng, TEMPERATURE, acuity), 1),
        answer=rng.choice(NOT_ALERT) if confused else ALERT,
    )


def write_set(chart: Chart, base: Resource, at: datetime, found: VitalSet) -> datetime:
    """Write the seven parameters half a minute apart; return when the last was received."""
    scale = "ACVPU (Alert Confusion Voice Pain Unresponsive) scale score"
    oxygen = (
        _number("3151-8", "Inhaled oxygen flow rate", found.flow, "L/min", "L/min")
        if found.flow
        else _number("3150-0", "Inhaled oxygen concentration", 21, "%", "%")
    )
    saturation = "Oxygen saturation in Arterial blood by Pulse oximetry"
    parts = (
        _number("9279-1", "Respiratory rate", found.respiration, "breaths/minute", "/min"),
        _number("59408-5", saturation, found.saturation, "%", "%"),
        oxygen,
        _pressure(found.systolic, found.diastolic),
        _number("8867-4", "Heart rate", found.pulse, "beats/minute", "/min"),
        (
            concept(coding(SNOMED, "1104441000000107", scale)),
            {"valueCodeableConcept": concept(coding(SNOMED, *found.answer))},
        ),
        _number("8310-5", "Body temperature", found.temperature, "degrees C", "Cel"),
    )
    for place, part in enumerate(parts):
        _vital(chart, base, at + timedelta(seconds=30 * place), *part)
    return at + timedelta(seconds=30 * len(parts) - 30) + RECEIVED
