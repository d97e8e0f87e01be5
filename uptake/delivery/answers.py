"""What clinicians answered in the panel or to a card. In: an item, a choice; out: a row, an event.

An answer changes nothing in the chart. It is kept, shown to whoever opens the panel next, and for
as long as `content/panel.toml` says the item is not put on a card again, unless it is critical.
"""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from uptake.model import Action, UsageEvent
from uptake.state.events import put
from uptake.state.schema import panel_answer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from uptake.delivery.cases import Item, Judged
    from uptake.state.database import State

SURFACE = "uptake-panel"
ANSWERED = "answered lately"
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
    """What the panel asks of a use case, and what setting a card aside answers."""

    heading: str
    """Of its section in the panel; empty: the summary of its card."""
    sides: bool
    one_sided: frozenset[str]
    """Kinds of items whose text says that one side has nothing."""
    choices: tuple[Choice, ...]
    set_aside: tuple[Choice, ...]
    """The reasons to set a card aside that are an answer to its items, as they are then."""

    def choice(self, code: str) -> Choice | None:
        """Return the choice with a code."""
        return _coded(self.choices, code)

    def reason(self, code: str) -> Choice | None:
        """Return the reason to set a card aside with a code, None for one that answers nothing."""
        return _coded(self.set_aside, code)


@dataclass(frozen=True, slots=True)
class Answer:
    """The newest answer to an item."""

    choice: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was sent."""

    id: str
    """Sent again, it is the same answer: made by the page, or of the card and the reason."""
    use_case: str
    item: str
    choice: Choice
    reason: str


class ShownItem(msgspec.Struct):
    """An item as it stood on a card."""

    kind: str = ""
    key: str = ""
    content: str = ""
    """Empty where it had no line on the card: what nobody read is not set aside."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A card that a clinician set aside."""

    event: UsageEvent
    """The override."""
    codes: Collection[str]
    """Its reasons, as the card had them."""
    shown: Collection[ShownItem]


def _coded(choices: Iterable[Choice], code: str) -> Choice | None:
    return next((c for c in choices if c.code == code), None)


@functools.cache
def asked_of(use_case: str) -> Asked:
    """Return what the panel asks of a use case."""
    text = (resources.files("uptake") / "content" / "panel.toml").read_text(encoding="utf-8")
    tables: Mapping[str, Any] = tomllib.loads(text)
    table = tables.get(use_case) or tables["default"]
    choices, reasons = (
        tuple(Choice(c["code"], c["label"], timedelta(days=c["settles"])) for c in listed)
        for listed in (table["choice"], table.get("set-aside", ()))
    )
    return Asked(
        table.get("heading", ""),
        bool(table.get("sides", False)),
        frozenset(table.get("one-sided", ())),
        choices,
        reasons,
    )


def item_key(item: Item) -> str:
    """Return what an item is known by: its kind and what it is about, whatever its words.

    An id is of its source, all but the patient's: that is the chart's, whoever says something.
    """
    about = sorted(item.about) or [item.text]
    if any(not one.startswith("Patient/") for one in item.about):
        about += sorted({one.source for one in item.context})
    return _digest(item.kind, *about)


def content_key(item: Item) -> str:
    """Return what an item is known by as long as nothing of it changes.

    Its text is left out: it may tell how long ago something was.
    """
    said = (
        (one.value, one.unit, one.range, one.trend, one.source, one.author, str(one.at))
        for one in item.context
    )
    return _digest(item_key(item), item.severity, *(part for one in said for part in one))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def answers_of(state: State, patient: str, use_case: str) -> dict[str, Answer]:
    """Return the newest answer to each item of a patient, by a key of the item.

    That is `item_key` of an answer in the panel, `content_key` of a card that was set aside.
    """
    table = panel_answer
    query = (
        select(table)
        .where(table.c.patient == patient, table.c.use_case == use_case)
        .order_by(table.c.id)
    )
    with state.read() as connection:
        rows = connection.execute(query).all()
    return {row.item: Answer(row.choice, row.reason, row.by, row.at) for row in rows}


def answer_to(item: Item, answers: Mapping[str, Answer]) -> Answer | None:
    """Return the newest answer to an item, None where nobody answered it."""
    found = [answers[key] for key in (item_key(item), content_key(item)) if key in answers]
    return max(found, key=lambda answer: answer.at, default=None)


def choice_of(answer: Answer, use_case: str) -> Choice | None:
    """Return the choice that an answer was; None where content no longer has it."""
    asked = asked_of(use_case)
    return asked.choice(answer.choice) or asked.reason(answer.choice)


def settle(judged: Judged, answers: Mapping[str, Answer], use_case: str, now: datetime) -> Judged:
    """Return what was judged, with the items that an answer settles withheld; never a critical."""

    def is_settled(item: Item) -> bool:
        answer = answer_to(item, answers)
        choice = choice_of(answer, use_case) if answer else None
        late = bool(answer and choice and now >= answer.at + choice.settles)
        return choice is not None and not late and item.severity != "critical"

    items = tuple(
        replace(item, withheld=ANSWERED) if not item.withheld and is_settled(item) else item
        for item in judged.items
    )
    return replace(judged, items=items)


def record_answer(state: State, event: UsageEvent, given: Given) -> bool:
    """Keep an answer, and that it was given; return False for one that was kept before.

    `event` says who answered, when, and before which patient.
    """
    with state.write() as connection:
        if not _keep(connection, event, given):
            return False
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


def record_set_aside(state: State, cards: Iterable[SetAside]) -> None:
    """Keep what setting cards aside answers; told again, it is the same."""
    found = [(card.event, given) for card in cards for given in _given(card)]
    if found:
        with state.write() as connection:
            for event, given in found:
                _keep(connection, event, given)


def _given(card: SetAside) -> Iterator[Given]:
    """Yield the answer to each item.

    A reason of the card is of its items as they are. One that names an item, as in `declined:RULE`,
    is the panel's answer to it.
    """
    event, asked = card.event, asked_of(card.event.use_case)
    for code in card.codes:
        word, _, name = code.partition(":")
        choice = asked.choice(word) if name else asked.reason(word)
        for item in card.shown:
            key = item.key if name else item.content
            if choice and key and (not name or item.kind.endswith(f" {name}")):
                sent = f"card:{event.card}:{code}:{key}"
                yield Given(sent, event.use_case, key, choice, event.comment)


def _keep(connection: Connection, event: UsageEvent, given: Given) -> bool:
    """Keep an answer; return False for one that was kept before."""
    known = select(panel_answer.c.id).where(panel_answer.c.sent == given.id)
    if connection.scalar(known) is not None:
        return False
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
    connection.execute(panel_answer.insert(), row)
    return True
