"""What a local code may stand for: the shipped terms, how names are read, what is refused."""

from __future__ import annotations

import csv
import itertools
import json
import re
from pathlib import Path

import duckdb
import pytest

from uptake.model import CodeMapping
from uptake.terminology.check_digits import LOINC, check_digit_ok
from uptake.terminology.lab_words import agreement, fold, read_name, specimen_said
from uptake.terminology.loinc import SHIPPED, table_of
from uptake.terminology.properties import property_fits, same_scale
from uptake.terminology.suggestions import LISTED, Asked, suggest
from uptake.terminology.ucum import is_ucum

GLUCOSE, GLUCOSE_MOLES, GLUCOSE_CSF = "2345-7", "14749-6", "2342-4"


def codes(asked: Asked, remembered: list[CodeMapping] | None = None) -> list[str]:
    (found,) = suggest([asked], SHIPPED, remembered or [])
    return [s.code for s in found]


def rows() -> list[dict[str, str]]:
    with SHIPPED.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(line for line in stream if not line.startswith("# ")))


class TestShippedTerms:
    def test_every_code_is_one_and_stands_once(self) -> None:
        found = [row["LOINC_NUM"] for row in rows()]
        assert len(found) == len(set(found)) > 400
        assert [code for code in found if not check_digit_ok(LOINC, code)] == []

    def test_every_unit_is_ucum_and_fits_the_property(self) -> None:
        told = [row for row in rows() if row["EXAMPLE_UCUM_UNITS"]]
        assert len(told) > 250
        for row in told:
            unit = row["EXAMPLE_UCUM_UNITS"]
            assert is_ucum(unit), row
            assert property_fits(row["PROPERTY"], unit) is not False, row

    def test_names_say_what_the_axes_say(self) -> None:
        said = {"MCnc": "[Mass/volume]", "SCnc": "[Moles/volume]", "NCnc": "[#/volume]"}
        bare = re.compile(r"Anion gap|Base excess|MCHC")
        for row in rows():
            bracket = said.get(row["PROPERTY"])
            name = row["LONG_COMMON_NAME"]
            assert bracket is None or bracket in name or bare.match(name), row

    def test_the_notice_stands_first(self) -> None:
        notice = SHIPPED.read_text("utf-8")
        assert notice.startswith("# This material contains content from LOINC (http://loinc.org).")
        assert "http://loinc.org/license" in notice.partition("\nLOINC_NUM")[0]


class TestProperties:
    @pytest.mark.parametrize(
        ("prop", "unit", "fits"),
        [
            ("MCnc", "mg/dL", True), ("MCnc", "mmol/L", False), ("SCnc", "mmol/L", True),
            ("SCnc", "meq/L", True), ("SCnc", "g/L", False), ("CCnc", "U/L", True),
            ("ACnc", "m[iU]/mL", True), ("ACnc", "mg/dL", False), ("NCnc", "10*3/uL", True),
            ("NCnc", "%", False), ("NFr", "%", True), ("Naric", "/[HPF]", True),
            ("Temp", "[degF]", True), ("Pres", "mm[Hg]", True),
            ("ArVRat", "mL/min/{1.73_m2}", True), ("MRat", "mg/(24.h)", True),
            ("PrThr", "mg/dL", None), ("", "mg/dL", None), ("MCnc", "milligrams", None),
            ("MCnc", "", None),
        ],
    )  # fmt: skip
    def test_a_unit_fits_a_property_or_does_not(
        self, prop: str, unit: str, fits: bool | None
    ) -> None:
        assert property_fits(prop, unit) is fits

    def test_shares_of_two_scales_are_told_apart(self) -> None:
        assert same_scale("%", "%") is True
        assert same_scale("%", "mmol/mol") is False
        assert same_scale("mg/dL", "g/L") is True
        assert same_scale("mg/dL", "") is None


class TestReading:
    def test_signs_and_plurals_are_folded(self) -> None:
        assert fold("Neutrophils %") == "neutrophil percent"
        assert fold("EOS#") == "eos count"
        assert fold("Bence-Jones, Serum") == "bence jone serum"

    def test_a_name_is_taken_apart(self) -> None:
        name = read_name("Absolute Lymphs, CSF")
        assert (name.written, name.meant) == ("lymph", "lymphocyte")
        assert name.hints == {"NCnc"}
        assert specimen_said("", "Absolute Lymphs, CSF") == "cerebrospinal"

    def test_a_name_of_nothing_else_keeps_its_words(self) -> None:
        assert read_name("Blood").written == "blood"

    def test_the_specimen_as_sent_stands_before_the_name(self) -> None:
        assert specimen_said("Urine", "Plasma cells") == "urine"
        assert specimen_said("Blood", "pO2, arterial") == "arterial"
        assert specimen_said("", "Glucose") is None

    def test_specimens_agree_hold_one_another_or_do_not(self) -> None:
        assert agreement("blood", "Ser/Plas") == agreement("serum", "Ser/Plas") == 1
        assert agreement("serum", "Bld") == agreement("pleural", "Body fld") == 0.5
        assert agreement("urine", "Bld") is agreement("pleural", "CSF") is None
        assert agreement(None, "Bld") == agreement("urine", "XXX") == 0


class TestSuggestions:
    def test_the_unit_decides_between_mass_and_moles(self) -> None:
        assert codes(Asked("Glucose", unit="mg/dL"))[0] == GLUCOSE
        assert codes(Asked("Glucose", unit="mmol/L"))[0] == GLUCOSE_MOLES
        assert GLUCOSE not in codes(Asked("Glucose", unit="mmol/L"))

    def test_the_specimen_is_a_veto(self) -> None:
        assert codes(Asked("Glucose", "CSF", "mg/dL"))[0] == GLUCOSE_CSF
        assert codes(Asked("Glucose, CSF", unit="mg/dL"))[0] == GLUCOSE_CSF
        assert GLUCOSE_CSF not in codes(Asked("Glucose", "Serum", "mg/dL"))

    @pytest.mark.parametrize(
        ("asked", "code"),
        [
            (Asked("HGB A1C", unit="%", numeric=True), "4548-4"),
            (Asked("K", unit="mmol/L"), "2823-3"),
            (Asked("WBC", "Urine", "/[HPF]"), "5821-4"),
            (Asked("BP sys", unit="mm[Hg]"), "8480-6"),
            (Asked("Troponin I high sens", unit="ng/L"), "89579-7"),
            (Asked("AVPU", numeric=False), "67775-7"),
            (Asked("NEUT%", unit="%"), "26511-6"),
            (Asked("GLUF", unit="mg/dL"), "1558-6"),
        ],
    )
    def test_common_names(self, asked: Asked, code: str) -> None:
        assert codes(asked)[0] == code

    def test_another_scale_of_shares_comes_last(self) -> None:
        found = codes(Asked("HbA1c", unit="mmol/mol"))
        assert found[0] == "59261-8"
        assert codes(Asked("HbA1c", unit="%")).index("59261-8") > 1

    def test_what_is_not_known_gets_no_suggestion(self) -> None:
        for name in ("Room number", "", "17", "§§§", "Special study 7"):
            assert codes(Asked(name)) == []
        assert codes(Asked("Ferritin", unit="mmol/L")) == []
        assert suggest([], SHIPPED) == []

    def test_at_most_five_with_reasons(self) -> None:
        (found,) = suggest([Asked("Glucose", "Serum", "mg/dL")], SHIPPED)
        assert 1 < len(found) <= LISTED
        assert found[0].reasons == ("unit mg/dL fits", "serum", "name 100 %")
        assert found[0].target == f"{LOINC}|{GLUCOSE}"

    def test_the_order_of_questions_changes_nothing(self) -> None:
        asked = [Asked("Glucose", unit="mg/dL"), Asked("K", unit="mmol/L"), Asked("Pulse")]
        seen = set()
        for order in itertools.permutations(asked):
            found = dict(zip(order, suggest(order, SHIPPED), strict=True))
            seen.add(tuple(found[one] for one in asked))
        assert len(seen) == 1

    def test_what_a_use_case_looks_for_comes_first_unless_the_unit_contradicts(self) -> None:
        named = (LOINC, "17856-6")
        (found,) = suggest([Asked("HGB A1C", unit="%", named=named)], SHIPPED)
        assert (found[0].code, found[0].reasons[0]) == (
            "17856-6",
            "a use case looks for this name",
        )
        assert "17856-6" not in codes(Asked("HGB A1C", unit="mg/dL", named=named))

    def test_what_a_use_case_looks_for_need_not_be_in_the_table(self) -> None:
        named = ("http://snomed.info/sct", "43396009")
        (found,) = suggest([Asked("HGB A1C", named=named)], SHIPPED)
        assert (found[0].system, found[0].code) == named
        assert len(found) == LISTED


class TestMemory:
    APPROVED = CodeMapping(
        "lab", "urn:lab", "X9", LOINC, "2276-4", "Ferritin", "Iron store index",
        specimen="Serum", unit="ng/mL",
    )  # fmt: skip

    def test_a_name_that_was_approved_elsewhere_is_known(self) -> None:
        asked = Asked("IRON STORE INDEX", "serum", "ng/mL")
        assert "2276-4" not in codes(asked)
        (found,) = suggest([asked], SHIPPED, [self.APPROVED])
        assert found[0].code == "2276-4"
        assert "approved for this name before" in found[0].reasons

    @pytest.mark.parametrize(
        "asked",
        [
            Asked("Iron store index", "Urine", "ng/mL"),
            Asked("Iron store index", "Serum", "mmol/L"),
        ],
    )
    def test_it_is_no_way_around_a_veto(self, asked: Asked) -> None:
        assert "2276-4" not in codes(asked, [self.APPROVED])

    def test_a_target_of_another_system_is_passed_over(self) -> None:
        other = CodeMapping("lab", "urn:lab", "S", "http://snomed.info/sct", "1", "", "Smoker")
        assert codes(Asked("Smoker"), [other]) == codes(Asked("Smoker"))


def test_an_installed_release_takes_the_place_of_the_shipped_table(tmp_path: Path) -> None:
    assert table_of(None) == table_of(tmp_path) == SHIPPED
    folder = tmp_path / "loinc-9.99"
    folder.mkdir()
    said = {"name": "LOINC", "version": "9.99", "systems": [LOINC], "codes": 2, "source": "x.zip"}
    (folder / "release.json").write_text(json.dumps(said))
    terms = "select * from (values ('90001-3', 'Wizardry [Mass/volume] in Serum', 'Wizardry', "
    terms += "'MCnc', 'Ser', 'Qn', null, 'CHEM', 'ACTIVE', 'magic'), ('90002-1', "
    terms += "'Old wizardry', 'Wizardry', 'MCnc', 'Ser', 'Qn', null, 'CHEM', 'DEPRECATED', null)) "
    terms += "t(LOINC_NUM, LONG_COMMON_NAME, COMPONENT, PROPERTY, SYSTEM, SCALE_TYP, METHOD_TYP, "
    terms += "CLASS, STATUS, RELATEDNAMES2)"
    duckdb.sql(f"copy ({terms}) to '{folder / 'loinc.parquet'}' (format parquet)")
    pool = table_of(tmp_path)
    assert pool == folder / "loinc.parquet"
    for name in ("Wizardry", "MAGIC"):
        (found,) = suggest([Asked(name, unit="mg/dL")], pool)
        assert [s.code for s in found] == ["90001-3"]
