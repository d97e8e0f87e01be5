"""The monitors' gateway of a bay of 5 West. In: a stay there; out: a chart for its vital signs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.codes import SNOMED, TERMINOLOGY
from uptake.demo.hospital.fhir import Chart, Resource, coding, concept, moment, to
from uptake.demo.hospital.people import identifier, patient
from uptake.demo.hospital.staff import location, organization

if TYPE_CHECKING:
    from uptake.demo.hospital.admissions import Admission

SOURCE = "http://lakeshore.example/wm"
OWNER, BAY = "org-5w", "loc-5w-bay-2"
DEVICES = "http://lakeshore.example/monitors"


def connect(plan: Admission, resources: dict[str, list[Resource]]) -> tuple[Chart, Resource]:
    """Register the patient of a stay at the gateway; return the chart and what vital signs name."""
    who = plan.record.who
    chart = Chart(resources, SOURCE, who.number, plan.record.chart.earlier)
    at = plan.start + timedelta(minutes=15)
    own = identifier("PI", "Patient internal identifier", DEVICES, f"WM{who.number}")
    subject = to("Patient", chart.add("Patient", at, patient(who, own)))
    period: Resource = {"start": moment(plan.start)}
    body: Resource = {
        "status": "in-progress",
        "class": coding(TERMINOLOGY + "v3-ActCode", "IMP", "inpatient encounter"),
        "type": [concept(coding(SNOMED, "32485007", "Hospital admission"))],
        "subject": subject,
        "period": period,
        "location": [{"location": to("Location", BAY)}],
        "serviceProvider": to("Organization", OWNER),
    }
    if plan.current:
        encounter = chart.add("Encounter", at, body)
    else:
        whole = period | {"end": moment(plan.end)}
        left = plan.end + timedelta(minutes=6)
        done = {"status": "finished", "period": whole}
        encounter = chart.add_versions("Encounter", at, body, left, done)
    return chart, {"subject": subject, "encounter": to("Encounter", encounter)}


def owner() -> Resource:
    """Return the hospital as the gateway knows it."""
    return organization(OWNER, "Lakeshore Health", 45_100_733, SOURCE)


def places() -> list[Resource]:
    """Return the bay as a Location."""
    return [location(BAY, "5 West Cardiology, bay 2", SOURCE)]
