"""The official SQL on FHIR cases as published: each compiles, runs and gives the rows expected.

A case that we do not pass is in exclusions.toml with the reason; one that passes must not be there.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from uptake.errors import DefinitionError
from uptake.resources.view import compile_view, standalone

CASES = Path(__file__).parents[3] / "shared" / "data" / "sql-on-fhir"
EXCLUSIONS = tomllib.loads(Path(__file__).with_name("exclusions.toml").read_text("utf-8"))
REASONS: dict[str, str] = EXCLUSIONS.get("sql-on-fhir", {})


def _cases() -> list[Any]:
    found = [
        pytest.param(suite["resources"], case, id=f"{path.stem}: {case['title']}")
        for path in sorted(CASES.glob("*.json"))
        for suite in [json.loads(path.read_text("utf-8"))]
        for case in suite["tests"]
    ]
    absent = pytest.mark.skip(reason="the official cases are not beside this checkout")
    return found or [pytest.param([], {}, id="none", marks=absent)]


def _rows(view: Mapping[str, Any], resources: list[Mapping[str, Any]]) -> tuple[list[str], Any]:
    """Return the column names and rows of a view, without the row id."""
    compiled = compile_view(view)
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute("CREATE TABLE source (rid BIGINT, text VARCHAR)")
        texts = [json.dumps(r) for r in resources if r["resourceType"] == compiled.resource]
        if texts:
            db.executemany("INSERT INTO source VALUES (?, ?)", list(enumerate(texts)))
        result = db.execute(standalone(compiled, "source"))
        names = [column[0] for column in result.description or ()][1:]
        return names, [dict(zip(names, row[1:], strict=True)) for row in result.fetchall()]


def _check(resources: list[Mapping[str, Any]], case: Mapping[str, Any]) -> None:
    if case.get("expectError"):
        with pytest.raises(DefinitionError):
            compile_view(case["view"])
        return
    names, rows = _rows(case["view"], resources)
    if "expectColumns" in case:
        assert names == case["expectColumns"]
    if "expectCount" in case:
        assert len(rows) == case["expectCount"]
    if "expect" in case:
        # The order of rows is left open by the specification.
        assert Counter(map(_key, rows)) == Counter(map(_key, case["expect"]))


def _key(row: Mapping[str, Any]) -> str:
    """Return a row as text in which 5 and 5.0 are the same number."""
    return json.dumps(
        {k: float(v) if type(v) is int else v for k, v in row.items()}, sort_keys=True
    )


@pytest.mark.parametrize(("resources", "case"), _cases())
def test_official_case(
    resources: list[Mapping[str, Any]], case: Mapping[str, Any], request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    if name not in REASONS:
        _check(resources, case)
        return
    with pytest.raises((AssertionError, DefinitionError, duckdb.Error, pytest.fail.Exception)):
        _check(resources, case)
    pytest.xfail(REASONS[name])


def test_exclusions_name_cases() -> None:
    names = {param.id for param in _cases()}
    assert names == {"none"} or set(REASONS) <= names
    assert all(REASONS.values())
