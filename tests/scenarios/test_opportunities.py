"""Care gaps, medications, authorizations: opportunities, what was acted on, measures by hand."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .opportunity_cases import (
    AUTHORIZATION,
    MAPPED,
    RECONCILIATION,
    VISIT,
    admissions,
    care_gaps,
    diabetic,
    orders,
)
from .small import Resource, Run, at, event, read, run, stay

if TYPE_CHECKING:
    from uptake.model import UseCase

SERVED = [
    event(1, "open", VISIT[:-1], use_case="care-gap-closure"),
    event(2, "known", VISIT[:-1], use_case="care-gap-closure"),
    event(3, "M-1lab-local2", VISIT[:-1], use_case="care-gap-closure"),
    event(4, "M-1namesake2", VISIT[:-1], use_case="care-gap-closure"),
    event(5, "known", VISIT[:-1], use_case="care-gap-closure", action="viewed"),
    event(6, "known", VISIT[:-1], use_case="other"),
    event(7, "nobody", VISIT[:-1], use_case="care-gap-closure"),
]
COMPLETE = {"lab": ["Observation"], "ehr": ["ClaimResponse"]}


@pytest.fixture(scope="module")
def gaps(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(
        tmp_path_factory.mktemp("gaps"), "care-gap-closure", care_gaps(), events=SERVED,
        complete=COMPLETE,
    )  # fmt: skip


OPEN = {
    "open", "a-year", "mistake", "pending", "no-time", "acted", "too-late", "twice",
    "still", "still-done", "place", "lab-local", "namesake",
}  # fmt: skip
KNOWN = {"known", "at-once", "within", "month", "lab-knows"}


def test_a_visit_with_an_open_gap_is_an_opportunity(gaps: Run) -> None:
    assert gaps.notes == () or not any("could not" in n for n in gaps.notes)
    assert {name.removeprefix("v-") for name in gaps.opportunities} == OPEN


def test_an_opportunity_says_where_and_until_when(gaps: Run) -> None:
    row = gaps.opportunities["v-place"]
    assert (row["place"], row["feed"], row["type"], row["patient_id"]) == (
        "Diabetes clinic", "ehr", "Encounter", "place",
    )  # fmt: skip
    assert (row["opens"], row["at_time"]) == (at("2026-05-30 22:00:00"), at("2026-06-01 10:00:00"))
    assert (row["due"], row["decided_at"]) == (row["at_time"], at("2026-06-01 11:00:00"))
    assert row["until"] == at("2026-07-01 10:00:00")
    assert gaps.opportunities["v-open"]["decided_at"] == at("2026-06-01 11:00:00"), "an hour"
    assert gaps.opportunities["v-open"]["place"] == ""
    assert len(row["key"]) == 16


def test_a_result_within_thirty_days_is_acting(gaps: Run) -> None:
    told = gaps.acted
    assert told["v-acted"] is True
    assert told["v-twice"] is True
    assert gaps.opportunities["v-twice"]["acted_id"] == "k11", "the first of several"
    assert told["v-still-done"] is True, "done is done before its time is over"
    assert told["v-still"] is None, "its time is not over"
    assert told["v-too-late"] is None, "the lab, which is complete, does not know this patient"
    assert told["v-lab-local"] is False, "the lab knows the patient and is complete"
    assert told["v-namesake"] is None, "the lab's namesake is somebody else"


def test_a_mapped_local_code_closes_the_gap(gaps: Run, tmp_path: Path) -> None:
    mapped = run(tmp_path, "care-gap-closure", care_gaps(), mappings=[MAPPED])
    found = {name.removeprefix("v-") for name in mapped.opportunities}
    assert found == OPEN - {"lab-local"}
    assert mapped.measure("hba1c-known")["v-lab-local"] is True
    assert gaps.measure("hba1c-known")["v-lab-local"] is False


def test_hba1c_known_counts_every_visit_of_the_population(gaps: Run) -> None:
    found = gaps.measure("hba1c-known")
    assert {n.removeprefix("v-") for n, counts in found.items() if counts} == KNOWN
    assert {n.removeprefix("v-") for n, counts in found.items() if not counts} == OPEN


def test_a_gap_that_was_shown_and_closed_already(gaps: Run) -> None:
    assert gaps.measure("false-gaps") == {"e1": False, "e2": True, "e3": False}


def test_without_a_complete_source_not_done_cannot_be_told(tmp_path: Path) -> None:
    feeds = {"ehr": [*diabetic("open"), stay("v", "open", VISIT)]}
    assert run(tmp_path, "care-gap-closure", feeds).acted == {"v": None}


@pytest.fixture(scope="module")
def reconciled(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(
        tmp_path_factory.mktemp("admissions"), RECONCILIATION, admissions(), complete=COMPLETE
    )


NOT_ADMISSIONS = {"nothing", "clinic", "planned", "cancelled", "wrong", "day", "wrong-med"}


def test_an_admission_with_outside_medications_is_an_opportunity(reconciled: Run) -> None:
    every = {r["id"] for r in admissions()["ehr"] if r["resourceType"] == "Encounter"}
    assert set(reconciled.opportunities) == every - {f"a-{n}" for n in NOT_ADMISSIONS}


def test_it_is_actionable_where_the_lists_differ(reconciled: Run) -> None:
    found = {name: row["actionable"] for name, row in reconciled.opportunities.items()}
    assert found["a-plain"] is True, "the chart does not have the drug"
    assert found["a-same"] is False, "the chart had it as it is"
    assert found["a-written"] is True, "the chart has it because somebody wrote it down"
    assert found["a-after"] is False, "the drug was dispensed after the admission"


def test_the_decision_is_the_first_inpatient_order(reconciled: Run) -> None:
    found = {name: row["decided_at"] for name, row in reconciled.opportunities.items()}
    assert found["a-ordered"] == at("2026-06-01 11:30:00")
    assert found["a-plain"] is None
    assert found["a-order-day"] is None, "of a day nobody knows whether it was before or after"
    row = reconciled.opportunities["a-plain"]
    assert (row["opens"], row["due"], row["until"]) == (
        at("2026-06-01 08:00:00"), at("2026-06-01 11:00:00"), at("2026-06-02 10:00:00"),
    )  # fmt: skip


def test_a_home_list_of_the_stay_is_acting(reconciled: Run) -> None:
    told = {name.removeprefix("a-"): acted for name, acted in reconciled.acted.items()}
    assert {n for n, acted in told.items() if acted} == {
        "written", "long-ago", "unasserted", "signed",
    }  # fmt: skip
    assert told["still"] is None
    assert {n for n, acted in told.items() if acted is None} == {"still"}
    row = reconciled.opportunities["a-long-ago"]
    assert (row["acted_at"], row["acted_type"]) == (
        at("2026-06-01 15:00:00"),
        "MedicationStatement",
    )


def test_the_measures_of_reconciliation(reconciled: Run) -> None:
    rows = read(reconciled.out / "measure_row.parquet")
    counted = [r for r in rows if r["measure"] == "reconciled-in-24-hours"]
    assert len(counted) == len(reconciled.opportunities) - 1, "what cannot be told is left out"
    assert sum(r["counts"] for r in counted) == 4
    assert reconciled.measure("hours-to-first-order") == {"a-ordered": 1.5}


@pytest.fixture(scope="module")
def authorized(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("orders")
    return run(folder, AUTHORIZATION, orders(), complete=COMPLETE)


def test_a_signed_order_is_an_opportunity(authorized: Run) -> None:
    every = {r["id"] for r in orders()["ehr"] if r["resourceType"] == "ServiceRequest"}
    left_out = {"r-not", "r-draft", "r-plan", "r-wrong", "r-day", "r-future"}
    assert set(authorized.opportunities) == every - left_out
    row = authorized.opportunities["r-silent"]
    assert (row["due"], row["until"]) == (at("2026-06-02 10:00:00"), at("2026-06-15 10:00:00"))


def test_an_answer_within_fourteen_days_is_acting(authorized: Run) -> None:
    told = authorized.acted
    assert {n for n, acted in told.items() if acted} == {
        "r-answered", "r-denied", "r-at-the-end", "r-several",
    }  # fmt: skip
    assert {n for n, acted in told.items() if acted is None} == {"r-waiting"}
    assert authorized.opportunities["r-several"]["acted_at"] == at("2026-06-03 10:00:00")


def test_silence_says_nothing_where_the_chart_is_not_complete(tmp_path: Path) -> None:
    elsewhere = run(tmp_path, AUTHORIZATION, orders(), complete={"lab": ["ClaimResponse"]})
    assert elsewhere.acted["r-answered"] is True
    assert elsewhere.acted["r-silent"] is None
    assert elsewhere.acted["r-before"] is None


def test_the_measures_of_authorization(authorized: Run) -> None:
    assert authorized.measure("authorization-days") == {
        "r-answered": 4.0, "r-denied": 3.0, "r-at-the-end": 14.0, "r-late": 15.0, "r-several": 2.0,
    }  # fmt: skip
    denied = authorized.measure("authorization-denied")
    assert {n for n, counts in denied.items() if counts} == {"r-denied", "r-several"}
    assert {n for n, counts in denied.items() if not counts} == {
        "r-answered", "r-at-the-end", "r-late", "r-before",
    }  # fmt: skip


UNORDERED = ("person",)
"""A person is the smallest number of its records, and numbers are of places in files."""


@pytest.mark.parametrize(
    ("case", "given", "known"),
    [
        ("care-gap-closure", care_gaps, "gaps"),
        (RECONCILIATION, admissions, "reconciled"),
        (AUTHORIZATION, orders, "authorized"),
    ],
)
def test_the_order_of_lines_and_files_changes_nothing(
    case: str,
    given: Callable[[], dict[str, list[Resource]]],
    known: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    rng = random.Random(7)  # a fixed order, not a secret
    for feed, resources in given().items():
        (tmp_path / "in" / feed).mkdir(parents=True)
        mixed = rng.sample(resources, len(resources))
        for number, part in enumerate((mixed[::3], mixed[1::3], mixed[2::3])):
            lines = "".join(json.dumps(r) + "\n" for r in part)
            (tmp_path / "in" / feed / f"{9 - number}.ndjson").write_text(lines, "utf-8")
    whole: Run = request.getfixturevalue(known)
    other = run(tmp_path, case, complete=COMPLETE, events=SERVED if known == "gaps" else ())
    for name in ("opportunity", "measure_row"):
        one, two = (
            [{k: v for k, v in row.items() if k not in UNORDERED} for row in found]
            for found in (read(r.out / f"{name}.parquet") for r in (whole, other))
        )
        assert one
        assert one == two


def test_a_measure_of_opportunities_that_failed_is_told(tmp_path: Path) -> None:
    def broken(case: UseCase) -> UseCase:
        return replace(case, opportunity="select e.no_such_column from encounter as e")

    feeds = {"ehr": [*diabetic("open"), stay("v", "open", VISIT)]}
    done = run(tmp_path, "care-gap-closure", feeds, change=broken)
    assert any("opportunities of care-gap-closure could not be found" in n for n in done.notes)
    assert any("measure hba1c-known could not be worked out" in n for n in done.notes)
    assert not done.measure("hba1c-known"), "it would say that all is known"


def test_rows_that_make_numbers_wrong_are_told(tmp_path: Path) -> None:
    """A project's own query may name an opportunity twice, or say no end."""

    def doubled(case: UseCase) -> UseCase:
        query = case.opportunity
        return replace(
            case, opportunity=f"select * from ({query}) union all select * from ({query})"
        )

    def endless(case: UseCase) -> UseCase:
        changed = f"select * replace (cast(null as timestamp) as due) from ({case.opportunity})"
        return replace(case, opportunity=changed)

    feeds = {"ehr": [*diabetic("open"), stay("v", "open", VISIT)]}
    twice = run(tmp_path / "twice", "care-gap-closure", feeds, change=doubled)
    assert (
        "Of the opportunities of care-gap-closure: 1 rows name an opportunity a second time."
        in (twice.notes)
    )
    none = run(tmp_path / "none", "care-gap-closure", feeds, change=endless)
    assert any("1 do not say when they open, are due or end" in note for note in none.notes)
