"""Results of one test at one time, and who the patient is: what agrees, what cannot be told."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from conflict_cases import HEMOGLOBIN, LOINC, Resource, coded, concept, quantity, result
from relation_cases import SNOMED

from uptake.reconciliation.conflicts.demographics import (
    Names,
    Person,
    compare_persons,
    read_person,
)
from uptake.reconciliation.conflicts.results import Result, compare_result, read_result
from uptake.reconciliation.conflicts.values import agree, read_value

CODES = frozenset({(LOINC, "718-7")})
POSITIVE, NEGATIVE = (
    {"valueCodeableConcept": concept(SNOMED, code)} for code in ("10828004", "260385009")
)


def number(value: str, unit: str = "g/dL", comparator: str = "") -> Any:
    more = {"comparator": comparator} if comparator else {}
    text = json.dumps({"valueQuantity": quantity(0, unit, **more)}).replace(": 0", f": {value}")
    return read_value(json.loads(text, parse_float=Decimal))


@pytest.mark.parametrize(
    ("one", "two", "answer"),
    [
        (number("13.4"), number("13.4"), True),
        (number("13.4"), number("13.5"), False),
        (number("13"), number("13.4"), True),
        (number("13.40"), number("13.4"), True),
        (number("13.4"), number("134", "g/L"), True),
        (number("13.4"), number("98", "g/L"), False),
        (number("90", "mg/dL"), number("5.0", "mmol/L"), None),
        (number("37.0", "Cel"), number("98.6", "[degF]"), True),
        (number("37.0", "Cel"), number("101.1", "[degF]"), False),
        (number("5", comparator="<"), number("4.2"), True),
        (number("5", comparator="<"), number("7"), False),
        (number("5", comparator=">"), number("4"), False),
        (number("5", comparator=">="), number("5", comparator="<="), True),
        (number("13.4"), number("13.4", ""), None),
        (number("5", "10*3/uL"), number("5", "10*9/L"), True),
        (number("7", "wibble"), number("7", "wibble"), True),
        (number("7", "wibble"), number("7", "wobble"), None),
        (read_value(POSITIVE), read_value(NEGATIVE), False),
        (read_value(POSITIVE), read_value({"valueCodeableConcept": concept(SNOMED, "260373001")}),
         True),
        (read_value(POSITIVE), read_value({"valueCodeableConcept": concept("urn:x", "P")}), None),
        (read_value({"valueString": "Not  seen."}), read_value({"valueString": "not seen"}), True),
        (read_value({"valueString": "neg"}), read_value({"valueString": "negative"}), None),
        (read_value({"valueBoolean": True}), read_value({"valueBoolean": False}), False),
        (read_value({"valueInteger": 3}), read_value({"valueInteger": 4}), False),
        (number("3"), read_value({"valueString": "3"}), None),
    ],
)  # fmt: skip
def test_values(one: Any, two: Any, answer: bool | None) -> None:
    assert agree(one, two) is answer
    assert agree(two, one) is answer


def read(resource: Resource, role: Any = "chart") -> Result:
    found = read_result(resource, CODES, role, "ehr" if role == "chart" else "hospital")
    assert found is not None
    return found


def told(chart: list[Resource], outside: Resource) -> tuple[str, str]:
    found = compare_result(read(outside, "outside"), [read(one) for one in chart])
    return found.stance, found.severity if found.kind else ""


def normal(low: float, high: float) -> list[Resource]:
    return [{"low": quantity(low), "high": quantity(high)}]


@pytest.mark.parametrize(
    ("chart", "outside", "verdict"),
    [
        ([result("c", 13.4)], result("o", 13.4), ("same", "")),
        ([result("c", 13.4)], result("o", 12.1), ("conflict", "medium")),
        ([result("c", 13.4), result("d", 12.1)], result("o", 12.1), ("same", "")),
        ([result("c", 13.4, referenceRange=normal(12, 16))],
         result("o", 8.1, referenceRange=normal(12, 16)), ("conflict", "high")),
        ([result("c", 13.4, interpretation=[concept("v3", "N")])],
         result("o", 8.1, interpretation=[concept("v3", "LL")]), ("conflict", "high")),
        ([result("c", 0, valueQuantity=None, **POSITIVE)],
         result("o", 0, valueQuantity=None, **NEGATIVE), ("conflict", "high")),
        ([result("c", 13.4, at="2025-10-01T08:30:59Z")],
         result("o", 9.1, at="2025-10-01T03:30:00-05:00"), ("conflict", "medium")),
        ([result("c", 13.4)], result("o", 9.1, at="2025-10-01"), ("untold", "")),
        ([result("c", 13.4)], result("o", 9.1, at="2025-10-01T08:31:00Z"), ("untold", "")),
        ([result("c", 13.4, at="0001-01-01T00:00:00+14:00")],
         result("o", 9.1, at="0001-01-01T00:00:00+14:00"), ("untold", "")),
        ([result("c", 13.4, bodySite=concept(SNOMED, "368209003"))],
         result("o", 9.1, bodySite=concept(SNOMED, "368208006")), ("untold", "")),
        ([result("c", 13.4)], result("o", 5.0, "mmol/L"), ("untold", "")),
    ],
)  # fmt: skip
def test_results(chart: list[Resource], outside: Resource, verdict: tuple[str, str]) -> None:
    assert told(chart, outside) == verdict


@pytest.mark.parametrize(
    "more",
    [{"status": "preliminary"}, {"status": "entered-in-error"}, {"valueQuantity": None}],
)
def test_what_is_not_final_or_has_no_value_is_not_compared(more: Resource) -> None:
    assert read_result(result("o", 9.1, **more), CODES, "outside", "hospital") is None


def test_components_are_compared_by_their_codes() -> None:
    def pressure(systolic: int, diastolic: int) -> Resource:
        parts = zip(("8480-6", "8462-4"), (systolic, diastolic), strict=True)
        return result("o", 0, valueQuantity=None, component=[
            {"code": concept(LOINC, code), "valueQuantity": quantity(value, "mm[Hg]")}
            for code, value in parts
        ])  # fmt: skip

    found = compare_result(read(pressure(180, 80), "outside"), [read(pressure(120, 80))])
    assert (found.stance, found.chart and found.chart.says) == ("conflict", "120 mm[Hg]")
    assert told([pressure(120, 80)], pressure(120, 80)) == ("same", "")


def test_a_correction_is_told() -> None:
    outside = read(result("o", 9.1, status="corrected"), "outside")
    found = compare_result(outside, [read(result("c", 13.4))])
    assert found.evidence == "the source has corrected it"
    assert found.name == HEMOGLOBIN["coding"][0]["display"]


ANN = Names(frozenset({"ann"}), frozenset({"ann"}), frozenset({"ray"}))


def person(role: Any, names: Names = ANN, **more: Any) -> Person:
    sent = {"birthDate": "1950-03-01", "gender": "female", "name": [{"text": "Ann Ray"}], **more}
    return read_person(sent, names, role, "ehr" if role == "chart" else "hospital")


def found(outside: Resource, *chart: Resource) -> list[tuple[str, str, str]]:
    verdicts = compare_persons(
        person("outside", **outside), [person("chart", **one) for one in chart or ({},)]
    )
    return [(v.stance, v.kind, v.severity) for v in verdicts]


@pytest.mark.parametrize(
    ("outside", "chart", "verdicts"),
    [
        ({}, {}, []),
        ({"birthDate": "1950-03-02"}, {}, [("conflict", "birth-date", "high")]),
        ({"birthDate": "1950"}, {}, []),
        ({"birthDate": "1951"}, {}, [("conflict", "birth-date", "high")]),
        ({"gender": "male"}, {}, [("conflict", "sex", "medium")]),
        ({"gender": "unknown"}, {}, []),
        ({"names": Names(ANN.given, ANN.roots, frozenset({"stone"}))}, {},
         [("conflict", "name", "low")]),
        ({"names": Names(frozenset({"eve"}), frozenset({"eve"}), frozenset({"stone"}))}, {},
         [("conflict", "name", "high")]),
        ({"names": Names(frozenset({"a"}), frozenset({"a"}), ANN.family)}, {}, []),
        ({"names": Names()}, {}, []),
        ({"deceasedBoolean": True}, {}, [("news", "deceased", "high")]),
        ({"deceasedBoolean": True}, {"deceasedBoolean": False},
         [("conflict", "deceased", "high")]),
        ({"deceasedDateTime": "2025-01"}, {"deceasedDateTime": "2025-01-07"}, []),
        ({"deceasedDateTime": "2025-01-02"}, {"deceasedDateTime": "2025-01-07"},
         [("conflict", "death-date", "low")]),
        ({"deceasedDateTime": "2025-01-02"}, {"deceasedBoolean": True}, []),
        ({"deceasedBoolean": False}, {}, []),
    ],
)  # fmt: skip
def test_demographics(outside: Resource, chart: Resource, verdicts: Any) -> None:
    assert found(outside, chart) == verdicts


def test_one_record_of_the_chart_that_agrees_is_enough() -> None:
    assert found({"gender": "male"}, {}, {"gender": "male"}) == []


def test_a_name_is_shown_as_it_was_sent() -> None:
    sent = {"name": [{"family": "Old"}, {"use": "official", "given": ["Ann"], "family": "Ray"}]}
    assert read_person(sent, ANN, "chart", "ehr").name == "Ann Ray"
    assert read_person({"meta": coded("x")}, ANN, "chart", "ehr").name == ""
