"""What a gate asks. In: the facts of a use case; out: whether each condition is met, and why.

A condition is met, not met, or cannot be told: what cannot be told blocks as well, and says what
would tell it.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING

from uptake.model import Evidence, Stage
from uptake.report.figures import Figures, clean, listed, threshold
from uptake.rollout.charter import FEWEST, ITEMS, MOST, Charter
from uptake.rollout.people import WANTED, UnitChampions
from uptake.rollout.workflow import (
    CURRENT,
    DESIGN,
    Placement,
    WorkflowMap,
    mapped,
    newest,
    observed_before,
)

if TYPE_CHECKING:
    from uptake.model import Chain, UseCase


class GateStage(StrEnum):
    """The gates, first to last."""

    SCOPING = "scoping"
    BUILD = "build"
    GO_LIVE = "go-live"
    SUSTAIN = "sustain"


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody answers for a condition that is not met, up to a day."""

    stage: str
    condition: str
    reason: str
    until: date
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """A gate was passed, or the outcome reviewed, on a day."""

    stage: str
    day: date
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RunFact:
    """What one run said of the use case; a run that did not judge it is no fact."""

    run: str
    as_of: date
    verdict: str
    """Of fitness: `fit`, `at risk`, `unfit`, `cannot tell` or `not applicable`."""
    fit: int
    population: int
    blockers: tuple[str, ...] = ()
    """Checks of severity blocker that fail on elements of the use case and are not withheld."""
    blockers_not_run: tuple[str, ...] = ()
    """Those of which nobody can tell whether they fail."""


@dataclass(frozen=True, slots=True)
class FeedbackCounts:
    """Reports about the use case; `waiting` are those that still have time for an answer."""

    answered: int = 0
    unanswered: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class GateFacts:
    """Everything the gates look at."""

    use_case: UseCase
    today: date
    charter: Charter
    maps: tuple[WorkflowMap, ...] = ()
    placements: tuple[Placement, ...] = ()
    runs: tuple[RunFact, ...] = ()
    champions: tuple[UnitChampions, ...] | None = None
    """Of each unit with access; None: there is no access list."""
    feedback: FeedbackCounts = FeedbackCounts()
    chain: Chain | None = None
    """How far it gets; None: it was not computed."""
    decisions: tuple[Decision, ...] = ()
    """The newest of each stage."""
    waivers: tuple[Waiver, ...] = ()
    """The newest of each condition."""

    def day(self, stage: str) -> date | None:
        """Return the day that was decided for a stage: of go-live, the day it goes live."""
        return next((d.day for d in self.decisions if d.stage == stage), None)

    @property
    def newest_run(self) -> RunFact | None:
        """Return the newest run that is not dated in the future."""
        held = [r for r in self.runs if r.as_of <= self.today]
        return max(held, key=lambda r: (r.as_of, r.run), default=None)


REVIEW = "outcome review"
"""The stage under which a review of the outcome is kept among the decisions."""
Told = tuple[bool | None, Evidence]


@dataclass(frozen=True, slots=True)
class Asked:
    """One condition of a gate, and how it is judged."""

    code: str
    title: str
    judge: Callable[[GateFacts], Told]


@functools.cache
def limit(name: str) -> int:
    """Return a number of days of gates.toml."""
    path = resources.files("uptake") / "content" / "gates.toml"
    return int(tomllib.loads(path.read_text("utf-8"))[name])


def _charter(facts: GateFacts) -> Told:
    signed = sum(item.signed is not None for item in facts.charter.items)
    told = f"{signed} of {len(ITEMS)} items are signed by the owner."
    if facts.charter.missing:
        told += f" Still missing: {listed(ITEMS[name] for name in facts.charter.missing)}."
    return signed == len(ITEMS), _where(facts, "charter", told)


def _acceptance(facts: GateFacts) -> Told:
    whole = len(facts.charter.criteria)
    signed = sum(part.signed is not None for part in facts.charter.criteria)
    told = "There are no acceptance criteria yet."
    if whole:
        told = f"{signed} of {whole} acceptance criteria are signed by the owner."
    if not FEWEST <= whole <= MOST:
        told += f" It takes {FEWEST} to {MOST}."
    return FEWEST <= whole <= MOST and signed == whole, _where(facts, "charter", told)


def _observed(facts: GateFacts) -> Told:
    design = newest(facts.maps, DESIGN)
    if design and (seen := observed_before(facts.maps, design)):
        told = f"A clinician observed the work on {seen.dated}; it was designed on {design.dated}."
        return True, _where(facts, "map", told)
    if design is None and newest(facts.maps, CURRENT):
        return False, _where(
            facts, "map", "The work was observed, but how it will be done is not drawn."
        )
    return False, _where(facts, "map", "No clinician's observation of the work is drawn.")


def _placed(facts: GateFacts) -> Told:
    result = mapped(facts.use_case, facts.maps, facts.placements)
    met = None if result.verdict == "cannot tell" else result.verdict == "met"
    return met, _where(facts, "map", f"{result.sentence} {result.reason}".strip())


def _throughout(facts: GateFacts) -> Told:
    began = facts.day(GateStage.SCOPING)
    end = min(facts.day(GateStage.GO_LIVE) or facts.today, facts.today)
    if began is None:
        return None, Evidence("Nobody decided on scoping, so when the build began cannot be told.")
    if end < began:
        return None, Evidence(f"The build began on {began}, after its end on {end}.")
    days = sorted({run.as_of for run in facts.runs if began <= run.as_of <= end})
    if not days:
        return False, Evidence(f"No assessment since the build began on {began}.", "/feeds")
    start, stop = max(pairwise([began, *days, end]), key=lambda pair: pair[1] - pair[0])
    gap = (stop - start).days
    if gap > limit("run_gap"):
        most = limit("run_gap")
        told = f"No assessment for {gap} days, from {start} to {stop}; {most} are the most."
        return False, Evidence(told, "/feeds")
    told = (
        f"Assessed on {Figures().count(len(days), 'days')} since {began}, at most {gap} days apart."
    )
    return True, Evidence(told, "/feeds")


def _recent(facts: GateFacts) -> Told:
    run = facts.newest_run
    if run is None:
        return False, Evidence("There is no assessment yet.", "/feeds")
    age = (facts.today - run.as_of).days
    told = f"The newest assessment is of {run.as_of}, {Figures().count(age, 'days')} ago."
    return age < limit("run_age"), Evidence(told, "/feeds")


def _fitness(facts: GateFacts) -> Told:
    run, case = facts.newest_run, facts.use_case
    if run is None:
        return None, _case(facts, "There is no assessment that could tell.")
    if run.verdict == "not applicable" or not run.population:
        return None, _case(facts, f"The use case applies to none of the {case.unit} in the data.")
    share = Figures().share(run.fit, run.population, case.threshold)
    told = f"{share} of {Figures().count(run.population, case.unit)} fit on {run.as_of}; "
    told += f"{threshold(case.threshold)} are needed."
    if run.verdict == "cannot tell":
        return None, _case(facts, f"{told} Too many cannot be told.")
    return run.verdict == "fit", _case(facts, told)


def _blockers(facts: GateFacts) -> Told:
    run = facts.newest_run
    if run is None:
        return None, Evidence("There is no assessment that could tell.", "/findings")
    if run.blockers:
        told = f"Failing on data of the use case: {clean(listed(run.blockers))}."
        return False, Evidence(told, f"/findings/{run.blockers[0]}")
    if run.blockers_not_run:
        return None, Evidence(f"Not run: {clean(listed(run.blockers_not_run))}.", "/findings")
    told = f"No check of severity blocker fails on data of the use case, as of {run.as_of}."
    return True, Evidence(told, "/findings")


def _champions(facts: GateFacts) -> Told:
    if not facts.champions:
        return None, Evidence("No access list names a unit, so who is needed cannot be told.")
    lacks = [
        f"{clean(unit.unit)} has no {' and no '.join(unit.missing)}"
        for unit in facts.champions
        if unit.missing
    ]
    if lacks:
        return False, _where(facts, "people", f"{'; '.join(lacks)}.")
    units = Figures().count(len(facts.champions), "units")
    return True, _where(
        facts, "people", f"A physician and a nurse are named in {units} of {units}."
    )


def _champions_active(facts: GateFacts) -> Told:
    live = facts.day(GateStage.GO_LIVE)
    if live is None or live > facts.today:
        return None, _where(facts, "gates#go-live", "It is not live yet, so nobody could use it.")
    met, evidence = _champions(facts)
    if not met or facts.champions is None:
        return met, evidence
    states = {(u.unit, kind): u.active(kind) for u in facts.champions for kind in WANTED}
    if idle := [
        f"the {kind} of {clean(unit)}" for (unit, kind), is_ in states.items() if is_ is False
    ]:
        return False, Evidence(f"Not used lately by {listed(idle)}.", "/adoption")
    if None in states.values():
        return None, Evidence("No events of use tell whether the champions use it.", "/adoption")
    return True, Evidence("The champions of every unit use it themselves.", "/adoption")


def _feedback(facts: GateFacts) -> Told:
    counts = facts.feedback
    due = counts.answered + counts.unanswered
    waits = f" {counts.waiting} more came within {limit('answer')} days." if counts.waiting else ""
    if not due:
        return True, Evidence(f"No report waits for an answer.{waits}", "/feedback")
    told = f"{counts.answered} of {Figures().count(due, 'reports')} answered.{waits}"
    return not counts.unanswered, Evidence(told, "/feedback")


def _stage_told(stage: Stage, facts: GateFacts) -> Told:
    stages = facts.chain.stages if facts.chain else ()
    found = next((s for s in stages if s.stage == stage), None)
    if found is None:
        return None, Evidence("The chain was not computed.", "/adoption")
    if found.verdict == "cannot tell":
        why = (found.reason or found.sentence).rstrip(". ")
        return None, Evidence(f"{why[:1].upper()}{why[1:]}.", "/adoption")
    return True, Evidence(found.sentence, "/adoption")


def _outcome(facts: GateFacts) -> Told:
    live, reviewed = facts.day(GateStage.GO_LIVE), facts.day(REVIEW)
    if live is None or live > facts.today:
        return None, _where(facts, "gates#go-live", "It is not live yet, so there is no outcome.")
    if reviewed is None or reviewed < live:
        return False, _where(
            facts, "gates#review", f"The outcome was not reviewed since go-live on {live}."
        )
    told = f"The outcome was reviewed on {reviewed}; {limit('review')} days later once more."
    return facts.today - reviewed <= timedelta(days=limit("review")), _where(
        facts, "gates#review", told
    )


def _case(facts: GateFacts, sentence: str) -> Evidence:
    return Evidence(sentence, f"/use-cases/{facts.use_case.code}")


def _where(facts: GateFacts, page: str, sentence: str) -> Evidence:
    """Return evidence that leads to the page where people do it."""
    return Evidence(sentence, f"/rollout/{facts.use_case.code}/{page}")


_ANSWERED = Asked("feedback", "Feedback is answered", _feedback)
CONDITIONS: dict[GateStage, tuple[Asked, ...]] = {
    GateStage.SCOPING: (
        Asked("charter", "The charter is complete and signed by its owner", _charter),
        Asked("acceptance", f"{FEWEST} to {MOST} acceptance criteria are signed", _acceptance),
    ),
    GateStage.BUILD: (
        Asked("observed", "A clinician observed the work before it was designed", _observed),
        Asked("placed", "Every requirement has its step in the work", _placed),
    ),
    GateStage.GO_LIVE: (
        Asked("assessed", "The data were assessed throughout the build", _throughout),
        Asked("recent", f"The newest assessment is under {limit('run_age')} days old", _recent),
        Asked("fitness", "The data are fit", _fitness),
        Asked("blockers", "No blocker fails on data of the use case", _blockers),
        Asked("champions", "Each unit has a physician and a nurse as champions", _champions),
        _ANSWERED,
    ),
    GateStage.SUSTAIN: (
        Asked("used", "Who uses it can be told", functools.partial(_stage_told, Stage.USED)),
        Asked(
            "acted-on",
            "Whether care changed can be told",
            functools.partial(_stage_told, Stage.ACTED_ON),
        ),
        Asked("champions-active", "The champions use it themselves", _champions_active),
        _ANSWERED,
        Asked("outcome", "The outcome is reviewed", _outcome),
    ),
}
"""What each gate asks, in the order it is shown."""
