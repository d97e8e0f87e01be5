"""Care gaps of a run: who is due, what shows it, what hides it, whose record it is, who comes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from gap_cases import (
    TOMORROW,
    appointment,
    assessed,
    diabetes,
    hba1c,
    order,
    patient,
    rows,
    write_project,
)

from uptake.care_gaps.lists import as_csv, gaps_of, patient_key, visits_on
from uptake.model import Action, UsageEvent
from uptake.project import read_project
from uptake.state.database import open_state
from uptake.state.events import record

if TYPE_CHECKING:
    from pathlib import Path

RULE = "rule = 'hba1c-test'"
LOCAL = {
    "code": {"coding": [{"system": "http://lab.example.org", "code": "A1", "display": "HbA1c"}]}
}
VISIT = "2026-11-02T08:30:00-05:00"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ehr = [
        patient("never"), diabetes("never"), appointment("never", VISIT),
        patient("done"), diabetes("done"), hba1c("done", "2026-09-01"), appointment("done", VISIT),
        patient("late"), diabetes("late"), hba1c("late", "2025-09-01"), order("late", "2026-10-20"),
        appointment("late", "2026-11-02T07:15:00-05:00"),
        patient("outside"), diabetes("outside"),
        patient("local"), diabetes("local"), hba1c("local", "2026-10-01", **LOCAL),
        appointment("local", VISIT, "cancelled"),
        patient("over"), diabetes("over"), order("over", "2025-01-01"),
        patient("twice"), diabetes("twice"),
        patient("stranger"), appointment("stranger", VISIT),
        {"resourceType": "Encounter", "id": "planned", "status": "planned",
         "class": {"code": "AMB"}, "subject": {"reference": "Patient/outside"},
         "period": {"start": "2026-11-02T09:00:00-05:00"}},
    ]  # fmt: skip
    lab = [
        patient("outside"), hba1c("outside", "2026-10-05"),
        patient("twice", gender="female"), hba1c("twice", "2026-10-05"),
    ]  # fmt: skip
    return assessed(write_project(tmp_path_factory.mktemp("gaps") / "project", ehr, lab))


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("never", "due", "none on record"),
        ("done", "closed", "closed"),
        ("late", "due", "too old"),
        ("outside", "elsewhere", "elsewhere"),
        ("local", "cannot-tell", "hidden evidence"),
        ("twice", "withheld", "withheld"),
    ],
)
def test_each_patient_has_one_answer_and_its_reason(
    run: Path, name: str, status: str, reason: str
) -> None:
    (row,) = rows(run, "care_gap", f"{RULE} and patient_id = '{name}'")
    assert (row["status"], row["reason"]) == (status, reason)


def one(run: Path, name: str) -> dict[str, Any]:
    (row,) = rows(run, "care_gap", f"{RULE} and patient_id = '{name}'")
    return row


def test_evidence_has_its_record_day_value_unit_and_source(run: Path) -> None:
    row = one(run, "done")
    assert (row["evidence_type"], row["evidence_id"]) == ("Observation", "done-a1c-1")
    assert (str(row["evidence_date"]), row["evidence_value"]) == ("2026-09-01", "7.1")
    assert (row["evidence_unit"], row["evidence_feed"], row["evidence_role"]) == ("%", "ehr", "ehr")
    assert str(row["next_due"]) == "2027-03-01"


def test_what_an_outside_source_shows_closes_nothing(run: Path) -> None:
    row = one(run, "outside")
    assert (row["status"], row["evidence_feed"], row["evidence_role"]) == (
        "elsewhere", "lab", "external",
    )  # fmt: skip


def test_what_hides_evidence_is_named(run: Path) -> None:
    row = one(run, "local")
    assert row["check"] == "COD-01"
    assert row["why"] == "HbA1c (ehr) is under no code that names it"
    assert (row["hidden_feed"], row["hidden_id"]) == ("ehr", "local-a1c-1")


def test_an_order_that_is_open_is_told_and_one_long_ago_is_not(run: Path) -> None:
    assert (one(run, "late")["ordered_id"], one(run, "over")["ordered_id"]) == ("late-order", "")


def test_records_that_differ_in_sex_withhold_every_gap(run: Path) -> None:
    found = rows(run, "care_gap", "patient_id = 'twice'")
    assert {row["status"] for row in found} == {"withheld"}
    assert one(run, "twice")["why"] == "Withheld: its records contradict each other on the sex"


def test_rows_are_sorted_by_patient_as_every_delivery_table_is(run: Path) -> None:
    names = [row["patient_id"] for row in rows(run, "care_gap")]
    assert names == sorted(names)


def test_who_comes_tomorrow_is_booked_or_planned_and_not_cancelled(run: Path) -> None:
    visits = visits_on(run, TOMORROW)
    assert visits is not None
    assert [(v.time, v.patient_id) for v in visits] == [
        ("07:15", "late"), ("08:30", "done"), ("08:30", "never"), ("08:30", "stranger"),
        ("09:00", "outside"),
    ]  # fmt: skip
    assert {v.place for v in visits if v.time < "09:00"} == {"Clinic 3"}


def test_a_visit_lists_what_is_due_and_not_what_is_closed(run: Path) -> None:
    visits = {v.patient_id: v for v in visits_on(run, TOMORROW) or ()}
    assert "hba1c-test" in [row["rule"] for row in visits["never"].of("due")]
    assert "hba1c-test" not in [row["rule"] for row in visits["done"].gaps]


def test_the_csv_has_a_line_a_gap_and_runs_no_formula(run: Path) -> None:
    visits = list(visits_on(run, TOMORROW) or ())
    text = as_csv(visits)
    lines = text.split("\r\n")
    assert lines[0].startswith("date,time,place,patient,name,born,gap")
    assert any("late" in line and "HbA1c in diabetes,due" in line for line in lines)
    told = as_csv([visits[0].__class__(*(["=HYPERLINK(1)"] * 5), TOMORROW, "", "", ())])
    assert ",'=HYPERLINK(1)," in told


def test_a_key_finds_the_gaps_of_its_patient_alone(run: Path) -> None:
    found = gaps_of(run, patient_key("ehr", "never"))
    assert {row["patient_id"] for row in found} == {"never"}
    assert gaps_of(run, "0" * 16) == []


def test_a_rule_of_the_project_takes_the_place_of_ours_and_one_that_fails_is_told(
    tmp_path: Path,
) -> None:
    folder = write_project(
        tmp_path / "p", [patient("a"), diabetes("a"), hba1c("a", "2026-02-01")], []
    )
    ours = (read_project(folder).content("care_gaps")[0] / "hba1c-test.md").read_text("utf-8")
    (folder / "care_gaps").mkdir()
    own = ours.replace("months = 6", "months = 12").replace("2025-02-02", "2024-02-02")
    (folder / "care_gaps" / "hba1c-test.md").write_text(own, "utf-8")
    broken = ours.replace('code = "hba1c-test"', 'code = "broken"').replace(
        "m.age between 18 and 75", "m.age between 18 and cast(h.item as integer)"
    )
    (folder / "care_gaps" / "broken.md").write_text(broken, "utf-8")
    run = assessed(folder)
    (row,) = rows(run, "care_gap", RULE)
    assert row["status"] == "closed"
    assert rows(run, "care_gap", "rule = 'broken'") == []
    summary = (run / "summary.json").read_text("utf-8")
    assert "The care-gap rule broken could not be judged" in summary


def test_the_order_of_files_and_lines_changes_no_answer(tmp_path: Path) -> None:
    records = [
        patient("a"), diabetes("a"), hba1c("a", "2026-09-01", 1), hba1c("a", "2026-09-01", 2),
        patient("b"), diabetes("b"), hba1c("b", "2026-09-01", 1, **LOCAL),
        hba1c("b", "2026-09-01", 2, **LOCAL),
    ]  # fmt: skip
    told = []
    for n, ordered in enumerate((records, records[::-1])):
        run = assessed(write_project(tmp_path / str(n), ordered, []))
        found = rows(run, "care_gap")
        told.append([{k: v for k, v in row.items() if k != "person"} for row in found])
    assert told[0] == told[1]
    assert told[0]


def test_a_gap_that_was_declined_on_a_card_is_told_with_its_moment(tmp_path: Path) -> None:
    people = [patient("a"), diabetes("a"), patient("b"), diabetes("b")]
    folder = write_project(tmp_path / "project", people, [])
    at = datetime(2026, 10, 20, 15, 0, tzinfo=UTC)
    declined = UsageEvent(
        "e1", at, Action.OVERRIDDEN, "uptake-card", "care-gap-closure", patient="a",
        reason="Declined: HbA1c in diabetes",
    )  # fmt: skip
    other = UsageEvent(
        "e2", at, Action.OVERRIDDEN, "uptake-card", "care-gap-closure", patient="b",
        reason="Declined: Influenza vaccination",
    )  # fmt: skip
    state = open_state(read_project(folder).state_url)
    record(state, [declined, other], at)
    state.close()
    run = assessed(folder)
    assert one(run, "a")["declined_at"] == at.replace(tzinfo=None)
    assert one(run, "b")["declined_at"] is None
