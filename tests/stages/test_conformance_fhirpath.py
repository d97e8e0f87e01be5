"""The FHIRPath of invariants, by the specification's own words (https://hl7.org/fhirpath/N1/)."""

from __future__ import annotations

from typing import Any

import pytest

from uptake.conformance.elements import Environment, Item, Unsupported
from uptake.conformance.fhirpath import compile_expression

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "category": [{"coding": [{"system": "s", "code": "a"}]}, {"coding": [{"code": "b"}]}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "c"}], "text": "Glucose"},
    "valueQuantity": {"value": 5.5, "unit": "mg", "code": "mg"},
    "effectiveDateTime": "2026-01-02",
    "_issued": {"extension": [{"url": "why", "valueCode": "unknown"}]},
    "component": [{"code": {"text": "x"}, "valueInteger": 2}, {"code": {"text": "y"}}],
}


def run(expression: str) -> list[Any]:
    item = Item(OBSERVATION, "Observation")
    found = compile_expression(expression).run(Environment(item, item, [item]), [item])
    return [i.value for i in found]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("status", ["final"]),
        ("Observation.status", ["final"]),
        ("value.value", [5.5]),
        ("value is Quantity", [True]),
        ("value.ofType(string)", []),
        ("(value as Quantity).unit", ["mg"]),
        ("category.coding.code", ["a", "b"]),
        ("category[1].coding.code", ["b"]),
        ("category.coding.where(system.exists()).code", ["a"]),
        ("category.coding.all(code.exists())", [True]),
        ("category.coding.exists(code = 'b')", [True]),
        ("component.count() = 2", [True]),
        ("component.value.empty()", [False]),
        ("component.first().code.text", ["x"]),
        ("component.tail().code.text", ["y"]),
        ("(component.code.text | 'x' | 'z').count()", [3]),
        ("component.code.text.isDistinct()", [True]),
        ("status in ('final' | 'amended')", [True]),
        ("('final' | 'amended') contains status", [True]),
        ("status.matches('^fin')", [True]),
        ("status.startsWith('fi') and status.endsWith('al')", [True]),
        ("status.substring(1, 2) & '!'", ["in!"]),
        ("status.length() > 4", [True]),
        ("issued.exists()", [True]),
        ("issued.hasValue()", [False]),
        ("issued.extension('why').value", ["unknown"]),
        ("descendants().where($this = 'mg').count()", [2]),
        ("%resource.id = id", [True]),
        ("%context.status", ["final"]),
        ("%ucum", ["http://unitsofmeasure.org"]),
        ("iif(status = 'final', 1, 2)", [1]),
        ("2 + 3 * 2", [8]),
        ("7 div 2 + 7 mod 2", [4]),
        ("-1 < 0", [True]),
        ("note.text = 'x'", []),
        ("note.empty() implies status.exists()", [True]),
        ("note.text = 'x' or true", [True]),
        ("note.text = 'x' and false", [False]),
        ("note.text ~ note.text", [True]),
        ("status xor note", []),
        ("note.exists() xor status.exists()", [True]),
        ("effective <= @2026-01-02", [True]),
        ("effective < @2026", []),
        ("effective > @2025", [True]),
        ("effective.toString().length()", [10]),
        ("@2026-01-01T10:00:00Z = @2026-01-01T11:00:00+01:00", [True]),
        ("code.coding.intersect(category.coding).empty()", [True]),
        ("`component`.code.text.select($this & 'a')", ["xa", "ya"]),
        ("'it\\'s \\u0041'", ["it's A"]),
        ("{}.empty()", [True]),
        ("component.code.text.combine(status).count()", [3]),
        ("'12'.toInteger() = 12", [True]),
        ("(true | false).allTrue()", [False]),
        ("component.trace('x').count()", [2]),
        ("component.skip(1).code.text", ["y"]),
        ("component.take(1).code.text", ["x"]),
        ("component.skip(-1).count() + component.take(-1).count()", [2]),
        ("component[-2].code", []),
        ("status.matches('^' & 'fin')", [True]),
        ("'a' + 'b'", ["ab"]),
        ("-note.text.length()", []),
        ("issued < @2026", []),
        ("status.repeat($this)", ["final"]),
        ("repeat(component).code.text", ["x", "y"]),
    ],
)
def test_an_expression_gives_what_the_specification_says(expression: str, found: list[Any]) -> None:
    assert run(expression) == found


@pytest.mark.parametrize(
    "expression",
    [
        "subject.resolve()",
        "htmlChecks()",
        "%unknown",
        "status.",
        "(status",
        "a ? b",
        "$total",
        "a b",
        r"status.matches('\\p{L}+')",
        "status.matches('(')",
        "status.matches('a{99999999999999999999}')",
        "status.matches()",
        "status.startsWith('a', 'b')",
        "iif(true)",
    ],
)
def test_what_is_not_known_is_refused_when_it_is_read(expression: str) -> None:
    with pytest.raises(Unsupported):
        compile_expression(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "value > 5",
        "value.code < 5",
        "effective < 5",
        "5 >= effective",
        "true < 1",
        "value + value",
        "status - status",
        "status * 2",
        "effective + effective",
        "-status",
        "-value",
        "category['a']",
        "category[true]",
        "category.skip('a')",
        "category.take(1.5)",
        "status.substring('a')",
        "status.startsWith(1)",
        "status.replace('a', 1)",
        r"status.matches('(' & code.text)",
    ],
)
def test_what_has_no_answer_is_refused_when_it_runs(expression: str) -> None:
    with pytest.raises(Unsupported):
        run(expression)


@pytest.mark.parametrize("wrong", ["5", True, {"a": 1}, [], None])
@pytest.mark.parametrize(
    "expression", ["value.value < 6", "6 > value.value", "value < value", "value.value + 1"]
)
def test_an_element_of_the_wrong_type_gives_no_answer(expression: str, wrong: object) -> None:
    """That its type is wrong is told by another rule; this one stays judged."""
    item = Item(OBSERVATION | {"valueQuantity": {"value": wrong}}, "Observation")
    assert compile_expression(expression).run(Environment(item, item, [item]), [item]) == []


def test_an_extension_that_is_no_object_is_passed_over() -> None:
    item = Item({"extension": ["why", {"url": "why"}]}, "Patient")
    found = compile_expression("extension('why')").run(Environment(item, item, [item]), [item])
    assert [i.value for i in found] == [{"url": "why"}]


def test_one_truth_of_several_elements_is_no_answer() -> None:
    with pytest.raises(Unsupported, match="several"):
        run("category and true")


@pytest.mark.parametrize(
    ("expression", "reads"),
    [
        ("value.exists() or component.exists()", set()),
        ("status = 'final'", {"status"}),
        ("identifier.count() + name.count() > 0", set()),
        ("code.coding.where(system = 'x' and code = 'y').exists()", {"system", "code"}),
        ("status.matches('x')", {"status"}),
        ("low <= high", {"low", "high"}),
        ("start.hasValue().not() or start <= end", {"start", "end"}),
        ("component.select(code).isDistinct()", {"code", "component"}),
    ],
)
def test_the_elements_it_looks_into_are_known(expression: str, reads: set[str]) -> None:
    assert compile_expression(expression).reads >= reads
    assert bool(compile_expression(expression).reads) == bool(reads)
