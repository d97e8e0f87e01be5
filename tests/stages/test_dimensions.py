"""What units measure, and whether the reference tables about units agree with it and themselves."""

from __future__ import annotations

import pytest

from uptake.definitions.reference import ReferenceTable, shipped_reference_tables
from uptake.terminology.check_digits import LOINC, check_digit_ok
from uptake.terminology.dimensions import measure

EXACT = 1e-7
"""How far the rounded numbers of a table may be from exact ones."""


def rows(name: str) -> list[dict[str, object]]:
    table: ReferenceTable = shipped_reference_tables()[name]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


@pytest.mark.parametrize(
    ("code", "dimension", "size"),
    [
        ("mg/dL", "mass/volume", 10),
        ("g/L", "mass/volume", 1000),
        ("mmol/L", "amount/volume", 1),
        ("10*3/uL", "number/volume", 1e12),
        ("10*9/L", "number/volume", 1e12),
        ("/nL", "number/volume", 1e12),
        ("%", "number", 0.01),
        ("1", "number", 1),
        ("{score}", "number", 1),
        ("mmol/mol", "number", 0.001),
        ("mL/min/{1.73_m2}", "volume/time", 1e-6 / 60),
        ("{beats}/min", "number/time", 1 / 60),
        ("mg/(24.h)", "mass/time", 1e-3 / 86400),
        ("kg/m2", "mass/area", 1000),
        ("u[iU]/mL", "international units/volume", 1),
        ("kPa", "pressure", 1000),
        ("mosm/kg", "osmoles/mass", 1e-6),
        ("[in_i]", "length", 0.0254),
    ],
)
def test_a_unit_has_a_dimension_and_a_size(code: str, dimension: str, size: float) -> None:
    found = measure(code)
    assert found is not None
    assert (found.dimension, float(found.size)) == (dimension, pytest.approx(size))


def test_units_written_in_two_ways_are_equally_large() -> None:
    assert measure("10*9/L") == measure("10*3/uL") == measure("/nL")
    assert measure("m[iU]/L") == measure("u[iU]/mL")


@pytest.mark.parametrize("code", ["", "mgdl", "mg//dL", "[knk'U]/mL", "mm Hg"])
def test_what_is_no_ucum_or_not_known_has_no_measure(code: str) -> None:
    assert measure(code) is None


def test_a_temperature_is_on_a_shifted_scale() -> None:
    celsius, kelvin = measure("Cel"), measure("K")
    assert celsius is not None
    assert kelvin is not None
    assert (celsius.shifted, kelvin.shifted) == (True, False)


@pytest.mark.parametrize("name", ["result_limit", "unit_conversion"])
def test_tables_say_of_their_units_what_the_units_say(name: str) -> None:
    for row in rows(name):
        found = measure(str(row["unit"]))
        assert found is not None, row
        assert (row["dimension"], row["factor"]) == (found.dimension, float(found.size)), row


def test_limits_are_in_order_and_their_codes_exist() -> None:
    limits = rows("result_limit")
    assert len({row["loinc"] for row in limits}) >= 120
    assert all(row["low"] < row["high"] for row in limits)  # type: ignore[operator]
    assert all(check_digit_ok(LOINC, str(row["loinc"])) for row in limits)
    units = {row["measurand"]: {r["unit"] for r in limits if r["measurand"] == row["measurand"]}
             for row in limits}  # fmt: skip
    assert all(len(one) == 1 for one in units.values())


def test_conversions_within_a_dimension_follow_from_the_sizes() -> None:
    base = {row["measurand"]: str(row["unit"]) for row in rows("result_limit")}
    compared = 0
    for row in rows("unit_conversion"):
        own, to = measure(str(row["unit"])), measure(base[row["measurand"]])
        assert own is not None
        assert to is not None
        if own.dimension == to.dimension and not own.shifted and row["offset_value"] == 0:
            assert row["to_factor"] == pytest.approx(float(own.size / to.size), rel=EXACT), row
            compared += 1
    assert compared > 80


@pytest.mark.parametrize(
    ("measurand", "unit", "value", "converted"),
    [
        ("glucose", "mmol/L", 5.55, 100),
        ("creatinine", "umol/L", 88.4, 1),
        ("urea nitrogen", "mmol/L", 10, 28),
        ("cholesterol", "mmol/L", 5.17, 200),
        ("triglyceride", "mmol/L", 1.13, 100),
        ("bilirubin", "umol/L", 17.1, 1),
        ("uric acid", "umol/L", 59.48, 1),
        ("calcium", "mmol/L", 2.495, 10),
        ("calcium", "meq/L", 4.99, 10),
        ("iron", "umol/L", 17.9, 100),
        ("free thyroxine", "pmol/L", 12.87, 1),
        ("haemoglobin", "mmol/L", 6.206, 10),
        ("haemoglobin A1c", "mmol/mol", 48, 6.54),
        ("body temperature", "[degF]", 98.6, 37),
        ("body weight", "[lb_av]", 220.46, 100),
        ("carbon dioxide pressure", "kPa", 5.33, 40),
    ],
)
def test_conversions_give_what_clinical_tables_give(
    measurand: str, unit: str, value: float, converted: float
) -> None:
    (row,) = [
        r for r in rows("unit_conversion") if (r["measurand"], r["unit"]) == (measurand, unit)
    ]
    factor, offset = row["to_factor"], row["offset_value"]
    assert isinstance(factor, float)
    assert isinstance(offset, float)
    assert value * factor + offset == pytest.approx(converted, rel=0.003)


def test_the_unit_of_a_limit_measures_what_its_code_asks_for() -> None:
    asked = {(row["loinc"], row["dimension"]) for row in rows("unit_of_code")}
    for row in rows("result_limit"):
        assert (row["loinc"], row["dimension"]) in asked, row


def test_words_of_answers_are_as_the_check_folds_them() -> None:
    for row in rows("coded_answer"):
        word = str(row["word"])
        assert word == word.lower().strip().replace("-", " ")
        assert check_digit_ok("http://snomed.info/sct", str(row["code"]))
