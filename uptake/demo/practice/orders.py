"""What can be ordered on the practice chart. In: the hospital's drugs and services; out: drafts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from uptake.demo.hospital.codes import ICD10CM, ORDERS, SNOMED
from uptake.demo.hospital.drugs import DRUGS, ROUTES
from uptake.demo.hospital.fhir import coding, concept, dosage, drug_concept, moment, to

if TYPE_CHECKING:
    from uptake.demo.hospital.fhir import Resource
    from uptake.demo.practice.records import Chart

DRAFT = "draft-1"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something on the list of orders."""

    key: str
    name: str
    type: str
    body: Mapping[str, Any]
    """What the order says beside whose it is and who asks for it."""


@cache
def choices() -> Mapping[str, Choice]:
    """Return the list of orders by key: drugs by name, then services."""
    found = []
    for drug in sorted(DRUGS.values(), key=lambda d: d.name):
        body = {
            "medicationCodeableConcept": drug_concept(drug),
            "dosageInstruction": [dosage(drug, ROUTES[drug.route])],
        }
        found.append(Choice(f"drug-{drug.rxcui}", drug.name, "MedicationRequest", body))
    for category, service, reason in ORDERS:
        body = {
            "category": [concept(coding(SNOMED, *category))],
            "priority": "routine",
            "code": concept(coding(SNOMED, *service)),
            "reasonCode": [concept(coding(ICD10CM, *reason))],
        }
        found.append(Choice(f"service-{service[0]}", service[1], "ServiceRequest", body))
    return {choice.key: choice for choice in found}


def draft(
    choice: Choice, chart: Chart, patient: str, encounter: str, user: str, now: datetime
) -> Resource:
    """Return an order that is not signed yet."""
    order: Resource = {
        "resourceType": choice.type,
        "id": DRAFT,
        "status": "draft",
        "intent": "order",
        "subject": to("Patient", patient),
        "authoredOn": moment(now),
        "requester": {"reference": user},
        **choice.body,
    }
    if encounter:
        order["encounter"] = to("Encounter", encounter)
    covered = [c for c in chart.of("Coverage", patient) if c.get("status") == "active"]
    if covered:
        order["insurance"] = [to("Coverage", covered[0]["id"])]
    return order
