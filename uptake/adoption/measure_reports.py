"""Measures as FHIR. In: a series; out: one MeasureReport a week, R4, without anybody's name."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from uptake.adoption.series import Series, Week

_UCUM = {"%": "%", "days": "d", "hours": "h", "minutes": "min"}
_POPULATION = "http://terminology.hl7.org/CodeSystem/measure-population"
_NOTATION = "http://terminology.hl7.org/CodeSystem/measure-improvement-notation"


def measure_reports(series: Series, made: datetime) -> Iterator[dict[str, Any]]:
    """Yield the MeasureReports of a series, oldest first.

    The score is a Quantity in UCUM; of a share the populations say what it is made of.
    """
    direction = "decrease" if series.measure.better == "lower" else "increase"
    for week in series.weeks:
        yield {
            "resourceType": "MeasureReport",
            "id": f"{series.measure.code}-{week.begins.isoformat()}",
            "status": "complete",
            "type": "summary",
            "measure": f"urn:uptake:measure:{series.measure.code}",
            "date": made.isoformat(timespec="seconds"),
            "period": {
                "start": week.begins.isoformat(),
                "end": (week.begins + timedelta(days=6)).isoformat(),
            },
            "improvementNotation": {"coding": [{"system": _NOTATION, "code": direction}]},
            "group": [
                {"population": _populations(series, week), "measureScore": _score(series, week)}
            ],
        }


def _populations(series: Series, week: Week) -> list[dict[str, Any]]:
    counts = {"initial-population": week.rows}
    if series.measure.statistic == "share":
        counts |= {"denominator": week.rows, "numerator": round(week.value * week.rows / 100)}
    return [
        {"code": {"coding": [{"system": _POPULATION, "code": code}]}, "count": n}
        for code, n in counts.items()
    ]


def _score(series: Series, week: Week) -> dict[str, Any]:
    unit = series.measure.unit
    score: dict[str, Any] = {"value": round(week.value, 6), "unit": unit}
    if unit in _UCUM:
        score |= {"system": "http://unitsofmeasure.org", "code": _UCUM[unit]}
    return score
