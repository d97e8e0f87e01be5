"""A likely link counts in figures only: no fact crosses it, until a reviewer says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from uptake.definitions import read_measures, read_use_cases
from uptake.findings.assess import Request, assess
from uptake.identity.decisions import Decided, pair
from uptake.model import Feed

from .assessing import Silent, fitness_of
from .opportunity_cases import VISIT, a1c, diabetic
from .small import (
    AS_OF,
    PROJECT,
    ROLES,
    RXNORM,
    Resource,
    Row,
    about,
    coded,
    read,
    stay,
    write,
)

if TYPE_CHECKING:
    from uptake.model import Assessment

GAPS, LISTS = "care-gap-closure", "medication-reconciliation"
CHART, OUTSIDE = ("ehr", "chart"), ("lab", "outside")
WHO: Resource = {
    "gender": "male",
    "name": [{"family": "Featherstonehaugh", "given": ["Barnaby", "Quentin"]}],
    "address": [{"line": ["1204 Harrow Lane"], "city": "Eastfield", "postalCode": "60613"}],
    "telecom": [{"system": "phone", "value": "312 555 0141"}],
}
"""Who stands in both feeds, under numbers of their own."""
LISINOPRIL = coded(RXNORM, "314076", display="lisinopril 10 MG Oral Tablet")
WARFARIN = coded(RXNORM, "855332", display="warfarin sodium 5 MG Oral Tablet")


def number(system: str, value: str) -> Resource:
    kind = {"coding": [{"code": "MR"}]}
    return {"identifier": [{"type": kind, "system": system, "value": value}]}


def known(identity: str, elements: Resource) -> list[Resource]:
    """Return a Patient with diabetes."""
    made, condition = diabetic(identity)
    return [made | elements, condition]


def feeds() -> dict[str, list[Resource]]:
    """Return a chart and a laboratory's records of one person, who is in both by likeness only."""
    outside = WHO | number("urn:lab", "L-77120")
    return {
        "ehr": [
            *known("chart", WHO),
            stay("v-chart", "chart", VISIT),
            stay("s-chart", "chart", "2026-10-30T08:00:00Z", kind="IMP"),
            about("MedicationRequest", "m1", "chart", status="active", intent="order",
                  authoredOn="2026-03-01", medicationCodeableConcept=LISINOPRIL),
        ],
        "lab": [
            *known("outside", outside),
            a1c("l1", "outside", "2026-05-01T09:00:00Z"),
            about("MedicationDispense", "d1", "outside", status="completed",
                  whenHandedOver="2026-10-01T10:00:00-05:00", medicationCodeableConcept=WARFARIN),
        ],
    }  # fmt: skip


@dataclass(frozen=True)
class Assessed:
    """What a run said."""

    assessment: Assessment
    out: Path

    def rows(self, name: str) -> list[Row]:
        return read(self.out / f"{name}.parquet")

    @property
    def open_gaps(self) -> set[str]:
        return {row["id"] for row in self.rows("opportunity") if row["use_case"] == GAPS}


def assessed(folder: Path, said: str = "") -> Assessed:
    """Assess both feeds; `said` is what a reviewer decided of the two records."""
    write(folder / "in", feeds())
    of = pair(CHART, OUTSIDE)
    at = datetime(2026, 10, 1, tzinfo=UTC)
    decided: Sequence[Decided] = (
        [Decided(*of.left, *of.right, said, "Dr. Reviewer", at)] if said else []
    )
    use_cases = read_use_cases(PROJECT.content("use_cases"), verify=())
    request = Request(
        tuple(Feed(name, folder / "in" / name, ROLES[name]) for name in feeds()), {},
        {code: use_cases[code] for code in (GAPS, LISTS)}, AS_OF, "test",
        measures=read_measures(PROJECT.content("measures"), verify=()), decided=tuple(decided),
    )  # fmt: skip
    out = folder / "out"
    return Assessed(assess(request, out, out / "resources", Silent()), out)


@pytest.fixture(scope="module")
def likely(tmp_path_factory: pytest.TempPathFactory) -> Assessed:
    return assessed(tmp_path_factory.mktemp("likely"))


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory: pytest.TempPathFactory) -> Assessed:
    return assessed(tmp_path_factory.mktemp("confirmed"), "same")


@pytest.fixture(scope="module")
def separated(tmp_path_factory: pytest.TempPathFactory) -> Assessed:
    return assessed(tmp_path_factory.mktemp("separated"), "different")


def units(run: Assessed) -> int:
    fitness = fitness_of(run.assessment, GAPS)
    return fitness.fit + fitness.unfit + fitness.unknown


def test_the_two_are_linked_by_likeness(likely: Assessed) -> None:
    (row,) = likely.rows("pairs")
    assert (row["outcome"], row["veto"], row["decided"]) == ("auto", "", "")
    assert row["probability"] >= 0.99


def test_a_likely_person_is_counted_once(likely: Assessed, separated: Assessed) -> None:
    assert units(likely) == 1
    assert units(separated) == 2


def test_no_likely_fact_closes_a_gap(likely: Assessed, separated: Assessed) -> None:
    assert likely.open_gaps == {"v-chart"}
    assert separated.open_gaps == {"v-chart"}


def test_a_fact_that_a_reviewer_confirmed_closes_it(confirmed: Assessed) -> None:
    assert units(confirmed) == 1
    assert confirmed.open_gaps == set()


def differences(run: Assessed) -> list[tuple[str, str]]:
    return sorted((row["kind"], row["ingredient"]) for row in run.rows("medication_difference"))


def test_no_likely_drug_is_held_against_the_chart(
    likely: Assessed, separated: Assessed, confirmed: Assessed
) -> None:
    assert ("omission", "warfarin") not in differences(likely)
    assert differences(likely) == differences(separated)
    assert ("omission", "warfarin") in differences(confirmed)
