"""Where an authorization stands. In: an order and what belongs to it; out: status and clocks.

The clocks are those of the use case: T0 signed, T1 the payer's answer at the point of care, T2
documents complete, T3 received by the payer, T4 first response, T5 pend resolved, T6 final, T7
service done. Each names the element it was read from; what no element says stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from uptake.authorization.coverage_information import read_coverage_information
from uptake.authorization.decisions import (
    FINAL,
    GRANTED,
    Decision,
    Outcome,
    read_decisions,
)
from uptake.authorization.dossier import items_for
from uptake.authorization.mismatches import Asked, Mismatch, find_mismatches
from uptake.authorization.needs import DRUGS, Need, need_of
from uptake.authorization.settings import settings
from uptake.resources.elements import (
    codings,
    day_of,
    instant,
    members,
    name_of,
    parts,
    reference_of,
)

if TYPE_CHECKING:
    from uptake.authorization.dossier import Dossier

Resource = Mapping[str, Any]
CLOCKS = {
    "T0": "signed",
    "T1": "payer's answer at the point of care",
    "T2": "documents complete",
    "T3": "received by the payer",
    "T4": "first response",
    "T5": "pend resolved",
    "T6": "final",
    "T7": "service done",
}
_DONE = {"Procedure": "performed", "DiagnosticReport": "effective", "Encounter": "period"}
"""Where each type says when a service was done."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One moment; of a day only, `at` is None."""

    name: str
    source: str
    """`Type/id` and element."""
    at: datetime | None
    day: date | None


@dataclass(frozen=True, slots=True)
class Authorization:
    """An order's authorization as of a moment."""

    order: Resource
    need: Need
    claims: tuple[Resource, ...]
    decisions: tuple[Decision, ...]
    """The newest first: it counts, the others are shown."""
    clocks: Mapping[str, Clock] = field(default_factory=dict)
    mismatches: tuple[Mismatch, ...] = ()

    @property
    def newest(self) -> Decision | None:
        """Return the answer that counts."""
        return self.decisions[0] if self.decisions else None

    @property
    def status(self) -> str:
        """Return where it stands, in words."""
        if self.newest:
            return str(self.newest.outcome)
        if self.claims:
            return "asked"
        if self.need.satisfied:
            return "satisfied"
        if self.need.needed is None:
            return "cannot tell"
        return "needed" if self.need.needed else "not needed"

    @property
    def speed(self) -> str:
        """Return `expedited` or `standard`; empty where no claim says so."""
        known = settings().priority
        codes = [code for claim in self.claims for _, code in codings(claim.get("priority"))]
        return next((known[code] for code in codes if code in known), "")

    @property
    def is_drug(self) -> bool:
        """Tell whether it is about a drug, for which CMS-0057-F sets no times."""
        return self.order.get("resourceType") == DRUGS

    @property
    def granted_after_denial(self) -> bool:
        """Tell whether a later answer approved what was denied: an appeal, or a new request."""
        oldest_first = [d.outcome for d in reversed(self.decisions)]
        if Outcome.DENIED not in oldest_first:
            return False
        return bool(GRANTED & set(oldest_first[oldest_first.index(Outcome.DENIED) :]))

    def elapsed(self, begin: str, end: str) -> timedelta | None:
        """Return the time between two clocks; of days only, in whole days; None if unknown."""
        one, two = self.clocks.get(begin), self.clocks.get(end)
        if one is None or two is None:
            return None
        if one.at and two.at:
            return two.at - one.at
        return two.day - one.day if one.day and two.day else None

    def in_time(self, now: datetime) -> bool | None:
        """Tell whether the payer kept the time that binds it, T3 to T6.

        None where none binds it (or nobody says so), it is not over yet, or it cannot be told.
        """
        regulated = self.need.payer is not None and self.need.payer.regulated is True
        received, final = self.clocks.get("T3"), self.clocks.get("T6")
        if not regulated or self.is_drug or not self.speed or received is None:
            return None
        limit = settings().limits[self.speed]
        if self.speed == "standard":  # calendar days
            last = final.day if final else now.date()
            if received.day is None or last is None:
                return None
            kept = last - received.day <= limit
        else:
            until = final.at if final else now
            if received.at is None or until is None:
                return None
            kept = until - received.at <= limit
        return kept if final or not kept else None


def track(order: Resource, dossier: Dossier, now: datetime) -> Authorization:
    """Return where an order's authorization stands, of all that belongs to its patient."""
    need = need_of(order, dossier.coverages, dossier.documents, dossier.payers, now.date())
    claims = dossier.claims_of(order)
    answers = dossier.answers_to(claims)
    decisions = read_decisions(answers, items_for(order, claims))
    clocks = {c.name: c for c in _clocks(order, need, claims, decisions, dossier.services)}
    done = clocks["T7"].day if "T7" in clocks else None
    asked = Asked(order, need, claims, answers, decisions, done)
    wrong = find_mismatches(asked, dossier, now.date())
    return Authorization(order, need, claims, decisions, clocks, wrong)


def _clocks(
    order: Resource,
    need: Need,
    claims: Sequence[Resource],
    decisions: Sequence[Decision],
    services: Iterable[Resource],
) -> Iterable[Clock]:
    yield from _clock("T0", order, "authoredOn")
    told = [c for c in read_coverage_information(order) if c.day]
    if told:
        yield Clock("T1", f"{name_of(order)} coverage-information", None, told[-1].day)
    if need.documents and not need.missing:
        newest = max(need.found, key=lambda one: (one.day or date.min, one.source))
        yield Clock("T2", newest.source, None, newest.day)
    if claims:
        # No element tells when a payer received it; a claim is sent as it is made.
        yield from _clock("T3", claims[0], "created")
    answered = list(reversed(decisions))
    finals = [d for d in answered if d.outcome in FINAL]
    pended = next((n for n, d in enumerate(answered) if d.outcome is Outcome.PENDED), None)
    if answered:
        yield _of(answered[0], "T4")
    resolved = [] if pended is None else [d for d in answered[pended:] if d.outcome in FINAL]
    if resolved:
        yield _of(resolved[0], "T5")
    if finals:
        yield _of(finals[0], "T6")
    yield from _service(order, services)


def _of(decision: Decision, name: str) -> Clock:
    return Clock(name, f"{decision.source} created", decision.at, decision.day)


def _clock(name: str, resource: Resource, element: str) -> Iterable[Clock]:
    day = day_of(resource.get(element))
    if day:
        yield Clock(name, f"{name_of(resource)} {element}", instant(resource[element]), day)


def _service(order: Resource, services: Iterable[Resource]) -> Iterable[Clock]:
    """Yield when the service was first done, of what says it was done on this order."""
    found = []
    for one in services:
        based = {reference_of(r) for r in members(one.get("basedOn"))}
        if name_of(order) not in based or one.get("status") in ("entered-in-error", "not-done"):
            continue
        element = _DONE.get(str(one.get("resourceType")), "")
        period = parts(one.get(f"{element}Period", one.get("period")))
        sent = one.get(f"{element}DateTime") or period.get("start")
        if day := day_of(sent):
            found.append((day, name_of(one), Clock("T7", name_of(one), instant(sent), day)))
    if found:
        yield min(found, key=lambda f: f[:2])[2]
