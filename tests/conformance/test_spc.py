"""The reference answers of NHS "Making Data Count", series by series and point by point."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from uptake.adoption.spc import Cause, Kind, xmr

SERIES = 32
CAUSES = {
    "Above UCL": Cause.ABOVE,
    "Below LCL": Cause.BELOW,
    "7 Point Trend (Increasing)": Cause.RISING,
    "7 Point Trend (Decreasing)": Cause.FALLING,
    "2 in 3 Above CL": Cause.NEAR_UPPER,
    "2 in 3 Below CL": Cause.NEAR_LOWER,
    "7 Points Above CL": Cause.HIGH,
    "7 Points Below CL": Cause.LOW,
    "Common Cause": Cause.COMMON,
}
KINDS = {
    "common_cause": Kind.COMMON,
    "special_cause_improvement": Kind.IMPROVEMENT,
    "special_cause_concern": Kind.CONCERN,
    "special_cause_neutral_high": Kind.HIGH,
    "special_cause_neutral_low": Kind.LOW,
}
BETTER = {1: "higher", -1: "lower", 0: ""}


@pytest.fixture(scope="module")
def vectors(shared: Path) -> list[dict[str, Any]]:
    """Return every series with its answers."""
    found: list[dict[str, Any]] = json.loads(
        (shared / "data" / "spc" / "nhs-mdc-vectors.json").read_text("utf-8")
    )
    return found


def test_no_series_is_missing(vectors: list[dict[str, Any]]) -> None:
    assert len(vectors) == SERIES


@pytest.mark.parametrize("number", range(SERIES))
def test_series(vectors: list[dict[str, Any]], number: int) -> None:
    series = vectors[number]
    chart = xmr(
        series["y"],
        rebase_at=series["rebase_at"],
        fix_after=series["fix_after_n_points"],
        screen=series["screen_outliers"],
        better=BETTER[series["improvement_direction"]],
        target=series["target"],
    )
    points = chart.points
    for name, ours in (("mean", "mean"), ("lpl", "lower"), ("upl", "upper")):
        # The answers were written with twelve decimals.
        near = [None if v is None else pytest.approx(v, rel=0, abs=1e-9) for v in series[name]]
        assert [getattr(p, ours) for p in points] == near
    assert [p.special_cause for p in points] == [CAUSES[c] for c in series["special_cause"]]
    assert [p.kind for p in points] == [KINDS[k] for k in series["point_type"]]
    assert chart.assurance == (series["assurance"] or "")
    assert bool(chart.warning) == (len(series["y"]) < 13)
