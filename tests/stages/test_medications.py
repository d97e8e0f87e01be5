"""Outside medications against the chart: which are one drug, what differs, what is not said."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from drug_cases import NDC, Resource, compare, dispensed, drug, listed, patient, sig

from uptake.reconciliation.names import eleven_digits, read_name
from uptake.reconciliation.sigs import read_sig
from uptake.reconciliation.tables import high_alert

LISINOPRIL_10 = drug("lisinopril 10 MG Oral Tablet", "314076")
LISINOPRIL_20 = drug("lisinopril 20 MG Oral Tablet", "314077")
HCTZ = drug("hydrochlorothiazide 12.5 MG Oral Tablet", "199903")
BOTH = drug("hydrochlorothiazide 12.5 MG / lisinopril 10 MG Oral Tablet", "197885")


def kinds(rows: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return sorted((row["kind"], row["ingredient"]) for row in rows)


def one(
    folder: Path, chart: Resource | None, outside: Resource | None, **more: list[Resource]
) -> list[dict[str, Any]]:
    """Compare one concept of the chart with one that a pharmacy dispensed."""
    ehr = [patient(), *([listed(chart)] if chart else []), *more.get("ehr", [])]
    pharmacy = [patient(), *([dispensed(outside)] if outside else []), *more.get("pharmacy", [])]
    return compare(folder, ehr=ehr, pharmacy=pharmacy)


class TestNames:
    @pytest.mark.parametrize(
        ("name", "found"),
        [
            ("lisinopril 10 MG Oral Tablet", ["lisinopril  by mouth 10 mg"]),
            ("Lisinopril 10 mg oral tablet [Zestril]", ["lisinopril  by mouth 10 mg"]),
            ("levothyroxine sodium 0.075 MG Oral Tablet", ["levothyroxine  by mouth 0.075 mg"]),
            ("levothyroxine sodium 75 MCG Oral Tablet", ["levothyroxine  by mouth 0.075 mg"]),
            (
                "24 HR metoprolol succinate 50 MG Extended Release Oral Tablet",
                ["metoprolol extended by mouth 50 mg"],
            ),
            ("metoprolol tartrate 50 MG Oral Tablet", ["metoprolol  by mouth 50 mg"]),
            (
                "omeprazole 20 MG Delayed Release Oral Capsule",
                ["omeprazole delayed by mouth 20 mg"],
            ),
            (
                "amoxicillin 250 MG / clavulanate 125 MG Oral Tablet",
                ["amoxicillin  by mouth 250 mg", "clavulanate  by mouth 125 mg"],
            ),
            (
                "insulin glargine 100 UNT/ML Injectable Solution",
                ["insulin glargine  injected 100 unt/ml"],
            ),
            (
                "3 ML insulin glargine 100 UNT/ML Pen Injector",
                ["insulin glargine  injected 100 unt/ml"],
            ),
            (
                "NDA020503 200 ACTUAT Albuterol 0.09 MG/ACTUAT Metered Dose Inhaler",
                ["albuterol  inhaled 0.09 mg/actuat"],
            ),
            ("potassium chloride 20 MEQ Extended Release Oral Tablet",
             ["potassium chloride extended by mouth 20 meq"]),
            ("timolol 2.5 MG/ML Ophthalmic Solution", ["timolol  eye 2.5 mg/ml"]),
        ],
    )  # fmt: skip
    def test_read(self, name: str, found: list[str]) -> None:
        assert [f"{c.ingredient} {c.release} {c.route} {c.strength}" for c in read_name(name)] == (
            found
        )

    @pytest.mark.parametrize(
        "name",
        [
            "", " ", "lisinopril", "lisinopril 10 MG", "LISINOPRIL 10MG TAB", "Camila 28 Day Pack",
            "Levora 0.15/30 28 Day Pack", "{21 (ethinyl estradiol 0.03 MG Oral Tablet) } Pack",
            "aspirin 81 MG / Oral Tablet", "Lasix 40mg", "[Zestril]", "10 MG Oral Tablet",
            "💊 / 💊",
        ],
    )  # fmt: skip
    def test_what_is_not_read_in_full_is_not_read(self, name: str) -> None:
        assert read_name(name) == ()

    def test_two_salts_of_one_product_keep_their_names(self) -> None:
        name = "amphetamine sulfate 5 MG / amphetamine phosphate 5 MG Oral Tablet"
        assert [c.ingredient for c in read_name(name)] == [
            "amphetamine sulfate",
            "amphetamine phosphate",
        ]

    def test_strength_is_exact(self) -> None:
        assert read_name("digoxin 0.125 MG Oral Tablet")[0].amount == Decimal("0.125")

    @pytest.mark.parametrize(
        ("sent", "wanted"),
        [
            ("0002-8215-01", "00002821501"),
            ("50090-347-01", "50090034701"),
            ("50090-0347-1", "50090034701"),
            ("5009003471", "5009003471"),  # ten digits say nothing of where the zero goes
        ],
    )
    def test_ndc(self, sent: str, wanted: str) -> None:
        assert eleven_digits(sent) == wanted


class TestSigs:
    @pytest.mark.parametrize(
        ("dosage", "amount", "unit", "rate", "needed"),
        [
            (sig("", (10, "mg"), (1, 1, "d")), 10, "mg", 1, None),
            (sig("", (500, "ug"), (2, 1, "d")), 0.5, "mg", 2, None),
            (sig("", (1, "{tbl}"), (1, 1, "wk")), 1, "unit", 1 / 7, None),
            (sig("Take 1 tablet by mouth twice daily with meals"), 1, "unit", 2, False),
            (sig("Take one tablet by mouth every morning"), 1, "unit", 1, False),
            (sig("Inject 20 units under the skin at bedtime"), 20, "unt", 1, False),
            (sig("Inhale 2 puffs up to four times daily as needed"), 2, "puff", 4, True),
            (sig("take 1 tablet every 8 hours prn"), 1, "unit", 3, True),
            (sig("Take 1 tablet once a week"), 1, "unit", 1 / 7, False),
            (sig("Take 1-2 tablets every 6 hours"), None, None, 4, False),
            (sig("Take 1 tablet every other day"), 1, "unit", 1 / 2, False),
            (sig("Take 2 tablets in the morning and 1 at bedtime"), None, None, None, None),
            (sig("As directed"), None, None, None, False),
            (sig("", (10, "mg"), (1, "1e-400", "d")), 10, "mg", None, None),
            (sig(f"Take 1 tablet {'9' * 5000} times a day"), 1, "unit", None, False),
            ([*sig("one"), *sig("two")], None, None, None, None),
            ([], None, None, None, None),
        ],
    )
    def test_read(
        self, dosage: Any, amount: Any, unit: str | None, rate: Any, needed: bool | None
    ) -> None:
        text = json.dumps(_as_text(dosage))
        found = read_sig(text)
        assert (found.amount, found.unit, found.as_needed) == (amount, unit, needed)
        assert found.rate == (pytest.approx(rate) if rate is not None else None)


def _as_text(value: Any) -> Any:
    """Return numbers as the query reads them: as text."""
    if isinstance(value, dict):
        return {name: _as_text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return str(value)


class TestOneDrug:
    def test_same_code(self, tmp_path: Path) -> None:
        (row,) = one(tmp_path, LISINOPRIL_10, LISINOPRIL_10)
        assert (row["kind"], row["severity"], row["ingredient"]) == ("same", "low", "lisinopril")

    def test_brand_is_generic_and_a_salt_is_its_drug(self, tmp_path: Path) -> None:
        brand = drug("warfarin sodium 5 MG Oral Tablet [Coumadin]", "855334")
        assert kinds(one(tmp_path, drug("warfarin 5 MG Oral Tablet", "1"), brand)) == [
            ("same", "warfarin")
        ]

    def test_another_strength(self, tmp_path: Path) -> None:
        (row,) = one(tmp_path, LISINOPRIL_10, LISINOPRIL_20)
        assert (row["kind"], row["severity"]) == ("strength", "medium")
        assert (row["chart_text"], row["outside_text"]) == (
            "lisinopril 10 MG Oral Tablet",
            "lisinopril 20 MG Oral Tablet",
        )

    def test_two_of_five_are_one_of_ten(self, tmp_path: Path) -> None:
        two = sig("Take 2 tablets by mouth once daily")
        five = drug("lisinopril 5 MG Oral Tablet", "314075")
        daily = sig("Take 1 tablet by mouth once daily")
        rows = compare(
            tmp_path,
            ehr=[patient(), listed(LISINOPRIL_10, dosageInstruction=daily)],
            pharmacy=[patient(), dispensed(five, dosageInstruction=two)],
        )
        assert [(r["kind"], r["severity"]) for r in rows] == [("same-dose", "low")]

    def test_micrograms_are_milligrams(self, tmp_path: Path) -> None:
        mcg = drug("levothyroxine sodium 75 MCG Oral Tablet", "x")
        mg = drug("levothyroxine sodium 0.075 MG Oral Tablet", "966222")
        assert kinds(one(tmp_path, mcg, mg)) == [("same", "levothyroxine")]

    def test_extended_release_is_another_drug(self, tmp_path: Path) -> None:
        slow = drug("24 HR metoprolol succinate 50 MG Extended Release Oral Tablet", "866436")
        fast = drug("metoprolol tartrate 50 MG Oral Tablet", "866514")
        assert kinds(one(tmp_path, fast, slow)) == [("form", "metoprolol")]

    def test_eye_drops_are_not_tablets(self, tmp_path: Path) -> None:
        drops = drug("timolol 2.5 MG/ML Ophthalmic Solution", "t1")
        tablet = drug("timolol 10 MG Oral Tablet", "t2")
        assert [k for k, _ in kinds(one(tmp_path, tablet, drops))] == ["addition", "omission"]

    def test_a_combination_is_its_components(self, tmp_path: Path) -> None:
        rows = one(tmp_path, LISINOPRIL_10, BOTH, ehr=[listed(HCTZ, "c2")])
        assert kinds(rows) == [("same", "hydrochlorothiazide"), ("same", "lisinopril")]

    def test_a_combination_with_one_component_in_the_chart(self, tmp_path: Path) -> None:
        rows = one(tmp_path, LISINOPRIL_10, BOTH)
        assert kinds(rows) == [("omission", "hydrochlorothiazide"), ("same", "lisinopril")]

    def test_a_combination_is_one_row(self, tmp_path: Path) -> None:
        assert kinds(one(tmp_path, None, BOTH)) == [
            ("omission", "hydrochlorothiazide / lisinopril")
        ]
        assert kinds(one(tmp_path / "b", BOTH, BOTH)) == [
            ("same", "hydrochlorothiazide / lisinopril")
        ]

    def test_ndc_with_and_without_a_needless_zero(self, tmp_path: Path) -> None:
        chart, outside = (drug("LISINOPRIL", c, NDC) for c in ("50090-347-01", "50090034701"))
        (row,) = one(tmp_path, chart, outside)
        assert row["kind"] == "same"

    def test_an_ndc_is_the_drug_it_came_with(self, tmp_path: Path) -> None:
        label = {"system": NDC, "code": "50090-0347-01", "display": "PRINIVIL 10"}
        two = {**LISINOPRIL_10, "coding": [*LISINOPRIL_10["coding"], label]}
        rows = one(tmp_path, {"coding": [label]}, two)
        assert [(r["kind"], r["ingredient"], r["chart_text"]) for r in rows] == [
            ("same", "lisinopril", "PRINIVIL 10")
        ]

    def test_codes_under_another_name_of_the_system(self, tmp_path: Path) -> None:
        alias = drug("lisinopril 10 MG Oral Tablet", "314076", "urn:oid:2.16.840.1.113883.6.88")
        assert kinds(one(tmp_path, alias, LISINOPRIL_10)) == [("same", "lisinopril")]

    def test_a_medication_of_its_own_or_contained(self, tmp_path: Path) -> None:
        own = {"resourceType": "Medication", "id": "m", "code": LISINOPRIL_10}
        refers = {"medicationReference": {"reference": "Medication/m"}}
        inside = {
            "medicationReference": {"reference": "#b"},
            "contained": [
                {"resourceType": "Medication", "id": "a", "code": LISINOPRIL_20},
                {"resourceType": "Medication", "id": "b", "code": LISINOPRIL_10},
            ],
        }
        chart, outside = listed({}), dispensed({})
        del chart["medicationCodeableConcept"], outside["medicationCodeableConcept"]
        rows = compare(
            tmp_path,
            ehr=[patient(), own, {**chart, **refers}],
            pharmacy=[patient(), {**outside, **inside}],
        )
        assert kinds(rows) == [("same", "lisinopril")]


class TestSigDifferences:
    def differ(self, folder: Path, chart: Any, outside: Any, concept: Resource) -> str:
        (row,) = compare(
            folder,
            ehr=[patient(), listed(concept, dosageInstruction=chart)],
            pharmacy=[patient(), dispensed(concept, dosageInstruction=outside)],
        )
        return f"{row['kind']} {row['severity']}"

    def test_weekly_is_not_daily(self, tmp_path: Path) -> None:
        weekly, daily = sig("", (1, "{tbl}"), (1, 1, "wk")), sig("Take 1 tablet daily")
        methotrexate = drug("methotrexate 2.5 MG Oral Tablet", "105585")
        assert self.differ(tmp_path, weekly, daily, methotrexate) == "frequency high"

    def test_a_tablet_is_its_milligrams(self, tmp_path: Path) -> None:
        said = sig("", (10, "mg"), (1, 1, "d")), sig("Take 1 tablet by mouth once daily")
        assert self.differ(tmp_path, *said, LISINOPRIL_10) == "same low"

    def test_as_needed_is_not_always(self, tmp_path: Path) -> None:
        said = sig("Take 1 tablet daily"), sig("Take 1 tablet daily as needed")
        assert self.differ(tmp_path, *said, LISINOPRIL_10) == "frequency medium"

    def test_what_is_not_understood_does_not_differ(self, tmp_path: Path) -> None:
        said = sig("As directed by your doctor"), sig("Take 1 tablet daily")
        assert self.differ(tmp_path, *said, LISINOPRIL_10) == "same low"


class TestWhatIsNotSaid:
    def test_text_alone_is_never_matched(self, tmp_path: Path) -> None:
        text = drug("Lisinopril 10 MG Oral Tablet")
        rows = one(tmp_path, text, text)
        assert [(r["kind"], r["ingredient"]) for r in rows] == [("unmapped", None)] * 2

    def test_what_a_text_may_name_is_not_called_absent(self, tmp_path: Path) -> None:
        (row,) = one(tmp_path, drug("LISINOPRIL 10MG TAB"), LISINOPRIL_10)
        assert (row["kind"], row["chart_text"], row["outside_text"]) == (
            "unmapped",
            "LISINOPRIL 10MG TAB",
            "lisinopril 10 MG Oral Tablet",
        )
        (row,) = one(tmp_path / "b", LISINOPRIL_10, drug("lisinopril tab"))
        assert row["kind"] == "unmapped"

    def test_a_code_without_a_readable_name_equals_only_itself(self, tmp_path: Path) -> None:
        ingredient = drug("zorblatinib", "999999")
        assert kinds(one(tmp_path, ingredient, ingredient)) == [("same", None)]
        assert kinds(one(tmp_path / "b", None, ingredient)) == [("unmapped", None)]

    def test_a_code_of_an_ingredient_is_that_ingredient(self, tmp_path: Path) -> None:
        ingredient = drug("Lisinopril", "29046")
        assert kinds(one(tmp_path, ingredient, LISINOPRIL_10)) == [("same", "lisinopril")]
        assert kinds(one(tmp_path / "b", None, ingredient)) == [("omission", "lisinopril")]

    def test_no_source_was_asked(self, tmp_path: Path) -> None:
        rows = compare(tmp_path, ehr=[patient(), listed(LISINOPRIL_10)], hospital=[patient()])
        assert rows == []

    @pytest.mark.parametrize("role", ["", "external"])
    def test_without_both_roles_there_is_nothing(self, tmp_path: Path, role: str) -> None:
        rows = compare(
            tmp_path,
            roles={"ehr": role, "pharmacy": "external"},
            ehr=[patient(), listed(LISINOPRIL_10)],
            pharmacy=[patient(), dispensed(LISINOPRIL_20)],
        )
        assert rows == []

    def test_persons_without_a_chart_and_other_persons(self, tmp_path: Path) -> None:
        rows = compare(
            tmp_path,
            ehr=[patient(number="1")],
            pharmacy=[patient(number="2"), dispensed(LISINOPRIL_10)],
        )
        assert rows == []

    def test_what_is_on_no_list(self, tmp_path: Path) -> None:
        inpatient = [{"coding": [{"code": "inpatient"}]}]
        ehr = [
            patient(),
            listed(LISINOPRIL_10, "a", category=inpatient),
            listed(LISINOPRIL_10, "b", status="stopped"),
            listed(LISINOPRIL_10, "c", intent="proposal"),
            listed(LISINOPRIL_10, "d", status="entered-in-error"),
            listed(LISINOPRIL_10, "e", doNotPerform=True),
        ]
        pharmacy = [
            patient(),
            dispensed(LISINOPRIL_20, "f", "2025-10-20"),  # over twelve months ago
            dispensed(LISINOPRIL_20, "g", "2026-12-01"),  # yet to come
            dispensed(LISINOPRIL_20, "h", status="cancelled"),
            listed(LISINOPRIL_20, "i", status="completed"),
            listed(LISINOPRIL_20, "j", category=inpatient),
        ]
        assert compare(tmp_path, ehr=ehr, pharmacy=pharmacy) == []


class TestTheTwoSides:
    def test_who_said_so_and_when(self, tmp_path: Path) -> None:
        doctor = {
            "resourceType": "Practitioner",
            "id": "dr",
            "name": [{"family": "Okafor", "given": ["Ada"], "prefix": ["Dr."]}],
        }
        shop = {"resourceType": "Organization", "id": "o", "name": "Corner Pharmacy"}
        rows = compare(
            tmp_path,
            ehr=[patient(), doctor,
                 listed(LISINOPRIL_10, requester={"reference": "Practitioner/dr"},
                        dosageInstruction=sig("once daily"))],
            pharmacy=[patient(), shop,
                      dispensed(LISINOPRIL_20,
                                performer=[{"actor": {"reference": "Organization/o"}}])],
        )  # fmt: skip
        (row,) = rows
        assert {name: row[name] for name in row if name.startswith("chart")} == {
            "chart_text": "lisinopril 10 MG Oral Tablet", "chart_sig": "once daily",
            "chart_date": date(2026, 3, 1), "chart_by": "Dr. Ada Okafor", "chart_feed": "ehr",
            "chart_type": "MedicationRequest", "chart_id": "c1",
        }  # fmt: skip
        assert (row["outside_by"], row["outside_date"], row["outside_feed"]) == (
            "Corner Pharmacy",
            date(2026, 10, 1),
            "pharmacy",
        )
        assert (row["patient_feed"], row["patient_id"]) == ("ehr", "p")

    def test_a_statement_is_told_by_the_patient(self, tmp_path: Path) -> None:
        told = {
            "resourceType": "MedicationStatement", "id": "s", "status": "active",
            "subject": {"reference": "Patient/p"}, "dateAsserted": "2026-05-01",
            "informationSource": {"reference": "Patient/p"},
            "medicationCodeableConcept": LISINOPRIL_10,
        }  # fmt: skip
        (row,) = one(tmp_path, None, LISINOPRIL_10, ehr=[told])
        assert (row["kind"], row["chart_by"], row["chart_type"]) == (
            "same",
            "the patient",
            "MedicationStatement",
        )

    def test_the_newest_outside_counts(self, tmp_path: Path) -> None:
        older = dispensed(LISINOPRIL_20, "d0", "2026-02-01")
        newest = listed(LISINOPRIL_20, "r", "2026-10-20")
        (row,) = one(tmp_path, LISINOPRIL_10, LISINOPRIL_10, pharmacy=[older])
        assert (row["kind"], row["outside_id"]) == ("same", "d1")
        (row,) = compare(
            tmp_path / "b",
            ehr=[patient(), listed(LISINOPRIL_10)],
            pharmacy=[patient(), dispensed(LISINOPRIL_10)],
            hospital=[patient(), newest],
        )
        assert (row["kind"], row["outside_feed"]) == ("strength", "hospital")

    def test_two_strengths_taken_together_are_no_difference(self, tmp_path: Path) -> None:
        more = dispensed(LISINOPRIL_20, "d2")
        rows = one(
            tmp_path, LISINOPRIL_10, LISINOPRIL_10,
            ehr=[listed(LISINOPRIL_20, "c2")], pharmacy=[more],
        )  # fmt: skip
        assert [row["kind"] for row in rows] == ["same", "same"]

    def test_a_duplicate_record_is_the_same_person(self, tmp_path: Path) -> None:
        rows = compare(
            tmp_path,
            ehr=[patient(), patient("q"), listed(LISINOPRIL_10)],
            pharmacy=[patient(), dispensed(LISINOPRIL_10)],
        )
        assert kinds(rows) == [("same", "lisinopril")]

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("warfarin sodium 5 MG Oral Tablet", "omission"), ("WARFARIN SOD 5MG", "unmapped")],
    )
    def test_high_alert(self, tmp_path: Path, name: str, kind: str) -> None:
        (row,) = one(tmp_path, None, drug(name, "855332" if kind == "omission" else ""))
        assert (row["kind"], row["severity"]) == (kind, "high")

    def test_the_order_of_files_changes_nothing(self, tmp_path: Path) -> None:
        ehr = [patient(), listed(LISINOPRIL_10), listed(LISINOPRIL_20, "c2"), listed(HCTZ, "c3")]
        pharmacy = [patient(), dispensed(BOTH), dispensed(LISINOPRIL_20, "d2"),
                    dispensed(drug("?"), "d3")]  # fmt: skip
        there = compare(tmp_path / "a", ehr=ehr, pharmacy=pharmacy)
        back = compare(tmp_path / "b", ehr=ehr[::-1], pharmacy=pharmacy[::-1])
        strip = [{k: v for k, v in r.items() if k != "person"} for r in there]
        assert strip == [{k: v for k, v in r.items() if k != "person"} for r in back]


def test_high_alert_names_are_small_words_and_of_every_class() -> None:
    names = high_alert()
    assert {"warfarin", "insulin", "glipizide", "morphine", "digoxin", "amiodarone"} <= set(names)
    assert {"methotrexate", "tacrolimus", "capecitabine"} <= set(names)
    assert all(name == name.lower() and name.isalpha() for name in names)
