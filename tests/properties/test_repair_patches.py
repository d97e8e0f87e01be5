"""A repair's JSON Patch gives what its merge patch says, and fails on a record that has changed."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.findings.repairs import NoRepairError, decode, find, merged, repair_of

NAMES = st.sampled_from(["system", "code", "value", "a/b", "m~n", "text"])
LEAVES = st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=4)
VALUES = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(NAMES, LEAVES, max_size=2)
ELEMENTS = st.dictionaries(NAMES, VALUES, max_size=4)


def encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def applied(document: Any, operations: Any) -> Any:
    """Apply a JSON Patch as RFC 6902 says; AssertionError where a test fails."""
    document = copy.deepcopy(document)
    for operation in operations:
        steps = operation["path"].split("/")[1:]
        steps = [step.replace("~1", "/").replace("~0", "~") for step in steps]
        holder = document
        for step in steps[:-1]:
            holder = holder[int(step) if isinstance(holder, list) else step]
        key: Any = int(steps[-1]) if isinstance(holder, list) else steps[-1]
        if operation["op"] == "test":
            assert holder[key] == operation["value"]
        elif operation["op"] == "remove":
            del holder[key]
        else:
            assert operation["op"] == "add" or isinstance(holder, list) or key in holder
            holder[key] = operation["value"]
    return document


@given(element=ELEMENTS, patch=ELEMENTS)
def test_a_patch_of_an_element_does_what_the_merge_patch_says(
    element: dict[str, Any], patch: dict[str, Any]
) -> None:
    record = {"resourceType": "Observation", "code": {"coding": [{"code": "x"}, element]}}
    try:
        repair = repair_of(encoded(record), "Observation.code.coding[1]", encoded(patch))
    except NoRepairError:
        assert merged(element, patch) == element
        return
    after = applied(record, decode(repair.json_patch))
    assert after["code"]["coding"] == [{"code": "x"}, merged(element, patch)]
    changed = {**record, "code": {"coding": [{"code": "x"}, {"code": "someone was here"}]}}
    if element != {"code": "someone was here"}:
        with pytest.raises((AssertionError, KeyError)):
            applied(changed, decode(repair.json_patch))


@given(element=ELEMENTS, patch=ELEMENTS)
def test_a_patch_of_a_record_does_what_the_merge_patch_says(
    element: dict[str, Any], patch: dict[str, Any]
) -> None:
    record = {"resourceType": "Basic", **element}
    try:
        repair = repair_of(encoded(record), None, encoded(patch))
    except NoRepairError:
        assert merged(record, patch) == record
        return
    assert applied(record, decode(repair.json_patch)) == merged(record, patch)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merging_is_that_of_rfc_7396(target: Any, patch: Any, result: Any) -> None:
    assert merged(target, patch) == result


def test_a_choice_is_found_under_the_name_that_was_sent() -> None:
    record = decode('{"component": [{}, {"valueQuantity": {"value": 1.50}}]}')
    place, value = find(record, "Observation.component[1].value")
    assert place == "/component/1/valueQuantity"
    assert str(value["value"]) == "1.50"


@pytest.mark.parametrize(
    "expression",
    [
        "Observation.component[2].value",
        "Observation.component[0].value",
        "Observation.code",
        "Observation.component[x]",
        "Observation.component[0].valueSet",
    ],
)
def test_what_is_gone_is_not_repaired(expression: str) -> None:
    record = '{"resourceType": "Observation", "component": [{}, {"valueString": "1"}]}'
    with pytest.raises(NoRepairError, match="is not in the record"):
        repair_of(record, expression, '{"code": "x"}')


def test_a_changed_type_is_a_patch_of_what_holds_the_choice() -> None:
    record = '{"resourceType": "Observation", "component": [{"valueString": "7.20 %"}]}'
    patch = '{"valueString": null, "valueQuantity": {"value": 7.20, "unit": "%"}}'
    repair = repair_of(record, "Observation.component[0].value", patch)
    assert repair.place == "/component/0"
    assert repair.after == decode('{"valueQuantity": {"value": 7.20, "unit": "%"}}')
    assert b'"value":7.20' in repair.json_patch
    assert decode(repair.json_patch)[0] == {
        "op": "test", "path": "/component/0/valueString", "value": "7.20 %"
    }  # fmt: skip


def test_what_is_right_already_has_no_repair() -> None:
    with pytest.raises(NoRepairError, match="says already"):
        repair_of('{"resourceType": "Basic", "code": {"text": "x"}}', "Basic.code", '{"text":"x"}')


def test_a_long_record_is_shown_around_what_changes() -> None:
    record = {"resourceType": "Basic", **{f"a{n}": n for n in range(50)}}
    lines = repair_of(encoded(record), None, '{"a30": 0}').lines()
    assert len(lines) < 15
    assert lines[0] == "…"
    assert '-  "a30": 30' in lines
    assert '+  "a30": 0' in lines
