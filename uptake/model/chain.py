"""How far the data get. In: nothing; out: the nouns of use, and of the chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """What happened at a surface; feedback of a card says nothing of cards that are ignored."""

    REQUESTED = "requested"
    SERVED = "served"
    WITHHELD = "withheld"
    """Something was found that nobody could act on: it was not shown, for the reason given."""
    VIEWED = "viewed"
    ACCEPTED = "accepted"
    OVERRIDDEN = "overridden"
    LAUNCHED = "launched"
    ACTED = "acted"


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """One thing that happened at a surface. FHIR: AuditEvent; CDS Hooks feedback."""

    id: str
    """The same event, sent again, has the same id."""
    at: datetime
    action: Action
    surface: str
    use_case: str
    practitioner: str = ""
    patient: str = ""
    """An id or a record number, as the sender knows the patient."""
    encounter: str = ""
    card: str = ""
    reason: str = ""
    comment: str = ""
    """What a clinician typed: it may name a patient, so no export carries it."""
    seconds: float | None = None


class Stage(StrEnum):
    """The chain, first to last; the first stage under its target is where it stalls."""

    DEFINED = "defined"
    MAPPED = "mapped"
    FIT = "fit"
    DELIVERED = "delivered"
    SEEN = "seen"
    USED = "used"
    ACTED_ON = "acted on"
    IMPROVED = "improved"


@dataclass(frozen=True, slots=True)
class StageResult:
    """One number of the chain, against its target."""

    stage: Stage
    verdict: str
    """`met`, `under` or `cannot tell`."""
    target: float
    """A share, 0 to 1; of `improved`, the charter's target in the measure's unit."""
    sentence: str
    """The number in words: "212 of 240 visits with an open gap were shown it in time"."""
    number: str = ""
    """As it stands on a page: `88 %`, `4.5 days`; empty: it cannot be told."""
    aim: str = ""
    """What the number should be: `at least 95 %`."""
    numerator: int | None = None
    denominator: int | None = None
    reason: str = ""
    """Why it cannot be told, and what would tell it."""

    @property
    def share(self) -> float | None:
        """Return numerator / denominator, None when it cannot be told."""
        if self.numerator is None or not self.denominator:
            return None
        return self.numerator / self.denominator


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that data bear out, and the page that shows them."""

    sentence: str
    link: str = ""
    """A path of the web application, without identifiers; empty: there is none."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Where a use case stalls, and why."""

    stage: Stage
    cause: str
    """What the cause is known by: `COD-01 northside-lab`, `surface outside-records-portal`."""
    why: str
    """One sentence."""
    evidence: tuple[Evidence, ...]
    disproof: str
    """What, if it were seen, would show the sentence to be wrong."""
    action: str
    """The next thing to do, and who does it."""
    link: str = ""
    """The page where it is done."""


@dataclass(frozen=True, slots=True)
class Chain:
    """How far one use case gets."""

    use_case: str
    title: str
    stages: tuple[StageResult, ...]
    stall: Stall | None
    """None: every stage that can be told meets its target."""

    @property
    def untold(self) -> tuple[StageResult, ...]:
        """Return the stages that cannot be told."""
        return tuple(s for s in self.stages if s.verdict == "cannot tell")
