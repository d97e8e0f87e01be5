"""The authorization work list. In: orders since go-live; out: its log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.calendar import GO_LIVE, even
from uptake.demo.hospital.fhir import LATEST, moment
from uptake.demo.hospital.people import stream
from uptake.demo.hospital.staff import AUTHORIZER, COORDINATOR, OFFICE, ids
from uptake.demo.hospital.usage.access import STRANGER, WORKLIST, Turns, with_access
from uptake.demo.hospital.usage.files import write_csv

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from uptake.demo.hospital.clean import World

COLUMNS = ("Timestamp", "Clerk", "Patient", "Order", "Activity")
LISTED, OPENED, SUBMITTED, USED_SHARE = 0.98, 0.88, 0.85, 0.75
EARLY = 11
"""The order whose entry was opened two minutes before the log says it was there."""
STRANGE = (17, 29)
"""Orders that somebody without access opened, too."""


def write(world: World, path: Path) -> None:
    """Write the log, by time."""
    rng, share = stream(world.seed, "authorization work list"), even(0.2)
    office = [*ids(OFFICE, AUTHORIZER), *ids(OFFICE, COORDINATOR)]
    turns = Turns(WORKLIST, round(USED_SHARE * len(with_access(WORKLIST))), office)
    found: list[tuple[datetime, tuple[str, ...]]] = []
    live = [order for order in world.orders if order.at >= GO_LIVE]
    listed = even(0.6)
    for turn, order in enumerate(live):
        mrn = order.record.who.mrn

        def add(
            at: datetime, clerk: str, activity: str, mrn: str = mrn, order_id: str = order.id
        ) -> None:
            if at <= LATEST:
                found.append((at, (moment(at), clerk, mrn, order_id, activity)))

        if next(listed) >= LISTED:
            continue
        shown = order.at + timedelta(minutes=rng.randint(20, 690))
        add(shown, "", "on list")
        place = next(share)
        if place >= OPENED and turn not in (EARLY, *STRANGE):
            continue
        # whoever submits has opened before
        submitted = max(order.submitted, shown + timedelta(minutes=12))
        opened = min(
            shown + timedelta(minutes=rng.randint(30, 1_200)), submitted - timedelta(minutes=5)
        )
        if turn == EARLY:
            opened = shown - timedelta(minutes=2)
        clerk = turns.next(opened)
        add(opened, clerk, "opened")
        if turn in STRANGE:
            add(opened + timedelta(minutes=3), STRANGER, "opened")
        if place < SUBMITTED:
            add(submitted, clerk, "submitted")
    write_csv(path, COLUMNS, (row for _, row in sorted(found)))
