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

    from uptake.demo.hospital.authorization import Order
    from uptake.demo.hospital.clean import World

COLUMNS = ("Timestamp", "Clerk", "Patient", "Order", "Activity")
LISTED, OPENED, SUBMITTED, USED_SHARE = 0.98, 0.88, 0.85, 0.75
EARLY = 11
"""The order whose entry was opened two minutes before the log says it was there."""
STRANGE = (17, 29)
"""Orders that somebody without access opened, too."""


def write(world: World, path: Path) -> None:
    """Write the log, by time."""
    log, listed = _Log(world), even(0.6)
    live = [order for order in world.orders if order.at >= GO_LIVE]
    for turn, order in enumerate(live):
        if next(listed) < LISTED:
            log.write(turn, order)
    log.open_again()
    write_csv(path, COLUMNS, (row for _, row in sorted(log.rows)))


class _Log:
    """Writes what was done with orders, one after the other."""

    def __init__(self, world: World) -> None:
        self.rows: list[tuple[datetime, tuple[str, ...]]] = []
        self._rng, self._share = stream(world.seed, "authorization work list"), even(0.2)
        office = [*ids(OFFICE, AUTHORIZER), *ids(OFFICE, COORDINATOR)]
        self._turns = Turns(WORKLIST, round(USED_SHARE * len(with_access(WORKLIST))), office)
        self._openings: list[tuple[Order, datetime]] = []

    def write(self, turn: int, order: Order) -> None:
        """Write when an order was listed, opened and submitted."""
        rng = self._rng
        shown = order.at + timedelta(minutes=rng.randint(20, 690))
        self._add(shown, "", order, "on list")
        place = next(self._share)
        # whoever submits has opened before
        submitted = max(order.submitted, shown + timedelta(minutes=12))
        opened = min(
            shown + timedelta(minutes=rng.randint(30, 1_200)), submitted - timedelta(minutes=5)
        )
        if turn == EARLY:
            opened = shown - timedelta(minutes=2)
        if opened > LATEST or (place >= OPENED and turn not in (EARLY, *STRANGE)):
            return
        clerk = self._turns.next(opened)
        self._add(opened, clerk, order, "opened")
        self._openings.append((order, opened))
        if turn in STRANGE:
            self._add(opened + timedelta(minutes=3), STRANGER, order, "opened")
        if place < SUBMITTED:
            self._add(submitted, clerk, order, "submitted")

    def open_again(self) -> None:
        """Let users who had no turn yet open what somebody has opened."""
        for which, at, who in self._turns.again([at for _, at in self._openings]):
            self._add(at, who, self._openings[which][0], "opened")

    def _add(self, at: datetime, clerk: str, order: Order, activity: str) -> None:
        if at <= LATEST:
            mrn = order.record.who.mrn
            self.rows.append((at, (moment(at), clerk, mrn, order.id, activity)))
