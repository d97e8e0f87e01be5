"""TXT-01, TXT-02, TXT-04, TXT-05."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmarks.defects.case import Case, Draw, coded, laboratory, put, replace, vital_sign
from benchmarks.defects.coding import LOCAL, MIXED, UCUM, beside, only_text

if TYPE_CHECKING:
    from benchmarks.corpus import Resource

NUMBERS = (
    "7.2",
    "< 5",
    "120/80",
    "3-5",
    "7.2 %",
    ">=60 mL/min",
    "-2.5",
    " 98.6 ",
    "5mg/dL",
    "0.5 - 1.2 mg/dL",
)
NO_NUMBERS = (
    "see note 5",
    "A1c pending",
    "Specimen hemolyzed",
    "O157:H7",
    "B12",
    "N/A",
    "2019-03-01",
    "Not detected",
    "2 of 3 positive",
    "Grade 2",
)

DOSE = {
    "doseAndRate": [
        {"doseQuantity": {"value": 1, "unit": "tablet", "system": UCUM, "code": "{tbl}"}}
    ]
}
DAILY = {"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}


def sig(*dosages: Resource) -> Callable[[Draw], None]:
    """These dosage instructions."""
    return put("dosageInstruction", list(dosages))


CASES = (
    Case("TXT-01", "Observation", "Observation", only_text("code"), where=laboratory),
    Case(
        "TXT-01",
        "empty list of codings",
        "Observation",
        only_text("code", coding=[]),
        where=laboratory,
    ),
    Case("TXT-01", "answer", "Observation", only_text("valueCodeableConcept"), where=coded),
    Case("TXT-01", "Condition", "Condition", only_text("code")),
    Case("TXT-01", "medication", "MedicationRequest", only_text("medicationCodeableConcept")),
    Case("TXT-01", "vaccine", "Immunization", only_text("vaccineCode")),
    Case("TXT-01", "reason", "Encounter", put("reasonCode", [{"text": "Chest pain"}]), fresh=True),
    Case(
        "TXT-01",
        "a note is no concept",
        "Observation",
        put("note", [{"text": "Patient was fasting"}]),
        found=False,
        where=laboratory,
    ),
    Case(
        "TXT-01",
        "a range's text is no concept",
        "Observation",
        put("referenceRange", [{"text": "70-100 mg/dL"}]),
        found=False,
        where=laboratory,
    ),
    Case(
        "TXT-01",
        "code without text",
        "Condition",
        lambda draw: draw.resource["code"].pop("text") and None,
        found=False,
    ),
    *(
        Case(
            "TXT-02",
            sent,
            "Observation",
            replace("valueQuantity", valueString=sent),
            where=laboratory,
        )
        for sent in NUMBERS
    ),
    *(
        Case(
            "TXT-02",
            sent,
            "Observation",
            replace("valueQuantity", valueString=sent),
            found=False,
            also=("TXT-03",) if sent == "Not detected" else (),
            where=laboratory,
        )
        for sent in NO_NUMBERS
    ),
    Case(
        "TXT-04",
        "a sentence",
        "Observation",
        beside(LOCAL, "Glucose fasting blood, morning"),
        where=laboratory,
        also=MIXED,
    ),
    Case("TXT-04", "over 64 characters", "Condition", beside(LOCAL, "D" * 65)),
    Case(
        "TXT-04",
        "code equals display",
        "Observation",
        beside(LOCAL, "Glucose-Fasting", display="Glucose-Fasting"),
        where=laboratory,
        also=MIXED,
    ),
    *(
        Case(
            "TXT-04",
            f"display {display}",
            "Procedure",
            beside(LOCAL, "PR9", display=display),
            also=MIXED,
        )
        for display in ("n/a", "test", "Unknown")
    ),
    Case("TXT-04", "64 characters", "Condition", beside(LOCAL, "D" * 64), found=False),
    Case(
        "TXT-04",
        "test in a real display",
        "Observation",
        beside(LOCAL, "PT1", display="Pregnancy test, urine"),
        found=False,
        also=MIXED,
        where=laboratory,
    ),
    Case(
        "TXT-04",
        "unknown in a real display",
        "Condition",
        beside(LOCAL, "FUO", display="Fever of unknown origin"),
        found=False,
    ),
    Case(
        "TXT-04",
        "code in the display",
        "Observation",
        beside(LOCAL, "K", display="K (potassium)"),
        found=False,
        also=MIXED,
        where=vital_sign,
    ),
    Case("TXT-05", "text only", "MedicationRequest", sig({"text": "1 tablet twice a day"})),
    Case(
        "TXT-05",
        "numbered text",
        "MedicationRequest",
        sig({"sequence": 1, "text": "take 2 puffs every 4 hours"}),
    ),
    Case(
        "TXT-05",
        "as needed",
        "MedicationRequest",
        sig({"text": "1-2 tablets as needed for pain", "asNeededBoolean": True}),
    ),
    Case(
        "TXT-05",
        "route only",
        "MedicationRequest",
        sig(
            {
                "text": "1 tablet by mouth at bedtime",
                "route": {
                    "coding": [
                        {
                            "system": "http://snomed.info/sct",
                            "code": "26643006",
                            "display": "Oral route",
                        }
                    ]
                },
            }
        ),
    ),
    Case(
        "TXT-05",
        "second of two",
        "MedicationRequest",
        sig(
            {"sequence": 1, "text": "1 tablet daily"} | DOSE | DAILY,
            {"sequence": 2, "text": "then half a tablet"},
        ),
        also=("CTX-11", "PLA-08"),
    ),
    Case(
        "TXT-05",
        "text and structure",
        "MedicationRequest",
        sig({"text": "1 tablet daily"} | DOSE | DAILY),
        found=False,
        also=("CTX-11", "PLA-08"),
    ),
    Case(
        "TXT-05",
        "structure only",
        "MedicationRequest",
        sig(DOSE | DAILY),
        found=False,
        also=("CTX-11", "PLA-08"),
    ),
    Case(
        "TXT-05",
        "neither",
        "MedicationRequest",
        sig({"asNeededBoolean": True}),
        found=False,
        also=("CTX-11",),
    ),
)
