"""What stands beside the chain. In: a run's summary, a situation; out: facts no stage says.

The technical strip may be well while the chain stalls: that is what the page is to show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.adoption.access import with_access
from uptake.delivery.hooks import SURFACE
from uptake.engine.duckdb import in_utc
from uptake.report.figures import Figures, listed, threshold
from uptake.rollout import feedback
from uptake.rollout.facts import unit_champions
from uptake.rollout.people import WANTED, trained
from uptake.web.words import counted

if TYPE_CHECKING:
    from uptake.model import Feed, UseCase
    from uptake.rollout.situation import Situation
    from uptake.web.run import Summary

DAYS = 28
NAMED = 6
"""Feeds whose newest receipt is named; of more, those that are furthest behind."""
_SAY = Figures()


@dataclass(frozen=True, slots=True)
class Fact:
    """A number beside the chain."""

    name: str
    value: str
    note: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Technical:
    """Whether data come in and answers go out, in one sentence; then the numbers."""

    verdict: str
    """`met` or `under`."""
    sentence: str
    facts: tuple[Fact, ...]


def technical(summary: Summary, declared: Sequence[Feed], situation: Situation) -> Technical:
    """Return what works technically: none of it says that anybody uses the data."""
    files = summary.inputs
    kept, records = sum(f.quarantined for f in files), sum(f.records for f in files)
    names = {f.feed for f in files} | {f.name for f in declared}
    read = {f.feed for f in files if f.resources}
    wrong = [f"nothing of {listed(sorted(names - read))} was read"] if names - read else []
    gate = next((c for c in summary.checks if c.code == "CNF-01"), None)
    many = f"{kept:,} of {_SAY.count(records, 'records')} {'was' if kept == 1 else 'were'} kept out"
    if gate and gate.verdict == "fail":
        told = many if kept else "too many records are not built as FHIR says"
        wrong.append(f"{told}, where at most {threshold(gate.threshold)} are allowed")
    fine = f"{_all_read(len(names))}, {many if kept else 'nothing was kept out'}"
    told = f"something is wrong: {listed(wrong)}" if wrong else f"all is well: {fine}"
    facts = (
        Fact("Feeds read", f"{len(read)} of {len(names)}", f"as of {summary.as_of}", "/feeds"),
        Fact("Resources", _SAY.count(sum(f.resources for f in files)), "read", "/feeds"),
        Fact("Records kept out", _SAY.count(kept), "could not be read", "/feeds"),
        _calls(situation),
        *_receipts(summary),
    )
    return Technical("under" if wrong else "met", f"Technically, {told}.", facts)


def _all_read(feeds: int) -> str:
    if feeds == 1:
        return "the feed was read"
    return f"{'both' if feeds == 2 else f'all {counted(feeds)}'} feeds were read"


def _calls(situation: Situation) -> Fact:
    """Return how often an EHR asked for a card and was answered; most answers have no card."""
    name, note = "CDS calls answered", f"in {DAYS} days"
    if situation.reach is None:
        return Fact(name, "none", note)
    asked, served = situation.reach.db.row(
        "select count(*) filter (action = 'requested'), count(*) filter (action = 'served') "
        "from event where surface = ? and at_time >= ?",
        [SURFACE, in_utc(situation.now - timedelta(days=DAYS))],
    )
    if not asked:
        return Fact(name, "none", note)
    return Fact(name, _SAY.count(asked), f"{note}, {served:,} with a card")


def _receipts(summary: Summary) -> tuple[Fact, ...]:
    """Return when each feed's newest resource was received, those furthest behind first."""
    behind = sorted(summary.received.items(), key=lambda found: (found[1], found[0]))
    if not behind:
        return ()
    told = ", ".join(f"{feed} {at:%b} {at.day}" for feed, at in behind[:NAMED])
    more = f", {len(behind) - NAMED} more are newer" if len(behind) > NAMED else ""
    newest = behind[-1][1]
    return (Fact("Newest receipt", f"{newest:%Y-%m-%d}", f"{told}{more}", "/feeds"),)


def people(situation: Situation) -> tuple[Fact, ...]:
    """Return who carries the use cases; a unit or a person of two use cases counts in both."""
    cases = situation.definitions.use_cases.values()
    return (_champions(situation, cases), _trained(situation, cases), _answered(situation))


def _champions(situation: Situation, cases: Iterable[UseCase]) -> Fact:
    units = [u for case in cases for u in unit_champions(situation, case.code) or ()]
    if not units:
        return Fact("Champions", "cannot tell", "no access list names a unit", "/rollout")
    held = sum(all(unit.active(kind) for kind in WANTED) for unit in units)
    return Fact(
        "Champions",
        f"{held} of {_SAY.count(len(units), 'units')}",
        "with a physician and a nurse who use it",
        "/rollout",
    )


def _trained(situation: Situation, cases: Iterable[UseCase]) -> Fact:
    access, surfaces = situation.access, situation.definitions.surfaces.values()
    found = [
        trained(
            situation.state,
            case.code,
            [p.practitioner for p in with_access(access, surfaces, case.code)],
        )
        for case in cases
    ]
    whole, done = sum(t.people for t in found), sum(t.trained for t in found)
    if not whole:
        return Fact("Trained", "cannot tell", "no access list was imported", "/rollout")
    return Fact("Trained", _SAY.share(done, whole), "of the people with access", "/rollout")


def _answered(situation: Situation) -> Fact:
    told = feedback.figures(feedback.queue(situation.state, situation.now))
    if not told.reports:
        return Fact("Feedback answered", "none", "nothing was reported", "/feedback")
    value = f"{told.answered} of {told.reports}"
    return Fact("Feedback answered", value, f"reports, {told.open} open", "/feedback")
