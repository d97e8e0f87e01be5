"""The rules that the reference series do not touch: new limits, fixed limits, who is refused."""

from __future__ import annotations

from math import inf, nan

import pytest

from uptake.adoption.spc import Cause, Kind, xmr

CALM = [50.0, 52.0, 49.0, 51.0, 50.0, 48.0, 52.0, 50.0, 49.0, 51.0, 50.0, 52.0, 48.0]


def test_new_limits_begin_at_a_rebase() -> None:
    after = [v + 20 for v in CALM]
    chart = xmr([*CALM, *after], rebase_at=[13], better="higher", target=60)
    assert {p.special_cause for p in chart.points} == {Cause.COMMON}
    assert chart.points[13].mean == pytest.approx(chart.points[12].mean + 20)
    assert (chart.verdict, chart.warning) == ("pass", "")
    # Without it the same step is a signal on both sides.
    whole = xmr([*CALM, *after], better="higher").points
    assert whole[0].kind is Kind.CONCERN
    assert whole[-1].kind is Kind.IMPROVEMENT


@pytest.mark.parametrize(
    ("better", "target", "verdict"),
    [
        ("higher", 40, "pass"),
        ("higher", 60, "fail"),
        ("lower", 40, "fail"),
        ("lower", 60, "pass"),
        ("higher", 51, "inconsistent"),
        ("", 51, "inconsistent"),
        ("", 60, ""),
        ("higher", None, ""),
    ],
)
def test_what_the_limits_promise(better: str, target: float | None, verdict: str) -> None:
    assert xmr(CALM, better=better, target=target).verdict == verdict


def test_the_top_of_two_trends_belongs_to_the_later() -> None:
    wide = [8.0, 1.0]
    chart = xmr([*wide, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1], fix_after=2, better="higher")
    causes = [p.special_cause for p in chart.points]
    assert causes == [Cause.COMMON, *[Cause.RISING] * 6, *[Cause.FALLING] * 7]
    assert chart.points[7].value == 7
    assert chart.points[7].kind is Kind.CONCERN


def test_two_near_the_limit_need_the_third_on_their_side() -> None:
    # Mean 0 and limits of 10.64 are set by the first 13; near is over 7.09.
    base = [2.0, -2.0] * 6 + [0.0]
    inside = xmr([*base, 8, 1, 9], fix_after=12).points
    assert inside[0].upper == pytest.approx(10.64)
    assert [p.special_cause for p in inside[-3:]] == [
        Cause.NEAR_UPPER,
        Cause.COMMON,
        Cause.NEAR_UPPER,
    ]
    across = xmr([*base, 8, -1, 9], fix_after=12).points
    assert {p.special_cause for p in across[-3:]} == {Cause.COMMON}
    # A point outside is a signal by itself and makes no neighbour one.
    outside = xmr([*base, 8, 1, 11], fix_after=12).points
    assert [p.special_cause for p in outside[-3:]] == [Cause.COMMON, Cause.COMMON, Cause.ABOVE]


def test_a_short_series_says_so() -> None:
    chart = xmr(CALM[:12], better="higher", target=40)
    assert chart.assurance == "pass"
    assert chart.verdict == ""
    assert chart.warning.startswith("The limits rest on 12 points")
    assert xmr(CALM, fix_after=8, better="higher", target=40).verdict == ""
    earlier = xmr([*CALM[:5], *CALM], rebase_at=[5], better="higher", target=40)
    assert "as few as 5" in earlier.warning
    assert xmr([]).points == ()
    assert xmr([]).warning


def test_one_point_has_no_limits() -> None:
    chart = xmr([5.0], better="higher", target=4)
    assert (chart.points[0].lower, chart.points[0].upper, chart.assurance) == (None, None, "")


def test_what_makes_no_chart_is_refused() -> None:
    for value in (nan, inf):
        with pytest.raises(ValueError, match="finite"):
            xmr([1.0, value])
    with pytest.raises(ValueError, match="rebase_at"):
        xmr([1.0, 2.0], rebase_at=[2])
    with pytest.raises(ValueError, match="fix_after"):
        xmr([1.0], fix_after=0)
    with pytest.raises(ValueError, match="better"):
        xmr([1.0], better="up")
