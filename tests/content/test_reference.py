"""Reference tables: those that ship can be read and say their sources; faults are all named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from uptake.definitions.checks import read_check
from uptake.definitions.reference import read_reference_tables, shipped_reference_tables
from uptake.errors import DefinitionError
from uptake.findings.examples import run_examples

CHECK = """+++
code = "SITE-01"
title = "results below what the site allows"
category = "plausibility"
dimension = "plausibility"
severity = "low"
elements = ["Observation.value"]
+++
## What it finds
Low results.
## Why it matters
They are wrong.
## How to fix
Ask.
## Query
```sql
select o.rid, o.value < l.low as violates, o.code as evidence,
    to_json({'valueQuantity': null}) as repair
from observation as o join site_limit as l on l.loinc = o.code
```
## Examples
```ndjson violates
{"resourceType":"Observation","id":"a","code":{"coding":[{"system":"http://loinc.org","code":"2345-7"}]},"valueQuantity":{"value":1}}
```
```ndjson passes
{"resourceType":"Observation","id":"a","code":{"coding":[{"system":"http://loinc.org","code":"2345-7"}]},"valueQuantity":{"value":3}}
```
"""


def table(folder: Path, text: str) -> Path:
    folder = folder / "reference"
    folder.mkdir(exist_ok=True)
    (folder / "site_limit.csv").write_text(text, "utf-8")
    return folder


def test_what_ships_says_its_sources_and_repeats_no_row() -> None:
    for found in shipped_reference_tables().values():
        assert found.sources, found.name
        assert len(set(found.rows)) == len(found.rows) > 0, found.name


def test_cells_are_read_as_their_types_and_empty_ones_are_null(tmp_path: Path) -> None:
    folder = table(
        tmp_path,
        "# Source: us\n# more\nloinc,low double,n integer,ok boolean,since date\n"
        '"a,b",1.5,3,true,2026-01-02\n\nc,,,,\n',
    )
    found = read_reference_tables([folder])["site_limit"]
    assert found.rows == (("a,b", 1.5, 3, True, date(2026, 1, 2)), ("c", None, None, None, None))
    assert found.sources == "Source: us\nmore"


def test_every_fault_is_named_with_its_line(tmp_path: Path) -> None:
    folder = table(tmp_path, "loinc,size double,low,n number\na,x,1,2\nb,1\n")
    with pytest.raises(DefinitionError) as caught:
        read_reference_tables([folder])
    told = str(caught.value)
    assert "site_limit.csv:1: no source" in told
    assert "size is double; columns of doubles" in told
    assert "low is varchar" in told
    assert "n is of type 'number'" in told
    assert "site_limit.csv:3: 2 cells; the header has 4" in told


def test_a_projects_check_reads_a_table_of_its_own(tmp_path: Path) -> None:
    table(tmp_path, "# Source: us\nloinc,low double\n2345-7,2\n")
    (tmp_path / "checks").mkdir()
    path = tmp_path / "checks" / "SITE-01.md"
    path.write_text(CHECK, "utf-8")
    assert run_examples(read_check(path)) == []


def test_a_double_in_a_repair_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "SITE-01.md"
    text = (
        CHECK.replace("{'valueQuantity': null}", "{'value': o.value}")
        .replace("site_limit as l on l.loinc = o.code", "observation as l on l.rid = o.rid")
        .replace("l.low", "2")
    )
    path.write_text(text, "utf-8")
    with pytest.raises(DefinitionError, match="makes text of a double"):
        read_check(path)


def test_a_check_that_cannot_run_yet_needs_no_query(tmp_path: Path) -> None:
    path = tmp_path / "SITE-01.md"
    head = CHECK.partition("## Query")[0].replace("+++\n##", 'unavailable = "needs links"\n+++\n##')
    path.write_text(head, "utf-8")
    check = read_check(path)
    assert (check.query, check.examples) == ("", ())
    assert run_examples(check) == []
