"""What the newest run knows of a patient, and of whom it is not certain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from uptake.delivery.known import Delivery, Nothing

TABLE = "medication_difference"


def table(run: Path, name: str, *rows: tuple[str, int, str]) -> None:
    folder = run / "delivery"
    folder.mkdir(parents=True, exist_ok=True)
    values = ", ".join(str(row) for row in rows)
    duckdb.execute(
        f"copy (select * from (values {values}) t(patient_id, person, rule)) "
        f"to '{folder}/{name}.parquet' (format parquet)"
    )


def keys(run: Path, *rows: tuple[int, str, str, str]) -> None:
    values = ", ".join(str(row) for row in rows)
    duckdb.execute(
        "copy (select person, feed, kind, '' as system, value from "
        f"(values {values}) t(person, feed, kind, value)) "
        f"to '{run}/person_key.parquet' (format parquet)"
    )


def rules(run: Path, who: str, name: str = "care_gap", **more: Any) -> list[str]:
    return [row["rule"] for row in Delivery(run, **more).of_patient(who).rows(name)]


def test_a_run_without_tables(tmp_path: Path) -> None:
    found = Delivery(tmp_path).of_patient("p")
    assert (found.doubt, found.another, found.as_of, found.rows(TABLE)) == ("", "", "", ())
    assert Nothing().rows(TABLE) == ()


def test_the_rows_of_one_patient(tmp_path: Path) -> None:
    table(tmp_path, "care_gap", ("p", 1, "a1c"), ("q", 2, "flu"), ("p", 1, "flu"))
    table(tmp_path, "conflict", ("p", 1, "allergy"))
    (tmp_path / "summary.json").write_text('{"as_of": "2026-11-01"}')
    found = Delivery(tmp_path).of_patient("p")
    assert [dict(row) for row in found.rows("care_gap")] == [
        {"patient_id": "p", "person": 1, "rule": "a1c"},
        {"patient_id": "p", "person": 1, "rule": "flu"},
    ]
    assert [row["rule"] for row in found.rows("conflict")] == ["allergy"]
    assert list(found.rows("unheard")) == []
    assert found.as_of == "2026-11-01"


@pytest.mark.parametrize("who", ["nobody", "", "' or 1=1 --", "💊" * 500, "../p", "P"])
def test_a_patient_nobody_knows(tmp_path: Path, who: str) -> None:
    table(tmp_path, "care_gap", ("p", 1, "a1c"))
    assert rules(tmp_path, who) == []


def test_two_people_under_one_id_get_nothing(tmp_path: Path) -> None:
    table(tmp_path, "care_gap", ("p", 1, "a1c"), ("q", 3, "flu"))
    table(tmp_path, "conflict", ("p", 2, "allergy"))
    found = Delivery(tmp_path).of_patient("p")
    assert found.doubt == "the id of this chart names two people"
    assert found.rows("care_gap") == ()
    assert rules(tmp_path, "q") == ["flu"]


def doubts(run: Path, *rows: tuple[str, int, bool, str]) -> None:
    values = ", ".join(str(row) for row in rows)
    duckdb.execute(
        f"copy (select * from (values {values}) t(patient_id, person, only_absence, why)) "
        f"to '{run}/delivery/identity_doubt.parquet' (format parquet)"
    )


def test_whose_facts_these_are_cannot_be_told(tmp_path: Path) -> None:
    table(tmp_path, "care_gap", ("p", 1, "a1c"), ("twin", 1, "a1c"), ("q", 2, "flu"))
    doubts(tmp_path, ("twin", 1, False, "its records differ"), ("q", 2, True, "a likely other"))
    run = Delivery(tmp_path)
    for name in ("p", "twin"):  # two records of one person: what is said of one is said of both
        found = run.of_patient(name)
        assert (found.doubt, found.another) == ("its records differ", "")
        assert found.rows("care_gap") == ()
    other = run.of_patient("q")
    assert (other.doubt, other.another) == ("", "a likely other")
    assert [row["rule"] for row in other.rows("care_gap")] == ["flu"]


def test_another_record_of_the_same_person(tmp_path: Path) -> None:
    table(tmp_path, "care_gap", ("p", 1, "a1c"))
    keys(tmp_path, (1, "ehr", "id", "twin"), (1, "pharmacy", "id", "x"),
         (1, "ehr", "identifier", "mrn"), (7, "ehr", "id", "other"))  # fmt: skip
    assert rules(tmp_path, "twin", ehr=["ehr"]) == ["a1c"]
    for who in ("x", "mrn", "other"):  # an id of the pharmacy is none of the EHR
        assert rules(tmp_path, who, ehr=["ehr"]) == []
    assert rules(tmp_path, "twin") == []


def test_of_two_records_of_one_person_the_one_asked_for(tmp_path: Path) -> None:
    table(tmp_path, "care_gap", ("p", 1, "a1c"), ("twin", 1, "flu"))
    keys(tmp_path, (1, "ehr", "id", "p"), (1, "ehr", "id", "twin"))
    assert rules(tmp_path, "p", ehr=["ehr"]) == ["a1c"]
    assert rules(tmp_path, "twin", ehr=["ehr"]) == ["flu"]


def test_an_id_that_another_person_has_in_another_feed(tmp_path: Path) -> None:
    table(tmp_path, "care_gap", ("p", 1, "a1c"), ("q", 2, "flu"))
    keys(tmp_path, (1, "ehr", "id", "p"), (2, "west", "id", "p"))
    found = Delivery(tmp_path, ["ehr", "west"]).of_patient("p")
    assert found.doubt == "the id of this chart names two people"
    assert found.rows("care_gap") == ()


def test_a_table_may_name_the_feed_of_the_chart(tmp_path: Path) -> None:
    duckdb.execute(
        "copy (select 'p' as patient_id, 1 as person, 'west' as patient_feed, 'x' as kind) "
        f"to '{tmp_path}/medication_difference.parquet' (format parquet)"
    )
    keys(tmp_path, (1, "west", "id", "twin"), (1, "pharmacy", "id", "x"))
    run = Delivery(tmp_path)
    assert [row["kind"] for row in run.of_patient("twin").rows(TABLE)] == ["x"]
    assert run.of_patient("x").rows(TABLE) == ()
