"""Complete, clean charts with one defect planted in each. In: defects; out: a Bundle, the truth.

Each defect has a clean twin: another patient with the same record without the fault, so a tool that
complains of everything is seen. The clinical facts are invented; codes are real.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Resource = dict[str, Any]

AS_OF = "2026-11-01"
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
ICD, RXNORM = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX, UCUM = "http://hl7.org/fhir/sid/cvx", "http://unitsofmeasure.org"
TERMS = "http://terminology.hl7.org/CodeSystem"
LOCAL = "http://lab.example/codes"
FAMILIES = (
    "Abara", "Brandt", "Cho", "Dufour", "Eriksen", "Farouk", "Garcia", "Haddad", "Ivanova",
    "Jensen", "Kowalski", "Lindqvist", "Moreau", "Nakamura", "Okafor", "Petrov", "Quispe", "Rossi",
    "Santos", "Tanaka", "Ueda", "Varga", "Weiss", "Xu", "Yilmaz", "Zhang",
)  # fmt: skip
GIVEN = ("Amira", "Ben", "Clara", "Dana", "Emil", "Fatou", "Greta", "Hugo", "Ines", "Jonas",
         "Kira", "Leo", "Mina", "Noah", "Olga")  # fmt: skip
HYPERTENSION = "Hypertensive disorder, systemic arterial (disorder)"
A1C = "Hemoglobin A1c/Hemoglobin.total in Blood"


def concept(system: str, code: str, display: str = "", **more: Any) -> Resource:
    """A CodeableConcept of one coding."""
    coding = {"system": system, "code": code, **({"display": display} if display else {})}
    return {"coding": [coding], **more}


def quantity(value: float, unit: str, code: str = "") -> Resource:
    """A Quantity in UCUM."""
    return {"value": value, "unit": unit, "system": UCUM, "code": code or unit}


@dataclass
class Chart:
    """One patient's resources by a short name; every reference resolves."""

    number: int
    resources: dict[str, Resource] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Resource:
        return self.resources[name]

    def ref(self, name: str) -> Resource:
        """A reference to one of the resources."""
        found = self.resources[name]
        return {"reference": f"{found['resourceType']}/{found['id']}"}

    def add(self, key: str, kind: str, /, **elements: Any) -> Resource:
        """Add a resource about the patient."""
        patient = "patient" if kind in ("AllergyIntolerance", "Immunization") else "subject"
        made: Resource = {"resourceType": kind, "id": f"{key}-{self.number}"}
        if "patient" in self.resources:
            made[patient] = self.ref("patient")
        made["meta"] = {"source": "urn:lakeshore:ehr", "lastUpdated": "2026-09-01T15:05:00Z"}
        self.resources[key] = made | elements
        sent = elements.get("effectiveDateTime")
        if sent:  # a monitor's value is there within the minute
            made["meta"]["lastUpdated"] = sent.replace(":00-05:00", ":40-05:00")
        return self.resources[key]

    def twin(self, name: str, new: str, /, **changes: Any) -> Resource:
        """Add a copy of a resource under another id."""
        made = copy.deepcopy(self.resources[name]) | {"id": f"{new}-{self.number}"} | changes
        self.resources[new] = made
        return made


def chart(number: int) -> Chart:
    """A patient with a visit and all that a chart needs, nothing wrong with any of it."""
    c = Chart(number)
    sex = "female" if number % 2 else "male"
    day = f"2026-09-{1 + number % 27:02}"
    c.add(
        "who",
        "Practitioner",
        identifier=[{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
        name=[{"family": "Doctor", "given": ["Ada"]}],
    )
    c.add(
        "patient",
        "Patient",
        active=True,
        gender=sex,
        birthDate=f"19{50 + number % 40}-03-0{1 + number % 9}",
        identifier=[
            {
                "type": concept(f"{TERMS}/v2-0203", "MR"),
                "system": "http://lakeshore.example/mrn",
                "value": f"MRN{100000 + 37 * number}",
            }
        ],
        name=[
            {
                "use": "official",
                "family": f"{FAMILIES[number % 26]}-{FAMILIES[number // 26 % 26]}",
                "given": [GIVEN[number % 15]],
            }
        ],
        telecom=[{"system": "phone", "value": f"312-867-{1000 + 13 * number}"}],
        address=[
            {
                "line": [f"{10 + number} Elm Street"],
                "city": "Evanston",
                "state": "IL",
                "postalCode": f"60{200 + number % 90}",
            }
        ],
    )
    c.add(
        "visit",
        "Encounter",
        status="finished",
        **{"class": {"system": f"{TERMS}/v3-ActCode", "code": "AMB", "display": "ambulatory"}},
        type=[concept(SNOMED, "185349003", "Encounter for check up")],
        period={"start": f"{day}T09:00:00-05:00", "end": f"{day}T10:00:00-05:00"},
        participant=[{"individual": c.ref("who")}],
        serviceProvider={"reference": "Organization/lakeshore"},
    )
    common = {"encounter": c.ref("visit")}
    c.add(
        "order",
        "ServiceRequest",
        status="completed",
        intent="order",
        code=concept(LOINC, "4548-4", A1C),
        authoredOn=f"{day}T09:05:00-05:00",
        requester=c.ref("who"),
        **common,
    )
    c.add(
        "lab",
        "Observation",
        status="final",
        category=[concept(f"{TERMS}/observation-category", "laboratory")],
        code=concept(LOINC, "4548-4", A1C),
        effectiveDateTime=f"{day}T09:{10 + number % 45}:00-05:00",
        issued=f"{day}T10:05:00-05:00",
        valueQuantity=quantity(round(5.1 + number % 12 / 10, 1), "%"),
        performer=[c.ref("who")],
        referenceRange=[{"low": quantity(4.0, "%"), "high": quantity(6.4, "%")}],
        basedOn=[c.ref("order")],
        **common,
    )
    c.add(
        "weight",
        "Observation",
        status="final",
        category=[concept(f"{TERMS}/observation-category", "vital-signs")],
        code=concept(LOINC, "29463-7", "Body weight"),
        effectiveDateTime=f"{day}T09:{11 + number % 40}:00-05:00",
        valueQuantity=quantity(60 + number % 30, "kg"),
        performer=[c.ref("who")],
        **common,
    )
    c.add(
        "pressure",
        "Observation",
        status="final",
        category=[concept(f"{TERMS}/observation-category", "vital-signs")],
        code=concept(LOINC, "85354-9", "Blood pressure panel with all children optional"),
        effectiveDateTime=f"{day}T09:{12 + number % 40}:00-05:00",
        performer=[c.ref("who")],
        component=[
            {
                "code": concept(LOINC, "8480-6", "Systolic blood pressure"),
                "valueQuantity": quantity(110 + number % 20, "mmHg", "mm[Hg]"),
            },
            {
                "code": concept(LOINC, "8462-4", "Diastolic blood pressure"),
                "valueQuantity": quantity(65 + number % 15, "mmHg", "mm[Hg]"),
            },
        ],
        **common,
    )
    c.add(
        "problem",
        "Condition",
        clinicalStatus=concept(f"{TERMS}/condition-clinical", "active"),
        verificationStatus=concept(f"{TERMS}/condition-ver-status", "confirmed"),
        category=[concept(f"{TERMS}/condition-category", "problem-list-item")],
        code={
            "coding": [
                *concept(SNOMED, "38341003", HYPERTENSION)["coding"],
                *concept(ICD, "I10", "Essential (primary) hypertension")["coding"],
            ]
        },
        onsetDateTime="2019-04-02",
        recordedDate=day,
        recorder=c.ref("who"),
        **common,
    )
    c.add(
        "drug",
        "MedicationRequest",
        status="active",
        intent="order",
        medicationCodeableConcept=concept(RXNORM, "314076", "lisinopril 10 MG Oral Tablet"),
        authoredOn=day,
        requester=c.ref("who"),
        dosageInstruction=[
            {
                "text": "Take 1 tablet by mouth daily",
                "route": concept(SNOMED, "26643006", "Oral route"),
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [
                    {
                        "doseQuantity": {
                            "value": 1,
                            "unit": "tablet",
                            "system": f"{TERMS}/v3-orderableDrugForm",
                            "code": "TAB",
                        }
                    }
                ],
            }
        ],
        **common,
    )
    c.add(
        "allergy",
        "AllergyIntolerance",
        clinicalStatus=concept(f"{TERMS}/allergyintolerance-clinical", "active"),
        verificationStatus=concept(f"{TERMS}/allergyintolerance-verification", "confirmed"),
        code=concept(SNOMED, "91936005", "Allergy to penicillin"),
        recordedDate=day,
        recorder=c.ref("who"),
        **common,
    )
    c.add(
        "shot",
        "Immunization",
        status="completed",
        vaccineCode=concept(CVX, "140", "Influenza, seasonal"),
        occurrenceDateTime=f"{day}T09:30:00-05:00",
        primarySource=True,
        performer=[{"actor": c.ref("who")}],
        **common,
    )
    c.add(
        "report",
        "DiagnosticReport",
        status="final",
        category=[concept(f"{TERMS}/v2-0074", "LAB")],
        code=concept(LOINC, "4548-4", A1C),
        effectiveDateTime=f"{day}T09:10:00-05:00",
        issued=f"{day}T10:05:00-05:00",
        result=[c.ref("lab")],
        basedOn=[c.ref("order")],
        performer=[c.ref("who")],
        **common,
    )
    c.add(
        "cut",
        "Procedure",
        status="completed",
        code=concept(SNOMED, "80146002", "Appendectomy"),
        performedPeriod={"start": f"{day}T09:20:00-05:00", "end": f"{day}T09:50:00-05:00"},
        performer=[{"actor": c.ref("who")}],
        **common,
    )
    return c


def pruned(resource: Resource) -> Resource:
    """The resource without elements that are empty: FHIR leaves them out."""
    return {key: value for key, value in resource.items() if value not in (None, [])}


@dataclass(frozen=True)
class Defect:
    """One fault: its kind, what it is, the records it may be told of, where, how it is made."""

    kind: str
    what: str
    records: tuple[str, ...]
    element: str
    """A word of the element's path; empty: the record as a whole."""
    plant: Callable[[Chart], object]


def write_bundle(defects: tuple[Defect, ...]) -> tuple[Resource, list[dict[str, Any]]]:
    """The Bundle and, a row a defect, what was planted where."""
    entries: list[Resource] = [
        {
            "resourceType": "Organization",
            "id": "lakeshore",
            "active": True,
            "name": "Lakeshore Health",
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1972567386"}],
        }
    ]
    truth = []
    for i, defect in enumerate(defects):
        planted, clean = chart(2 * i), chart(2 * i + 1)
        defect.plant(planted)
        planted.resources = {name: pruned(r) for name, r in planted.resources.items()}
        records = [planted[name] for name in defect.records if name in planted.resources]
        truth.append(
            {
                "kind": defect.kind,
                "what": defect.what,
                "element": defect.element,
                "records": sorted({f"{r['resourceType']}/{r['id']}" for r in records}),
                "patient": sorted(
                    f"{r['resourceType']}/{r['id']}" for r in planted.resources.values()
                ),
            }
        )
        entries += [*planted.resources.values(), *clean.resources.values()]
    bundle: Resource = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {
                "fullUrl": f"https://fhir.lakeshore.example/{r['resourceType']}/{r['id']}",
                "resource": r,
            }
            for r in entries
        ],
    }
    return bundle, truth
