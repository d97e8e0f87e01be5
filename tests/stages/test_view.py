"""Views: what the official cases leave open. A view and resources in; rows or faults out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import duckdb
import pytest

from uptake.errors import DefinitionError
from uptake.resources.view import (
    Shape,
    compile_view,
    merge,
    shape_of,
    standalone,
    transform_spec,
)

BASE = "http://example.org/fhir"


def view(resource: str, *paths: str, **more: Any) -> Mapping[str, Any]:
    columns = [{"name": f"c{i}", "path": path} for i, path in enumerate(paths)]
    return {"resource": resource, "select": [{"column": columns}], **more}


def run(sql: str, *resources: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute("CREATE TABLE source (rid BIGINT, text VARCHAR)")
        rows = [(i, json.dumps(resource)) for i, resource in enumerate(resources)]
        db.executemany("INSERT INTO source VALUES (?, ?)", rows)
        return db.execute(sql).fetchall()


def values(definition: Mapping[str, Any], *resources: Mapping[str, Any]) -> list[Any]:
    """Return the rows of a view without their rid; the values alone where a row has one."""
    rows = run(standalone(compile_view(definition), "source"), *resources)
    return [row[1] if len(row) == 2 else row[1:] for row in rows]


def faults(definition: Mapping[str, Any]) -> tuple[str, ...]:
    with pytest.raises(DefinitionError) as caught:
        compile_view(definition)
    return caught.value.faults


def test_simple_paths_are_struct_access() -> None:
    compiled = compile_view(
        view("Observation", "code.text", "code.coding.first().code", "value.ofType(Quantity).unit")
    )
    assert compiled.outputs == (
        'r.code.text AS "c0"',
        'r.code.coding[1].code AS "c1"',
        'r.valueQuantity.unit AS "c2"',
    )
    assert transform_spec(compiled.shape) == (
        '{"code":{"coding":[{"code":"VARCHAR"}],"text":"VARCHAR"},'
        '"valueQuantity":{"unit":"VARCHAR"}}'
    )
    assert compiled.warnings == ()
    assert [(c.name, c.type, c.collection) for c in compiled.columns][1] == ("c1", "code", False)


def test_views_share_one_pass() -> None:
    ids = compile_view(view("Patient", "getResourceKey()"))
    names = compile_view(
        {
            "resource": "Patient",
            "select": [{"forEach": "name", "column": [{"name": "family", "path": "family"}]}],
        }
    )
    shape = merge(ids.shape, names.shape, shape_of("Patient", ["birthDate", "name.given"]))
    structs = f"json_transform(text, '{transform_spec(shape)}') AS r"
    structs = f"(SELECT rid, 'f' AS feed, {structs} FROM source)"
    patient = {"resourceType": "Patient", "id": "p", "name": [{"family": "A"}, {"family": "B"}]}
    assert run(ids.select(structs, ("rid", "feed")), patient) == [(0, "f", "Patient/p")]
    assert run(names.select(structs, ("rid",)), patient) == [(0, "A"), (0, "B")]
    with pytest.raises(ValueError, match="Family"):
        names.select("source", ("Family",))


def test_shapes() -> None:
    with pytest.raises(DefinitionError) as caught:
        shape_of("Patient", ["nmae", "name.famly", "birthDate"])
    assert len(caught.value.faults) == 2
    with pytest.raises(ValueError, match="Patient"):
        merge(Shape("Patient"), Shape("Observation"))
    nested = shape_of("Questionnaire", ["item.item", "contact"])
    assert transform_spec(nested) == '{"contact":[{"id":"VARCHAR"}],"item":[{"item":["JSON"]}]}'


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        ("Patient/1", "Patient/1"),
        ("Patient/1/_history/2", "Patient/1"),
        (f"{BASE}/Patient/a-b.c", "Patient/a-b.c"),
        (f"{BASE}/Patient/1/_history/2", "Patient/1"),
        ("Group/1", None),
        (f"{BASE}/Group/1", None),
        ("#p", None),
        ("urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", None),
        ("Patient?identifier=1", None),
        ("Patient/1#p", None),
        (None, None),
    ],
)
def test_reference_keys(reference: str | None, key: str | None) -> None:
    observation = {"subject": {"reference": reference}}
    either = "subject.getReferenceKey()", "subject.getReferenceKey(Patient)"
    [(any_type, patient)] = values(view("Observation", *either), observation)
    assert patient == key
    assert any_type == (key or (reference and "Group" in reference and "Group/1") or None)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("effective.ofType(dateTime) = @2020-02-03T10:00:00Z", True),
        ("effective.ofType(dateTime) > @2020-02-03T09:59:59Z", True),
        ("effective.ofType(dateTime) != @2020-02-03T12:00:00+02:00", False),
        ("effective.ofType(dateTime) > @2019", True),
        ("effective.ofType(dateTime) <= @2020", None),
        ("effective.ofType(dateTime) = @2021-01-01", False),
        ("@T12:00 < @T12:01", True),
        ("@T12:00:00.0 = @T12:00:00", True),
        ("(1 + 2) * 3 - -1 = 10", True),
        ("1 / 0", None),
        ("3 / 2", 1.5),
        ("'it\\'s' + ' \"so\"'", 'it\'s "so"'),
        ("note.text.exists() or status = 'final'", True),
        ("note.text = 'x'", None),
        ("category.coding.code = 'a'", False),
        ("category.coding.code != 'a'", True),
        ("category.exists(coding.code = 'a')", True),
        ("category.coding[1].code", "b"),
        ("category.coding.code[%rowIndex]", "a"),
        ("status[0]", "final"),
        ("status[1]", None),
        ("category.coding.where(code = 'b').display.join('-')", None),
        ("status.join(',')", "final"),
        ("value.exists()", True),
        ("value.empty()", False),
        ("component.value.exists()", False),
        ("value.ofType(FHIR.Quantity).value.highBoundary()", 5.45),
        ("(-5.4).lowBoundary()", -5.45),
        ("Observation.status", "final"),
        ("%resource.status.where($this = 'final').exists()", True),
    ],
)
def test_expressions(expression: str, expected: object) -> None:
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "effectiveDateTime": "2020-02-03T12:00:00+02:00",
        "category": [{"coding": [{"code": "a"}]}, {"coding": [{"code": "b"}]}],
        "valueQuantity": {"value": 5.4},
    }
    assert values(view("Observation", expression), observation) == [expected]


@pytest.mark.parametrize(
    ("sent", "low", "high"),
    [
        ("2010", "2010-01-01T00:00:00.000+14:00", "2010-12-31T23:59:59.999-12:00"),
        ("2012-02", "2012-02-01T00:00:00.000+14:00", "2012-02-29T23:59:59.999-12:00"),
        ("2012-02-03T10:11:12Z", "2012-02-03T10:11:12.000Z", "2012-02-03T10:11:12.999Z"),
        (
            "2012-02-03T10:11:12.5+01:00",
            "2012-02-03T10:11:12.500+01:00",
            "2012-02-03T10:11:12.599+01:00",
        ),
    ],
)
def test_boundaries_of_moments(sent: str, low: str, high: str) -> None:
    paths = [f"effective.ofType(dateTime).{end}Boundary()" for end in ("low", "high")]
    assert values(view("Observation", *paths), {"effectiveDateTime": sent}) == [(low, high)]


def test_extensions_of_primitives() -> None:
    absent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    patient = {
        "birthDate": "1970",
        "_birthDate": {"extension": [{"url": absent, "valueCode": "masked"}]},
        "name": [{"given": ["A", None], "_given": [None, {"extension": [{"url": "u"}]}]}],
    }
    reason = f"birthDate.extension('{absent}').value.ofType(code).first()"
    paths = reason, "name.given.extension('u').exists()", "name.given.join('|')"
    assert values(view("Patient", *paths), patient) == [("masked", True, "A")]


def test_walking_single_elements_and_primitives() -> None:
    columns = [{"name": "code", "path": "coding.code", "collection": True}]
    one = {"resource": "Observation", "select": [{"forEach": "code", "column": columns}]}
    assert values(one, {"code": {"coding": [{"code": "x"}]}}, {"id": "none"}) == [["x"]]
    given = [{"name": "given", "path": "$this"}, {"name": "n", "path": "%rowIndex"}]
    each = {"resource": "Patient", "select": [{"forEach": "name.given", "column": given}]}
    assert values(each, {"name": [{"given": ["a"]}, {"given": ["b"]}]}) == [("a", 0), ("b", 1)]


def test_repeat_over_extensions_and_typed_values() -> None:
    columns = [
        {"name": "url", "path": "url"},
        {"name": "number", "path": "value.ofType(integer)"},
        {"name": "sure", "path": "value.ofType(boolean)"},
        {"name": "code", "path": "value.ofType(CodeableConcept).coding.code.first()"},
        {"name": "leaf", "path": "extension.empty() and value.exists()"},
    ]
    nested = {"url": "b", "valueCodeableConcept": {"coding": [{}, {"code": "c"}]}}
    patient = {
        "extension": [
            {"url": "a", "extension": [nested, {"url": "_e1", "valueBoolean": False}]},
            {"url": "n", "valueInteger": 7},
        ]
    }
    definition = {
        "resource": "Patient",
        "select": [{"repeat": ["extension.where(url != '_e1')"], "column": columns}],
    }
    assert sorted(values(definition, patient)) == [
        ("a", None, None, None, False),
        ("b", None, None, "c", True),
        ("n", 7, None, None, True),
    ]


def test_a_second_value_is_refused_and_foretold() -> None:
    definition = view("Patient", "name.family")
    assert len(compile_view(definition).warnings) == 1
    assert values(definition, {"name": [{"family": "A"}, {"given": ["B"]}]}) == ["A"]
    with pytest.raises(duckdb.Error, match="more than one value"):
        values(definition, {"name": [{"family": "A"}, {"family": "B"}]})


def test_unknown_elements_are_empty_and_noted() -> None:
    definition = view("Patient", "nmae.family", "nmae.exists()", "nmae = 'x'", "nmae + 1")
    assert values(definition, {"name": []}) == [(None, False, None, None)]
    [warning] = compile_view(definition).warnings
    assert "nmae" in warning


def test_column_may_be_called_r() -> None:
    columns = [{"name": "r", "path": "id"}, {"name": "x1", "path": "name.family.first()"}]
    definition = {
        "resource": "Patient",
        "select": [{"column": columns}],
        "where": [{"path": "name.where(family = 'A').exists()"}],
    }
    assert values(definition, {"id": "1", "name": [{"family": "A"}]}) == [("1", "A")]


def test_every_fault_is_listed_with_its_place() -> None:
    definition = {
        "resource": "Patient",
        "runs": 1,
        "fhirVersion": ["5.0.0"],
        "constant": [
            {"name": "a b", "valueString": "x"},
            {"name": "n", "valueInteger": 1.5},
            {"name": "two", "valueInteger": 1, "valueString": "x"},
            {"name": "q", "valueQuantity": {}},
        ],
        "where": [{"path": "id ="}],
        "select": [
            {"forEach": "name", "forEachOrNull": "name", "column": [{"name": "1", "path": "id"}]},
            {"repeat": "item"},
            {"column": [{"name": "t", "path": "id", "type": "HumanName"}, {"path": ""}]},
            7,
        ],
    }
    found = faults(definition)
    places = [
        "view: `runs`", "fhirVersion:", "constant[0].name:", "constant[1].valueInteger:",
        "constant[2]:", "constant[3]:", "where[0].path `id =`: column 5:", "select[0]: has",
        "select[0].column[0].name:", "select[1]:", "select[1].repeat:", "select[2].column[0].type:",
        "select[2].column[1].name:", "select[2].column[1].path:", "select[3]:",
    ]  # fmt: skip
    for place in places:
        assert any(fault.startswith(place) for fault in found), (place, found)
    assert len(found) == len(places)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("name", "HumanName"),
        ("deceased", "ofType"),
        ("deceasedBoolean", "deceased.ofType(boolean)"),
        ("deceased.ofType(string)", "never of type string"),
        ("gender.ofType(integer)", "never integer"),
        ("birthDate > '2000'", "@2026-01-31"),
        ("active = 'true'", "compares boolean with string"),
        ("name = name", "not a single value"),
        ("active + 1", "takes numbers"),
        ("gender and active", "where a boolean belongs"),
        ("gender.lowBoundary()", "a decimal, a date or a time"),
        ("name.getReferenceKey()", "for references"),
        ("name.getResourceKey()", "for resources"),
        ("managingOrganization.getReferenceKey(Patientt)", "no such resource type"),
        ("name.where(use)", "where a boolean belongs"),
        ("name.where()", "one criterion"),
        ("name.given.last()", "not in the subset"),
        ("name.given.first(1)", "arguments"),
        ("multipleBirth.ofType(integer).join()", None),
        ("name.given[1.5]", "whole number"),
        ("name.given.first().extension('u').exists()", "follow its name"),
        ("name.given.join(1)", "takes a string"),
        ("gender.ofType(1)", "name of a type"),
        ("%nothing", "not defined"),
        ("$index", "not in the subset"),
        ("name | name", "not in the subset"),
        ("@2020-13-01", "not a date"),
    ],
)
def test_what_cannot_be_meant_is_refused(path: str, what: str | None) -> None:
    if what is None:
        compile_view(view("Patient", path))
        return
    [fault] = faults(view("Patient", path))
    assert what in fault
    assert path in fault


def test_unions_and_names_must_agree() -> None:
    branches = [
        {"column": [{"name": "a", "path": "id"}]},
        {"column": [{"name": "a", "path": "active"}]},
    ]
    definition = {"resource": "Patient", "select": [{"unionAll": branches}]}
    assert "BOOLEAN and VARCHAR" in faults(definition)[0]
    twice = view("Patient", "id")["select"] * 2
    assert "defined twice" in faults({"resource": "Patient", "select": twice})[0]
    typed = {"name": "a", "path": "active", "type": "string"}
    assert "declared string" in faults({"resource": "Patient", "select": [{"column": [typed]}]})[0]
    mixed = {"repeat": ["item", "contained"], "column": [{"name": "a", "path": "id"}]}
    assert "one type" in faults({"resource": "Questionnaire", "select": [mixed]})[0]
