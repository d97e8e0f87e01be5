"""Two lists of one person: pairs that look alike and are not, and the other way round."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pytest
from drug_cases import NDC, sig
from drug_lists import SNOMED, differences, kinds, often, taken

from uptake.reconciliation.engine import months_before
from uptake.reconciliation.entries import Standing
from uptake.reconciliation.matching import Level

LISINOPRIL = "lisinopril 10 MG Oral Tablet"
SLOW = "24 HR metoprolol succinate 50 MG Extended Release Oral Tablet"
FAST = "metoprolol tartrate 50 MG Oral Tablet"
BOTH = "hydrochlorothiazide 12.5 MG / lisinopril 10 MG Oral Tablet"
HCTZ = "hydrochlorothiazide 12.5 MG Oral Tablet"
ATORVASTATIN = "atorvastatin 20 MG Oral Tablet"
SIMVASTATIN = "simvastatin 20 MG Oral Tablet"


class TestPairs:
    """What a list of adversarial pairs asks for, in the chart and outside."""

    @pytest.mark.parametrize(
        ("mine", "theirs", "found"),
        [
            # salts: one drug within a release type, another form across
            ("amlodipine besylate 5 MG Oral Tablet", "amlodipine 5 MG Oral Tablet", ["same"]),
            (FAST, SLOW, ["form"]),
            ("24 HR metoprolol succinate 25 MG Extended Release Oral Tablet", SLOW, ["strength"]),
            ("potassium chloride 10 MEQ Extended Release Oral Tablet",
             "potassium citrate 10 MEQ Extended Release Oral Tablet", ["addition", "omission"]),
            ("24 HR diltiazem hydrochloride 120 MG Extended Release Oral Capsule",
             "diltiazem hydrochloride 120 MG Oral Tablet", ["form"]),
            ("divalproex sodium 500 MG Delayed Release Oral Tablet",
             "24 HR divalproex sodium 500 MG Extended Release Oral Tablet", ["form"]),
            # brand and generic, tablet and capsule
            ("warfarin sodium 5 MG Oral Tablet [Coumadin]",
             "warfarin sodium 5 MG Oral Tablet", ["same"]),
            ("doxycycline hyclate 100 MG Oral Tablet [Vibramycin]",
             "doxycycline hyclate 100 MG Oral Tablet", ["same"]),
            ("fluoxetine 20 MG Oral Capsule", "fluoxetine 20 MG Oral Tablet", ["same"]),
            ("fluoxetine 20 MG Oral Capsule", "fluoxetine 4 MG/ML Oral Solution", ["form"]),
            # units of mass
            ("levothyroxine sodium 75 MCG Oral Tablet",
             "levothyroxine sodium 0.075 MG Oral Tablet", ["same"]),
            ("levothyroxine sodium 75 MCG Oral Tablet",
             "levothyroxine sodium 0.75 MG Oral Tablet", ["strength"]),
            ("metformin hydrochloride 1 G Oral Tablet",
             "metformin hydrochloride 1000 MG Oral Tablet", ["same"]),
            # insulin: another insulin is another drug; another concentration another strength
            ("insulin glargine 100 UNT/ML Injectable Solution",
             "3 ML insulin glargine 100 UNT/ML Pen Injector", ["same"]),
            ("insulin glargine 100 UNT/ML Injectable Solution",
             "insulin glargine 300 UNT/ML Injectable Solution", ["strength"]),
            ("insulin glargine 100 UNT/ML Injectable Solution",
             "insulin lispro 100 UNT/ML Injectable Solution", ["addition", "omission"]),
            ("insulin glargine 100 UNT/ML Injectable Solution",
             "insulin detemir 100 UNT/ML Injectable Solution", ["duplicate-class"]),
            # places: eye drops are no tablets, and no beta blocker beside one
            ("timolol 5 MG/ML Ophthalmic Solution",
             "timolol 10 MG Oral Tablet", ["addition", "omission"]),
            ("timolol 5 MG/ML Ophthalmic Solution", FAST, ["addition", "omission"]),
            ("methotrexate 2.5 MG Oral Tablet",
             "methotrexate 25 MG/ML Injectable Solution", ["form"]),
            # names that are alike
            ("hydralazine 25 MG Oral Tablet",
             "hydroxyzine 25 MG Oral Tablet", ["addition", "omission"]),
            ("prednisone 5 MG Oral Tablet", "prednisolone 5 MG Oral Tablet", ["duplicate-class"]),
        ],
    )  # fmt: skip
    def test_products(self, mine: str, theirs: str, found: list[str]) -> None:
        assert kinds([taken(mine)], [taken(theirs)]) == found
        assert kinds([taken(theirs)], [taken(mine)]) == found

    @pytest.mark.parametrize(
        ("product", "mine", "theirs", "found"),
        [
            # methotrexate weekly and daily
            ("methotrexate 2.5 MG Oral Tablet", often(1, "wk"), often(1), "frequency high"),
            ("methotrexate 2.5 MG Oral Tablet", sig("Take 4 tablets once a week"),
             sig("", (10, "mg"), (1, 1, "wk")), "same low"),
            # insulin is dosed in units, whatever the vial says
            ("insulin glargine 100 UNT/ML Injectable Solution", sig("Inject 20 units at bedtime"),
             often(1, dose=(20, "[iU]")), "same low"),
            ("insulin glargine 100 UNT/ML Injectable Solution", sig("Inject 20 units at bedtime"),
             often(1, dose=(0.2, "mL")), "same low"),
            ("insulin glargine 100 UNT/ML Injectable Solution", sig("Inject 20 units at bedtime"),
             sig("Inject 2 units at bedtime"), "dose high"),
            # thousandfold
            ("levothyroxine sodium 0.075 MG Oral Tablet", often(1, dose=(75, "ug")),
             often(1, dose=(0.075, "mg")), "same low"),
            ("levothyroxine sodium 0.075 MG Oral Tablet", often(1, dose=(75, "mg")),
             often(1, dose=(75, "ug")), "dose medium"),
            (LISINOPRIL, often(1), often(2), "frequency medium"),
            (LISINOPRIL, sig("1 tab PO BID"), often(2), "same low"),
            (LISINOPRIL, sig("Take 1 tablet every 12 hours"), often(2), "same low"),
            (LISINOPRIL, sig("Take 1 tablet every other day"), often(1), "frequency medium"),
            (LISINOPRIL, often(2), often(1, dose=(2, "{tbl}")), "frequency medium"),
            (LISINOPRIL, often(1), often(3, dose=(2, "{tbl}")), "dose medium"),
            # as needed stands apart: how often is what it may be taken
            ("ibuprofen 200 MG Oral Tablet", sig("Take 1 tablet daily as needed"),
             sig("Take 1 tablet 3 times a day as needed"), "same low"),
            # what cannot be told does not differ
            (LISINOPRIL, None, often(2), "same low"),
            (LISINOPRIL, sig("Take 1-2 tablets daily"), often(1), "same low"),
            (LISINOPRIL, [{"doseAndRate": [{"doseRange": {"low": {"value": 1}}}],
                           "text": "Take 1 tablet daily"}],
             often(1, dose=(2, "{tbl}")), "same low"),
        ],
    )  # fmt: skip
    def test_sigs(self, product: str, mine: Any, theirs: Any, found: str) -> None:
        (one,) = differences([taken(product, dosage=mine)], [taken(product, dosage=theirs)])
        assert f"{one.kind} {one.severity}" == found

    def test_two_of_five_are_one_of_ten(self) -> None:
        five = taken("lisinopril 5 MG Oral Tablet", dosage=often(1, dose=(2, "{tbl}")))
        ten = taken(LISINOPRIL, dosage=often(1))
        twenty = taken("lisinopril 20 MG Oral Tablet", dosage=often(1))
        assert kinds([five], [ten]) == ["same-dose"]
        assert kinds([five], [twenty]) == ["dose"]
        (one,) = differences([five], [taken("lisinopril 20 MG Oral Tablet")])
        assert (one.kind, one.untold) == ("strength", ("dose", "frequency"))

    def test_the_same_vial_under_the_skin_and_into_a_vein(self) -> None:
        vial = "furosemide 10 MG/ML Injectable Solution"
        route = {"route": {"coding": [{"system": SNOMED, "code": "26643006"}]}}
        mouth = taken(vial, dosage=[route])
        needle = taken(vial, dosage=[{"route": {"text": "Injection"}}])
        assert kinds([mouth], [needle]) == ["form"]
        assert kinds([mouth], [taken(vial)]) == ["same"]


class TestNdc:
    @pytest.mark.parametrize(
        ("mine", "theirs", "found"),
        [
            ("50090-347-01", "50090034701", ["same"]),
            ("0002-8215-01", "00002-8215-01", ["same"]),
            ("50090-0347-1", "50090034701", ["same"]),
            # ten digits without hyphens may be three numbers: suggested, never matched
            ("5009034701", "50090034701", ["unmapped"]),
            ("5009034701", "5009034701", ["same"]),
            ("5009034702", "50090034701", ["unmapped", "unmapped"]),
        ],
    )
    def test_digits(self, mine: str, theirs: str, found: list[str]) -> None:
        chart = taken("Pill A", mine, system=NDC)
        outside = taken("Tablet B", theirs, system=NDC)
        assert kinds([chart], [outside]) == found

    def test_what_is_suggested_shows_both(self) -> None:
        (one,) = differences(
            [taken("Pill A", "5009034701", system=NDC)],
            [taken("Tablet B", "50090034701", system=NDC)],
        )
        assert one.chart
        assert one.outside

    def test_one_ndc_beside_other_codes(self) -> None:
        label = (NDC, "50090-0347-01", "PINK PILL")
        other = ("urn:local", "4711", "PINK PILL")
        chart = taken("PINK PILL", codings=(label,))
        outside = taken("PINK PILL", codings=(other, ("urn:shop", "9", ""), label))
        assert kinds([chart], [outside]) == ["same"]


class TestCombinations:
    def test_against_its_components(self) -> None:
        parts = [taken(LISINOPRIL), taken(HCTZ)]
        assert kinds([taken(BOTH)], parts) == ["same", "same"]
        assert kinds(parts, [taken(BOTH)]) == ["same", "same"]

    def test_one_component_is_missing_or_differs(self) -> None:
        twenty = taken("lisinopril 20 MG Oral Tablet")
        found = differences([twenty], [taken(BOTH)])
        assert {(one.kind, one.ingredient) for one in found} == {
            ("strength", "lisinopril"),
            ("omission", "hydrochlorothiazide"),
        }

    def test_the_component_stands_there_as_well(self) -> None:
        found = differences([taken(BOTH), taken(LISINOPRIL)], [taken(BOTH)])
        assert [(one.kind, one.ingredient) for one in found if one.kind != "same"] == [
            ("duplicate", "lisinopril")
        ]

    def test_each_component_is_used_once(self) -> None:
        chart = [taken(BOTH), taken("amlodipine 5 MG / lisinopril 10 MG Oral Tablet")]
        outside = [taken(LISINOPRIL), taken(HCTZ), taken("amlodipine 5 MG Oral Tablet")]
        assert kinds(chart, outside) == ["duplicate", "same", "same", "same"]

    def test_milligrams_of_a_combination_are_of_neither(self) -> None:
        mine = taken(BOTH, dosage=often(1, dose=(22.5, "mg")))
        theirs = taken(BOTH, dosage=often(1))
        (one,) = differences([mine], [theirs])
        assert (one.kind, one.untold) == ("same", ("dose",))


class TestOneList:
    def test_a_drug_twice_in_the_chart(self) -> None:
        twenty = taken("lisinopril 20 MG Oral Tablet")
        found = differences([taken(LISINOPRIL), twenty], [twenty])
        assert [one.kind for one in found] == ["duplicate", "same"]
        assert found[0].chart
        assert found[0].other
        assert kinds([taken(LISINOPRIL), twenty], []) == ["addition", "duplicate"]

    def test_a_request_and_a_statement_say_one_thing(self) -> None:
        told = taken(LISINOPRIL, type="MedicationStatement", id="s")
        assert kinds([taken(LISINOPRIL), told], [taken(LISINOPRIL)]) == ["same"]
        again = taken(LISINOPRIL, id="again")
        assert kinds([taken(LISINOPRIL), again], [taken(LISINOPRIL)]) == ["duplicate", "same"]
        told = taken(LISINOPRIL, type="MedicationStatement", id="s", dosage=often(2))
        mine = taken(LISINOPRIL, dosage=often(1))
        assert kinds([mine, told], [mine]) == ["duplicate", "same"]

    def test_what_would_stand_there_twice(self) -> None:
        other = taken(SLOW, feed="hospital")
        found = differences([taken(FAST)], [taken(FAST), other])
        assert [one.kind for one in found] == ["duplicate", "same"]

    def test_of_one_class(self) -> None:
        found = differences([taken(ATORVASTATIN)], [taken(SIMVASTATIN)])
        assert [(one.kind, one.ingredient, one.level) for one in found] == [
            ("duplicate-class", "atorvastatin / simvastatin", Level.CLASS)
        ]
        both = [taken(ATORVASTATIN), taken(SIMVASTATIN)]
        assert kinds(both, [taken(ATORVASTATIN)]) == ["duplicate-class", "same"]
        assert kinds([taken(ATORVASTATIN)], both) == ["duplicate-class", "same"]
        assert kinds([], both) == ["duplicate-class", "omission"]
        assert kinds(both, both) == ["same", "same"]

    def test_classes_by_atc(self) -> None:
        atc = "http://www.whocc.no/atc"
        mine, theirs = (taken(f"drug {code}", code, system=atc) for code in ("C10AA01", "C10AA05"))
        assert kinds([mine], [theirs]) == ["unmapped", "unmapped"]
        assert kinds([taken("simvastatin", "C10AA01", system=atc)], [taken(SIMVASTATIN)]) == [
            "same"
        ]

    def test_order_changes_nothing(self) -> None:
        mine = [
            taken(n) for n in (LISINOPRIL, FAST, BOTH, ATORVASTATIN, "aspirin 81 MG Oral Tablet")
        ]
        mine.append(taken("little pill", ""))
        theirs = [taken(n) for n in (SLOW, SIMVASTATIN, BOTH, HCTZ)]
        wanted = differences(mine, theirs)
        for seed in range(20):
            draw = random.Random(seed)
            assert differences(draw.sample(mine, len(mine)), draw.sample(theirs, 4)) == wanted


class TestStatus:
    def ended(self, name: str = LISINOPRIL, **more: Any) -> Any:
        return taken(name, standing=Standing.ENDED, id="over", **more)

    def test_stopped_outside(self) -> None:
        (one,) = differences([taken(LISINOPRIL)], [self.ended()])
        assert (one.kind, one.chart is not None, one.outside is not None) == ("stopped", True, True)
        assert kinds([], [self.ended()]) == []
        assert kinds([self.ended()], [self.ended()]) == []

    def test_stopped_in_the_chart_and_filled_since(self) -> None:
        assert kinds([self.ended()], [taken(LISINOPRIL)]) == ["stopped"]
        before = taken(LISINOPRIL, day=date(2026, 1, 5))
        assert kinds([self.ended()], [before]) == []

    def test_begun_again_after_the_end(self) -> None:
        over = self.ended(ended=date(2026, 1, 31), day=date(2026, 1, 31))
        assert kinds([taken(LISINOPRIL)], [over]) == ["addition"]
        assert kinds([taken(LISINOPRIL), self.ended()], [taken(LISINOPRIL)]) == ["same"]

    def test_the_newest_of_the_outside_counts(self) -> None:
        over = self.ended(day=date(2026, 10, 20))
        assert kinds([taken(LISINOPRIL)], [taken(LISINOPRIL), over]) == ["stopped"]
        before = self.ended(day=date(2026, 9, 20))
        assert kinds([taken(LISINOPRIL)], [taken(LISINOPRIL), before]) == ["same"]

    def test_on_hold_in_one(self) -> None:
        held = taken(LISINOPRIL, standing=Standing.ON_HOLD)
        assert kinds([held], [taken(LISINOPRIL)]) == ["stopped"]
        assert kinds([held], [held]) == ["same"]

    def test_drafts(self) -> None:
        draft = taken(LISINOPRIL, standing=Standing.DRAFT, id="plan")
        assert kinds([], [draft]) == ["draft"]
        assert kinds([draft], []) == []
        assert kinds([draft], [taken(LISINOPRIL)]) == ["draft"]
        assert kinds([taken(LISINOPRIL)], [draft]) == ["addition"]
        plan = taken("lisinopril 20 MG Oral Tablet", standing=Standing.DRAFT, id="plan")
        assert kinds([taken(LISINOPRIL)], [plan]) == ["addition", "draft"]

    def test_stale(self) -> None:
        old, edge = date(2025, 10, 31), date(2025, 11, 1)
        assert kinds([taken(LISINOPRIL, day=old)], []) == ["stale"]
        assert kinds([taken(LISINOPRIL, day=edge)], []) == ["addition"]
        assert kinds([taken(LISINOPRIL, day=None)], []) == ["addition"]
        assert kinds([taken(LISINOPRIL, day=old)], [taken(LISINOPRIL)]) == ["same"]
        twenty = taken("lisinopril 20 MG Oral Tablet", day=old)
        assert kinds([taken(LISINOPRIL)], [twenty]) == ["stale"]

    def test_months(self) -> None:
        assert months_before(date(2024, 2, 29), 12) == date(2023, 2, 28)
        assert months_before(date(2026, 1, 31), 2) == date(2025, 11, 30)
        assert months_before(date(2026, 12, 31), 12) == date(2025, 12, 31)


class TestLessThanAProduct:
    """Codes of RxNorm for an ingredient, with or without a strength."""

    def test_it_is_any_product_of_the_ingredient(self) -> None:
        (one,) = differences([taken(LISINOPRIL)], [taken("lisinopril")])
        assert (one.kind, one.untold[:2]) == ("same", ("form", "strength"))
        (one,) = differences([taken("lisinopril 10 MG")], [taken(LISINOPRIL)])
        assert (one.kind, one.untold[0]) == ("same", "form")
        assert kinds([taken("lisinopril 20 MG")], [taken(LISINOPRIL)]) == ["strength"]

    def test_the_newest_of_a_history_counts(self) -> None:
        fills = [taken("lisinopril"), taken("lisinopril 20 MG Oral Tablet", day=date(2026, 9, 1))]
        assert kinds([taken(LISINOPRIL)], fills) == ["same"]
        fills = [taken("lisinopril", day=date(2026, 9, 1)), taken(LISINOPRIL)]
        assert kinds([taken(LISINOPRIL)], fills) == ["same"]

    def test_prescribed_and_told_are_one(self) -> None:
        told = taken("lisinopril", type="MedicationStatement")
        assert kinds([taken(LISINOPRIL), told], [taken(LISINOPRIL)]) == ["same"]

    def test_an_unknown_name_is_not_read(self) -> None:
        assert kinds([taken("simvistatin 10 MG")], [taken(SIMVASTATIN)]) == ["unmapped"]


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("LISINOPRIL 10MG TAB", ["unmapped"]),
            ("lisniopril 10mg", ["unmapped"]),
            ("Zestril", ["unmapped"]),
            ("metoprolol", ["omission", "unmapped"]),
            ("the white pill", ["omission", "unmapped"]),
        ],
    )
    def test_what_a_text_may_name_is_not_absent(self, text: str, found: list[str]) -> None:
        assert kinds([taken(text, "")], [taken(LISINOPRIL)]) == found

    def test_a_known_name_is_no_misspelling_of_another(self) -> None:
        hydroxyzine = taken("HYDROXYZINE 25MG", "")
        hydralazine = taken("hydralazine 25 MG Oral Tablet")
        assert kinds([hydroxyzine], [hydralazine]) == ["omission", "unmapped"]
        lispro = taken("INSULIN LISPRO 100U/ML", "")
        glargine = taken("insulin glargine 100 UNT/ML Injectable Solution")
        assert kinds([lispro], [glargine]) == ["omission", "unmapped"]

    def test_twelve_and_twenty_four_hours(self) -> None:
        names = [f"{hours} HR bupropion hydrochloride 150 MG Extended Release Oral Tablet"
                 for hours in (12, 24)]  # fmt: skip
        assert kinds([taken(names[0])], [taken(names[1])]) == ["form"]
        plain = "bupropion hydrochloride 150 MG Extended Release Oral Tablet"
        assert kinds([taken(plain)], [taken(names[1])]) == ["same"]
