"""What a control chart promises of any series: its verdicts know no unit, zero or later points."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from uptake.adoption.spc import Cause, Chart, Kind, xmr

WHOLE = st.integers(-1000, 1000).map(float)
SERIES = st.lists(WHOLE, min_size=1, max_size=40)
# Trends and runs are rare among random numbers; steps of one sign make them common.
WALKS = st.lists(st.integers(-3, 9), min_size=8, max_size=40).map(
    lambda steps: [float(sum(steps[: i + 1])) for i in range(len(steps))]
)
ANY = SERIES | WALKS
MIRROR = {
    Cause.ABOVE: Cause.BELOW,
    Cause.RISING: Cause.FALLING,
    Cause.NEAR_UPPER: Cause.NEAR_LOWER,
    Cause.HIGH: Cause.LOW,
    Cause.COMMON: Cause.COMMON,
}
MIRROR |= {there: here for here, there in MIRROR.items()}


def causes(chart: Chart) -> list[Cause]:
    return [p.special_cause for p in chart.points]


def clear_of_lines(values: list[float]) -> bool:
    """Return false when a value lies on a line but for rounding: either answer is right there."""
    first = xmr(values).points[0]
    if first.upper is None:
        return True
    far = first.upper - first.mean
    lines = [first.mean + far * part for part in (-1, -2 / 3, 2 / 3, 1)]
    return far == 0 or all(abs(v - line) > 1e-6 for v in values for line in lines)


@given(ANY, st.integers(-4, 6), st.integers(-500, 500))
def test_unit_and_zero_do_not_matter(values: list[float], power: int, shift: int) -> None:
    assume(clear_of_lines(values))
    factor = 2.0**power
    chart = xmr(values, better="higher", target=100.0)
    scaled = xmr([v * factor for v in values], better="higher", target=100.0 * factor)
    moved = xmr([v + shift for v in values], better="higher", target=100.0 + shift)
    assert causes(chart) == causes(scaled) == causes(moved)
    assert [p.kind for p in chart.points] == [p.kind for p in scaled.points]
    assert chart.assurance == scaled.assurance
    for here, there in zip(chart.points, moved.points, strict=True):
        assert there.mean == pytest.approx(here.mean + shift, abs=1e-6)
        if here.upper is None:
            assert there.upper is None
        else:
            assert there.upper == pytest.approx(here.upper + shift, abs=1e-6)


@given(ANY)
def test_scaling_and_shifting_in_either_order(values: list[float]) -> None:
    assume(clear_of_lines(values))
    assert causes(xmr([(v + 3) * 4 for v in values])) == causes(xmr([v * 4 + 12 for v in values]))


@given(ANY)
def test_upside_down_swaps_the_causes(values: list[float]) -> None:
    assume(clear_of_lines(values))
    chart, mirrored = xmr(values, better="higher"), xmr([-v for v in values], better="lower")
    assert causes(mirrored) == [MIRROR[c] for c in causes(chart)]
    assert [p.kind for p in chart.points] == [p.kind for p in mirrored.points]


@given(ANY)
def test_backwards_in_time_has_the_same_limits(values: list[float]) -> None:
    chart, backwards = xmr(values), xmr(values[::-1])
    line, other = chart.points[0], backwards.points[0]
    assert (line.mean, line.lower, line.upper) == (other.mean, other.lower, other.upper)
    strong = {Cause.ABOVE, Cause.BELOW}
    assert [c in strong for c in causes(chart)] == [c in strong for c in causes(backwards)[::-1]]


@given(ANY, st.booleans())
def test_limits_enclose_the_mean(values: list[float], screen: bool) -> None:
    screened = xmr(values, screen=screen).points[0]
    plain = xmr(values).points[0]
    assert min(values) <= plain.mean <= max(values)
    assert screened.mean == plain.mean
    if screened.upper is not None and screened.lower is not None:
        assert screened.lower <= screened.mean <= screened.upper
        assert plain.upper is not None
        assert screened.upper <= plain.upper
    else:
        # No range is left: one point, or every range was as large as the mean range.
        assert len(values) == 1 or screen


@given(st.floats(-1e9, 1e9), st.integers(1, 60))
def test_a_flat_series_has_no_special_cause(value: float, n: int) -> None:
    chart = xmr([value] * n)
    assert set(causes(chart)) == {Cause.COMMON}
    assert {p.mean for p in chart.points} == {value}


@given(ANY, SERIES)
def test_fixed_limits_do_not_move_with_later_points(
    values: list[float], later: list[float]
) -> None:
    before = xmr(values).points[0]
    after = xmr([*values, *later], fix_after=len(values)).points[-1]
    assert (after.mean, after.lower, after.upper) == (before.mean, before.lower, before.upper)


@given(ANY, ANY)
def test_a_rebase_is_two_charts_side_by_side(first: list[float], second: list[float]) -> None:
    both = xmr([*first, *second], rebase_at=[len(first)], better="lower", target=5.0)
    alone = xmr(first, better="lower"), xmr(second, better="lower", target=5.0)
    assert both.points == alone[0].points + alone[1].points
    assert both.assurance == alone[1].assurance


@given(ANY, st.sampled_from(["higher", "lower", ""]))
def test_no_verdict_under_thirteen_points(values: list[float], better: str) -> None:
    chart = xmr(values, better=better, target=0.0)
    assert bool(chart.warning) == (len(values) < 13)
    assert chart.verdict == ("" if len(values) < 13 else chart.assurance)
    allowed = {
        Kind.COMMON,
        *((Kind.IMPROVEMENT, Kind.CONCERN) if better else (Kind.HIGH, Kind.LOW)),
    }
    assert {p.kind for p in chart.points} <= allowed
