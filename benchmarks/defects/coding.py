"""COD-01, COD-02, COD-03, COD-05, COD-10."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.defects.case import (
    Case,
    Draw,
    coded,
    drop,
    laboratory,
    panel,
    put,
    quantity,
    replace,
    vital_sign,
)

if TYPE_CHECKING:
    from benchmarks.corpus import Resource

LOCAL = "http://lab.example.org/codes"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
NDC = "http://hl7.org/fhir/sid/ndc"
CPT = "http://www.ama-assn.org/go/cpt"
UCUM = "http://unitsofmeasure.org"


def concept(*codings: tuple[str | None, str], text: str = "Glucose, fasting") -> Resource:
    """A CodeableConcept of (system, code) pairs."""
    return {"coding": [{"system": system, "code": code} for system, code in codings], "text": text}


def local(path: str, *systems: str) -> Callable[[Draw], None]:
    """Local codings in place of the standard ones, a code of its own for each draw."""

    def edit(draw: Draw) -> None:
        codes = [(system, f"T{draw.random.randrange(10**9)}") for system in systems or (LOCAL,)]
        draw.resource[path] = concept(*codes, text=draw.resource[path]["text"])

    return edit


def beside(system: str, code: str, **more: str) -> Callable[[Draw], None]:
    """Another coding beside the standard one."""
    return lambda draw: draw.resource["code"]["coding"].append(
        {"system": system, "code": code} | more
    )


def only_text(path: str, **more: Any) -> Callable[[Draw], None]:
    """The concept without its codings."""
    return put(path, lambda draw: {"text": draw.resource[path]["text"]} | more)


def spelt(system: str) -> Callable[[Draw], None]:
    """The first coding of the code under another spelling of its system."""
    return put("code.coding.0.system", system)


def last_digit(code: str) -> str:
    """The code with another last digit: every check digit scheme finds that."""
    return code[:-1] + str((int(code[-1]) + 1) % 10)


def swapped(code: str) -> str:
    """The code with two unequal neighbours changed over (not 0 and 9, which Luhn cannot see)."""
    for place in range(len(code) - 1):
        pair = code[place : place + 2]
        if pair.isdigit() and pair[0] != pair[1] and set(pair) != {"0", "9"} and pair[1] != "0":
            return code[:place] + pair[::-1] + code[place + 2 :]
    return last_digit(code)


def recode(path: str, change: Callable[[str], str]) -> Callable[[Draw], None]:
    """The code of a coding changed."""

    def edit(draw: Draw) -> None:
        node: Any = draw.resource
        for step in path.split("."):
            node = node[int(step) if step.isdigit() else step]
        node["code"] = change(node["code"])
        node.pop("display", None)

    return edit


def amount(**changes: Any) -> Callable[[Draw], None]:
    """The valueQuantity with these elements changed; None removes one."""

    def edit(draw: Draw) -> None:
        value = draw.resource["valueQuantity"] | changes
        kept = {name: part for name, part in value.items() if part is not None}
        draw.resource["valueQuantity"] = kept

    return edit


def snomed(resource: Resource) -> bool:
    """A code of SNOMED CT."""
    return bool(resource["code"]["coding"][0]["system"] == SNOMED)


MIXED = ("COD-13", "PLA-03")
"""One local code beside many standard ones is mapped inconsistently, and its units differ."""
STRANGE = ("PLA-02", "PLA-03", "PLA-04")
"""A unit that is understood, of a result that it does not suit."""
DIABETES = ("DUP-09", "PLA-09")
"""A diagnosis of diabetes: its patient has no HbA1c, and may have two such entries by now."""

CASES = (
    Case("COD-01", "local code, Observation", "Observation", local("code"), where=laboratory),
    Case(
        "COD-01",
        "local code under an OID",
        "Observation",
        local("code", "urn:oid:1.2.840.114350.1.13.999.2.7.2.768282"),
        where=laboratory,
    ),
    Case(
        "COD-01",
        "two local codes",
        "Observation",
        local("code", LOCAL, "http://lis.example.org/tests"),
        where=laboratory,
    ),
    Case("COD-01", "local answer", "Observation", local("valueCodeableConcept"), where=coded),
    Case("COD-01", "local code, Condition", "Condition", local("code")),
    Case("COD-01", "local code, vaccine", "Immunization", local("vaccineCode")),
    Case(
        "COD-01", "local code, medication", "MedicationRequest", local("medicationCodeableConcept")
    ),
    Case("COD-01", "local code, Procedure", "Procedure", local("code")),
    Case(
        "COD-01",
        "local and standard",
        "Observation",
        beside(LOCAL, "GLUF"),
        found=False,
        also=MIXED,
        where=laboratory,
    ),
    Case(
        "COD-01",
        "text only",
        "Observation",
        only_text("code"),
        found=False,
        also=("TXT-01",),
        where=laboratory,
    ),
    Case(
        "COD-01",
        "local category beside the standard one",
        "Observation",
        lambda draw: draw.resource["category"].append(
            {"coding": [{"system": "http://lab.example.org/departments", "code": "CHEM"}]}
        ),
        found=False,
        where=laboratory,
    ),
    Case(
        "COD-01",
        "ICD-10-CM",
        "Condition",
        put("code", concept((ICD10CM, "E11.9"))),
        found=False,
        also=DIABETES,
    ),
    Case(
        "COD-01",
        "NDC",
        "MedicationRequest",
        put("medicationCodeableConcept", concept((NDC, "0093-7214-01"))),
        found=False,
    ),
    Case(
        "COD-02",
        "code",
        "Observation",
        drop("code.coding.0.system"),
        also=("COD-01",),
        where=laboratory,
    ),
    Case(
        "COD-02",
        "category",
        "Observation",
        drop("category.0.coding.0.system"),
        also=("COD-01", "TXT-04"),
        where=laboratory,
    ),
    Case(
        "COD-02",
        "empty system",
        "Observation",
        put("code.coding.0.system", ""),
        also=("COD-01",),
        where=laboratory,
    ),
    Case(
        "COD-02",
        "component",
        "Observation",
        drop("component.0.code.coding.0.system"),
        also=("COD-01",),
        where=panel,
    ),
    Case(
        "COD-02",
        "answer",
        "Observation",
        drop("valueCodeableConcept.coding.0.system"),
        also=("COD-01",),
        where=coded,
    ),
    Case("COD-02", "bare Coding", "Encounter", drop("class.system"), also=("COD-01",), fresh=True),
    Case(
        "COD-02",
        "second coding",
        "Condition",
        lambda draw: draw.resource["code"]["coding"].append({"code": "E11.9"}),
    ),
    Case("COD-02", "text only", "Condition", only_text("code"), found=False, also=("TXT-01",)),
    Case(
        "COD-02",
        "a unit's code without a system",
        "Observation",
        amount(system=None),
        found=False,
        also=("COD-10",),
        where=laboratory,
    ),
    Case("COD-02", "a code element", "Patient", put("gender", "other"), found=False, fresh=True),
    *(
        Case(
            "COD-03",
            f"LOINC as {system}",
            "Observation",
            spelt(system),
            also=("COD-01",),
            where=laboratory,
        )
        for system in (
            "urn:oid:2.16.840.1.113883.6.1",
            "2.16.840.1.113883.6.1",
            "https://loinc.org",
            "http://loinc.org/",
            "http://www.loinc.org",
            "LOINC",
        )
    ),
    *(
        Case(
            "COD-03",
            f"SNOMED CT as {system}",
            "Procedure",
            spelt(system),
            where=snomed,
            also=("COD-01",),
        )
        for system in (
            "urn:oid:2.16.840.1.113883.6.96",
            "https://snomed.info/sct",
            "http://snomed.info/sct/",
        )
    ),
    *(
        Case(
            "COD-03",
            f"ICD-10-CM as {system}",
            "Condition",
            put("code", concept((system, "E11.65"))),
            also=("COD-01",),
        )
        for system in ("urn:oid:2.16.840.1.113883.6.90", "ICD-10-CM", "icd-10-cm")
    ),
    *(
        Case(
            "COD-03",
            f"RxNorm as {system}",
            "MedicationRequest",
            put("medicationCodeableConcept.coding.0.system", system),
            also=("COD-01",),
        )
        for system in ("urn:oid:2.16.840.1.113883.6.88", "RxNorm")
    ),
    Case(
        "COD-03",
        "CVX as OID",
        "Immunization",
        put("vaccineCode.coding.0.system", "urn:oid:2.16.840.1.113883.12.292"),
        also=("COD-01",),
    ),
    Case(
        "COD-03",
        "ICD-10, of which there are two",
        "Condition",
        put("code", concept(("ICD-10", "I10"))),
        found=False,
        also=("COD-01",),
    ),
    Case(
        "COD-03",
        "unknown OID",
        "Observation",
        beside("urn:oid:1.2.840.114350.1.13.999.2", "1558"),
        found=False,
        also=MIXED,
        where=laboratory,
    ),
    Case(
        "COD-03",
        "a local system with https and a slash",
        "Observation",
        beside("https://lab.example.org/codes/", "GLUF"),
        found=False,
        also=MIXED,
        where=laboratory,
    ),
    Case(
        "COD-03",
        "version of an edition",
        "Procedure",
        put("code.coding.0.version", "http://snomed.info/sct/731000124108"),
        found=False,
    ),
    Case(
        "COD-05",
        "LOINC, last digit",
        "Observation",
        recode("code.coding.0", last_digit),
        where=laboratory,
    ),
    Case(
        "COD-05",
        "LOINC, digits changed over",
        "Observation",
        recode("code.coding.0", swapped),
        where=laboratory,
    ),
    Case(
        "COD-05",
        "LOINC in a component",
        "Observation",
        recode("component.0.code.coding.0", last_digit),
        where=panel,
    ),
    Case("COD-05", "SNOMED CT, last digit", "Condition", recode("code.coding.0", last_digit)),
    Case(
        "COD-05",
        "SNOMED CT, digits changed over",
        "Procedure",
        recode("code.coding.0", swapped),
        where=lambda row: len(row["code"]["coding"][0]["code"]) > 7,
    ),
    Case(
        "COD-05",
        "ICD-10-CM, dot misplaced",
        "Condition",
        put("code", concept((ICD10CM, "E1.19"))),
        also=DIABETES,
    ),
    Case(
        "COD-05",
        "RxNorm with letters",
        "MedicationRequest",
        recode("medicationCodeableConcept.coding.0", lambda code: f"RX{code}"),
    ),
    Case(
        "COD-05",
        "CVX with letters",
        "Immunization",
        recode("vaccineCode.coding.0", lambda code: f"CVX{code}"),
    ),
    Case(
        "COD-05",
        "LOINC answer",
        "Observation",
        put("valueCodeableConcept", concept((LOINC, "LA33-6"), text="Yes")),
        found=False,
        where=coded,
    ),
    Case(
        "COD-05",
        "SNOMED CT extension of 16 digits",
        "Procedure",
        put("code", concept((SNOMED, "1104441000000107"))),
        found=False,
    ),
    *(
        Case(
            "COD-05",
            f"ICD-10-CM {code}",
            "Condition",
            put("code", concept((ICD10CM, code))),
            found=False,
            also=DIABETES,
        )
        for code in ("E11.9", "M1A.9XX0", "I10")
    ),
    *(
        Case(
            "COD-05",
            f"NDC {code}",
            "MedicationRequest",
            put("medicationCodeableConcept", concept((NDC, code))),
            found=False,
        )
        for code in ("0093-7214-01", "00093-7214-01")
    ),
    Case(
        "COD-05",
        "CVX with a leading zero",
        "Immunization",
        put("vaccineCode", concept(("http://hl7.org/fhir/sid/cvx", "08"))),
        found=False,
    ),
    Case(
        "COD-05", "CPT category II", "Procedure", put("code", concept((CPT, "3044F"))), found=False
    ),
    Case(
        "COD-05",
        "a local code that is no check digit code",
        "Observation",
        beside(LOCAL, "1558-7"),
        found=False,
        also=MIXED,
        where=laboratory,
    ),
    Case(
        "COD-10",
        "unit without a code",
        "Observation",
        amount(system=None, code=None),
        where=laboratory,
    ),
    Case("COD-10", "no system", "Observation", amount(system=None), where=laboratory),
    Case("COD-10", "another system", "Observation", amount(system=LOCAL), where=vital_sign),
    Case(
        "COD-10",
        "UCUM with https",
        "Observation",
        amount(system=f"https{UCUM[4:]}"),
        also=("COD-03",),
        where=laboratory,
    ),
    *(
        Case(
            "COD-10",
            f"{code} is no UCUM",
            "Observation",
            amount(unit=code, code=code),
            where=quantity,
            also=STRANGE,
        )
        for code in ("mmHg", "IU/L", "lbs", "bpm", "mg per dL")
    ),
    Case("COD-10", "component", "Observation", drop("component.0.valueQuantity.code"), where=panel),
    # Tablets and puffs have no UCUM unit, and senders leave them as words: COD-10 is of results.
    Case(
        "COD-10",
        "a dose in tablets",
        "MedicationRequest",
        put(
            "dosageInstruction",
            [{"doseAndRate": [{"doseQuantity": {"value": 2, "unit": "tablet"}}]}],
        ),
        found=False,
        also=("CTX-11", "PLA-08"),
    ),
    *(
        Case(
            "COD-10",
            f"{code} is UCUM",
            "Observation",
            amount(unit=code, code=code),
            found=False,
            also=STRANGE,
            where=laboratory,
        )
        for code in (
            "{score}",
            "mg%",
            "[iU]/L",
            "10*3/uL",
            "1",
            "mm[Hg]",
            "mL/min/{1.73_m2}",
            "Cel",
        )
    ),
    Case(
        "COD-10",
        "unit in the sender's words",
        "Observation",
        amount(unit="milligrams/dl", code="mg/dL"),
        found=False,
        also=STRANGE,
        where=laboratory,
    ),
    Case(
        "COD-10",
        "no number",
        "Observation",
        replace(
            "valueQuantity",
            valueQuantity={"unit": "mg/dL"},
            dataAbsentReason={
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
                        "code": "unknown",
                    }
                ]
            },
        ),
        found=False,
        where=laboratory,
    ),
    Case(
        "COD-10",
        "an age",
        "Condition",
        put("abatementAge", {"value": 50, "unit": "years", "system": UCUM, "code": "a"}),
        found=False,
        where=lambda row: "abatementDateTime" not in row,
    ),
)
