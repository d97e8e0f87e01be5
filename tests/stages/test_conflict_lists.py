"""Allergies and problems of two lists: what is a conflict, what is news, what cannot be told."""

from __future__ import annotations

from typing import Any

import pytest
from conflict_cases import (
    ASTHMA,
    GOUT,
    LATEX,
    NONE_KNOWN,
    PENICILLIN,
    Resource,
    allergy,
    concept,
    condition,
)
from relation_cases import RXNORM, SNOMED

from uptake.reconciliation.conflicts.entries import read_entry
from uptake.reconciliation.conflicts.listed import Scope, compare_lists
from uptake.resources.elements import days_of

ICD_10 = "http://hl7.org/fhir/sid/icd-10-cm"
HIGH = {"criticality": "high"}


def read(resource: Resource, role: Any) -> Any:
    codings = [(c["system"], c["code"], c.get("display", ""))
               for c in resource["code"].get("coding", [])]  # fmt: skip
    return read_entry(resource, codings, role, "ehr" if role == "chart" else "hospital")


def told(
    chart: list[Resource], outside: list[Resource], scope: Scope | None = None
) -> list[tuple[str, str, str]]:
    """Stance, kind and severity of each verdict; both orders of the lists give the same."""
    mine = [e for one in chart if (e := read(one, "chart"))]
    theirs = [e for one in outside if (e := read(one, "outside"))]
    found = list(compare_lists(mine, theirs, scope or Scope()))
    assert found == list(compare_lists(mine[::-1], theirs[::-1], scope or Scope()))
    return [(v.stance, v.kind, v.severity if v.kind else "") for v in found]


SAME = [("same", "", "")]
UNTOLD = [("untold", "", "")]


@pytest.mark.parametrize(
    ("chart", "outside", "verdicts"),
    [
        ([], [allergy("o", PENICILLIN, **HIGH)], [("news", "absent", "high")]),
        ([allergy("c", LATEX)], [allergy("o", PENICILLIN)], [("news", "absent", "medium")]),
        ([allergy("c", PENICILLIN)], [allergy("o", PENICILLIN)], SAME),
        ([allergy("c", PENICILLIN)], [allergy("o", PENICILLIN, "refuted")],
         [("conflict", "refuted", "medium")]),
        ([allergy("c", PENICILLIN, "refuted")], [allergy("o", PENICILLIN, **HIGH)],
         [("conflict", "refuted", "high")]),
        ([allergy("c", PENICILLIN)], [allergy("o", PENICILLIN, "resolved")],
         [("conflict", "status", "medium")]),
        ([allergy("c", PENICILLIN, "resolved")], [allergy("o", PENICILLIN, "refuted")], SAME),
        ([allergy("c", PENICILLIN, criticality="low")], [allergy("o", PENICILLIN, **HIGH)],
         [("conflict", "criticality", "high")]),
        ([allergy("c", PENICILLIN, criticality="unable-to-assess")],
         [allergy("o", PENICILLIN, **HIGH)], SAME),
        ([allergy("c", NONE_KNOWN)], [allergy("o", PENICILLIN, **HIGH)],
         [("conflict", "none-known", "high")]),
        ([allergy("c", NONE_KNOWN)], [allergy("o", {"text": "Penicillin"})],
         [("conflict", "none-known", "medium")]),
        ([allergy("c", PENICILLIN)], [allergy("o", NONE_KNOWN)],
         [("conflict", "none-known", "medium")]),
        ([allergy("c", PENICILLIN, recordedDate="2023-01-01")],
         [allergy("o", NONE_KNOWN, recordedDate="2020-01-01")],
         [("conflict", "none-known", "low")]),
        ([allergy("c", PENICILLIN)], [allergy("o", NONE_KNOWN, "inactive")], []),
        ([allergy("c", NONE_KNOWN, "inactive"), allergy("d", LATEX)], [allergy("o", PENICILLIN)],
         [("news", "absent", "medium")]),
        ([allergy("c", PENICILLIN)], [allergy("o", {"text": "NKDA"})],
         [("conflict", "none-known", "medium")]),
        ([allergy("c", LATEX, category=["environment"])], [allergy("o", {"text": "NKDA"})], []),
        ([allergy("c", PENICILLIN)],
         [allergy("o", NONE_KNOWN), allergy("o2", PENICILLIN)], SAME),
    ],
)  # fmt: skip
def test_allergies(chart: list[Resource], outside: list[Resource], verdicts: Any) -> None:
    assert told(chart, outside) == verdicts


def test_a_severe_reaction_makes_an_allergy_severe() -> None:
    for reaction in (
        {"severity": "severe"},
        {"manifestation": [{"coding": [{"system": SNOMED, "code": "39579001"}]}]},
        {"manifestation": [{"text": "Anaphylactic shock"}]},
    ):
        found = told([], [allergy("o", PENICILLIN, reaction=[reaction])])
        assert found == [("news", "absent", "high")]
    mild = allergy("o", PENICILLIN, reaction=[{"severity": "mild"}])
    assert told([], [mild]) == [("news", "absent", "medium")]


@pytest.mark.parametrize(
    "chart",
    [
        allergy("c", concept(RXNORM, "70618", "Penicillin")),
        allergy("c", concept(SNOMED, "764146007", "Penicillin (substance)")),
        allergy("c", concept("urn:oid:2.16.840.1.113883.6.96", "91936005", "Penicillin allergy")),
    ],
)
def test_one_name_in_two_code_systems_is_one_allergy(chart: Resource) -> None:
    assert told([chart], [allergy("o", PENICILLIN)]) == SAME


@pytest.mark.parametrize(
    "chart",
    [
        allergy("c", {"text": "Penicillin"}),
        allergy("c", concept(RXNORM, "723", "Amoxicillin")),
        allergy("c", concept("urn:local", "X1", "Something")),
    ],
)
def test_what_may_be_the_same_is_not_said_to_be_absent(chart: Resource) -> None:
    assert told([chart], [allergy("o", PENICILLIN, **HIGH)]) == UNTOLD


@pytest.mark.parametrize(
    ("chart", "outside", "verdicts"),
    [
        ([condition("c", GOUT)], [condition("o", GOUT, "resolved")],
         [("conflict", "status", "medium")]),
        ([condition("c", GOUT)], [condition("o", GOUT, "remission")],
         [("conflict", "status", "medium")]),
        ([condition("c", GOUT, "recurrence")], [condition("o", GOUT)], SAME),
        ([condition("c", GOUT)], [condition("o", GOUT, "refuted")],
         [("conflict", "refuted", "medium")]),
        ([condition("c", GOUT, "resolved")], [condition("o", GOUT, "refuted")], SAME),
        ([condition("c", GOUT, "resolved", recordedDate="2025-06-01")],
         [condition("o", GOUT, recordedDate="2019-01-01")], [("conflict", "status", "low")]),
        ([condition("c", GOUT)],
         [condition("o", GOUT, "resolved", verificationStatus={
             "coding": [{"code": "entered-in-error"}]})], []),
        ([condition("c", GOUT, onsetDateTime="2020-03")],
         [condition("o", GOUT, "resolved", abatementDateTime="2019")], SAME),
        ([condition("c", GOUT, onsetDateTime="2019-03")],
         [condition("o", GOUT, "resolved", abatementDateTime="2019")],
         [("conflict", "status", "medium")]),
        ([condition("c", GOUT), condition("d", GOUT, "resolved")], [condition("o", GOUT)], SAME),
        ([condition("c", GOUT)], [condition("o", ASTHMA)], [("news", "absent", "low")]),
        ([condition("c", GOUT)], [condition("o", ASTHMA, "resolved")], UNTOLD),
        ([condition("c", GOUT)], [condition("o", concept(ICD_10, "M10.9", "Gout"), "resolved")],
         [("conflict", "status", "medium")]),
        ([condition("c", GOUT)],
         [condition("o", concept(ICD_10, "M10.9", "Gout, unspecified"), "resolved")], UNTOLD),
        ([condition("c", GOUT)], [condition("o", {"text": "No known problems"})], []),
    ],
)  # fmt: skip
def test_problems(chart: list[Resource], outside: list[Resource], verdicts: Any) -> None:
    assert told(chart, outside) == verdicts


def test_of_several_outside_entries_the_newest_counts() -> None:
    old = condition("o1", GOUT, "resolved", recordedDate="2015-01-01")
    new = condition("o2", GOUT, recordedDate="2024-01-01")
    assert told([condition("c", GOUT)], [old, new]) == [SAME[0], UNTOLD[0]]


class TestWhole:
    """Absence counts where a list is declared complete."""

    OUTSIDE = Scope(outside_complete=frozenset({"hospital"}))

    def test_a_chart_that_is_complete_denies_what_it_lacks(self) -> None:
        found = told([], [condition("o", ASTHMA)], Scope(chart_complete=True))
        assert found == [("conflict", "absent", "low")]

    def test_an_outside_list_that_is_complete(self) -> None:
        found = told([condition("c", ASTHMA)], [condition("o", GOUT)], self.OUTSIDE)
        assert ("conflict", "absent-outside", "low") in found
        assert told([condition("c", ASTHMA)], [], self.OUTSIDE) == [
            ("conflict", "absent-outside", "low")
        ]

    def test_not_where_something_is_alike_or_cannot_be_compared(self) -> None:
        alike = [condition("o", concept(ICD_10, "J45.909", "Unspecified asthma"))]
        assert "absent-outside" not in str(told([condition("c", ASTHMA)], alike, self.OUTSIDE))

    def test_what_is_denied_is_told_once(self) -> None:
        found = told([allergy("c", PENICILLIN)], [allergy("o", NONE_KNOWN)], self.OUTSIDE)
        assert found == [("conflict", "none-known", "medium")]


def test_thousands_of_entries_take_no_minutes() -> None:
    def many(role: str) -> list[Resource]:
        return [
            condition(f"{role}{n}", concept(SNOMED, str(n), f"finding{n}"), "active")
            for n in range(3000)
        ]

    assert set(told(many("c"), many("o"))) == {("same", "", "")}


@pytest.mark.parametrize(
    ("sent", "first", "last"),
    [
        ("2020", "2020-01-01", "2020-12-31"),
        ("2020-02", "2020-02-01", "2020-02-29"),
        ("2020-12", "2020-12-01", "2020-12-31"),
        ("2020-02-03T10:00:00Z", "2020-02-03", "2020-02-03"),
    ],
)
def test_a_partial_date_is_all_its_days(sent: str, first: str, last: str) -> None:
    assert [str(day) for day in days_of(sent)] == [first, last]


@pytest.mark.parametrize("sent", [None, "", "soon", "2020-13", "0000"])
def test_what_is_no_date(sent: str | None) -> None:
    assert days_of(sent) == (None, None)
