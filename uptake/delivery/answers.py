"""What clinicians answered in the panel. In: an item and a choice; out: a row, an event.

An answer changes nothing in the chart. It is kept, shown to whoever opens the panel next, and for
as long as `content/panel.toml` says the item is not put on a card again.
"""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from uptake.model import Action, UsageEvent
from uptake.state.events import put
from uptake.state.schema import panel_answer

if TYPE_CHECKING:
    from uptake.delivery.cases import Item, Judged
    from uptake.state.database import State

SURFACE = "uptake-panel"
ANSWERED = "answered in the panel"
"""Why an item is not on a card."""
LONGEST = 500
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer a clinician can give."""

    code: str
    label: str
    settles: timedelta


@dataclass(frozen=True, slots=True)
class Asked:
    """What the panel asks of a use case."""

    sides: bool
    choices: tuple[Choice, ...]

    def choice(self, code: str) -> Choice | None:
        """Return the choice with a code."""
        return next((c for c in self.choices if c.code == code), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """The newest answer to an item."""

    choice: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was sent from a page."""

    id: str
    """Made by the page, so that a form sent again is the same answer."""
    use_case: str
    item: str
    choice: Choice
    reason: str


@functools.cache
def asked_of(use_case: str) -> Asked:
    """Return what the panel asks of a use case."""
    text = (resources.files("uptake") / "content" / "panel.toml").read_text(encoding="utf-8")
    tables: Mapping[str, Any] = tomllib.loads(text)
    table = tables.get(use_case) or tables["default"]
    choices = tuple(
        Choice(c["code"], c["label"], timedelta(days=c["settles"])) for c in table["choice"]
    )
    return Asked(bool(table.get("sides", False)), choices)


def item_key(item: Item) -> str:
    """Return what an item is known by: its kind and what it is about, whatever its words.

    An id is of its source, all but the patient's: that is the chart's, whoever says something.
    """
    about = sorted(item.about) or [item.text]
    if any(not one.startswith("Patient/") for one in item.about):
        about += sorted({one.source for one in item.context})
    return hashlib.sha256("\n".join((item.kind, *about)).encode()).hexdigest()[:24]


def answers_of(state: State, patient: str, use_case: str) -> dict[str, Answer]:
    """Return the newest answer to each item of a patient, by the item's key."""
    table = panel_answer
    query = (
        select(table)
        .where(table.c.patient == patient, table.c.use_case == use_case)
        .order_by(table.c.id)
    )
    with state.read() as connection:
        rows = connection.execute(query).all()
    return {row.item: Answer(row.choice, row.reason, row.by, row.at) for row in rows}


def settle(judged: Judged, answers: Mapping[str, Answer], use_case: str, now: datetime) -> Judged:
    """Return what was judged, with the items that an answer settles withheld."""
    asked = asked_of(use_case)

    def is_settled(item: Item) -> bool:
        answer = answers.get(item_key(item))
        choice = asked.choice(answer.choice) if answer else None
        return bool(answer and choice and now < answer.at + choice.settles)

    items = tuple(
        replace(item, withheld=ANSWERED) if not item.withheld and is_settled(item) else item
        for item in judged.items
    )
    return replace(judged, items=items)


def record_answer(state: State, event: UsageEvent, given: Given) -> bool:
    """Keep an answer, and that it was given; return False for one that was kept before.

    `event` says who answered, when, and before which patient.
    """
    row = {
        "sent": given.id,
        "use_case": given.use_case,
        "patient": event.patient,
        "item": given.item,
        "choice": given.choice.code,
        "reason": given.reason[:LONGEST],
        "card": event.card,
        "by": event.practitioner,
        "at": event.at,
    }
    known = select(panel_answer.c.id).where(panel_answer.c.sent == given.id)
    with state.write() as connection:
        if connection.scalar(known) is not None:
            return False
        connection.execute(panel_answer.insert(), row)
        acted = replace(
            event,
            id=f"answer:{given.id}",
            action=Action.ACTED,
            use_case=given.use_case,
            reason=given.choice.label,
            comment=given.reason[:LONGEST],
        )
        put(connection, [acted], event.at)
    return True
