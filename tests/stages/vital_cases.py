"""Vital signs for tests. In: a parameter, a value, a time; out: Observations of patient `p`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SIGNS = {
    "respiration": ("9279-1", "/min", 16), "saturation": ("59408-5", "%", 97),
    "systolic": ("8480-6", "mm[Hg]", 120), "pulse": ("8867-4", "/min", 70),
    "temperature": ("8310-5", "Cel", 36.8),
}  # fmt: skip


def coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def quantity(value: float, code: str | None, unit: str = "") -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "code": code, "unit": unit or code}}


def observed(code: dict[str, Any], held: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a final Observation at ten o'clock, or at `at`."""
    at = more.pop("at", "10:00")
    return {
        "resourceType": "Observation", "id": "o", "status": "final", "code": code,
        "subject": {"reference": "Patient/p"}, "effectiveDateTime": f"2026-06-01T{at}:00Z",
    } | held | more  # fmt: skip


def sign(parameter: str, value: float | None, **more: Any) -> dict[str, Any]:
    """Return one vital sign; without a value it is what `more` says."""
    code, unit, _ = SIGNS[parameter]
    held = {} if value is None else quantity(value, unit)
    return observed(coded(LOINC, code), held, **{"id": parameter} | more)


def full_set(at: str = "10:00", **changed: float) -> list[dict[str, Any]]:
    """Return a whole set on air, alert, normal but for what is changed."""
    signs = [
        sign(name, changed.get(name, usual), at=at, id=f"{name}-{at}")
        for name, (_, _, usual) in SIGNS.items()
    ]
    awake = {"valueCodeableConcept": coded(SNOMED, "248234008")}
    question = coded(SNOMED, "1104441000000107")
    oxygen = quantity(changed.get("oxygen", 0), "L/min")
    return [
        *signs,
        observed(coded(LOINC, "3151-8"), oxygen, at=at, id=f"oxygen-{at}"),
        observed(question, awake, at=at, id=f"awake-{at}"),
    ]
