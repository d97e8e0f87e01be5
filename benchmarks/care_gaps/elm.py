"""A measure of our own, as fqm-execution takes one. In: a rule; out: a Bundle with its ELM.

It says what `hba1c-test.md` says, in the Expression Logical Model instead of SQL: who is 18 to 75
with an active diagnosis of diabetes, who is under palliative care, whose HbA1c with a value lies
within the look-back. Written by hand, since no translator of CQL is in a package registry.
https://cql.hl7.org/elm.html
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    from uptake.care_gaps.rules import GapRule, Item

FHIR = "http://hl7.org/fhir"
NAME = "UptakeHbA1cTest"
BASE = "http://uptake.example.org"
PERIOD = "Measurement Period"
POPULATION = "http://terminology.hl7.org/CodeSystem/measure-population"
SCORING = "http://terminology.hl7.org/CodeSystem/measure-scoring"

Elm = dict[str, Any]


def measure_bundle(rule: GapRule, as_of: date, codes: dict[str, dict[str, list[str]]]) -> Elm:
    """Return the package: Measure, Library, and a ValueSet an item; `codes` expands prefixes."""
    library = {
        "resourceType": "Library",
        "id": NAME,
        "url": f"{BASE}/Library/{NAME}",
        "version": "1.0.0",
        "name": NAME,
        "status": "active",
        "type": {"coding": [{"code": "logic-library"}]},
        "content": [
            {
                "contentType": "application/elm+json",
                "data": base64.b64encode(json.dumps(_library(rule)).encode()).decode(),
            }
        ],
    }
    sets = [_value_set(item, codes[item.code]) for item in rule.items]
    resources = [_measure(rule, as_of), library, *sets]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": one} for one in resources],
    }


def _measure(rule: GapRule, as_of: date) -> Elm:
    populations = {
        "initial-population": "Initial Population",
        "denominator": "Initial Population",
        "denominator-exclusion": "Exclusion",
        "numerator": "Numerator",
    }
    return {
        "resourceType": "Measure",
        "id": rule.code,
        "url": f"{BASE}/Measure/{rule.code}",
        "status": "active",
        "library": [f"{BASE}/Library/{NAME}"],
        "scoring": {"coding": [{"system": SCORING, "code": "proportion"}]},
        "effectivePeriod": {"start": f"{as_of.year}-01-01", "end": as_of.isoformat()},
        "group": [
            {
                "id": "group",
                "population": [
                    {
                        "id": code,
                        "code": {"coding": [{"system": POPULATION, "code": code}]},
                        "criteria": {"language": "text/cql-identifier", "expression": expression},
                    }
                    for code, expression in populations.items()
                ],
            }
        ],
    }


def _value_set(item: Item, codes: dict[str, list[str]]) -> Elm:
    contains = [
        {"system": system, "code": code} for system, named in codes.items() for code in named
    ]
    return {
        "resourceType": "ValueSet",
        "id": item.code,
        "url": f"{BASE}/ValueSet/{item.code}",
        "status": "active",
        "expansion": {"timestamp": "2026-01-01", "contains": contains},
    }


def _library(rule: GapRule) -> Elm:
    months = next(item.months for item in rule.part("evidence") if item.months)
    return {
        "library": {
            "identifier": {"id": NAME, "version": "1.0.0"},
            "schemaIdentifier": {"id": "urn:hl7-org:elm", "version": "r1"},
            "usings": {
                "def": [
                    {"localIdentifier": "System", "uri": "urn:hl7-org:elm-types:r1"},
                    {"localIdentifier": "FHIR", "uri": FHIR, "version": "4.0.1"},
                ]
            },
            "parameters": {"def": [{"name": PERIOD, "accessLevel": "Public"}]},
            "valueSets": {
                "def": [
                    {"name": i.code, "id": f"{BASE}/ValueSet/{i.code}", "accessLevel": "Public"}
                    for i in rule.items
                ]
            },
            "statements": {"def": _statements(rule, months)},
        }
    }


def _statements(rule: GapRule, months: int) -> list[Elm]:
    return [
        {
            "name": "Patient",
            "context": "Patient",
            "expression": {
                "type": "SingletonFrom",
                "operand": {"type": "Retrieve", "dataType": f"{{{FHIR}}}Patient"},
            },
        },
        _define("Initial Population", _and(_aged(18, 75), _exists(_active("diabetes")))),
        _define("Exclusion", _exists(_retrieve("Condition", "hospice"))),
        _define("Numerator", _exists(_recent(rule.part("evidence")[0].code, months))),
    ]


def _define(name: str, expression: Elm) -> Elm:
    return {
        "name": name, "context": "Patient", "accessLevel": "Public", "expression": expression,
    }  # fmt: skip


def _and(*operands: Elm) -> Elm:
    return {"type": "And", "operand": list(operands)}


def _integer(value: int) -> Elm:
    return {
        "type": "Literal",
        "valueType": "{urn:hl7-org:elm-types:r1}Integer",
        "value": str(value),
    }


def _string(value: str) -> Elm:
    return {"type": "Literal", "valueType": "{urn:hl7-org:elm-types:r1}String", "value": value}


def _last_day() -> Elm:
    period = {"type": "ParameterRef", "name": PERIOD}
    return {"type": "DateFrom", "operand": {"type": "End", "operand": period}}


def _aged(low: int, high: int) -> Elm:
    patient = {"type": "ExpressionRef", "name": "Patient"}
    age = {
        "type": "CalculateAgeAt",
        "precision": "Year",
        "operand": [
            {"type": "Property", "path": "birthDate.value", "source": patient},
            _last_day(),
        ],
    }
    return _and(
        {"type": "GreaterOrEqual", "operand": [age, _integer(low)]},
        {"type": "LessOrEqual", "operand": [age, _integer(high)]},
    )


def _retrieve(kind: str, item: str) -> Elm:
    return {
        "type": "Retrieve",
        "dataType": f"{{{FHIR}}}{kind}",
        "templateId": f"{FHIR}/StructureDefinition/{kind}",
        "codeProperty": "code",
        "codeComparator": "in",
        "codes": {"type": "ValueSetRef", "name": item},
    }


def _query(source: Elm, where: Elm) -> Elm:
    return {
        "type": "Query",
        "source": [{"alias": "R", "expression": source}],
        "relationship": [],
        "where": where,
    }


def _in(value: Elm, allowed: list[str]) -> Elm:
    return {
        "type": "In",
        "operand": [value, {"type": "List", "element": [_string(a) for a in allowed]}],
    }


def _active(item: str) -> Elm:
    """Return Conditions whose clinical status is an active one: any coding of it."""
    codings = {"type": "Property", "path": "clinicalStatus.coding", "scope": "R"}
    code = {"type": "Property", "path": "code.value", "scope": "C"}
    found = {
        "type": "Query",
        "source": [{"alias": "C", "expression": codings}],
        "relationship": [],
        "where": _in(code, ["active", "recurrence", "relapse"]),
    }
    return _query(_retrieve("Condition", item), _exists(found))


def _recent(item: str, months: int) -> Elm:
    """Return results that are final, have a value, and are no older than the look-back."""
    day = {
        "type": "DateFrom",
        "operand": {
            "type": "Property",
            "path": "value",
            "source": {
                "type": "As",
                "asType": f"{{{FHIR}}}dateTime",
                "operand": {"type": "Property", "path": "effective", "scope": "R"},
            },
        },
    }
    first = {
        "type": "Subtract",
        "operand": [_last_day(), {"type": "Quantity", "value": months, "unit": "months"}],
    }
    status = {"type": "Property", "path": "status.value", "scope": "R"}
    value = {"type": "Property", "path": "value", "scope": "R"}
    return _query(
        _retrieve("Observation", item),
        _and(
            _and(
                _in(status, ["final", "amended", "corrected"]),
                {"type": "Not", "operand": {"type": "IsNull", "operand": value}},
            ),
            _and(
                {"type": "SameOrAfter", "precision": "Day", "operand": [day, first]},
                {"type": "SameOrBefore", "precision": "Day", "operand": [day, _last_day()]},
            ),
        ),
    )


def _exists(operand: Elm) -> Elm:
    return {"type": "Exists", "operand": operand}
