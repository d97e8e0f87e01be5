"""The chain. In: a situation; out: for each use case eight numbers, and where it stalls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from uptake.adoption import stages
from uptake.adoption.series import Series, improved, series
from uptake.definitions.answers import defaults
from uptake.model import Chain, Stage, StageResult
from uptake.report.figures import Figures
from uptake.rollout.charter import Charter, defined, read_charter
from uptake.rollout.stall import Case, find_stall
from uptake.rollout.target import charter_measure, charter_target
from uptake.rollout.workflow import mapped, read_maps, read_placements

if TYPE_CHECKING:
    from uptake.model import Measure, UseCase
    from uptake.rollout.situation import Situation


@dataclass(frozen=True, slots=True)
class Measured:
    """The measures of a use case by week."""

    outcome: Series | None
    guardrails: tuple[Series, ...]
    workflow: tuple[Series, ...] = ()


def chains(situation: Situation) -> tuple[Chain, ...]:
    """Return the chain of every use case."""
    return tuple(chain(situation, case) for case in situation.definitions.use_cases.values())


def chain(situation: Situation, case: UseCase) -> Chain:
    """Return the chain of one use case; the first stage under its target is where it stalls."""
    charter = read_charter(situation.state, case.code)
    maps = read_maps(situation.state, case.code)
    placements = read_placements(situation.state, case.code)
    found = (
        defined(charter),
        mapped(case, maps, placements),
        fit(situation, case),
        *_used(situation, case),
        _improved(situation, case, charter),
    )
    first = next((s for s in found if s.verdict == "under"), None)
    stall = None
    if first:
        facts = measured(situation, case, charter)
        stall = find_stall(Case(case, charter, maps, placements, facts, situation, first))
    return Chain(case.code, case.title, found, stall)


def fit(situation: Situation, case: UseCase) -> StageResult:
    """Return units fit / applicable, as the newest run says, if it is new enough."""
    told = situation.fitness(case.code)
    if not told:
        return stages.untold(Stage.FIT, "no run has judged it; assess first", case.threshold)
    age = (situation.now.date() - date.fromisoformat(situation.summary["as_of"])).days
    if age > defaults()["stages"]["run_days"]:
        return stages.untold(Stage.FIT, f"the newest run is {age} days old", case.threshold)
    whole = told["population"]
    if told["verdict"] in ("cannot tell", "not applicable"):
        return stages.untold(Stage.FIT, told["reason"].rstrip(". "), case.threshold)
    sentence = f"{told['fit']:,} of {Figures().count(whole, case.unit)} have data fit for it."
    return stages.told(Stage.FIT, told["fit"], whole, sentence, case.threshold)


def _used(situation: Situation, case: UseCase) -> tuple[StageResult, ...]:
    """Return delivered, seen, used and acted on."""
    four = (Stage.DELIVERED, Stage.SEEN, Stage.USED, Stage.ACTED_ON)
    reach = situation.reach
    if reach is None:
        return tuple(stages.untold(stage, "no run has looked for it") for stage in four)
    if why := _not_live(situation, case):
        return tuple(stages.untold(stage, why) for stage in four)
    counts = stages.count(reach, case.code)
    return (
        stages.delivered(counts, case),
        stages.seen(reach, counts, case),
        stages.used(reach, case),
        stages.acted_on(counts, case),
    )


def _not_live(situation: Situation, case: UseCase) -> str:
    """Return why a use case is not in use; empty when it is."""
    day = situation.go_live.get(case.code)
    if day is None:
        return "it is not live: its gate was not passed"
    return f"it goes live on {day}" if day > situation.now.date() else ""


def measured(situation: Situation, case: UseCase, charter: Charter | None = None) -> Measured:
    """Return the outcome and the guardrails of a use case.

    The outcome is the measure that the charter names, with the charter's target.
    """
    if situation.reach is None:
        return Measured(None, ())
    reach, day = situation.reach, situation.go_live.get(case.code)
    own = [m for m in situation.definitions.measures.values() if m.use_case == case.code]
    held = charter or read_charter(situation.state, case.code)
    target = charter_target(held, own)

    def by_week(measure: Measure, aim: float | None = None) -> Series:
        return series(reach, measure, day, aim)

    outcome = charter_measure(held, own) or next((m for m in own if m.role == "outcome"), None)
    others = [m for m in own if m is not outcome]
    return Measured(
        by_week(outcome, target.value if target else None) if outcome else None,
        tuple(by_week(m) for m in others if m.role == "guardrail"),
        tuple(by_week(m) for m in others if m.role == "workflow"),
    )


def _improved(situation: Situation, case: UseCase, charter: Charter) -> StageResult:
    if why := _not_live(situation, case):
        return stages.untold(Stage.IMPROVED, f"{why}, so nothing can have changed")
    found = measured(situation, case, charter)
    return improved(found.outcome, found.guardrails)
