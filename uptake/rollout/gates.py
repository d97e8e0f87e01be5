"""May it go on? In: the facts of a use case; out: its gates, open or closed; decisions, waivers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from uptake.report.figures import clean, listed
from uptake.rollout.conditions import (
    CONDITIONS,
    REVIEW,
    Asked,
    Decision,
    GateFacts,
    GateStage,
    Waiver,
)
from uptake.rollout.errors import RolloutError
from uptake.state.schema import decision, waiver

if TYPE_CHECKING:
    from uptake.model import Evidence
    from uptake.state.database import State


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a gate, with its evidence."""

    code: str
    title: str
    met: bool | None
    """None: it cannot be told; it blocks as one that is not met, and the evidence says why."""
    evidence: Evidence
    waiver: Waiver | None = None
    """Of today; one that ended does not count."""

    @property
    def passed(self) -> bool:
        """Return whether it lets a use case through: met, or somebody answers for it."""
        return self.met is True or self.waiver is not None


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate of a use case today."""

    use_case: str
    stage: GateStage
    conditions: tuple[Condition, ...]
    waits_for: tuple[GateStage, ...]
    """Gates before it that are closed."""
    decided: Decision | None

    @property
    def open(self) -> bool:
        """Return whether a use case may pass: every condition, and every gate before."""
        return not self.blocking and not self.waits_for

    @property
    def blocking(self) -> tuple[Condition, ...]:
        """Return the conditions that are neither met nor waived."""
        return tuple(c for c in self.conditions if not c.passed)


def judge_gate(facts: GateFacts, stage: GateStage) -> Gate:
    """Return a gate as it stands on the day of the facts."""
    before = [*GateStage][: [*GateStage].index(stage)]
    return Gate(
        facts.use_case.code,
        stage,
        _conditions(facts, stage),
        tuple(s for s in before if not all(c.passed for c in _conditions(facts, s))),
        next((d for d in facts.decisions if d.stage == stage), None),
    )


def judge_gates(facts: GateFacts) -> tuple[Gate, ...]:
    """Return every gate of a use case, first to last."""
    return tuple(judge_gate(facts, stage) for stage in GateStage)


def decide(state: State, gate: Gate, day: date, by: str, at: datetime) -> None:
    """Keep that a gate was passed: of go-live, `day` is the day it goes live.

    Raises RolloutError while the gate is closed, naming what closes it.
    """
    faults = []
    if gate.waits_for:
        faults.append(f"The gate {gate.stage} waits for {listed(gate.waits_for)}.")
    faults += [f"{c.title}: not met. {c.evidence.sentence}" for c in gate.blocking]
    if not by.strip():
        faults.append("Who decides? A name is needed.")
    if _ahead(day, at) and gate.stage != GateStage.GO_LIVE:
        faults.append(f"The day {day} is still to come.")
    earlier = {s.value for s in [*GateStage][: [*GateStage].index(gate.stage)]}
    held = [d for d in read_decisions(state, gate.use_case) if d.stage in earlier and d.day > day]
    faults += [f"The gate {d.stage} was passed on {d.day}, after {day}." for d in held]
    if faults:
        raise RolloutError(faults)
    _decide(state, gate.use_case, gate.stage, day, by, at)


def review_outcome(state: State, use_case: str, day: date, by: str, at: datetime) -> None:
    """Keep that people looked at the outcome of a use case on a day."""
    faults = [] if by.strip() else ["Who reviewed it? A name is needed."]
    if _ahead(day, at):
        faults.append(f"The day {day} is still to come.")
    if faults:
        raise RolloutError(faults)
    _decide(state, use_case, REVIEW, day, by, at)


def waive(state: State, use_case: str, asked: Waiver, today: date) -> None:
    """Keep that somebody answers for a condition; the newest waiver of a condition counts."""
    faults = []
    codes = {s.value: [c.code for c in CONDITIONS[s]] for s in GateStage}
    if asked.stage not in codes:
        faults.append(f"There is no gate {clean(asked.stage)}; known: {', '.join(codes)}.")
    elif asked.condition not in codes[asked.stage]:
        known = ", ".join(codes[asked.stage])
        faults.append(
            f"The gate {asked.stage} has no condition {clean(asked.condition)}; known: {known}."
        )
    if not asked.reason.strip():
        faults.append("Why? A waiver needs a reason.")
    if not asked.by.strip():
        faults.append("Who answers for it? A waiver needs a name.")
    if asked.until <= today:
        faults.append(f"A waiver ends after today; {asked.until} does not.")
    if faults:
        raise RolloutError(faults)
    row = {"use_case": use_case, "stage": asked.stage, "condition": asked.condition}
    row |= {"reason": asked.reason.strip(), "by": asked.by.strip()}
    with state.write() as connection:
        connection.execute(waiver.insert(), row | {"until": asked.until, "at": asked.at})


def read_decisions(state: State, use_case: str) -> tuple[Decision, ...]:
    """Return the newest decision of each stage, and of the review of the outcome."""
    query = select(decision).where(decision.c.use_case == use_case).order_by(decision.c.id)
    with state.read() as connection:
        rows = {r.stage: Decision(r.stage, r.day, r.by, r.at) for r in connection.execute(query)}
    return tuple(rows.values())


def read_waivers(state: State, use_case: str) -> tuple[Waiver, ...]:
    """Return the newest waiver of each condition, also one that ended."""
    query = select(waiver).where(waiver.c.use_case == use_case).order_by(waiver.c.id)
    with state.read() as connection:
        rows = {
            (r.stage, r.condition): Waiver(r.stage, r.condition, r.reason, r.until, r.by, r.at)
            for r in connection.execute(query)
        }
    return tuple(rows.values())


def _conditions(facts: GateFacts, stage: GateStage) -> tuple[Condition, ...]:
    return tuple(_condition(facts, stage, asked) for asked in CONDITIONS[stage])


def _condition(facts: GateFacts, stage: GateStage, asked: Asked) -> Condition:
    met, evidence = asked.judge(facts)
    held = [w for w in facts.waivers if (w.stage, w.condition) == (stage, asked.code)]
    newest = held[-1] if held else None
    if newest and newest.until < facts.today:
        if not met:
            told = f"{evidence.sentence} A waiver ended on {newest.until}."
            evidence = replace(evidence, sentence=told)
        newest = None
    return Condition(asked.code, asked.title, met, evidence, newest)


def _decide(state: State, use_case: str, stage: str, day: date, by: str, at: datetime) -> None:
    row = {"use_case": use_case, "stage": str(stage), "day": day, "by": by.strip(), "at": at}
    with state.write() as connection:
        connection.execute(decision.insert(), row)


def _ahead(day: date, at: datetime) -> bool:
    """Return whether a day is still to come; `at` is UTC, and it may be tomorrow where they are."""
    return day > at.date() + timedelta(days=1)
