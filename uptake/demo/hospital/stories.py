"""What the hospital's data have to tell. In: all that happened; out: one line a story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uptake.demo.hospital.calendar import GO_LIVE, LOOKED
from uptake.demo.hospital.codes import LAB_CODES
from uptake.demo.hospital.laboratory import LEGACY_SITES
from uptake.demo.hospital.population import Gap
from uptake.demo.hospital.staff import NURSE, WARD_NAMES, ids
from uptake.demo.hospital.stays import ACKNOWLEDGED

if TYPE_CHECKING:
    from uptake.demo.hospital.clean import World
    from uptake.demo.hospital.planting import Planter


def stories(world: World, plan: Planter) -> tuple[dict[str, Any], ...]:
    """Return the story of each use case, and what a nurse reported."""
    return (
        _gaps(world),
        _reconciliation(world),
        {
            "story": "prior-authorization",
            "stage": None,
            "cause": None,
            "orders": len(world.orders),
            "decided": sum(o.decided is not None for o in world.orders),
        },
        _alerts(world),
        *_nurse(plan),
    )


def _gaps(world: World) -> dict[str, Any]:
    gaps = list(world.population.gaps.values())
    local = gaps.count(Gap.LEGACY)
    return {
        "story": "care-gap-closure",
        "stage": "fit",
        "cause": "COD-01 northside-lab",
        "diabetics": len(gaps),
        "open": local + gaps.count(Gap.NONE),
        "local": local,
        "codes": min(local, len(LEGACY_SITES)),
        "system": LAB_CODES,
        "visits": len(world.gap_visits),
        "closed": sum(g.closes for g in world.gap_visits),
    }


def _reconciliation(world: World) -> dict[str, Any]:
    admitted = [p for p in world.admissions if p.start >= GO_LIVE]
    return {
        "story": "medication-reconciliation",
        "stage": "seen",
        "cause": "surface outside-records-portal",
        "admissions": len(admitted),
        "opened": sum(p.looked is not None for p in admitted),
        "in_time": sum(bool(p.looked and p.signed and p.looked < p.signed) for p in admitted),
        "reconciled": sum(p.reconciled is not None for p in admitted),
    }


def _alerts(world: World) -> dict[str, Any]:
    called = [a for a in world.alerts if a.at >= GO_LIVE]
    return {
        "story": "deterioration-alerts",
        "stage": "delivered",
        "cause": "TIM-03 west-monitors",
        "untold": ["improved"],
        "alerts": len(called),
        "late": sum(a.admission.west for a in called),
        "acknowledged": sum(a.outcome == ACKNOWLEDGED for a in called),
    }


def _nurse(plan: Planter) -> tuple[dict[str, Any], ...]:
    sent = [row for row in plan.typed if row["meta"]["lastUpdated"][:10] <= LOOKED.isoformat()]
    if not sent:
        return ()
    reported = max(sent, key=lambda row: str(row["effectiveDateTime"]))
    return (
        {
            "story": "nurse",
            "check": "TXT-02",
            "feed": "ehr",
            "resource": reported["id"],
            "patients": len({row["subject"]["reference"] for row in plan.typed}),
            "results": len(plan.typed),
            "patients_by_then": len({row["subject"]["reference"] for row in sent}),
            "practitioner": ids(WARD_NAMES["6n"], NURSE)[0],
            "unit": WARD_NAMES["6n"],
        },
    )
