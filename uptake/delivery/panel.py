"""The panel. In: a card or a SMART session, what is known of its patient; out: sections, events.

A card's uuid is a key: nobody can guess it, and it opens the panel for a day only. Every use case
with something to say of the patient has a section; its judge says what is in it, as for a card.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import select

from uptake.delivery.answers import (
    ANSWERED,
    SURFACE,
    Answer,
    Asked,
    Choice,
    answer_to,
    asked_of,
    item_key,
)
from uptake.delivery.cards import SEVERITIES, actionable
from uptake.delivery.services import care_gaps, conflicts, medications, services
from uptake.model import Action, UsageEvent
from uptake.state.events import record
from uptake.state.schema import card as card_table

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.delivery.cases import Case, Context, Item, Judged, Service
    from uptake.delivery.smart.sessions import Session
    from uptake.state.database import State

HOOK = "patient-view"
"""Whose services say what is in the panel: it is opened on a chart."""
OPEN_FOR = timedelta(hours=24)
"""A card that nobody acted on for a day counts as ignored."""
RESTS: Mapping[str, Callable[[Case], tuple[Item, ...]]] = {
    medications.USE_CASE: medications.rest_of
}
"""Use cases whose panel shows what is no news, too."""
ROOM = frozenset({ANSWERED, care_gaps.MORE, care_gaps.SAME_MEASURE, conflicts.IN_PANEL})
"""Why an item is on no card, where that is no reason to fold it away here: there is room."""
PLAIN = frozenset({ANSWERED, conflicts.IN_PANEL})
"""Why an item is on no card, where the page shows that anyway."""
ALLERGY = "allergy"
"""The kind of a drug that meets an allergy, which stands last in its context."""
LONGEST = timedelta(hours=4)
"""No look at a panel lasts longer; a screen was left on."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who has the panel open, and whose chart it is."""

    view: str
    """What the forms of the page carry: the card's uuid, or the view of the session."""
    patient: str
    practitioner: str
    encounter: str
    card: str = ""
    use_case: str = ""
    """The card's; its section comes first."""

    def event(self, action: Action, use_case: str, key: str, now: datetime) -> UsageEvent:
        """Return an event of this viewer at the panel."""
        return UsageEvent(
            id=key,
            at=now,
            action=action,
            surface=SURFACE,
            use_case=use_case,
            practitioner=self.practitioner,
            patient=self.patient,
            encounter=self.encounter,
            card=self.card if use_case == self.use_case else "",
        )


@dataclass(frozen=True, slots=True)
class Sources:
    """The feeds of the project, by name."""

    feeds: frozenset[str]
    charts: frozenset[str]
    """Those of the EHR itself."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one source says of an item."""

    label: str
    """Who says it, as in `Outside`; empty where a use case has no sides."""
    said: Context | None
    """None: it says nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One item of a section, with the answer it has, if any."""

    key: str
    item: Item
    sides: tuple[Side, ...]
    about: str
    """`feed|Type/id` of what a report about it is about; empty where that is not known."""
    answer: Answer | None

    @property
    def why(self) -> str:
        """Return why it is on no card, empty where it is or the page shows why."""
        return "" if self.item.withheld in PLAIN else self.item.withheld


@dataclass(frozen=True, slots=True)
class Section:
    """What one use case says of the patient."""

    use_case: str
    heading: str
    rows: tuple[Row, ...]
    withheld: tuple[Row, ...]
    """What is not on a card: nobody could act on it as it is."""
    rest: tuple[Row, ...]
    """What is the same on both sides, or news to nobody."""
    notes: tuple[str, ...]
    choices: tuple[Choice, ...]

    @property
    def shown(self) -> tuple[Row, ...]:
        """Return every row, in the order of the page."""
        return (*self.rows, *self.withheld, *self.rest)


def of_card(state: State, uuid: str, now: datetime) -> Viewer | None:
    """Return who was shown a card within the last day, None for any other."""
    with state.read() as connection:
        row = connection.execute(select(card_table).where(card_table.c.uuid == uuid)).first()
    if row is None or now - row.at > OPEN_FOR:
        return None
    return Viewer(row.uuid, row.patient, row.practitioner, row.encounter, row.uuid, row.use_case)


def of_session(state: State, session: Session, now: datetime) -> Viewer:
    """Return who is signed in; a card that is another patient's, or too old, is passed over."""
    card = of_card(state, session.card, now) if session.card else None
    mine = card if card and card.patient == session.patient else None
    return Viewer(
        session.view,
        session.patient,
        session.practitioner,
        session.encounter,
        mine.card if mine else "",
        mine.use_case if mine else "",
    )


def panel_services(folder: Path | None) -> tuple[Service, ...]:
    """Return a service a use case of a project's folder, by use case."""
    found: dict[str, Service] = {}
    for service in services(folder).values():
        if service.hook == HOOK:
            found.setdefault(service.use_case, service)
    return tuple(found[use_case] for use_case in sorted(found))


def build_sections(
    asked: Iterable[Service],
    first: str,
    case_of: Callable[[Service], Case],
    answers_of: Callable[[str], Mapping[str, Answer]],
    sources: Sources,
) -> tuple[Section, ...]:
    """Return the sections with something to say: that of the card first, then the worst."""
    found = []
    for service in asked:
        case = case_of(service)
        judged = service.judge(case)
        if judged is not None and judged.panel:
            answers = answers_of(service.use_case)
            rest = RESTS[service.use_case](case) if service.use_case in RESTS else ()
            found.append(_section(service.use_case, judged, rest, answers, sources))
    return tuple(sorted(found, key=lambda section: (section.use_case != first, -_worst(section))))


def shared_notes(sections: Iterable[Section]) -> tuple[str, ...]:
    """Return the notes of more than one section: the page has them once, below all."""
    counts = Counter(note for section in sections for note in dict.fromkeys(section.notes))
    return tuple(note for note, count in counts.items() if count > 1)


def _worst(section: Section) -> int:
    """Return how severe the worst item is, -1 where nothing of it is on a card."""
    return max((SEVERITIES.index(row.item.severity) for row in section.rows), default=-1)


def _section(
    use_case: str,
    judged: Judged,
    rest: Iterable[Item],
    answers: Mapping[str, Answer],
    sources: Sources,
) -> Section:
    asked = asked_of(use_case)
    rows = [_row(item, answers, asked, sources) for item in actionable(judged.items) if item.text]
    shown = [row for row in rows if not row.item.withheld or row.item.withheld in ROOM]
    return Section(
        use_case,
        asked.heading or judged.summary,
        tuple(shown),
        tuple(row for row in rows if row not in shown),
        tuple(_row(item, answers, asked, sources) for item in rest),
        judged.notes,
        asked.choices,
    )


def _row(item: Item, answers: Mapping[str, Answer], asked: Asked, sources: Sources) -> Row:
    sides = _sides(item, asked, sources.charts)
    about = _about(item, sources.feeds)
    return Row(item_key(item), item, tuple(sides), about, answer_to(item, answers))


def _sides(item: Item, asked: Asked, charts: Collection[str]) -> Iterable[Side]:
    """Yield what each source says; where one of two says nothing, that, unless the text says it.

    Of what could not be compared, only what was said: whether the other has it is not known.
    """
    if not asked.sides:
        yield from (Side("", said) for said in item.context)
        return
    labels: list[str] = []
    for place, said in enumerate(item.context, 1):
        where = "Chart" if said.source in charts else "Outside"
        if item.kind == ALLERGY and place == len(item.context):
            where = "Allergy in the chart" if where == "Chart" else "Allergy, outside"
        label = f"{where}, too" if where in labels else where
        labels.append(label)
        yield Side(label, said)
    if len(labels) == 1 and item.kind not in (medications.UNREAD, *asked.one_sided):
        yield from (Side(label, None) for label in ("Outside", "Chart") if label not in labels)


def _about(item: Item, feeds: Collection[str]) -> str:
    """Return the record an item is about with its feed, where both stand in the same place.

    An item about the patient is none of them: its source is that of the evidence, whose number for
    the patient is another one.
    """
    pairs = zip(item.about, item.context, strict=False)
    records = (
        f"{said.source}|{what}"
        for what, said in pairs
        if said.source in feeds and not what.startswith("Patient/")
    )
    return next(records, "")


def record_launch(state: State, session: Session, now: datetime) -> None:
    """Record that a card's link was followed to the panel; a launch from a menu has no card."""
    viewer = of_session(state, session, now)
    if viewer.card:
        key = f"card:{viewer.card}:launched:{uuid4()}"
        record(state, [viewer.event(Action.LAUNCHED, viewer.use_case, key, now)], now)


def record_view(state: State, viewer: Viewer, use_case: str, now: datetime) -> None:
    """Record that the panel was opened; seen is what stands first, the rest may be below."""
    key = f"panel:{uuid4()}:viewed"
    record(state, [viewer.event(Action.VIEWED, use_case, key, now)], now)


@dataclass(frozen=True, slots=True)
class Look:
    """How long sections were on the screen, as the page tells it when it is left."""

    id: str
    """Made by the page: told again, it is the same look."""
    seconds: Mapping[str, float]
    """By use case."""


def record_look(
    state: State, viewer: Viewer, look: Look, known: Collection[str], now: datetime
) -> None:
    """Record which sections of `known` use cases were seen and for how long."""
    most = LONGEST.total_seconds()
    events = []
    for use_case, seconds in look.seconds.items():
        if use_case in known and 0 <= seconds <= most:
            event = viewer.event(Action.VIEWED, use_case, f"panel:{look.id}:{use_case}", now)
            events.append(replace(event, seconds=seconds))
    record(state, events, now)
