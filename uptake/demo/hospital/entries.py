"""Entries that several senders write. In: who, what and when; out: bodies of FHIR resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.demo.hospital.codes import ICD10CM, SNOMED, TERMINOLOGY
from uptake.demo.hospital.drugs import ROUTES
from uptake.demo.hospital.fhir import coding, concept, dosage, drug_concept, hl7, moment, to

if TYPE_CHECKING:
    from datetime import datetime

    from uptake.demo.hospital.codes import Disease
    from uptake.demo.hospital.drugs import Drug
    from uptake.demo.hospital.fhir import Resource

CHECK_UP = ("185349003", "Encounter for check up")
CATEGORIES = {
    "problem-list-item": "Problem List Item",
    "encounter-diagnosis": "Encounter Diagnosis",
    "community": "Community",
    "inpatient": "Inpatient",
}


def visit(
    subject: Resource,
    limits: tuple[datetime, datetime],
    place: str,
    provider: str,
    kind: tuple[str, str] = CHECK_UP,
) -> Resource:
    """Return the body of a finished ambulatory Encounter."""
    start, end = limits
    return {
        "status": "finished",
        "class": coding(TERMINOLOGY + "v3-ActCode", "AMB", "ambulatory"),
        "type": [concept(coding(SNOMED, *kind))],
        "subject": subject,
        "period": {"start": moment(start), "end": moment(end)},
        "location": [{"location": to("Location", place)}],
        "serviceProvider": to("Organization", provider),
    }


def condition(
    disease: Disease, category: str, base: Resource, when: datetime, recorder: str
) -> Resource:
    """Return the body of a Condition found and written down at one time."""
    return {
        "clinicalStatus": hl7("condition-clinical", "active", "Active"),
        "verificationStatus": hl7("condition-ver-status", "confirmed", "Confirmed"),
        "category": [hl7("condition-category", category, CATEGORIES[category])],
        "code": concept(
            coding(SNOMED, disease.snomed, disease.display),
            coding(ICD10CM, disease.icd, disease.billed_as),
            text=disease.display,
        ),
        **base,
        "onsetDateTime": moment(when)[:10],
        "recordedDate": moment(when),
        "recorder": to("Practitioner", recorder),
    }


def prescription(
    drug: Drug, category: str, base: Resource, when: datetime, requester: str
) -> Resource:
    """Return the body of an active MedicationRequest with a complete sig."""
    return {
        "status": "active",
        "intent": "order",
        "category": [hl7("medicationrequest-category", category, CATEGORIES[category])],
        "medicationCodeableConcept": drug_concept(drug),
        **base,
        "authoredOn": moment(when),
        "requester": to("Practitioner", requester),
        "dosageInstruction": [dosage(drug, ROUTES[drug.route])],
    }
