"""Measures and surfaces: a good file gives its definition, a faulty one every fault at its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import uptake
from uptake.definitions import read_measures, read_surfaces, read_use_cases
from uptake.errors import DefinitionError

CONTENT = Path(uptake.__file__).parent / "content"

MEASURE = """\
+++
code = "days-to-answer"
title = "Days to the answer"
use_case = "care-gaps"
role = "outcome"
statistic = "median"
unit = "days"
better = "lower"
target = 14
+++

## What it measures

Days.

## Query

```sql
select cast(e.rid as varchar) as unit, e.period_start as at_time, 1.0 as value,
  cast(null as varchar) as place
from encounter as e
```
"""

SURFACE = """\
+++
code = "portal"
title = "The portal"
kind = "portal"
use_cases = ["care-gaps"]
zone = "America/Chicago"

[columns]
at = "Event Time"
action = "Event"
patient = "MRN"

[actions]
"Opened" = "viewed"
"Records available" = "served"
+++

## What it is

A portal.
"""

Read = Callable[..., dict[str, Any]]


def faults(folder: Path, text: str) -> list[str]:
    """Return the faults of a file, without its name."""
    read: Read = read_surfaces if "[columns]" in text or "kind" in text else read_measures
    path = folder / "x.md"
    path.write_text(text, "utf-8")
    with pytest.raises(DefinitionError) as raised:
        read([folder])
    return [fault.removeprefix(f"{path}:") for fault in raised.value.faults]


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_a_measure_has_what_the_file_says(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text(MEASURE, "utf-8")
    one = read_measures([tmp_path])["days-to-answer"]
    assert (one.title, one.use_case, one.role, one.statistic, one.unit, one.better) == (
        "Days to the answer", "care-gaps", "outcome", "median", "days", "lower",
    )  # fmt: skip
    assert (one.target, one.means) == (14, "Days.")
    assert one.query.startswith("select cast(e.rid")


@pytest.mark.parametrize("number", ["0", "-3", "0.5", "1e2"])
def test_a_target_is_any_number(number: str, tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text(changed(MEASURE, "14", number), "utf-8")
    assert read_measures([tmp_path])["days-to-answer"].target == float(number)


def test_a_measure_may_have_no_target(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text(changed(MEASURE, "target = 14\n", ""), "utf-8")
    assert read_measures([tmp_path])["days-to-answer"].target is None


@pytest.mark.parametrize("table", ["eligible", "opportunity", "usage_event", "person",
                                   "medication_difference", "complete_for"])  # fmt: skip
def test_a_measure_may_read_what_is_judged(table: str, tmp_path: Path) -> None:
    query = f"from encounter as e\nwhere exists (select 1 from {table} as t)"
    (tmp_path / "x.md").write_text(changed(MEASURE, "from encounter as e", query), "utf-8")
    assert read_measures([tmp_path])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('code = "days-to-answer"\n', "", "1: the key 'code' is missing; add it"),
        ('"days-to-answer"', '"days to"',
         "2: code is 'days to'; write letters, digits, - . and _ only"),
        ("use_case =", "usecase =", "4: unknown key 'usecase'; did you mean 'use_case'?"),
        ('"outcome"', '"outcom"', "5: role is 'outcom'; did you mean 'outcome'?"),
        ('"median"', '"avg"', "6: statistic is 'avg'; write one of share, count, median, mean"),
        ('"days"', '""', "7: unit is ''; write a text between quotes"),
        ('"lower"', '"less"', "8: better is 'less'; write one of lower, higher"),
        ("14", "true", "9: target is True; write a number, in the measure's unit"),
        ("14", "false", "9: target is False; write a number, in the measure's unit"),
        ("14", "nan", "9: target is nan; write a number, in the measure's unit"),
        ("14", "inf", "9: target is inf; write a number, in the measure's unit"),
        ("14", '"14"', "9: target is '14'; write a number, in the measure's unit"),
        ("## What it measures\n\nDays.\n\n", "", "18: no section '## What it measures'; write it"),
        ("Days.\n", "", "12: the section '## What it measures' is empty; write it"),
        ("## Query", "## Querry", "16: no section '## Query'; rename '## Querry'"),
        ("```sql", "```text", "16: 0 sql blocks in '## Query'; it has exactly one query"),
        ("as value", "as counts", "19: the query gives no value; select it"),
        ('"median"', '"share"', "19: the query gives no counts; select it"),
        ("as place", "as ward", "19: the query gives no place; select it"),
        ("as place", "as place, 1 as more",
         "19: the query gives 'more'; write one of unit, at_time, value, place"),
        ("from encounter", "from encounters",
         "21: there is no table `encounters`; did you mean encounter?"),
        ("from encounter as e", "from encounter as e limit 3",
         "21: `LIMIT 3` is refused: which rows stay is left to chance; use row_number with rid in "
         "its order"),
        ("+++\ncode", "code", "1: no front matter; begin the file with a line +++"),
    ],
)  # fmt: skip
def test_a_fault_of_a_measure(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in faults(tmp_path, changed(MEASURE, old, new))


def test_a_surface_has_what_the_file_says(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text(SURFACE, "utf-8")
    one = read_surfaces([tmp_path])["portal"]
    assert (one.title, one.kind, one.use_cases, one.zone, one.what) == (
        "The portal", "portal", ("care-gaps",), "America/Chicago", "A portal.",
    )  # fmt: skip
    assert one.columns == {"at": "Event Time", "action": "Event", "patient": "MRN"}
    assert one.actions == {"Opened": "viewed", "Records available": "served"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('code = "portal"\n', "", "1: the key 'code' is missing; add it"),
        ('title = "The portal"', "title = 3", "3: title is 3; write a text between quotes"),
        ('kind = "portal"', 'kind = "portl"', "4: kind is 'portl'; did you mean 'portal'?"),
        ('["care-gaps"]', '"care-gaps"',
         "5: use_cases is 'care-gaps'; write a list of texts, as in [\"a\", \"b\"]"),
        ('["care-gaps"]', "[]",
         "5: use_cases is []; write a list of texts, as in [\"a\", \"b\"]"),
        ("America/Chicago", "Chicago",
         "6: there is no time zone 'Chicago'; write one as in America/Chicago"),
        ("zone =", "zon =", "6: unknown key 'zon'; did you mean 'zone'?"),
        ("America/Chicago", "../etc",
         "6: there is no time zone '../etc'; write one as in America/Chicago"),
        ("patient =", "patent =", "11: an event has no 'patent'; did you mean 'patient'?"),
        ('at = "Event Time"\n', "", "8: columns has no at; name the column that holds it"),
        ('action = "Event"\n', "", "8: columns has no action; name the column that holds it"),
        ('"MRN"', "3", "8: columns is {'at': 'Event Time', 'action': 'Event', 'patient': 3}; "
         "write a table of texts"),
        ('"viewed"', '"view"', "14: there is no action 'view'; did you mean 'viewed'?"),
        ('"served"', '"sent"', "15: there is no action 'sent'; write one of requested, served, "
         "withheld, viewed, accepted, overridden, launched, acted"),
        ("A portal.\n", "", "18: the section '## What it is' is empty; write it"),
        ("## What it is", "## What is it", "18: no section '## What it is'; "
         "rename '## What is it'"),
    ],
)  # fmt: skip
def test_a_fault_of_a_surface(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in faults(tmp_path, changed(SURFACE, old, new))


def test_every_fault_at_once(tmp_path: Path) -> None:
    text = changed(SURFACE, '"viewed"', '"view"')
    text = changed(text, "America/Chicago", "Chicago")
    text = changed(text, 'kind = "portal"', 'kind = "portl"')
    found = faults(tmp_path, text)
    assert [int(fault.split(":")[0]) for fault in found] == [4, 6, 14]


def test_a_project_replaces_ours_by_code(tmp_path: Path) -> None:
    for name, text in (
        ("ours", MEASURE),
        ("theirs", changed(MEASURE, "target = 14", "target = 7")),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.md").write_text(text, "utf-8")
    found = read_measures([tmp_path / "ours", tmp_path / "theirs", tmp_path / "absent"])
    assert found["days-to-answer"].target == 7


def test_what_we_ship_is_sound_and_fits_together() -> None:
    cases = read_use_cases([CONTENT / "use_cases"])
    measures = read_measures([CONTENT / "measures"])
    surfaces = read_surfaces([CONTENT / "surfaces"])
    assert {m.use_case for m in measures.values()} == set(cases), "each has a measure"
    for case in cases.values():
        own = [m for m in measures.values() if m.use_case == case.code]
        assert sum(m.role == "outcome" for m in own) == 1, f"{case.code} has one outcome"
        assert any(m.role == "guardrail" for m in own), f"{case.code} has a guardrail"
        assert case.opportunity
        assert case.acted
        assert case.moment
    assert {c for s in surfaces.values() for c in s.use_cases} <= set(cases)
