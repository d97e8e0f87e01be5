"""What a judge is given and what it says. In: nothing; out: the types between a call and a card.

A judge is a pure function, `Case` to `Judged`: it reads no file, asks nobody and knows no clock.
All its texts are plain; they are escaped where they are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal, Protocol

Resource = Mapping[str, Any]
Severity = Literal["info", "warning", "critical"]


class Got(StrEnum):
    """What became of asking for facts."""

    GIVEN = "given"
    NONE = "none"
    """The server said that there are none."""
    FAILED = "failed"
    """There was an error: whether there are any cannot be told."""
    ABSENT = "absent"
    """Nobody was asked, or it is not permitted: it cannot be told, either."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The resources of one need, and how far their absence may be believed."""

    resources: tuple[Resource, ...] = ()
    got: Got = Got.ABSENT
    whole: bool = True
    """False: more pages exist, so absence cannot be concluded."""

    @property
    def told(self) -> bool:
        """Tell whether what is not here does not exist, as far as the server knows."""
        return self.whole and self.got in (Got.GIVEN, Got.NONE)


@dataclass(frozen=True, slots=True)
class Need:
    """Facts a service wants to know, as a CDS Hooks prefetch template."""

    key: str
    query: str
    """As in `MedicationRequest?patient={{context.patientId}}&status=active`."""
    required: bool = False
    """Where it cannot be had, the call is answered with 412."""


class Known(Protocol):
    """What the newest run knows of one patient."""

    @property
    def doubt(self) -> str:
        """Return why it cannot be told whose these facts are: they are withheld; empty: it can."""

    @property
    def another(self) -> str:
        """Return why another record may be this person's, so that what is not known may stand
        there; empty where no such record is known.
        """

    @property
    def as_of(self) -> str:
        """Return the day the run was made as of, empty where there is no run."""

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """Return this patient's rows of a delivery table, none of one that was not written."""


@dataclass(frozen=True, slots=True)
class Case:
    """One patient at one moment of the work."""

    hook: str
    patient: str
    user: str
    encounter: str
    now: datetime
    facts: Mapping[str, Facts]
    """By the key of the need."""
    known: Known
    drafts: tuple[Resource, ...] = ()
    """Orders that are not signed yet, at order-select and order-sign."""
    selected: tuple[str, ...] = ()
    """References of the drafts that were just chosen, at order-select."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """What clinicians call a feed, by its name."""

    def called(self, feed: str) -> str:
        """Return what clinicians call a feed."""
        return self.titles.get(feed, feed)

    def of(self, key: str) -> Facts:
        """Return the facts of a need, absent where nobody asked for them."""
        return self.facts.get(key, Facts())


@dataclass(frozen=True, slots=True)
class Context:
    """What makes a fact usable; everything that is shown carries it."""

    value: str = ""
    unit: str = ""
    range: str = ""
    """The reference range or target, as in `under 7 %`."""
    trend: str = ""
    source: str = ""
    author: str = ""
    at: datetime | date | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """One change of the record, done only when a clinician accepts it."""

    type: Literal["create", "update", "delete"]
    description: str
    resource: Resource | None = None
    """The whole resource, of create and update; an update carries the version it was made from."""
    resource_id: str = ""
    """`Type/id`, of delete."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something a clinician can accept with one click."""

    label: str
    acts: tuple[Act, ...] = ()
    recommended: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a clinician is told."""

    kind: str
    text: str
    """Empty: there is nothing to show; the item is only counted, by why it is withheld."""
    context: tuple[Context, ...]
    severity: Severity
    about: tuple[str, ...] = ()
    """References `Type/id`; at the order hooks the draft it is about."""
    suggestions: tuple[Suggestion, ...] = ()
    withheld: str = ""
    """Why it is not on the card (no action, no date, no source …); it still counts."""
    lasting: bool = False
    """True: it holds until somebody takes it back, as an allergy does, so it needs no date."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a service says of a case."""

    summary: str
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()
    system_actions: tuple[Act, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Why a clinician may set it aside: code to words; empty: the reasons of every card."""
    panel: bool = True
    """Whether the card links to the panel."""


@dataclass(frozen=True, slots=True)
class Service:
    """One CDS Hooks service: a hook, what it needs to know, and who judges."""

    id: str
    hook: str
    title: str
    description: str
    use_case: str
    needs: tuple[Need, ...]
    judge: Callable[[Case], Judged | None]
    """None: there is nothing to say."""
    usage: str = ""
    """What a caller must know, as discovery's usageRequirements."""


def withhold(case: Case, summary: str) -> Judged:
    """Return that nothing is shown, since it cannot be told whose it is; the item counts why."""
    text = "It is not certain that all records are of one person"
    item = Item("wrong-patient", text, (), "warning", withheld=case.known.doubt)
    return Judged(summary, (item,), panel=False)


def another(case: Case) -> tuple[str, ...]:
    """Return a note where another record may be this person's: what is missing may stand there."""
    why = case.known.another
    return (f"Not all may be here: {why}.",) if why else ()
