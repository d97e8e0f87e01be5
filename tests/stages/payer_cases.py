"""A payer for tests. In: an order; out: what it says of it, and how it answers a request for it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from uptake.authorization.coverage_information import (
    CoverageInformation,
    with_coverage_information,
)
from uptake.authorization.rules import Payer, Rule, Wanted

Resource = dict[str, Any]
NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)
CPT, LOINC = "http://www.ama-assn.org/go/cpt", "http://loinc.org"
FORM = "http://payer.example/Questionnaire/mri"
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
ACTIONS = {"approves": "A1", "denies": "A3", "pends": "A4", "changes": "A6"}
NOTES = Wanted("Clinical notes", ("11506-3",), days=90)
IMAGING = Wanted("X-ray report", ("18748-4",))
ANSWERS = Wanted("MRI questionnaire", questionnaire=FORM)
PAYER = Payer(
    "Central Health",
    frozenset({"Organization/central"}),
    "Medicare Advantage",
    regulated=True,
    rules=(
        Rule(CPT, frozenset({"72141"}), True, (NOTES, IMAGING, ANSWERS)),
        Rule(CPT, frozenset({"99213"}), False),
    ),
)


def concept(code: str, system: str = CPT, **more: Any) -> Resource:
    return {"coding": [{"system": system, "code": code}]} | more


def order(name: str = "o", code: str = "72141", **more: Any) -> Resource:
    """Return a signed order of patient `p`."""
    return {
        "resourceType": "ServiceRequest", "id": name, "status": "active", "intent": "order",
        "subject": {"reference": "Patient/p"}, "code": concept(code, text="MRI of the neck"),
        "authoredOn": "2026-06-01T09:00:00Z", "insurance": [{"reference": "Coverage/c"}],
    } | more  # fmt: skip


def coverage(name: str = "c", **more: Any) -> Resource:
    return {
        "resourceType": "Coverage", "id": name, "status": "active", "subscriberId": "M1",
        "beneficiary": {"reference": "Patient/p"}, "payor": [{"reference": "Organization/central"}],
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
    } | more  # fmt: skip


def claim(
    of: Resource, name: str = "k", sent: str = "2026-06-02T09:00:00Z", **more: Any
) -> Resource:
    """Return a request for the authorization of an order."""
    return {
        "resourceType": "Claim", "id": name, "status": "active", "use": "preauthorization",
        "priority": {"coding": [{"code": "normal"}]}, "created": sent,
        "referral": {"reference": f"ServiceRequest/{of['id']}"},
        "insurance": [{"coverage": {"reference": "Coverage/c"}}],
        "item": [{"sequence": 1, "productOrService": of["code"]}],
    } | more  # fmt: skip


def answer(of: Resource, how: str, at: str, name: str = "a", **more: Any) -> Resource:
    """Return how the payer answers a request: it `approves`, `denies`, `pends` or `changes`."""
    coded = concept(ACTIONS[how], "https://codesystem.x12.org/005010/306")
    code = {"url": f"{PAS}/extension-reviewActionCode", "valueCodeableConcept": coded}
    action = {"url": f"{PAS}/extension-reviewAction", "extension": [code]}
    found = {
        "resourceType": "ClaimResponse", "id": name, "status": "active",
        "use": "preauthorization", "outcome": "complete", "created": at,
        "patient": {"reference": "Patient/p"}, "request": {"reference": f"Claim/{of['id']}"},
        "item": [{"itemSequence": 1, "adjudication": [{"extension": [action]}]}],
    }  # fmt: skip
    if how in ("approves", "changes"):
        found["preAuthRef"] = "PA-77"
        found["preAuthPeriod"] = {"start": "2026-06-05", "end": "2026-08-31"}
    return found | more


def said(of: Resource, **more: Any) -> Resource:
    """Return an order with what the payer said of it at the point of care."""
    told: dict[str, Any] = {
        "coverage": "Coverage/c", "covered": "covered", "day": date(2026, 6, 1),
        "assertion_id": "as-1", "pa_needed": "auth-needed",
    }  # fmt: skip
    return with_coverage_information(of, CoverageInformation(**told | more))


def document(loinc: str, day: str, name: str = "d", **more: Any) -> Resource:
    return {
        "resourceType": "DocumentReference", "id": name, "status": "current",
        "type": concept(loinc, LOINC), "date": f"{day}T08:00:00Z",
    } | more  # fmt: skip


def response(day: str = "2026-06-02", form: str = FORM, **more: Any) -> Resource:
    return {
        "resourceType": "QuestionnaireResponse", "id": "q", "status": "completed",
        "questionnaire": form, "authored": f"{day}T08:00:00Z",
    } | more  # fmt: skip


def patient(**more: Any) -> Resource:
    return {
        "resourceType": "Patient", "id": "p", "birthDate": "1960-05-04",
        "name": [{"family": "Berg"}],
    } | more  # fmt: skip
