"""The panel. In: the uuid of a card; out: whose it is, and that it was opened.

The uuid is the key: nobody can guess it, and it opens the panel for a day only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from uptake.model import Action, UsageEvent
from uptake.state.events import record
from uptake.state.schema import card as card_table

if TYPE_CHECKING:
    from uptake.state.database import State

SURFACE = "uptake-panel"
OPEN_FOR = timedelta(hours=24)
"""A card that nobody acted on for a day counts as ignored."""


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card that was served."""

    uuid: str
    use_case: str
    patient: str
    practitioner: str
    encounter: str


def find_card(state: State, uuid: str, now: datetime) -> ShownCard | None:
    """Return a card that was served within the last day, None for any other."""
    with state.read() as connection:
        row = connection.execute(select(card_table).where(card_table.c.uuid == uuid)).first()
    if row is None or now - row.at > OPEN_FOR:
        return None
    return ShownCard(row.uuid, row.use_case, row.patient, row.practitioner, row.encounter)


def record_view(state: State, card: ShownCard, now: datetime) -> None:
    """Record that the panel was opened; by whom, is who was shown the card."""
    event = UsageEvent(
        id=f"card:{card.uuid}:viewed:{now.isoformat()}",
        at=now,
        action=Action.VIEWED,
        surface=SURFACE,
        use_case=card.use_case,
        practitioner=card.practitioner,
        patient=card.patient,
        encounter=card.encounter,
        card=card.uuid,
    )
    record(state, [event], now)
