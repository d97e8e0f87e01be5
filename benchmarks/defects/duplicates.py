"""DUP-01, DUP-05, DUP-07, DUP-08."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta, timezone
from typing import Any

from benchmarks.corpus import CLINICAL_TIME, Resource, clinical_time
from benchmarks.defects.case import (
    Case,
    Draw,
    Units,
    answer,
    coded,
    findings,
    laboratory,
    panel,
    put,
    quantity,
    vital_sign,
)

SYSTEMS = {
    "MR": "http://hospital.smarthealthit.org",
    "SS": "http://hl7.org/fhir/sid/us-ssn",
    "NI": "http://registry.example.org/national-id",
    "MC": "http://hl7.org/fhir/sid/us-mbi",
    "DL": "urn:oid:2.16.840.1.113883.4.3.25",
}
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"


def identifier(kind: str | None, value: str, system: str | None = None) -> Resource:
    """An Identifier of a v2-0203 type; without a kind, without a type."""
    typed = {"type": {"coding": [{"system": V2_0203, "code": kind}]}} if kind else {}
    return typed | {"system": system or SYSTEMS[kind or "MR"], "value": value}


def shared(kind: str | None, count: int = 2, **changes: Any) -> Callable[[Draw], Units]:
    """Patients that share one identifier; `changes` go to all but the first."""

    def edit(draw: Draw) -> Units:
        same = identifier(kind, f"shared-{draw.new_id()}")
        draw.resource["identifier"].append(same)
        others = [draw.twin(**changes) for _ in range(count - 1)]
        for other in others:
            other["identifier"] = [identifier("MR", draw.new_id()), copy.deepcopy(same)]
        return [draw.resource, *others]

    return edit


def linked(first: str | None, second: str | None) -> Callable[[Draw], Units]:
    """Two Patients that share an MRN, with these types of link to each other."""

    def edit(draw: Draw) -> Units:
        left, right = shared("MR")(draw)  # type: ignore[misc]
        for one, other, kind in ((left, right, first), (right, left, second)):
            if kind:
                one["link"] = [{"other": {"reference": f"Patient/{other['id']}"}, "type": kind}]
        return [left, right]

    return edit


def dangling(draw: Draw) -> Units:
    """Two Patients that share an MRN; the link of one names a Patient that is not there."""
    left, right = shared("MR")(draw)  # type: ignore[misc]
    left["link"] = [{"other": {"reference": f"Patient/{draw.new_id()}"}, "type": "replaced-by"}]
    return [left, right]


def other_system(draw: Draw) -> Units:
    """The same number from two hospitals is two numbers."""
    value = draw.new_id()
    draw.resource["identifier"].append(identifier("MR", value))
    other = draw.twin()
    other["identifier"] = [identifier("MR", value, "http://other-hospital.example.org/mrn")]
    return [draw.resource, other]


def again(**changes: Any) -> Callable[[Draw], Units]:
    """The resource and a twin with these changes; a callable gets the draw."""

    def edit(draw: Draw) -> Units:
        told = {key: value(draw) if callable(value) else value for key, value in changes.items()}
        return [draw.resource, draw.twin(**told)]

    return edit


def by_day(draw: Draw, **changes: Any) -> Units:
    """The resource and a twin, both with the date only: two in a day are no duplicate."""
    element = CLINICAL_TIME[draw.resource["resourceType"]]
    draw.resource[element] = (clinical_time(draw.resource) or "")[:10]
    return [draw.resource, draw.twin(**changes)]


def elsewhere(draw: Draw) -> str:
    """The same instant, told with another offset."""
    return draw.at.astimezone(timezone(timedelta(hours=-5))).isoformat()


def later(draw: Draw) -> str:
    """A quarter of an hour later."""
    return (draw.at + timedelta(minutes=15)).isoformat()


def other_value(draw: Draw) -> Resource:
    """The quantity with another number."""
    value = dict(draw.resource["valueQuantity"])
    return value | {"value": round(value["value"] * 1.5 + 1, 1)}


def other_components(draw: Draw) -> list[Resource]:
    """The components of a blood pressure with other numbers."""
    parts = copy.deepcopy(draw.resource["component"])
    for part in parts:
        part["valueQuantity"]["value"] = round(part["valueQuantity"]["value"] + 11, 1)
    return list(parts)


def unequal(**changes: Any) -> Callable[[Draw], Units]:
    """The result and a twin with another number and these changes."""
    return again(valueQuantity=other_value, **changes)


METHOD = {"coding": [{"system": "http://snomed.info/sct", "code": "84361000"}]}
LEFT_ARM = {"coding": [{"system": "http://snomed.info/sct", "code": "368208006"}]}
NEGATIVE = {
    "coding": [{"system": "http://snomed.info/sct", "code": "260385009", "display": "Negative"}]
}


def case(check: str, variant: str, on: str, edit: Callable[[Draw], Units], **more: Any) -> Case:
    """A case; Patients are drawn as copies, with no facts of their own."""
    return Case(check, variant, on, edit, fresh=on == "Patient", **more)


ALIKE = ("DUP-02",)
"""Two records of one person are alike in everything, whatever number they share."""
OTHER = ("PLA-01", "PLA-04", "PLA-07")
"""A number half as large again may be one that no body has, or that its flag denies."""

CASES = (
    case("DUP-01", "shared MR", "Patient", shared("MR"), also=ALIKE),
    case(
        "DUP-01",
        "shared MR, both active",
        "Patient",
        lambda draw: (put("active", True)(draw), shared("MR")(draw))[1],
        also=ALIKE,
    ),
    case("DUP-01", "shared SS", "Patient", shared("SS"), also=ALIKE),
    case("DUP-01", "shared NI", "Patient", shared("NI"), also=ALIKE),
    case("DUP-01", "shared MC", "Patient", shared("MC"), also=ALIKE),
    case("DUP-01", "three share one MR", "Patient", shared("MR", 3), also=ALIKE),
    case("DUP-01", "link to nowhere", "Patient", dangling, also=("CTX-02", *ALIKE)),
    case(
        "DUP-01",
        "each replaced by the other",
        "Patient",
        linked("replaced-by", "replaced-by"),
        also=ALIKE,
    ),
    case("DUP-01", "linked", "Patient", linked("replaced-by", None), found=False),
    case("DUP-01", "linked both ways", "Patient", linked("replaced-by", "replaces"), found=False),
    case("DUP-01", "the other is inactive", "Patient", shared("MR", active=False), found=False),
    case(
        "DUP-01",
        "same number of another hospital",
        "Patient",
        other_system,
        found=False,
        also=ALIKE,
    ),
    case("DUP-01", "shared driver's licence", "Patient", shared("DL"), found=False, also=ALIKE),
    case(
        "DUP-01",
        "shared identifier without a type",
        "Patient",
        shared(None),
        found=False,
        also=ALIKE,
    ),
    case(
        "DUP-05", "no identifier", "Patient", lambda draw: draw.resource.pop("identifier") and None
    ),
    case("DUP-05", "empty list", "Patient", put("identifier", [])),
    case("DUP-05", "value without a system", "Patient", put("identifier", [{"value": "12345"}])),
    case(
        "DUP-05",
        "system without a value",
        "Patient",
        put("identifier", [{"system": SYSTEMS["MR"]}]),
    ),
    case(
        "DUP-05",
        "two halves",
        "Patient",
        put("identifier", [{"value": "12345"}, {"system": SYSTEMS["MR"]}]),
    ),
    case(
        "DUP-05",
        "one identifier, no type",
        "Patient",
        put("identifier", lambda draw: [identifier(None, draw.new_id())]),
        found=False,
    ),
    case(
        "DUP-05",
        "MR without a system",
        "Patient",
        put(
            "identifier",
            lambda draw: [
                {"type": {"coding": [{"system": V2_0203, "code": "MR"}]}, "value": draw.new_id()}
            ],
        ),
        found=False,
    ),
    case(
        "DUP-05",
        "MR is the second",
        "Patient",
        put("identifier", lambda draw: [{"value": "1"}, identifier("MR", draw.new_id())]),
        found=False,
    ),
    case("DUP-07", "laboratory result twice", "Observation", again(), where=laboratory),
    case(
        "DUP-07",
        "vital sign, other offset",
        "Observation",
        again(effectiveDateTime=elsewhere),
        where=vital_sign,
    ),
    case("DUP-07", "coded result twice", "Observation", again(), where=coded),
    case("DUP-07", "blood pressure twice", "Observation", again(), where=panel),
    case("DUP-07", "condition twice", "Condition", again(), also=("DUP-09",)),
    case("DUP-07", "prescription twice", "MedicationRequest", again(), also=("DUP-09",)),
    case("DUP-07", "immunization twice", "Immunization", again()),
    case("DUP-07", "procedure twice", "Procedure", again()),
    case("DUP-07", "date only", "Observation", by_day, found=False, where=laboratory),
    case("DUP-07", "immunization, date only", "Immunization", by_day, found=False),
    case(
        "DUP-07", "other method", "Observation", again(method=METHOD), found=False, where=laboratory
    ),
    case(
        "DUP-07",
        "other body site",
        "Observation",
        again(bodySite=LEFT_ARM),
        found=False,
        where=vital_sign,
    ),
    case(
        "DUP-07",
        "a quarter of an hour later",
        "Observation",
        again(effectiveDateTime=later),
        found=False,
        also=("TIM-12",),
        where=laboratory,
    ),
    case(
        "DUP-07",
        "the other is entered in error",
        "Observation",
        again(status="entered-in-error"),
        found=False,
        where=laboratory,
    ),
    case(
        "DUP-07",
        "other components",
        "Observation",
        again(component=other_components),
        found=False,
        also=("DUP-08",),
        where=panel,
    ),
    case("DUP-08", "other number", "Observation", unequal(), also=OTHER, where=laboratory),
    case(
        "DUP-08", "other number, vital sign", "Observation", unequal(), also=OTHER, where=vital_sign
    ),
    case(
        "DUP-08",
        "other number, other offset",
        "Observation",
        unequal(effectiveDateTime=elsewhere),
        also=OTHER,
        where=quantity,
    ),
    case(
        "DUP-08",
        "other answer",
        "Observation",
        again(valueCodeableConcept=NEGATIVE),
        where=answer,
    ),
    case(
        "DUP-08",
        "another of several findings",
        "Observation",
        again(valueCodeableConcept=NEGATIVE),
        found=False,
        where=findings,
    ),
    case(
        "DUP-08",
        "comparator",
        "Observation",
        again(valueQuantity=lambda draw: draw.resource["valueQuantity"] | {"comparator": "<"}),
        where=laboratory,
    ),
    case(
        "DUP-08",
        "amended",
        "Observation",
        unequal(status="amended"),
        found=False,
        also=OTHER,
        where=laboratory,
    ),
    case(
        "DUP-08",
        "corrected",
        "Observation",
        unequal(status="corrected"),
        found=False,
        also=OTHER,
        where=laboratory,
    ),
    case(
        "DUP-08",
        "entered in error",
        "Observation",
        unequal(status="entered-in-error"),
        found=False,
        also=OTHER,
        where=laboratory,
    ),
    case(
        "DUP-08",
        "other method",
        "Observation",
        unequal(method=METHOD),
        found=False,
        also=OTHER,
        where=laboratory,
    ),
    case(
        "DUP-08",
        "other body site",
        "Observation",
        unequal(bodySite=LEFT_ARM),
        found=False,
        also=OTHER,
        where=vital_sign,
    ),
    case(
        "DUP-08",
        "date only",
        "Observation",
        lambda draw: by_day(draw, valueQuantity=other_value(draw)),
        found=False,
        also=OTHER,
        where=laboratory,
    ),
)
