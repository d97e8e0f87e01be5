"""COD-04, COD-06, COD-07, COD-08, COD-11, COD-14: what only a release of the codes can tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.defects.case import Case, Draw, Units, laboratory, panel, put
from benchmarks.defects.coding import DIABETES, STRANGE
from benchmarks.defects.newcomers import colonoscopy, grown_up, of_living, potassium, told

if TYPE_CHECKING:
    from benchmarks.corpus import Resource

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
CVX = "http://hl7.org/fhir/sid/cvx"
NDC = "http://hl7.org/fhir/sid/ndc"
CPT = "http://www.ama-assn.org/go/cpt"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
METFORMIN_500 = told(RXNORM, "861007", "metformin hydrochloride 500 MG Oral Tablet")
A1C_BY_MASS = told(LOINC, "41995-2", "Hemoglobin A1c [Mass/volume] in Blood")
PERCENT = {"value": 6.1, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}
TWICE = ("DUP-07", "DUP-09")
"""A problem that the patient may have already."""
IN_2021 = "2021-02-04T10:00:00+00:00"


def recent(resource: Resource) -> bool:
    """A Procedure since the oldest edition of ICD-10-CM that ships."""
    return bool(resource.get("performedPeriod", {}).get("start", "") >= "2020-10-01")


def early(resource: Resource) -> bool:
    """A Condition that was recorded before it."""
    return bool("2000" < resource.get("recordedDate", "") < "2020-09-01")


def active(resource: Resource) -> bool:
    """A prescription that is taken."""
    return bool(resource["status"] == "active")


def said(path: str, system: str, code: str, display: str) -> Callable[[Draw], None]:
    """The concept with one coding in place of its own, the same text."""
    return put(path, lambda _: told(system, code, display) | {"text": display})


def coded(path: str, *codings: tuple[str, str]) -> Callable[[Draw], None]:
    """The concept with these codes, without displays."""
    return put(path, {"coding": [{"system": s, "code": c} for s, c in codings]})


def of_patient(*made: Callable[[Draw], Resource]) -> Callable[[Draw], Units]:
    """A new Patient with these resources, who is the unit."""

    def edit(draw: Draw) -> Units:
        of_living(*made)(draw)
        return [draw.resource]

    return edit


def a1c(concept: Resource) -> Callable[[Draw], Resource]:
    """A result of HbA1c under a code."""
    return potassium(IN_2021, code=concept, valueQuantity=PERCENT)


def near(made: Case) -> Case:
    """The case as one that must not be found."""
    return Case(**{**vars(made), "found": False})


def condition(check: str, variant: str, edit: Callable[[Draw], None], **more: Any) -> Case:
    """A case of a problem."""
    return Case(check, variant, "Condition", edit, **more)


def reason(check: str, variant: str, system: str, code: str) -> Case:
    """A case of why something was done, lately."""
    edit = put("reasonCode", [{"coding": [{"system": system, "code": code}]}])
    return Case(check, variant, "Procedure", edit, where=recent)


def drug(check: str, variant: str, *codings: tuple[str, str], **more: Any) -> Case:
    """A case of a drug that is taken."""
    edit = coded("medicationCodeableConcept", *codings)
    return Case(check, variant, "MedicationRequest", edit, **({"where": active} | more))


def patient(check: str, variant: str, *made: Callable[[Draw], Resource], **more: Any) -> Case:
    """A case of what a new Patient has."""
    return Case(check, variant, "Patient", of_patient(*made), where=grown_up, fresh=True, **more)


NOT_THERE = (
    reason("COD-04", "no such ICD-10-CM", ICD10CM, "E11.12"),
    reason("COD-04", "without its dot", ICD10CM, "I109"),
    reason("COD-04", "another code", ICD10CM, "J45.93"),
    Case(
        "COD-04",
        "word for a flag",
        "Observation",
        put("interpretation", [told(INTERPRETATION, "HIGH", "High")]),
        where=laboratory,
    ),
    Case(
        "COD-04",
        "old flag under the new system",
        "Observation",
        put("interpretation", [told(INTERPRETATION, "Hi", "High")]),
        where=laboratory,
    ),
    near(
        condition(
            "COD-04",
            "before the editions",
            coded("code", (ICD10CM, "E11.12")),
            also=DIABETES,
            where=early,
        )
    ),
    near(reason("COD-04", "category of ICD-10-CM", ICD10CM, "E11")),
    near(reason("COD-04", "retired later", ICD10CM, "G35")),
    near(condition("COD-04", "not covered", coded("code", (SNOMED, "1104441000000107")))),
    near(
        Case(
            "COD-04",
            "right flag",
            "Observation",
            put("interpretation", [told(INTERPRETATION, "H", "High")]),
            also=("PLA-07",),
            where=laboratory,
        )
    ),
    near(drug("COD-04", "no release of RxNorm", (RXNORM, "99999999"))),
)
RETIRED = (
    condition(
        "COD-06",
        "split since",
        lambda draw: draw.resource.update(
            code=told(ICD10CM, "G35", "Multiple sclerosis"), recordedDate="2025-11-05"
        ),
        also=("TIM-04", *TWICE),
    ),
    condition(
        "COD-06",
        "gone since",
        lambda draw: draw.resource.update(
            code=told(ICD10CM, "E78.01", "Familial hypercholesterolemia"),
            recordedDate="2026-01-10T08:00:00+00:00",
        ),
        also=("TIM-04", *TWICE),
    ),
    near(condition("COD-06", "while it was valid", coded("code", (ICD10CM, "G35")), also=TWICE)),
    near(condition("COD-06", "still valid", coded("code", (ICD10CM, "E11.9")), also=DIABETES)),
    near(condition("COD-06", "never billable", coded("code", (ICD10CM, "E11")), also=DIABETES)),
)
OTHER_NAMES = (
    condition(
        "COD-07",
        "diabetes, says asthma",
        said("code", ICD10CM, "E11.9", "Mild intermittent asthma"),
        also=(*DIABETES, *TWICE),
    ),
    condition(
        "COD-07",
        "SNOMED CT",
        said("code", SNOMED, "44054006", "Essential hypertension"),
        also=(*DIABETES, *TWICE),
    ),
    Case(
        "COD-07",
        "LOINC",
        "Observation",
        put(
            "code.coding.0",
            lambda _: told(LOINC, "4548-4", "Sodium [Moles/volume] in Blood")["coding"][0],
        ),
        where=laboratory,
        also=STRANGE,
        fresh=True,  # a time of its own: no other HbA1c contradicts it
    ),
    near(
        condition(
            "COD-07", "its name", said("code", ICD10CM, "I10", "Essential (primary) hypertension")
        )
    ),
    near(
        condition(
            "COD-07", "shorter", said("code", ICD10CM, "E11.9", "Type 2 diabetes"), also=DIABETES
        )
    ),
    near(
        condition("COD-07", "synonym", said("code", SNOMED, "38341003", "Hypertension"), also=TWICE)
    ),
    near(
        condition(
            "COD-07", "language", said("code", ICD10CM, "E11.9", "Diabète de type 2"), also=DIABETES
        )
    ),
    near(condition("COD-07", "not covered", said("code", SNOMED, "1104441000000107", "Asthma"))),
)
OTHER_SORTS = (
    condition(
        "COD-08", "procedure", said("code", SNOMED, "80146002", "Appendectomy"), also=("DUP-09",)
    ),
    condition(
        "COD-08", "lab test", said("code", LOINC, "4548-4", "Hemoglobin A1c"), also=("DUP-09",)
    ),
    Case(
        "COD-08", "diagnosis done", "Procedure", said("code", ICD10CM, "E11.9", "Type 2 diabetes")
    ),
    Case("COD-08", "disorder done", "Procedure", said("code", SNOMED, "44054006", "Diabetes")),
    drug("COD-08", "vaccine", (CVX, "08")),
    Case(
        "COD-08",
        "panel with a value",
        "Observation",
        put("code", told(LOINC, "24323-8", "Comprehensive metabolic panel")),
        also=("PLA-03",),
        where=laboratory,
    ),
    near(Case("COD-08", "panel without", "Observation", put("status", "final"), where=panel)),
    near(condition("COD-08", "situation", said("code", SNOMED, "161891005", "Back pain"))),
    near(condition("COD-08", "not covered", coded("code", (SNOMED, "1104441000000107")))),
    near(drug("COD-08", "substance", (RXNORM, "6809"), also=("COD-11", "DUP-09"))),
)
COARSE = (
    drug("COD-11", "ingredient", (RXNORM, "6809"), also=("DUP-09",)),
    drug(
        "COD-11",
        "under its OID",
        ("urn:oid:2.16.840.1.113883.6.88", "29046"),
        also=("COD-03", "DUP-09"),
    ),
    drug(
        "COD-11",
        "beside a local code",
        ("http://ehr.example.org/drugs", "MET5"),
        (RXNORM, "6809"),
        also=("DUP-09",),
    ),
    near(drug("COD-11", "package", (NDC, "0093-7214-01"), also=("DUP-09",))),
    near(
        drug(
            "COD-11",
            "ingredient and package",
            (RXNORM, "6809"),
            (NDC, "0093-7214-01"),
            also=("DUP-09",),
        )
    ),
    near(drug("COD-11", "not known", (RXNORM, "861007"), also=("DUP-09",))),
    near(
        drug(
            "COD-11",
            "stopped",
            (RXNORM, "6809"),
            where=lambda r: r["status"] in ("stopped", "completed"),
        )
    ),
)
NOT_LOOKED_FOR = (
    patient("COD-14", "HbA1c by mass", a1c(A1C_BY_MASS)),
    patient(
        "COD-14", "HbA1c in SNOMED CT", a1c(told(SNOMED, "43396009", "Hemoglobin A1c measurement"))
    ),
    patient(
        "COD-14",
        "eye photographs",
        colonoscopy(IN_2021, code=told(CPT, "92250", "Fundus photography with interpretation")),
    ),
    near(patient("COD-14", "as asked", a1c(told(LOINC, "4548-4", "Hemoglobin A1c")))),
    near(
        patient(
            "COD-14", "one of two", a1c(A1C_BY_MASS), a1c(told(LOINC, "4548-4", "Hemoglobin A1c"))
        )
    ),
    near(
        patient(
            "COD-14",
            "another family",
            colonoscopy(IN_2021, code=told(CPT, "67108", "Repair of retinal detachment")),
        )
    ),
)
CASES = (*NOT_THERE, *RETIRED, *OTHER_NAMES, *OTHER_SORTS, *COARSE, *NOT_LOOKED_FOR)
