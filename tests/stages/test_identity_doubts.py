"""Of whom it is not sure who they are, and what follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from relation_cases import Load, patient

from uptake.findings.checks import TABLES
from uptake.identity import doubts

Resource = dict[str, Any]
ANN = {"name": [{"family": "Ray", "given": ["Ann"]}], "gender": "female"}
LINKED = {"link": [{"other": {"reference": "Patient/p"}, "type": "seealso"}]}
BORN, SEX, NAMES = (
    "its records contradict each other on the birth date",
    "its records contradict each other on the sex",
    "its records have no name in common",
)


def found(folder: Path, *feeds: list[Resource], check: str = "") -> list[tuple[Any, ...]]:
    """Return id, whether only absence is in doubt, why and check; `check` is found on p."""
    load = Load(folder, {"f0": "ehr", "f1": "external"})
    for n, records in enumerate(feeds):
        load.put(f"f{n}", "a.ndjson", *records)
    try:
        load.make(*sorted(doubts.READS))
        load.db.run(TABLES)
        if check:
            (rid,) = load.db.row("select min(rid) from record where id = 'p'")
            load.db.run('insert into finding ("check", rid) values (?, ?)', [check, rid])
        doubts.build_doubts(load.db)
        return load.db.rows(
            'select distinct i.id, d.only_absence, d.why, d."check" from identity_doubt d '
            "join person p using (person) join record i using (rid) order by all"
        )
    finally:
        load.db.close()


def test_records_that_agree_or_do_not_say_are_no_doubt(tmp_path: Path) -> None:
    other = {
        **patient("q"), "birthDate": "1950", "name": [{"given": ["A"], "family": "Ray-Lee"}],
    }  # fmt: skip
    assert found(tmp_path, [patient("p", **ANN), {**other, **LINKED}]) == []


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"birthDate": "1950-01-02"}, BORN),
        ({"birthDate": "1951"}, BORN),
        ({"gender": "male"}, SEX),
        ({"gender": "other"}, None),
        ({"gender": "unknown"}, None),
        ({"name": [{"family": "Lee", "given": ["Bo"]}]}, NAMES),
        ({"name": [{"family": "Lee", "given": ["Ann"]}]}, None),  # married
        ({"name": [{"family": "Ann", "given": ["Ray"]}]}, None),  # the wrong way round
        ({"name": [{"family": "Lee", "given": ["A"]}]}, None),
        ({"name": [{"family": "Lee"}]}, None),
    ],
)
def test_records_of_one_person_that_contradict_each_other(
    tmp_path: Path, other: Resource, why: str | None
) -> None:
    chart = [patient("p", **ANN), patient("q", number="18", **{**ANN, **LINKED, **other})]
    told = [("p", False, why, ""), ("q", False, why, "")] if why else []
    assert found(tmp_path, chart) == told


def test_an_id_of_two_people(tmp_path: Path) -> None:
    two = {**patient("p", number="18"), "birthDate": "1990-05-05"}
    told = found(tmp_path, [patient("p", **ANN), two])
    assert [row[:3] for row in told] == [("p", False, "one id names two people")]


@pytest.mark.parametrize("check", ["DUP-03", "DUP-11"])
def test_two_people_who_may_stand_in_one_record(tmp_path: Path, check: str) -> None:
    told = found(tmp_path, [patient("p", **ANN)], check=check)
    assert told == [("p", False, "two people may stand in one record", check)]
    assert found(tmp_path / "other", [patient("p", **ANN)], check="DUP-04") == []


def test_another_record_that_is_likely_the_same_makes_absence_doubtful_alone(
    tmp_path: Path,
) -> None:
    """It has no number, so nothing joins the two for sure."""
    twin = {**patient("x", **ANN), "identifier": [], "telecom": [{"system": "phone", "value": "1"}]}
    assert found(tmp_path, [patient("p", **ANN)], [twin]) == [
        ("p", True, doubts.LIKELY, ""), ("x", True, doubts.LIKELY, ""),
    ]  # fmt: skip
    told = found(tmp_path / "one", [patient("p", **ANN), {**twin, "id": "y"}])
    assert {row[3] for row in told} == {"DUP-02"}, "within a feed it is a fault of the sender"


def test_a_number_under_another_birth_date_makes_absence_doubtful_alone(tmp_path: Path) -> None:
    other = {**patient("x"), "birthDate": "1980-12-30", "name": [{"family": "Oz", "given": ["Bo"]}]}
    told = found(tmp_path, [patient("p", **ANN)], [other])
    assert {row[:3] for row in told if row[0] == "p"} == {
        ("p", True, "another record with its number has another birth date")
    }


def test_the_graver_doubt_is_told(tmp_path: Path) -> None:
    twin = {**patient("x", **ANN), "identifier": []}
    told = found(tmp_path, [patient("p", **ANN)], [twin], check="DUP-03")
    assert [row[1:3] for row in told if row[0] == "p"] == [
        (False, "two people may stand in one record")
    ]
