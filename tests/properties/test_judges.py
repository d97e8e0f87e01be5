"""Whatever JSON an EHR sends as facts or drafts, every judge answers: none of it breaks a call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

import uptake.demo.hospital
from uptake.delivery.cards import SUMMARY_BELOW, Place, actionable, build_card
from uptake.delivery.cases import Case, Facts, Got, Service
from uptake.delivery.services import services

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
RXNORM, LOINC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://loinc.org"
AMOXICILLIN = {"coding": [{"system": RXNORM, "code": "308191",
                           "display": "amoxicillin 500 MG Oral Capsule"}]}  # fmt: skip
CRD = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
TOLD = [{"url": CRD, "extension": [
    {"url": "coverage", "valueReference": {"reference": "Coverage/p"}},
    {"url": "covered", "valueCode": "covered"}, {"url": "pa-needed", "valueCode": "auth-needed"},
    {"url": "date", "valueDate": "2026-10-01"},
    {"url": "coverage-assertion-id", "valueString": "a"},
]}]  # fmt: skip
DOSAGE = [{"text": "1 capsule twice daily", "route": {"coding": [{"code": "26643006"}]},
           "timing": {"code": {"coding": [{"code": "BID"}]},
                      "repeat": {"period": 1, "periodUnit": "d", "when": ["MORN", "EVE"]}},
           "doseAndRate": [{"doseQuantity": {"value": 500, "code": "mg"}}]}]  # fmt: skip
SOUND: tuple[dict[str, Any], ...] = (
    {"resourceType": "Patient", "birthDate": "1950-01-01", "name": [{"family": "A"}]},
    {"resourceType": "Encounter", "class": {"code": "IMP"}, "type": [{"coding": [{"code": "x"}]}],
     "location": [{"location": {"reference": "Location/1"}}]},
    {"resourceType": "Observation", "status": "final", "effectiveDateTime": "2026-11-01T11:40:00Z",
     "code": {"coding": [{"system": LOINC, "code": "8867-4"}]}, "meta": {"versionId": "2"},
     "subject": {"reference": "Patient/p"}, "performer": [{"reference": "Practitioner/1"}],
     "identifier": [{"system": "s", "value": "v"}], "valueQuantity": {"value": 135, "code": "/min"},
     "component": [{"code": {"coding": [{"system": LOINC, "code": "8480-6"}]},
                    "valueQuantity": {"value": 85, "code": "mm[Hg]"}}]},
    {"resourceType": "MedicationRequest", "status": "active", "authoredOn": "2026-10-01",
     "medicationCodeableConcept": AMOXICILLIN, "dosageInstruction": DOSAGE, "extension": TOLD,
     "insurance": [{"reference": "Coverage/p"}], "requester": {"display": "N"}},
    {"resourceType": "MedicationStatement", "status": "active", "dateAsserted": "2026-10-01",
     "medicationReference": {"reference": "#m"}, "dosage": DOSAGE,
     "contained": [{"resourceType": "Medication", "id": "m", "code": AMOXICILLIN}]},
    {"resourceType": "AllergyIntolerance", "recordedDate": "2020-01-01", "code": AMOXICILLIN,
     "clinicalStatus": {"coding": [{"code": "active"}]},
     "reaction": [{"substance": {"text": "penicillin"}}]},
    {"resourceType": "ServiceRequest", "status": "draft", "extension": TOLD,
     "code": {"coding": [{"system": LOINC, "code": "4548-4"}]}},
    {"resourceType": "ServiceRequest", "status": "draft",
     "code": {"coding": [{"system": "http://snomed.info/sct", "code": "77477000"}]}},
    {"resourceType": "Coverage", "status": "active", "period": {"start": "2026-01-01"},
     "payor": [{"reference": "Organization/org-prairie", "display": "P",
                "identifier": {"system": "s", "value": "v"}}],
     "type": {"coding": [{"code": "EHCPOL"}]}, "subscriberId": "M"},
    {"resourceType": "Claim", "use": "preauthorization", "created": "2026-10-02",
     "referral": {"reference": "ServiceRequest/p"}, "item": [{"sequence": 1}],
     "insurance": [{"coverage": {"reference": "Coverage/p"}}]},
    {"resourceType": "ClaimResponse", "outcome": "complete", "created": "2026-10-03",
     "request": {"reference": "Claim/p"}, "preAuthRef": "N", "item": [{"itemSequence": 1}]},
    {"resourceType": "DocumentReference", "status": "current", "date": "2026-10-01",
     "type": {"coding": [{"system": LOINC, "code": "11506-3"}]}},
)  # fmt: skip
OFFERED = services(Path(uptake.demo.hospital.__file__).parent)
"""With the rules of the demo's payers: without any, nothing is asked of a coverage."""
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5), st.just([]), st.just({}), st.just([[]]), st.just([{}]), st.just({"a": {}}),
    st.sampled_from(("9" * 5000, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "²")),
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A run that knows what a pharmacy handed out."""

    doubt: str = ""
    another: str = ""
    as_of: str = "2026-11-01"

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """Return the one row of the one table there is."""
        name = "warfarin sodium 5 MG Oral Tablet"
        coding = {"system": RXNORM, "code": "855332", "display": name}
        entry = {
            "patient_feed": "ehr", "role": "outside", "feed": "pharmacy", "id": "d",
            "type": "MedicationDispense", "day": date(2026, 10, 1), "said_by": "", "intent": None,
            "status": "completed", "ended": None, "text": name, "codings": json.dumps([coding]),
            "dosage": None, "read_as": name, **coding,
        }  # fmt: skip
        return [entry] if table == "medication_entry" else []


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything in a resource but its type."""
    if not isinstance(value, dict | list):
        return []
    return [
        path
        for name, held in (value.items() if isinstance(value, dict) else enumerate(value))
        if name != "resourceType"
        for path in ((*at, name), *_places(held, (*at, name)))
    ]


@st.composite
def _resources(draw: st.DrawFn) -> dict[str, Any]:
    """Return a sound resource of the patient with up to two odd values in it."""
    found: dict[str, Any] = deepcopy(draw(st.sampled_from(SOUND))) | {"id": "p"}
    for _ in range(draw(st.integers(0, 2))):
        *way, last = draw(st.sampled_from(_places(found)))
        holder: Any = found
        for step in way:
            holder = holder[step]
        holder[last] = deepcopy(draw(ODD))
    return found


@given(
    st.sampled_from(sorted(OFFERED.values(), key=lambda one: one.id)),
    st.lists(_resources(), max_size=5),
    st.lists(_resources(), max_size=3),
)
@example(
    OFFERED["medications-order-sign"],
    [],
    [{**SOUND[3], "medicationCodeableConcept": {"coding": [{"system": {}, "code": []}]}}],
)
@example(OFFERED["deterioration-patient-view"], [{**SOUND[0], "birthDate": "9" * 5000}], [])
@example(
    OFFERED["prior-authorization-order-sign"],
    [{"resourceType": "Coverage", "id": "p", "status": "active", "payor": [{"display": []}]}],
    [{**SOUND[7], "id": "p"}],
)
def test_every_judge_answers(
    service: Service, sent: list[dict[str, Any]], drafts: list[dict[str, Any]]
) -> None:
    facts = {need.key: Facts(tuple(sent), Got.GIVEN) for need in service.needs}
    case = Case(service.hook, "p", "Practitioner/1", "e", NOW, facts, Run(), tuple(drafts))
    judged = service.judge(case)
    if judged is not None:
        told = replace(judged, items=actionable(judged.items))
        card = build_card(told, service.use_case, Place("https://u.example"), NOW)
        assert card is None or len(card.body["summary"]) < SUMMARY_BELOW
