"""Checks that look at a whole feed: what it declares, what it normally does, how late it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .assessing import assess_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uptake.model import CheckResult

Resource = dict[str, Any]
ABOUT = {"subject": {"reference": "Patient/p"}}
START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)


def judged(tmp_path: Path, check: str, resources: Sequence[Resource], toml: str) -> CheckResult:
    """Return what a check says of a project with one feed, `hospital`."""
    (tmp_path / "hospital").mkdir()
    lines = "\n".join(json.dumps(resource) for resource in resources)
    (tmp_path / "hospital" / "all.ndjson").write_text(lines, "utf-8")
    (tmp_path / "uptake.toml").write_text(f"[feeds.hospital]\n{toml}", "utf-8")
    assessment = assess_folder(
        tmp_path, tmp_path / "out", wanted=lambda one: one.code == check, cases=frozenset()
    )
    (result,) = assessment.checks
    return result


def observed(number: int, category: str, **elements: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "category": [{"coding": [{"code": category}]}],
        "code": {"text": "Potassium"},
        **ABOUT,
        **elements,
    }


@pytest.mark.parametrize(
    ("complete", "numerator"),
    [
        ('["AllergyIntolerance", "Condition", "MedicationRequest"]', 0),
        ('["AllergyIntolerance", "Condition"]', 1),
    ],
)
def test_no_fact_of_a_complete_feed_means_none(
    tmp_path: Path, complete: str, numerator: int
) -> None:
    period = {"start": "2026-09-01", "end": "2026-09-01"}
    resources = [
        {"resourceType": "Patient", "id": "p"},
        {"resourceType": "Encounter", "id": "e", "status": "finished", "period": period, **ABOUT},
        observed(1, "vital-signs"),
    ]
    result = judged(tmp_path, "CTX-15", resources, f"complete_for = {complete}\n")
    assert (result.numerator, result.denominator) == (numerator, 1)


@pytest.mark.parametrize(("late", "verdict"), [(5, "pass"), (6, "fail")])
def test_the_95th_percentile_decides_whether_a_feed_is_late(
    tmp_path: Path, late: int, verdict: str
) -> None:
    times = [START + timedelta(minutes=10 * n) for n in range(100)]
    waits = [timedelta(minutes=20 if n < late else 2) for n in range(100)]
    resources = [
        observed(
            n,
            "vital-signs",
            effectiveDateTime=at.isoformat(),
            meta={"lastUpdated": (at + wait).isoformat()},
        )
        for n, (at, wait) in enumerate(zip(times, waits, strict=True))
    ]
    result = judged(tmp_path, "TIM-13", resources, 'role = "ehr"\n')
    assert (result.numerator, result.denominator) == (late, 100)
    assert result.verdict.value == verdict


@pytest.mark.parametrize(
    ("ordered", "others", "counted"), [(24, 6, 6), (23, 7, None), (24, 5, None)]
)
def test_an_order_is_missed_only_where_the_feed_normally_names_it(
    tmp_path: Path, ordered: int, others: int, counted: int | None
) -> None:
    based = {"basedOn": [{"reference": "ServiceRequest/1"}]}
    resources = [observed(n, "laboratory", **based) for n in range(ordered)]
    resources += [observed(ordered + n, "laboratory") for n in range(others)]
    result = judged(tmp_path, "CTX-10", resources, 'role = "external"\n')
    assert result.denominator == (0 if counted is None else ordered + others)
    assert result.numerator == (counted or 0)
