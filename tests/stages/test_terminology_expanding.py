"""The codes of a value set: what it includes, less what it excludes, whole or not at all."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from uptake.terminology.expanding import Codes, Definitions
from uptake.terminology.value_sets import expansion

URL = "http://example.org/ValueSet/tested"
SYSTEM = "http://example.org/CodeSystem/animals"
OTHER = "http://example.org/CodeSystem/unlisted"

ANIMALS = {
    "resourceType": "CodeSystem",
    "url": SYSTEM,
    "content": "complete",
    "concept": [
        {
            "code": "mammal",
            "property": [{"code": "legs", "valueInteger": 4}],
            "concept": [
                {"code": "dog", "concept": [{"code": "poodle"}]},
                {"code": "whale", "property": [{"code": "legs", "valueInteger": 0}]},
            ],
        },
        {"code": "bird", "property": [{"code": "flies", "valueBoolean": True}]},
        {"code": "platypus", "property": [{"code": "subsumedBy", "valueCode": "mammal"}]},
    ],
}


def expand(
    *include: dict[str, Any],
    exclude: list[dict[str, Any]] | None = None,
    more: list[dict[str, Any]] | None = None,
) -> set[str] | None:
    compose = {"include": list(include), "exclude": exclude or []}
    tested = {"resourceType": "ValueSet", "url": URL, "compose": compose}
    codes: Codes | None = Definitions([ANIMALS, tested, *(more or [])]).expand(f"{URL}|1.0")
    return None if codes is None else {code for _, code in codes}


def by(name: str, op: str, value: str, system: str = SYSTEM) -> dict[str, Any]:
    return {"system": system, "filter": [{"property": name, "op": op, "value": value}]}


def concepts(*codes: str, system: str = SYSTEM) -> dict[str, Any]:
    return {"system": system, "concept": [{"code": code} for code in codes]}


ALL = {"mammal", "dog", "poodle", "whale", "bird", "platypus"}


@pytest.mark.parametrize(
    ("include", "codes"),
    [
        ({"system": SYSTEM}, ALL),
        (concepts("dog", "cat"), {"dog", "cat"}),
        (by("concept", "is-a", "mammal"), {"mammal", "dog", "poodle", "whale", "platypus"}),
        (by("concept", "descendent-of", "mammal"), {"dog", "poodle", "whale", "platypus"}),
        (by("concept", "is-not-a", "dog"), ALL - {"dog", "poodle"}),
        (by("legs", "=", "0"), {"whale"}),
        (by("legs", "in", "0,4"), {"whale", "mammal"}),
        (by("flies", "=", "true"), {"bird"}),
        (by("flies", "exists", "true"), {"bird"}),
        (by("flies", "exists", "false"), ALL - {"bird"}),
        (by("code", "regex", "p.*"), {"poodle", "platypus"}),
        (by("code", "regex", "oo"), set()),
        (by("concept", "generalizes", "dog"), None),
        (by("parent", "=", "mammal"), None),
        ({"system": OTHER}, None),
        (by("concept", "is-a", "x", OTHER), None),
        (concepts("x", system=OTHER), {"x"}),
        ({"valueSet": ["http://example.org/ValueSet/missing"]}, None),
        ({"valueSet": [URL]}, None),
        ({}, None),
    ],
)
def test_what_is_included(include: dict[str, Any], codes: set[str] | None) -> None:
    assert expand(include) == codes


def test_parts_add_up_and_one_that_cannot_be_listed_spoils_all() -> None:
    assert expand(concepts("dog"), concepts("bird")) == {"dog", "bird"}
    assert expand(concepts("dog"), {"system": OTHER}) is None
    assert expand() is None


def test_what_is_excluded() -> None:
    assert expand({"system": SYSTEM}, exclude=[concepts("dog")]) == ALL - {"dog"}
    assert expand({"system": SYSTEM}, exclude=[{"system": OTHER}]) is None


def test_a_part_holds_what_is_in_all_it_names() -> None:
    pets = {
        "resourceType": "ValueSet",
        "url": "http://example.org/ValueSet/pets",
        "compose": {"include": [concepts("dog", "bird", "cat")]},
    }
    both = {"system": SYSTEM, "valueSet": [pets["url"]]}
    assert expand(both, more=[pets]) == {"dog", "bird"}


@pytest.mark.parametrize("content", ["fragment", "example", "not-present", "supplement"])
def test_a_system_that_is_not_whole_lists_nothing(content: str) -> None:
    some = {**ANIMALS, "url": OTHER, "content": content}
    assert expand({"system": OTHER}, more=[some]) is None


@pytest.mark.parametrize(
    ("expansion", "codes"),
    [
        ({"contains": [{"system": SYSTEM, "code": "dog"}]}, {"dog"}),
        ({"total": 1, "contains": [{"system": SYSTEM, "code": "dog"}]}, {"dog"}),
        (
            {
                "contains": [
                    {"abstract": True, "code": "x", "contains": [{"system": SYSTEM, "code": "dog"}]}
                ]
            },
            {"dog"},
        ),
        ({"total": 2, "contains": [{"system": SYSTEM, "code": "dog"}]}, None),
        ({"offset": 10, "contains": [{"system": SYSTEM, "code": "dog"}]}, None),
        (
            {
                "extension": [
                    {"url": "http://hl7.org/fhir/StructureDefinition/valueset-toocostly"}
                ],
                "contains": [{"system": SYSTEM, "code": "dog"}],
            },
            None,
        ),
        ({}, None),
        (None, None),
    ],
)
def test_an_expansion_counts_where_there_is_no_definition(
    expansion: dict[str, Any] | None, codes: set[str] | None
) -> None:
    given = {"resourceType": "ValueSet", "url": URL, "expansion": expansion}
    found = Definitions([given]).expand(URL)
    assert (None if found is None else {code for _, code in found}) == codes


def test_another_package_may_know_a_value_set() -> None:
    known = frozenset({(SYSTEM, "dog")})
    definitions = Definitions([], lambda url: known if url == URL else None)
    assert definitions.expand(URL) == known
    assert definitions.expand("http://example.org/other") is None


def test_of_a_value_set_in_two_versions_the_later_counts(tmp_path: Path) -> None:
    for version in ("10.0.0", "6.1.0"):
        folder = tmp_path / "packages" / f"example.animals#{version}"
        folder.mkdir(parents=True)
        text = json.dumps({URL: {SYSTEM: version}}).encode()
        (folder / "value_sets.json.xz").write_bytes(lzma.compress(text))
    assert expansion(URL, tmp_path) == {(SYSTEM, "10.0.0")}
