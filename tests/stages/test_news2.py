"""NEWS2 against the College's chart, written out here once more; what is missing; never less."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.definitions.reference import shipped_reference_tables
from uptake.deterioration.news2 import PARAMETERS, Answer, Band, Values, score

# Royal College of Physicians, NEWS2, 2017, chart 1, value by value at every edge.
CHART: dict[str, tuple[tuple[Any, int], ...]] = {
    "respiration": (
        (0, 3), (8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3), (60, 3),
    ),
    "saturation": ((70, 3), (91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)),
    "oxygen": ((False, 0), (True, 2)),
    "systolic": (
        (50, 3), (90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3),
    ),
    "pulse": (
        (30, 3), (40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2),
        (130, 2), (131, 3), (200, 3),
    ),
    "consciousness": (
        (Answer.ALERT, 0), (Answer.CONFUSION, 3), (Answer.VOICE, 3), (Answer.PAIN, 3),
        (Answer.UNRESPONSIVE, 3), (Answer.NOT_ALERT, 3),
    ),
    "temperature": (
        (33.0, 3), (35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1),
        (39.1, 2), (41.0, 2),
    ),
}  # fmt: skip
SCALE_2 = (
    (83, None, 3), (84, None, 2), (85, None, 2), (86, None, 1), (87, None, 1), (88, None, 0),
    (92, None, 0), (93, False, 0), (100, False, 0), (93, True, 1), (94, True, 1), (95, True, 2),
    (96, True, 2), (97, True, 3), (100, True, 3),
)  # fmt: skip
NORMAL = Values(16, 97, False, 120, 70, Answer.ALERT, 36.8)
EDGES = [(name, value, points) for name, row in CHART.items() for value, points in row]


def points_of(values: Values, parameter: str, scale: int = 1) -> int | None:
    return next(p.points for p in score(values, scale).parts if p.parameter == parameter)


@pytest.mark.parametrize(("parameter", "value", "points"), EDGES)
def test_the_chart(parameter: str, value: Any, points: int) -> None:
    found = score(replace(NORMAL, **{parameter: value}))
    assert (found.total, found.complete) == (points, True)
    assert points_of(Values(**{parameter: value}), parameter) == points, "alone it is the same"


@pytest.mark.parametrize(("value", "oxygen", "points"), SCALE_2)
def test_scale_2_of_oxygen_saturation(value: int, oxygen: bool | None, points: int) -> None:
    assert points_of(Values(saturation=value, oxygen=oxygen), "saturation", 2) == points


def test_on_scale_2_a_high_saturation_has_no_points_while_nobody_charted_oxygen() -> None:
    found = score(replace(NORMAL, saturation=97, oxygen=None), 2)
    assert found.missing == ("saturation", "oxygen")
    assert found.words == "at least 0"
    assert found.band is None, "not low: it may be five more"


@pytest.mark.parametrize(
    ("parameter", "value", "points"),
    [
        ("temperature", 35.04, 3), ("temperature", 35.05, 1), ("temperature", 36.05, 0),
        ("temperature", 38.04, 0), ("temperature", 38.05, 1), ("temperature", 39.05, 2),
        ("respiration", 8.4, 3), ("respiration", 8.5, 1), ("respiration", 20.5, 2),
        ("saturation", 95.5, 0), ("saturation", Decimal("91.49"), 3), ("systolic", 90.5, 2),
        ("systolic", 219.5, 3), ("pulse", 40.5, 1), ("pulse", 130.5, 3),
    ],
)  # fmt: skip
def test_values_are_rounded_half_up_first(parameter: str, value: Any, points: int) -> None:
    assert points_of(Values(**{parameter: value}), parameter) == points


def test_what_is_missing_is_not_normal() -> None:
    nothing = score(Values())
    assert (nothing.total, nothing.missing, nothing.band) == (0, PARAMETERS, None)
    assert nothing.response is None
    found = score(replace(NORMAL, respiration=26, temperature=None))
    assert (found.words, found.band, found.single) == (
        "at least 3", Band.LOW_MEDIUM, ("respiration",),
    )  # fmt: skip


def test_alert_on_a_scale_without_confusion_has_no_points() -> None:
    found = score(replace(NORMAL, consciousness=Answer.ALERT_OR_CONFUSED))
    assert found.missing == ("consciousness",)


@pytest.mark.parametrize(
    ("changed", "total", "band", "recheck"),
    [
        ({}, 0, Band.LOW, 0),
        ({"pulse": 100}, 1, Band.LOW, 0),
        ({"pulse": 120, "respiration": 22}, 4, Band.LOW, 0),
        ({"systolic": 90}, 3, Band.LOW_MEDIUM, 60),
        ({"pulse": 120, "respiration": 22, "temperature": 38.5}, 5, Band.MEDIUM, 60),
        ({"pulse": 120, "respiration": 22, "oxygen": True}, 6, Band.MEDIUM, 60),
        ({"pulse": 120, "respiration": 25, "oxygen": True}, 7, Band.HIGH, 30),
    ],
)
def test_what_each_risk_calls_for(
    changed: dict[str, Any], total: int, band: Band, recheck: int
) -> None:
    found = score(replace(NORMAL, **changed))
    assert (found.total, found.band) == (total, band)
    assert found.response is not None
    assert found.response.recheck_minutes == recheck
    assert bool(found.response.severity) == (band is not Band.LOW)


def test_the_response_at_nought_is_another_than_at_one() -> None:
    assert score(NORMAL).response != score(replace(NORMAL, pulse=100)).response


def test_there_are_two_scales_and_a_value_is_a_number() -> None:
    with pytest.raises(ValueError, match="no scale 3"):
        score(NORMAL, 3)
    with pytest.raises(ValueError, match="no number"):
        score(replace(NORMAL, pulse=float("nan")))


def test_the_bands_leave_no_value_out_and_count_none_twice() -> None:
    for tenths in range(3000):
        for name in ("respiration", "saturation", "systolic", "pulse", "temperature"):
            value = Decimal(tenths) / 10
            assert points_of(Values(**{name: value}), name) is not None, (name, value)
    rows = [row[:3] + row[3:5] for row in shipped_reference_tables()["news2_band"].rows]
    assert len(rows) == len(set(rows))


def test_answers_in_the_table_have_the_points_of_the_score() -> None:
    for *_, answer, points in shipped_reference_tables()["news2_answer"].rows:
        assert points_of(Values(consciousness=Answer(str(answer))), "consciousness") == points


NUMBERS = st.decimals(0, 260, places=2)
SETS = st.builds(
    Values,
    st.none() | NUMBERS,
    st.none() | NUMBERS,
    st.none() | st.booleans(),
    st.none() | NUMBERS,
    st.none() | NUMBERS,
    st.none() | st.sampled_from(Answer),
    st.none() | st.decimals(30, 43, places=2),
)
NORM = {"respiration": 16, "saturation": 100, "systolic": 160, "pulse": 70, "temperature": 37}


@given(SETS, st.sampled_from([1, 2]))
def test_a_value_more_never_lowers_the_total(values: Values, scale: int) -> None:
    whole = score(values, scale).total
    for field in fields(Values):
        assert score(replace(values, **{field.name: None}), scale).total <= whole


@given(st.sampled_from(sorted(NORM)), NUMBERS, NUMBERS)
def test_further_from_normal_is_never_fewer_points(name: str, a: Decimal, b: Decimal) -> None:
    norm = NORM[name]
    near, far = sorted((a, b), key=lambda value: abs(value - norm))
    if (near < norm) == (far < norm):
        one, two = (points_of(Values(**{name: value}), name) for value in (near, far))
        assert one is not None
        assert two is not None
        assert one <= two


@given(SETS)
def test_the_total_is_within_the_scale(values: Values) -> None:
    found = score(values)
    assert 0 <= found.total <= 20
    assert found.complete == (found.missing == ())
    assert (found.band is None) <= (not found.complete)
