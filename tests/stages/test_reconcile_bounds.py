"""Allergies, the assignment, very long lists and sigs that say nothing."""

from __future__ import annotations

import itertools
import time
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from drug_lists import SNOMED, differences, kinds, often, taken
from hypothesis import given as over
from hypothesis import strategies as st

from uptake.reconciliation.allergies import Allergy, read_allergy
from uptake.reconciliation.matching import hungarian
from uptake.reconciliation.sigs import read_sig

LISINOPRIL = "lisinopril 10 MG Oral Tablet"


def allergy(text: str, code: str = "1", substances: Any = (), role: Any = "chart") -> Allergy:
    codings = [(SNOMED, code, text)] if code else []
    return read_allergy(role, "ehr", f"a {text} {code}", None, "", text, codings, substances)


class TestAllergies:
    AMOXICILLIN = taken("amoxicillin 250 MG Oral Capsule")

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("Allergy to amoxicillin", True),
            ("Allergy to penicillin", True),
            ("Penicillin V", True),
            ("Allergy to ampicillin", True),
            ("Allergy to cephalosporin", False),
            ("Allergy to nut", False),
            ("No known drug allergy", False),
            ("NKDA", False),
            ("No known allergy to penicillin", False),
            ("", False),
        ],
    )
    def test_by_ingredient_and_by_group(self, text: str, found: bool) -> None:
        told = kinds([self.AMOXICILLIN], [self.AMOXICILLIN], [allergy(text)])
        assert told == (["allergy", "same"] if found else ["same"])

    def test_a_drug_of_either_list_and_an_allergy_of_either(self) -> None:
        for role in ("chart", "outside"):
            (one, _) = differences([], [self.AMOXICILLIN], [allergy("penicillin", role=role)])
            assert (one.kind, one.severity, one.chart) == ("allergy", "high", None)
            assert isinstance(one.other, Allergy)

    def test_an_allergy_of_both_lists_is_told_once(self) -> None:
        two = [allergy("penicillin"), allergy("Penicillin", "2", role="outside")]
        found = differences([self.AMOXICILLIN], [self.AMOXICILLIN], two)
        assert [one.kind for one in found] == ["allergy", "same"]
        assert found[0].chart
        assert found[0].outside

    def test_what_was_reacted_to(self) -> None:
        found = kinds([self.AMOXICILLIN], [], [allergy("Drug allergy", "2", ["amoxicillin"])])
        assert found == ["addition", "allergy"]

    def test_what_is_only_a_text_is_not_sure(self) -> None:
        text = taken("AMOXICILLIN 500MG CAP", "")
        found = differences([text], [], [allergy("penicillin", "")])
        assert [(one.kind, one.untold) for one in found] == [
            ("allergy", ("drug", "allergy")),
            ("unmapped", ()),
        ]

    def test_a_group_of_two_drugs(self) -> None:
        naproxen = taken("naproxen 500 MG Oral Tablet")
        assert kinds([naproxen], [], [allergy("Allergy to aspirin")]) == ["addition", "allergy"]
        codeine = taken("codeine sulfate 30 MG Oral Tablet")
        assert kinds([codeine], [], [allergy("Allergy to aspirin")]) == ["addition"]


class TestAssignment:
    @over(st.data())
    def test_the_least_sum_there_is(self, data: st.DataObject) -> None:
        rows = data.draw(st.integers(1, 5))
        columns = data.draw(st.integers(rows, 6))
        cell = st.integers(0, 60)
        table = [[data.draw(cell) for _ in range(columns)] for _ in range(rows)]
        chosen = hungarian(table)
        assert sorted(i for i, _ in chosen) == list(range(rows))
        assert len({j for _, j in chosen}) == rows
        least = min(
            sum(table[i][j] for i, j in enumerate(way))
            for way in itertools.permutations(range(columns), rows)
        )
        assert sum(table[i][j] for i, j in chosen) == least

    def test_the_nearest_strengths_meet(self) -> None:
        strengths = ("2.5", "5", "10", "20")
        names = [f"warfarin sodium {s} MG Oral Tablet" for s in strengths]
        found = differences([taken(n) for n in names], [taken(n) for n in names[1:]])
        assert [one.kind for one in found] == ["duplicate", "same", "same", "same"]
        assert found[0].chart
        assert found[0].chart.drug.name == names[0]


class TestManyEntries:
    @pytest.mark.parametrize("same", [True, False])
    def test_thousands_of_one_patient(self, same: bool) -> None:
        def many(role: str) -> list[Any]:
            return [
                taken(f"warfarin sodium {5 if same else 1 + i / 100} MG Oral Tablet",
                      id=f"{role}{i}", dosage=often(1 + i % 3), day=date(2026, 1, 1 + i % 28))
                for i in range(3000)
            ]  # fmt: skip

        begun = time.process_time()
        found = differences(many("c"), many("o"))
        assert found
        assert time.process_time() - begun < 5

    def test_texts_alone(self) -> None:
        texts = [taken(f"pill number {i}", "", id=str(i)) for i in range(1000)]
        begun = time.process_time()
        assert len(differences(texts, [taken(LISINOPRIL)])) == 1001
        assert time.process_time() - begun < 5


def test_a_number_that_is_a_bomb_is_no_dose() -> None:
    for value in ("1e999999999", "1e-999999999", "nan", "Infinity", "-1", "0", "x" * 9, None):
        dosage = f'[{{"doseAndRate":[{{"doseQuantity":{{"value":"{value}","code":"mg"}}}}]}}]'
        assert read_sig(dosage).amount is None
    exact = '[{"doseAndRate":[{"doseQuantity":{"value":"0.1","code":"mg"}}]}]'
    assert read_sig(exact).amount == Decimal("0.1")


@pytest.mark.parametrize(
    "dosage",
    ["[null]", "[{}]", '[{"timing":null}]', '[{"timing":"x"}]', '[{"doseAndRate":[null]}]',
     '[{"text":7}]', "null"],
)  # fmt: skip
def test_dosages_that_say_nothing(dosage: str) -> None:
    found = read_sig(dosage)
    assert (found.amount, found.rate) == (None, None)
