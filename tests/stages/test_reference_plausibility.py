"""Reference tables of plausibility: their rows are in order, and their codes are codes."""

from __future__ import annotations

import pytest

from uptake.definitions.reference import shipped_reference_tables
from uptake.terminology.check_digits import LOINC, SNOMED, check_digit_ok, format_ok

ICD = "http://hl7.org/fhir/sid/icd-10-cm"


def rows(name: str) -> list[dict[str, object]]:
    table = shipped_reference_tables()[name]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


@pytest.mark.parametrize("name", ["patient_of_code", "implied_condition"])
def test_codes_are_codes_of_their_systems(name: str) -> None:
    for row in rows(name):
        system, code = row["system"], row["code"]
        if system in (LOINC, SNOMED):
            assert check_digit_ok(str(system), str(code)), row
        elif system == ICD and len(str(code)) > 2:  # shorter ones stand for chapters
            assert format_ok(ICD, str(code)), row


def test_a_code_is_of_one_sex_and_of_an_age_that_begins_before_it_ends() -> None:
    seen = set()
    for row in rows("patient_of_code"):
        assert row["sex"] in ("female", "male", None)
        assert (row["from_age"] or 0) < (row["to_age"] or 150), row  # type: ignore[operator]
        assert row["sex"] or row["from_age"] or row["to_age"], row
        assert (row["system"], row["code"]) not in seen, row
        seen.add((row["system"], row["code"]))


def test_doses_leave_room_between_their_limits() -> None:
    limits = rows("dose_limit")
    assert len({row["ingredient"] for row in limits}) == len(limits)
    for row in limits:
        low, high = row["low_dose"], row["high_dose"]
        assert isinstance(low, float)
        assert isinstance(high, float)
        assert high >= 20 * low, row


def test_every_condition_has_a_name_and_a_reason_to_be_suspected() -> None:
    roles: dict[object, set[object]] = {}
    for row in rows("implied_condition"):
        roles.setdefault(row["condition"], set()).add(row["role"])
        assert row["role"] in ("problem", "no problem", "drug", "test")
        assert bool(row["low"] or row["high"]) == (row["role"] == "test"), row
    assert all("problem" in one and one & {"drug", "test"} for one in roles.values())


def test_no_sentinel_is_a_common_result() -> None:
    values = [row["value"] for row in rows("sentinel")]
    assert len(values) == len(set(values))
    assert all(isinstance(v, float) and (v <= 0 or v >= 999) for v in values)
