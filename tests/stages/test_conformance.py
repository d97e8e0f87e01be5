"""One rule of each kind: what keeps it, what breaks it, what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stages.conformance_cases import (
    CATEGORY,
    US_CORE,
    Json,
    coded,
    issues,
    laboratory,
    patient,
    told,
    verdicts,
)

WHY = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
RACE = f"{US_CORE}race"
OMB = "urn:oid:2.16.840.1.113883.6.238"


def without(resource: Json, *names: str) -> Json:
    return {k: v for k, v in resource.items() if k not in names}


def race(*parts: Json) -> Json:
    return patient(extension=[{"url": RACE, "extension": list(parts)}])


WHITE = {"url": "ombCategory", "valueCoding": {"system": OMB, "code": "2106-3"}}
TEXT = {"url": "text", "valueString": "White"}


def test_what_keeps_every_rule_has_no_issue() -> None:
    assert told(laboratory()) == []
    assert told(patient()) == []


CARDINALITY = [
    (without(laboratory(), "status"), "Observation.status min 1", "Observation.status"),
    (laboratory(status=None), "Observation.status min 1", "Observation.status"),
    (laboratory(status=""), "Observation.status min 1", "Observation.status"),
    (laboratory(code={}), "Observation.code min 1", "Observation.code"),
    (
        laboratory(component=[{"code": {"text": "a"}}, {"valueInteger": 1}]),
        "Observation.component.code min 1",
        "Observation.component[1].code",
    ),
    (patient(link=[{"type": "seealso"}]), "Patient.link.other min 1", "Patient.link[0].other"),
    (without(laboratory(), "subject"), "Observation.subject min 1", "Observation.subject"),
    (patient(name=[]), "Patient.name min 1", "Patient.name"),
]


@pytest.mark.parametrize(("resource", "rule", "place"), CARDINALITY)
def test_what_is_missing_is_named_with_its_place(resource: Json, rule: str, place: str) -> None:
    assert ("cardinality", rule, place) in told(resource)


def test_an_element_that_says_why_it_has_no_value_is_there() -> None:
    assert told(without(laboratory(_status={"extension": [WHY]}), "status")) == []
    assert told(patient(_gender={"extension": [WHY]}, gender=None)) == [
        ("format", "Patient.gender empty", "Patient.gender")
    ]


OTHERS: list[tuple[Json, tuple[str, str, str]]] = [
    (patient(colour="blue"), ("unknown-element", "Patient", "Patient")),
    (
        patient(name=[{"family": "Ray", "middle": "A"}]),
        ("unknown-element", "HumanName", "Patient.name[0]"),
    ),
    (laboratory(valueInteger=7), ("type", "Observation.value[x]", "Observation.value")),
    (patient(birthDate="2001-02-30"), ("format", "Patient.birthDate date", "Patient.birthDate")),
    (
        patient(telecom=[{"system": "phone", "value": "1", "rank": 0}]),
        ("format", "ContactPoint.rank positiveInt", "Patient.telecom[0].rank"),
    ),
    (patient(gender="F"), ("binding", "Patient.gender", "Patient.gender")),
    (
        laboratory(subject={"reference": "Organization/1"}),
        ("reference", "Observation.subject", "Observation.subject"),
    ),
    (
        laboratory(dataAbsentReason={"text": "unknown"}),
        ("invariant", "obs-6", "Observation"),
    ),
    (
        laboratory(referenceRange=[{"appliesTo": [{"text": "men"}]}]),
        ("invariant", "obs-3", "Observation.referenceRange[0]"),
    ),
    (laboratory(specimen={"reference": "#s"}), ("invariant", "ref-1", "Observation.specimen")),
    (
        patient(contained=[{"resourceType": "Organization", "id": "o", "name": "Clinic"}]),
        ("invariant", "dom-3", "Patient"),
    ),
    (
        patient(contained=[{"resourceType": "Observation", "id": "o", "code": {"text": "x"}}]),
        ("cardinality", "Observation.status min 1", "Patient.contained[0].status"),
    ),
    (
        laboratory(modifierExtension=[{"url": "http://x.org/not", "valueBoolean": True}]),
        ("extension", "modifier", "Observation.modifierExtension[0]"),
    ),
    (
        race(WHITE),
        ("slice", "Extension.extension:text", "Patient.extension[0].extension"),
    ),
    (
        race(TEXT, WHITE | {"valueCoding": {"system": OMB, "code": "x"}}),
        (
            "binding",
            "Extension.extension:ombCategory.value[x]",
            "Patient.extension[0].extension[1].value",
        ),
    ),
    (
        race(TEXT, WHITE | {"valueCoding": None, "valueString": "White"}),
        (
            "type",
            "Extension.extension:ombCategory.value[x]",
            "Patient.extension[0].extension[1].value",
        ),
    ),
]


@pytest.mark.parametrize(("resource", "issue"), OTHERS, ids=lambda v: v[1] if len(v) == 3 else "")
def test_each_kind_of_rule_is_judged(resource: Json, issue: tuple[str, str, str]) -> None:
    assert issue in told(resource)


@pytest.mark.parametrize(
    "resource",
    [
        patient(extension=[{"url": "http://x.org/colour", "valueString": "blue"}]),
        patient(birthDate="2001"),
        patient(
            generalPractitioner=[{"reference": "urn:uuid:00000000-0000-0000-0000-000000000000"}]
        ),
        patient(generalPractitioner=[{"identifier": {"value": "1"}}]),
        laboratory(interpretation=[coded("http://x.org", "very high")]),
        race(TEXT, WHITE),
        race(TEXT),
        laboratory(
            contained=[{"resourceType": "Specimen", "id": "s"}], specimen={"reference": "#s"}
        ),
        laboratory(note=[{"text": "id"}], _note=None),
    ],
)
def test_what_only_looks_like_a_fault_is_none(resource: Json) -> None:
    assert [t for t in told(resource) if t[1] != "Observation"] == []


def test_a_list_that_is_only_recommended_gives_a_warning() -> None:
    found = told(
        patient(identifier=[{"value": "1", "system": "x", "type": coded("x", "y")}]), "warning"
    )
    assert found == [("binding", "Identifier.type", "Patient.identifier[0].type")]


def test_a_code_with_another_spelling_has_a_suggestion_and_no_other() -> None:
    def suggestion(gender: str) -> str | None:
        (issue,) = issues(patient(gender=gender))
        return issue.suggestion

    assert (suggestion("FEMALE"), suggestion("F"), suggestion("woman")) == ("female", None, None)


def test_a_status_without_its_system_gets_the_system() -> None:
    condition = {
        "resourceType": "Condition",
        "subject": {"reference": "Patient/1"},
        "category": [coded("http://terminology.hl7.org/CodeSystem/condition-category",
                           "problem-list-item")],
        "code": {"text": "Asthma"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
    }  # fmt: skip
    (issue,) = [i for i in issues(condition) if i.kind == "binding"]
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    assert issue.suggestion == f"{system}|active"


def best(resource: Json) -> list[str]:
    return [v.profile.removeprefix(US_CORE) for v in verdicts(resource) if v.best_fit]


VITAL = [coded(CATEGORY, "vital-signs")]


@pytest.mark.parametrize(
    ("resource", "profile"),
    [
        (patient(), "patient"),
        (laboratory(), "observation-lab"),
        (laboratory(code={"text": "Glucose"}), "observation-lab"),
        (laboratory(category=VITAL, code={"text": "Mood"}), "vital-signs"),
        (laboratory(category=[coded(CATEGORY, "imaging")]), "any US Core profile of Observation"),
        (laboratory(category=VITAL, code=coded("http://loinc.org", "29463-7")), "body-weight"),
        (
            laboratory(category=None, code=coded("http://loinc.org", "29463-7")),
            "body-weight",
        ),
        (laboratory(category=VITAL, code=coded("http://loinc.org", "85354-9")), "blood-pressure"),
        (laboratory(category=VITAL, code=coded("http://loinc.org", "55284-4")), "vital-signs"),
        (
            laboratory(
                category=[coded(CATEGORY, "social-history")],
                code=coded("http://loinc.org", "72166-2"),
            ),
            "smokingstatus",
        ),
        (
            laboratory(
                category=[coded(CATEGORY, "social-history")], code=coded("http://loinc.org", "x")
            ),
            "simple-observation",
        ),
        (
            {"resourceType": "Device", "patient": {"reference": "Patient/1"}},
            "",
        ),
        ({"resourceType": "Flag", "status": "active"}, ""),
    ],
)
def test_the_profile_is_the_one_that_code_and_category_name(resource: Json, profile: str) -> None:
    assert best(resource) == ([profile] if profile else [])


def test_a_claim_does_not_decide_what_fits() -> None:
    weight = laboratory(meta={"profile": [f"{US_CORE}body-weight"]})
    found = {v.profile: (v.claimed, v.best_fit) for v in verdicts(weight)}
    assert found[f"{US_CORE}body-weight"] == (True, False)
    assert found[f"{US_CORE}observation-lab"] == (False, True)


def test_a_claim_of_a_profile_that_is_not_here_is_not_judged() -> None:
    (verdict,) = [v for v in verdicts(patient(meta={"profile": ["http://x.org/p"]})) if v.claimed]
    assert (verdict.judged, verdict.issues) == (False, ())


def test_a_claim_of_another_version_is_not_judged_and_the_best_fit_is() -> None:
    found = verdicts(patient(meta={"profile": [f"{US_CORE}patient|3.1.1"]}))
    assert [(v.claimed, v.best_fit, v.judged) for v in found] == [
        (False, False, True),
        (True, False, False),
        (False, True, True),
    ]


@pytest.mark.parametrize("profiles", [None, [], [""], [None]])
def test_a_claim_of_nothing_is_none(profiles: Any) -> None:
    assert not [v for v in verdicts(patient(meta={"profile": profiles})) if v.claimed]
