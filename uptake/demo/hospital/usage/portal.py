"""The outside-records portal. In: admissions since go-live; out: its log, mostly never opened."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.calendar import GO_LIVE, even
from uptake.demo.hospital.fhir import LATEST, chicago
from uptake.demo.hospital.people import stream
from uptake.demo.hospital.usage.access import PORTAL, Turns, with_access
from uptake.demo.hospital.usage.files import write_csv

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from uptake.demo.hospital.clean import World

COLUMNS = ("User ID", "MRN", "Event Time", "Event", "Session seconds", "Workstation")
AVAILABLE = 0.98
USED_SHARE = 1 / 8
AVAILABLE_AFTER = (6, 38)
"""Minutes from admission until the records of outside sources are there."""


def _local(at: datetime) -> str:
    return chicago(at).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")


def write(world: World, path: Path) -> None:
    """Write the log, by time; its times are local and say no zone."""
    rng, places = stream(world.seed, "portal"), even(0.45)
    turns = Turns(PORTAL, int(USED_SHARE * len(with_access(PORTAL))))
    found: list[tuple[datetime, tuple[object, ...]]] = []
    for plan in world.admissions:
        mrn, station = plan.record.who.mrn, f"{plan.ward.upper()}-WS{rng.randint(1, 9):02d}"
        at = plan.start + timedelta(
            minutes=rng.randint(*AVAILABLE_AFTER), seconds=rng.randint(0, 59)
        )
        if plan.start < GO_LIVE or at > LATEST:
            continue
        if next(places) < AVAILABLE or plan.looked:
            found.append((at, ("", mrn, _local(at), "Records available", "", "")))
        if plan.looked:
            user = turns.next(plan.looked)
            seconds = rng.randint(20, 240)
            row = (user, mrn, _local(plan.looked), "Opened", seconds, station)
            found.append((plan.looked, row))
            if plan.reconciled:
                at = plan.reconciled
                found.append((at, (user, mrn, _local(at), "Reconciled", seconds + 60, station)))
    write_csv(path, COLUMNS, (row for _, row in sorted(found)))
