"""CTX-01, CTX-02, CTX-03, CTX-06, CTX-08."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.defects.case import (
    Case,
    Draw,
    coded,
    drop,
    laboratory,
    panel,
    put,
    replace,
    vital_sign,
)
from benchmarks.defects.coding import amount, concept

if TYPE_CHECKING:
    from benchmarks.corpus import Resource

PAIN = "72514-3"
ABSENT = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
            "code": "not-performed",
        }
    ]
}


def nowhere(target: str) -> Callable[[Draw], dict[str, str]]:
    """A reference to a resource that is not there."""
    return lambda draw: {"reference": f"{target}/{draw.new_id()}"}


def patient_as(wrong: str) -> Callable[[Draw], None]:
    """The patient's reference in an element where a Patient has no place."""
    return put(wrong, lambda draw: dict(draw.resource["subject"]))


def from_encounter(edge: str, **by: float) -> Callable[[Draw], str]:
    """A time so long after the start or the end of the encounter (negative: before)."""

    def tell(draw: Draw) -> str:
        told = datetime.fromisoformat(draw.encounter["period"][edge])
        return (told + timedelta(**by, minutes=draw.random.randrange(50))).isoformat()

    return tell


def performed(edge: str, **by: float) -> Callable[[Draw], dict[str, str]]:
    """A period of one minute, so long after the start or the end of the encounter."""

    def tell(draw: Draw) -> dict[str, str]:
        start = from_encounter(edge, **by)(draw)
        end = datetime.fromisoformat(start) + timedelta(minutes=1)
        return {"start": start, "end": end.isoformat()}

    return tell


def versioned(element: str) -> Callable[[Draw], None]:
    """A reference to a version of what is there."""
    return put(
        element, lambda draw: {"reference": draw.resource[element]["reference"] + "/_history/1"}
    )


def without_parts(draw: Draw) -> None:
    """A panel whose components are gone."""
    draw.resource["component"] = []


def score(resource: Resource) -> bool:
    """A vital sign without a dimension: Synthea has pain severity."""
    return vital_sign(resource) and resource["code"]["coding"][0]["code"] == PAIN


def measured(resource: Resource) -> bool:
    """A vital sign that needs a unit."""
    return vital_sign(resource) and not score(resource)


def case(check: str, variant: str, on: str, edit: Callable[[Draw], Any], **more: Any) -> Case:
    """A case; Encounters are drawn as copies that nothing refers to."""
    return Case(check, variant, on, edit, fresh=on in ("Encounter", "Patient"), **more)


def lone(variant: str, edit: Callable[[Draw], Any], **more: Any) -> Case:
    """A result without an encounter; where it can be told which, CTX-05 rightly says so."""
    return case("CTX-01", variant, "Observation", edit, also=("CTX-05",), **more)


CASES = (
    lone("laboratory", drop("encounter"), where=laboratory),
    lone("vital sign", drop("encounter"), where=vital_sign),
    lone("blood pressure", drop("encounter"), where=panel),
    lone("empty object", put("encounter", {}), where=laboratory),
    lone("null", put("encounter", None), where=laboratory),
    lone("display only", put("encounter", {"display": "Ward 7"}), where=laboratory),
    case(
        "CTX-01",
        "with a display",
        "Observation",
        put("encounter.display", "Ward 7"),
        found=False,
        where=laboratory,
    ),
    case(
        "CTX-01",
        "versioned reference",
        "Observation",
        versioned("encounter"),
        found=False,
        where=vital_sign,
    ),
    case(
        "CTX-02",
        "no such Encounter",
        "Observation",
        put("encounter", nowhere("Encounter")),
        also=("CTX-01",),
        where=laboratory,
    ),
    case(
        "CTX-02",
        "no such Patient",
        "Observation",
        put("subject", nowhere("Patient")),
        where=laboratory,
    ),
    case(
        "CTX-02",
        "no such Patient, Immunization",
        "Immunization",
        put("patient", nowhere("Patient")),
    ),
    case(
        "CTX-02",
        "no such result",
        "DiagnosticReport",
        put("result.0", nowhere("Observation")),
        where=lambda row: bool(row.get("result")),
    ),
    case(
        "CTX-02",
        "no such requester",
        "MedicationRequest",
        put("requester", nowhere("Practitioner")),
        also=("CTX-07",),
    ),
    case(
        "CTX-02",
        "Patient as encounter",
        "Observation",
        patient_as("encounter"),
        also=("CTX-01",),
        where=laboratory,
    ),
    case(
        "CTX-02",
        "Patient as reason",
        "Procedure",
        put("reasonReference", lambda draw: [dict(draw.resource["subject"])]),
    ),
    case(
        "CTX-02",
        "no such provider",
        "Encounter",
        put("serviceProvider", nowhere("Organization")),
        also=("CTX-07",),
    ),
    case("CTX-02", "versioned", "Condition", versioned("encounter"), found=False),
    case(
        "CTX-02",
        "another server",
        "Observation",
        put("performer", [{"reference": "https://other.example.org/fhir/Practitioner/1"}]),
        found=False,
        where=laboratory,
    ),
    case(
        "CTX-02",
        "a type that is not in the load",
        "Observation",
        put("specimen", {"reference": "Specimen/s1"}),
        found=False,
        where=laboratory,
    ),
    case(
        "CTX-02",
        "display only",
        "MedicationRequest",
        put("requester", {"display": "Dr. Hilpert"}),
        found=False,
        also=("CTX-07",),
    ),
    case(
        "CTX-02",
        "by identifier",
        "MedicationRequest",
        put(
            "requester",
            {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}},
        ),
        found=False,
    ),
    case(
        "CTX-02",
        "contained",
        "MedicationRequest",
        replace(
            "requester",
            requester={"reference": "#doctor"},
            contained=[{"resourceType": "Practitioner", "id": "doctor"}],
        ),
        found=False,
    ),
    case("CTX-03", "Observation", "Observation", drop("subject"), where=laboratory),
    case("CTX-03", "null", "Observation", put("subject", None), where=laboratory),
    case("CTX-03", "empty object", "Observation", put("subject", {}), where=vital_sign),
    case(
        "CTX-03",
        "empty reference",
        "Observation",
        put("subject", {"reference": ""}),
        where=laboratory,
    ),
    case("CTX-03", "Condition", "Condition", drop("subject")),
    case("CTX-03", "Immunization", "Immunization", drop("patient")),
    case("CTX-03", "MedicationRequest", "MedicationRequest", drop("subject")),
    case("CTX-03", "Procedure", "Procedure", drop("subject")),
    case("CTX-03", "Encounter", "Encounter", drop("subject")),
    case(
        "CTX-03",
        "no such Patient",
        "Observation",
        put("subject", nowhere("Patient")),
        found=False,
        also=("CTX-02",),
        where=laboratory,
    ),
    case(
        "CTX-03",
        "a device",
        "Observation",
        put("subject", {"reference": "Device/d1"}),
        found=False,
        also=("CTX-02",),
        where=laboratory,
    ),
    case("CTX-03", "versioned", "Observation", versioned("subject"), found=False, where=laboratory),
    case(
        "CTX-06",
        "laboratory, 9 days before",
        "Observation",
        put("effectiveDateTime", from_encounter("start", days=-9)),
        where=laboratory,
    ),
    case(
        "CTX-06",
        "laboratory, 12 days after",
        "Observation",
        put("effectiveDateTime", from_encounter("end", days=12)),
        also=("TIM-12",),
        where=laboratory,
    ),
    case(
        "CTX-06",
        "vital sign, 30 hours after",
        "Observation",
        put("effectiveDateTime", from_encounter("end", hours=30)),
        also=("TIM-12",),
        where=vital_sign,
    ),
    case(
        "CTX-06",
        "vital sign, 30 hours before",
        "Observation",
        put("effectiveDateTime", from_encounter("start", hours=-30)),
        where=vital_sign,
    ),
    case(
        "CTX-06",
        "procedure, 20 days after",
        "Procedure",
        put("performedPeriod", performed("end", days=20)),
    ),
    case(
        "CTX-06",
        "report, 15 days after",
        "DiagnosticReport",
        put("effectiveDateTime", from_encounter("end", days=15)),
        also=("TIM-12",),
    ),
    case(
        "CTX-06",
        "laboratory, 6 days after",
        "Observation",
        put("effectiveDateTime", from_encounter("end", days=6)),
        also=("TIM-12",),
        found=False,
        where=laboratory,
    ),
    case(
        "CTX-06",
        "laboratory, 6 days before",
        "Observation",
        put("effectiveDateTime", from_encounter("start", days=-6)),
        found=False,
        where=laboratory,
    ),
    case(
        "CTX-06",
        "vital sign, 20 hours after",
        "Observation",
        put("effectiveDateTime", from_encounter("end", hours=20)),
        also=("TIM-12",),
        found=False,
        where=vital_sign,
    ),
    case(
        "CTX-06",
        "vital sign, that day",
        "Observation",
        put("effectiveDateTime", lambda draw: draw.encounter["period"]["start"][:10]),
        found=False,
        where=vital_sign,
    ),
    case("CTX-08", "no value", "Observation", drop("valueQuantity"), where=laboratory),
    case("CTX-08", "no answer", "Observation", drop("valueCodeableConcept"), where=coded),
    case(
        "CTX-08",
        "amended, no value",
        "Observation",
        replace("valueQuantity", status="amended"),
        where=laboratory,
    ),
    case("CTX-08", "empty quantity", "Observation", put("valueQuantity", {}), where=laboratory),
    case("CTX-08", "no component", "Observation", without_parts, where=panel),
    case(
        "CTX-08",
        "number without a unit",
        "Observation",
        amount(unit=None, system=None, code=None),
        also=("COD-10",),
        where=measured,
    ),
    case(
        "CTX-08",
        "a reason for its absence",
        "Observation",
        replace("valueQuantity", dataAbsentReason=ABSENT),
        found=False,
        where=laboratory,
    ),
    case(
        "CTX-08",
        "registered",
        "Observation",
        replace("valueQuantity", status="registered"),
        found=False,
        where=laboratory,
    ),
    case(
        "CTX-08",
        "cancelled",
        "Observation",
        replace("valueQuantity", status="cancelled"),
        found=False,
        where=laboratory,
    ),
    case(
        "CTX-08",
        "members",
        "Observation",
        replace(
            "valueQuantity",
            hasMember=lambda draw: [
                {"reference": f"Observation/{draw.corpus.resources['Observation'][0]['id']}"}
            ],
        ),
        found=False,
        also=("CTX-04",),
        where=laboratory,
    ),
    case(
        "CTX-08",
        "false is a value",
        "Observation",
        replace("valueQuantity", valueBoolean=False),
        found=False,
        where=laboratory,
    ),
    case(
        "CTX-08",
        "zero is a value",
        "Observation",
        amount(value=0),
        found=False,
        also=("PLA-01", "PLA-07", "TXT-09"),
        where=laboratory,
    ),
    case(
        "CTX-08",
        "unit without a code",
        "Observation",
        amount(system=None, code=None),
        found=False,
        also=("COD-10",),
        where=laboratory,
    ),
    case(
        "CTX-08",
        "a pain score has no unit",
        "Observation",
        amount(unit=None, system=None, code=None),
        found=False,
        also=("COD-10",),
        where=score,
    ),
    case(
        "CTX-08",
        "INR has no unit",
        "Observation",
        replace(
            "valueQuantity",
            valueQuantity={"value": 2.4},
            code=concept(("http://loinc.org", "6301-6"), text="INR"),
        ),
        found=False,
        also=("COD-10",),
        where=laboratory,
    ),
)
