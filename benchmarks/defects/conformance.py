"""CNF-01 (what is let in), CNF-02, CNF-03, CNF-04, CNF-06, CNF-07, COD-09."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.defects.case import Case, Draw, drop, laboratory, panel, put, quantity, vital_sign
from benchmarks.defects.structure import sent, whole

if TYPE_CHECKING:
    from benchmarks.corpus import Resource

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
VENDOR = "http://ehr.example.org/fhir/"
WHY = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}


def loinc(code: str) -> Callable[[Resource], bool]:
    """An Observation with this LOINC code."""
    return lambda resource: resource["code"]["coding"][0]["code"] == code


WEIGHT = loinc("29463-7")


def steps(*edits: Callable[[Draw], None]) -> Callable[[Draw], None]:
    """Several edits, one after the other."""

    def edit(draw: Draw) -> None:
        for one in edits:
            one(draw)

    return edit


def claim(*profiles: str) -> Callable[[Draw], None]:
    """The resource claims profiles of US Core, or others by their whole URL."""
    urls = [p if "://" in p else US_CORE + p for p in profiles]
    return lambda draw: draw.resource.setdefault("meta", {}).update(profile=urls)


def add(path: str, value: Any) -> Callable[[Draw], None]:
    """Another item at the end of a list."""
    return lambda draw: draw.resource.setdefault(path, []).append(value)


def in_first(path: str, **more: Any) -> Callable[[Draw], None]:
    """Elements more in the first item of a list."""
    return lambda draw: draw.resource[path][0].update(more)


def status(system: str, code: str) -> Resource:
    """A clinical status."""
    return {"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code}]}


def odd(check: str, variant: str, on: str, edit: Callable[[Draw], None], **more: Any) -> Case:
    """A near-miss."""
    return Case(check, variant, on, edit, found=False, **more)


LET_IN = tuple(
    Case(
        "CNF-01",
        variant,
        "Observation",
        sent(whole, **elements),
        also=("TXT-02",) if "valueString" in elements else (),
        where=laboratory,
        fresh=True,
    )
    for variant, elements in (
        ("an unknown element", {"priority": "stat"}),
        ("an unknown element inside", {"note": [{"text": "mark", "level": 1}]}),
        ("two values of a choice", {"valueString": "7"}),
        ("a choice that R4 does not have", {"valueDecimal": 7.5}),
        ("a version with a blank inside", {"meta": {"versionId": "a b", "source": "urn:x"}}),
        ("a system with blanks", {"method": {"coding": [{"system": "my system", "code": "x"}]}}),
    )
)

REQUIRED = (
    Case("CNF-02", "no status", "Observation", drop("status"), where=quantity),
    Case("CNF-02", "status is null", "Observation", put("status", None), where=quantity),
    Case("CNF-02", "code is empty", "Observation", put("code", {}), where=laboratory),
    Case(
        "CNF-02", "a component without code", "Observation", drop("component.1.code"), where=panel
    ),
    Case("CNF-02", "no class", "Encounter", drop("class"), also=("CTX-13",)),
    Case("CNF-02", "no intent", "MedicationRequest", drop("intent")),
    Case("CNF-02", "no vaccine", "Immunization", drop("vaccineCode")),
    Case(
        "CNF-02",
        "a range of an unknown kind",
        "Encounter",
        put("statusHistory", [{"status": "finished"}]),
    ),
    odd(
        "CNF-02",
        "says why it has no status",
        "Observation",
        steps(drop("status"), put("_status", {"extension": [WHY]})),
        where=laboratory,
    ),
    odd("CNF-02", "an unknown status", "Observation", put("status", "unknown"), where=laboratory),
    odd("CNF-02", "no optional element", "Immunization", drop("location")),
)

LAB = {"where": laboratory}
CLAIMED = (
    Case(
        "CNF-03",
        "no subject",
        "Observation",
        steps(claim("observation-lab"), drop("subject")),
        also=("CNF-04", "CTX-03"),
        **LAB,
    ),
    Case("CNF-03", "another category", "Observation", claim("observation-lab"), where=vital_sign),
    Case(
        "CNF-03",
        "another code",
        "Observation",
        claim("body-height"),
        where=WEIGHT,
        also=("COD-09",),
    ),
    Case(
        "CNF-03",
        "a number without its unit's code",
        "Observation",
        steps(claim("body-weight"), drop("valueQuantity.code")),
        where=WEIGHT,
        also=("CNF-04", "COD-10"),
    ),
    Case(
        "CNF-03",
        "a group as the subject",
        "Observation",
        steps(claim("observation-lab|6.1.0"), put("subject", {"reference": "Group/1"})),
        also=("CTX-03",),
        **LAB,
    ),
    odd("CNF-03", "follows its claim", "Observation", claim("observation-lab"), **LAB),
    odd("CNF-03", "a profile that is not here", "Observation", claim(f"{VENDOR}lab"), **LAB),
    odd("CNF-03", "claims nothing", "Observation", put("meta.profile", []), **LAB),
)

MANDATORY = (
    Case("CNF-04", "no category", "Observation", drop("category"), where=WEIGHT),
    Case("CNF-04", "no category", "Condition", drop("category"), also=("CTX-12",)),
    Case("CNF-04", "no subject", "Observation", drop("subject"), also=("CTX-03",), **LAB),
    Case("CNF-04", "no type", "Encounter", drop("type"), also=("CTX-13",)),
    Case("CNF-04", "no name", "Patient", drop("name"), fresh=True, also=("DUP-06",)),
    Case("CNF-04", "no gender", "Patient", drop("gender"), fresh=True),
    odd(
        "CNF-04",
        "a second category",
        "Observation",
        add("category", {"text": "Blood"}),
        also=("TXT-01",),
        **LAB,
    ),
    odd("CNF-04", "no must-support element", "Patient", drop("telecom"), fresh=True),
    odd(
        "CNF-04",
        "no must-support element",
        "Encounter",
        drop("serviceProvider"),
        also=("CTX-07", "CTX-13"),
    ),
)

INVARIANTS = (
    Case("CNF-06", "an order of nobody", "MedicationRequest", drop("requester"), also=("CTX-07",)),
    Case(
        "CNF-06",
        "a value and why there is none",
        "Observation",
        put("dataAbsentReason", {"text": "unknown"}),
        where=quantity,
    ),
    Case(
        "CNF-06",
        "a number without its system",
        "Patient",
        drop("telecom.0.system"),
        fresh=True,
        also=("CNF-04",),
    ),
    Case(
        "CNF-06",
        "a range of nothing",
        "Observation",
        put("referenceRange", [{"appliesTo": [{"text": "adults"}]}]),
        also=("CTX-09",),
        **LAB,
    ),
    Case(
        "CNF-06",
        "active and abated",
        "Condition",
        steps(
            put("abatementDateTime", lambda draw: draw.at.isoformat()),
            put("clinicalStatus", status("condition-clinical", "active")),
        ),
        also=("CTX-12", "DUP-09"),
    ),
    Case(
        "CNF-06",
        "contained nowhere",
        "Observation",
        put("specimen", {"reference": "#s"}),
        also=("CTX-02",),
        **LAB,
    ),
    odd(
        "CNF-06",
        "resolved and abated",
        "Condition",
        steps(
            put("abatementDateTime", lambda draw: draw.at.isoformat()),
            put("clinicalStatus", status("condition-clinical", "resolved")),
        ),
    ),
    odd("CNF-06", "no narrative", "Patient", drop("text"), fresh=True),
    odd(
        "CNF-06", "a range of words", "Observation", put("referenceRange", [{"text": "low"}]), **LAB
    ),
)

NOT = {"url": f"{VENDOR}negated", "valueBoolean": True}
MODIFIERS = (
    Case("CNF-07", "at the root", "Observation", put("modifierExtension", [NOT]), **LAB),
    Case("CNF-07", "at the root", "MedicationRequest", put("modifierExtension", [NOT])),
    Case(
        "CNF-07",
        "inside",
        "Observation",
        in_first("component", modifierExtension=[NOT]),
        where=panel,
    ),
    odd("CNF-07", "a plain extension", "Observation", put("extension", [NOT]), **LAB),
    odd("CNF-07", "an empty one", "Observation", put("modifierExtension", []), **LAB),
)

CODES = (
    Case("COD-09", "a status of its own", "Observation", put("status", "done"), where=quantity),
    Case("COD-09", "another case", "Observation", put("status", "Final"), where=quantity),
    Case("COD-09", "a letter", "Patient", put("gender", "F"), fresh=True, also=("DUP-06",)),
    Case("COD-09", "a use of its own", "Patient", put("name.0.use", "legal"), fresh=True),
    Case(
        "COD-09",
        "a clinical status of its own",
        "Condition",
        put("clinicalStatus", status("condition-clinical", "chronic")),
        also=("CNF-06", "COD-04", "CTX-12"),
    ),
    Case(
        "COD-09",
        "a status without its system",
        "Condition",
        drop("verificationStatus.coding.0.system"),
        also=("COD-02", "CTX-12", "TXT-04"),
    ),
    odd("COD-09", "another status", "Observation", put("status", "amended"), where=laboratory),
    odd("COD-09", "absent", "Patient", drop("name.0.use"), fresh=True),
    odd("COD-09", "only recommended", "Encounter", put("class.code", "AMBU"), also=("COD-04",)),
)

CASES = (*LET_IN, *REQUIRED, *CLAIMED, *MANDATORY, *INVARIANTS, *MODIFIERS, *CODES)

FOLLOWS: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = {
    ("CNF-02",): (
        ("CTX-03", "Condition"),
        ("CTX-03", "Immunization"),
        ("CTX-03", "MedicationRequest"),
        ("CTX-03", "Procedure"),
        ("CTX-12", "no status"),
        ("CTX-13", "no class"),
        ("TIM-01", "Immunization"),
    ),
    ("CNF-04",): (
        ("CNF-02", "a component without code"),
        ("COD-02", "component"),
        ("COD-05", "LOINC in a component"),
        ("COD-10", "component"),
        ("CTX-08", "no component"),
        ("CTX-03", "Encounter"),
        ("CTX-03", "Observation"),
        ("CTX-03", "empty object"),
        ("CTX-03", "null"),
        ("CTX-08", "no answer"),
        ("CTX-08", "number without a unit"),
        ("CTX-12", "no category"),
        ("CTX-13", "cancelled"),
        ("CTX-13", "hollow type"),
        ("CTX-13", "no type"),
        ("DUP-05", "MR is the second"),
        ("DUP-05", "MR without a system"),
        ("DUP-05", "empty list"),
        ("DUP-05", "no identifier"),
        ("DUP-05", "system without a value"),
        ("DUP-05", "two halves"),
        ("DUP-05", "value without a system"),
        ("TIM-01", "null"),
        ("TXT-06", "another procedure"),
        ("TXT-06", "operation"),
        ("TXT-06", "that procedure"),
    ),
    ("CNF-04", "COD-09"): (
        ("COD-10", "IU/L is no UCUM"),
        ("COD-10", "another system"),
        ("COD-10", "bpm is no UCUM"),
        ("COD-10", "mmHg is no UCUM"),
        ("PLA-02", "height in kilograms"),
        ("PLA-02", "weight in centimetres"),
        ("PLA-03", "height in kilograms"),
        ("PLA-03", "weight in centimetres"),
        ("COD-10", "lbs is no UCUM"),
        ("COD-10", "mg per dL is no UCUM"),
    ),
    ("CNF-06",): (
        ("COD-10", "an age"),
        ("COD-10", "no number"),
        ("CTX-07", "no requester"),
        ("CTX-12", "active and over"),
        ("CTX-12", "diagnosis of a visit"),
        ("CTX-12", "no clinical status"),
        ("TIM-01", "DiagnosticReport"),
        ("TIM-01", "Procedure"),
        ("TIM-02", "%Y is valid"),
        ("TIM-02", "%Y-%m is valid"),
        ("TIM-02", "no hyphens"),
        ("TIM-02", "single digits"),
        ("TIM-02", "words"),
        ("TIM-07", "abatement"),
        ("TIM-07", "abatement, dates"),
        ("TIM-07", "abates that year"),
    ),
    ("CNF-06", "COD-09"): (
        ("CTX-12", "hollow"),
        ("CTX-12", "unknown"),
    ),
}
"""Cases of other modules, by check and variant, that rightly break rules of FHIR or US Core, too:
a result without its patient breaks the profile, whatever else it is."""


def with_followers(case: Case) -> Case:
    """A case with the checks of this module that rightly fire for it, too."""
    more = [
        code
        for codes, cases in FOLLOWS.items()
        if (case.check, case.variant) in cases
        for code in codes
    ]
    return replace(case, also=(*case.also, *more)) if more else case
