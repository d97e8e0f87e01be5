"""In: the clean corpus. Out: the same, with the context of care that Synthea leaves out.

Synthea names no performer, range, route, category or source, never closes a prescription, and says
of nobody that there is nothing to say: defects that the checks of context and time rightly find.
"""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.corpus import CLINICAL_TIME, Corpus, Resource, clinical_time

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = "https://synthea.example.org"
PROBLEM = {
    "system": "http://terminology.hl7.org/CodeSystem/condition-category",
    "code": "problem-list-item",
}
ORAL = {"system": "http://snomed.info/sct", "code": "26643006", "display": "Oral route"}
DOSAGE = {
    "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
    "route": {"coding": [ORAL]},
    "doseAndRate": [
        {
            "doseQuantity": {
                "value": 1,
                "unit": "dose",
                "system": "http://unitsofmeasure.org",
                "code": "{dose}",
            }
        }
    ],
}
EMPTY_LISTS = {
    "AllergyIntolerance": ("48765-2", "Allergies and adverse reactions Document"),
    "MedicationRequest": ("10160-0", "History of Medication use Narrative"),
    "Condition": ("11450-4", "Problem list - Reported"),
}
NIL_KNOWN = {
    "system": "http://terminology.hl7.org/CodeSystem/list-empty-reason",
    "code": "nilknown",
    "display": "Nil Known",
}


def clean_care(corpus: Corpus, as_of: str) -> None:
    """Complete the corpus in place, as of a day; Lists are added."""
    clean_issues(corpus)
    clean_deaths(corpus)
    clean_performers(corpus)
    for row in corpus.resources.get("Observation", []):
        if row["category"][0]["coding"][0]["code"] == "laboratory":
            row["referenceRange"] = [{"text": "as the laboratory states"}]
    for row in corpus.resources.get("DiagnosticReport", []):
        row["basedOn"] = [{"identifier": {"system": f"{SOURCE}/orders", "value": row["id"]}}]
    for row in corpus.resources.get("Condition", []):
        row["category"] = [{"coding": [dict(PROBLEM)]}]
    clean_prescriptions(corpus, datetime.fromisoformat(as_of))
    corpus.resources["List"] = list(empty_lists(corpus))
    for rows in corpus.resources.values():
        for row in rows:
            row.setdefault("meta", {})["source"] = SOURCE


def clean_issues(corpus: Corpus) -> None:
    """Where times were moved, a report is issued no earlier than its results (TIM-12)."""
    for row in corpus.resources.get("DiagnosticReport", []):
        parts = [corpus.find(result) for result in row.get("result", [])]
        issued = [row["issued"], *(part["issued"] for part in parts if part)]
        row["issued"] = max(issued, key=datetime.fromisoformat)


def clean_deaths(corpus: Corpus) -> None:
    """A patient dies on the day of the last event, and the prescriptions end (TIM-06)."""
    for name in CLINICAL_TIME:
        for row in corpus.resources.get(name, []):
            patient, sent = corpus.patient_of(row), clinical_time(row)
            if patient is None or "deceasedDateTime" not in patient:
                continue
            if sent is not None:
                patient["deceasedDateTime"] = max(
                    patient["deceasedDateTime"], sent, key=datetime.fromisoformat
                )
            if name == "MedicationRequest" and row["status"] == "active":
                row["status"] = "stopped"


def clean_performers(corpus: Corpus) -> None:
    """Who measured, did or wrote it is who took part in the encounter (CTX-07)."""
    anybody = {"reference": f"Practitioner/{corpus.resources['Practitioner'][0]['id']}"}
    for row in corpus.resources["Encounter"]:
        row.setdefault("participant", [{"individual": dict(anybody)}])
    for name, rows in corpus.resources.items():
        for row in rows:
            encounter = corpus.find(row.get("encounter"))
            who = dict(encounter["participant"][0]["individual"] if encounter else anybody)
            if name in ("Observation", "DiagnosticReport"):
                row["performer"] = [who]
            elif name in ("Procedure", "Immunization"):
                row["performer"] = [{"actor": who}]
            elif name in ("Condition", "AllergyIntolerance"):
                row["recorder"] = who


def clean_prescriptions(corpus: Corpus, as_of: datetime) -> None:
    """What a patient takes was ordered anew in the last year (TIM-15), with a whole dosage."""
    for number, row in enumerate(corpus.resources.get("MedicationRequest", [])):
        row["dosageInstruction"] = [
            copy.deepcopy(DOSAGE) | dosage for dosage in row.get("dosageInstruction", [{}])
        ]
        if row["status"] == "active":
            day = as_of - timedelta(days=90 + 7 * number % 270)
            row["authoredOn"] = day.date().isoformat() + row["authoredOn"][10:]


def empty_lists(corpus: Corpus) -> Iterator[Resource]:
    """A list that says there is nothing, of patients who have nothing (CTX-15)."""
    for name, (code, display) in EMPTY_LISTS.items():
        known = {
            (row.get("subject") or row["patient"])["reference"]
            for row in corpus.resources.get(name, [])
        }
        for patient in corpus.resources["Patient"]:
            if f"Patient/{patient['id']}" not in known:
                yield empty_list(patient, code, display)


def empty_list(patient: Resource, code: str, display: str) -> dict[str, Any]:
    """One such list."""
    return {
        "resourceType": "List",
        "id": f"nil-{code}-{patient['id'][:36]}",
        "status": "current",
        "mode": "snapshot",
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}]},
        "subject": {"reference": f"Patient/{patient['id']}"},
        "emptyReason": {"coding": [dict(NIL_KNOWN)]},
    }
