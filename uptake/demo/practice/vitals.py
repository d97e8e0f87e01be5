"""A set of vital signs, charted by hand. In: the fields of a form; out: Observations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital import fhir
from uptake.demo.hospital.staff import clinicians
from uptake.demo.hospital.ward import ALERT, NOT_ALERT, VitalSet, write_set

if TYPE_CHECKING:
    from uptake.demo.practice.records import Chart

SOURCE = "http://lakeshore.example/ehr"
TAKEN = timedelta(minutes=6)
"""How long before it is charted a set was taken."""
ANSWERS = {text: (code, text) for code, text in (ALERT, *NOT_ALERT)}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form, and what stands in it at first: somebody who gets worse."""

    name: str
    label: str
    value: str
    low: float
    high: float
    step: float = 1


FIELDS = (
    Field("respiration", "Respirations a minute", "24", 1, 80),
    Field("saturation", "Oxygen saturation, %", "93", 30, 100),
    Field("flow", "Oxygen, L a minute (0: air)", "2", 0, 15),
    Field("systolic", "Systolic, mmHg", "104", 30, 300),
    Field("diastolic", "Diastolic, mmHg", "62", 20, 200),
    Field("pulse", "Pulse a minute", "112", 10, 300),
    Field("temperature", "Temperature, °C", "38.4", 25, 45, 0.1),
)


def read_set(form: Mapping[str, object]) -> VitalSet | None:
    """Return the set in a form, None where a field holds no value that can be."""
    found: dict[str, float] = {}
    for field in FIELDS:
        try:
            value = float(str(form.get(field.name, "")))
        except ValueError:
            return None
        if not field.low <= value <= field.high:
            return None
        found[field.name] = value
    answer = ANSWERS.get(str(form.get("answer", "")))
    if answer is None:
        return None
    whole = {name: int(value) for name, value in found.items() if name != "temperature"}
    return VitalSet(**whole, temperature=found["temperature"], answer=answer)


def chart_set(
    chart: Chart, found: VitalSet, patient: str, encounter: str, user: str, now: datetime
) -> None:
    """Write a set to the chart, as a nurse charts it."""
    written = fhir.Chart({}, SOURCE, patient)
    name = next((c.name for c in clinicians() if user == f"Practitioner/{c.id}"), "")
    performer = {"reference": user} | ({"display": name} if name else {})
    base = {"subject": fhir.to("Patient", patient), "performer": [performer]}
    if encounter:
        base["encounter"] = fhir.to("Encounter", encounter)
    write_set(written, base, now - TAKEN, found)
    for resource in written.resources["Observation"]:
        chart.write({name: value for name, value in resource.items() if name != "id"})
