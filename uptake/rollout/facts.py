"""What the gates look at, gathered. In: a project, or a situation; out: the facts of a use case."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uptake.adoption import breakdown
from uptake.adoption.access import with_access
from uptake.definitions import read_checks, read_measures, read_surfaces, read_use_cases
from uptake.errors import SourceError
from uptake.findings.impact import use_cases_of
from uptake.project import Project, now
from uptake.rollout import feedback
from uptake.rollout.chain import chain
from uptake.rollout.charter import read_charter
from uptake.rollout.conditions import FeedbackCounts, GateFacts, RunFact
from uptake.rollout.gates import read_decisions, read_waivers
from uptake.rollout.people import WANTED, UnitChampions, champions
from uptake.rollout.roles import profession
from uptake.rollout.situation import Definitions, Situation, read_situation, read_summary
from uptake.rollout.workflow import read_maps, read_placements
from uptake.runs import CURRENT, history
from uptake.state.database import open_state

if TYPE_CHECKING:
    from uptake.model import UseCase


def definitions(project: Project) -> Definitions:
    """Return everything a project defines; only its own SQL is verified."""
    content, own = project.content, project.own_content
    return Definitions(
        read_checks(content("checks"), verify=own("checks")),
        read_use_cases(content("use_cases"), verify=own("use_cases")),
        read_measures(content("measures"), verify=own("measures")),
        read_surfaces(content("surfaces"), verify=own("surfaces")),
    )


def project_situation(project: Project, at: datetime | None = None) -> Situation:
    """Return the situation of a project at its newest run; close it, and its state, when done."""
    state = open_state(project.state_url)
    folder = project.folder or Path()
    run = folder / CURRENT
    found = run.resolve() if run.is_dir() else None
    moment = at or now(project, datetime.now(UTC))
    return read_situation(definitions(project), state, folder, found, moment)


def gate_facts(project: Project, use_case: str) -> GateFacts:
    """Return the facts of a use case of a project; raises SourceError if there is none such."""
    situation = project_situation(project)
    try:
        return facts(situation, use_case, history(project))
    finally:
        situation.close()
        situation.state.close()


def facts(situation: Situation, use_case: str, runs: Iterable[Path]) -> GateFacts:
    """Return the facts of a use case, with what each run said of it."""
    cases = situation.definitions.use_cases
    if use_case not in cases:
        raise SourceError(f"there is no use case {use_case}; known: {', '.join(cases)}")
    case, state = cases[use_case], situation.state
    return GateFacts(
        use_case=case,
        today=situation.now.date(),
        charter=read_charter(state, use_case),
        maps=read_maps(state, use_case),
        placements=read_placements(state, use_case),
        runs=run_facts(situation, case, runs),
        champions=unit_champions(situation, use_case),
        feedback=_feedback(situation, use_case),
        chain=chain(situation, case),
        decisions=read_decisions(state, use_case),
        waivers=read_waivers(state, use_case),
    )


def run_facts(situation: Situation, case: UseCase, runs: Iterable[Path]) -> tuple[RunFact, ...]:
    """Return what each run said of a use case; a run that did not judge it says nothing."""
    found = []
    for folder in runs:
        summary = read_summary(folder)
        told = next((u for u in summary["use_cases"] if u["code"] == case.code), None)
        if told is None:
            continue
        blockers = [c for c in summary["checks"] if _blocks(situation, case, c)]
        found.append(
            RunFact(
                run=summary["run"],
                as_of=date.fromisoformat(summary["as_of"]),
                verdict=told["verdict"],
                fit=told["fit"],
                population=told["population"],
                blockers=tuple(c["code"] for c in blockers if c["verdict"] == "fail"),
                blockers_not_run=tuple(c["code"] for c in blockers if c["verdict"] == "not run"),
            )
        )
    return tuple(found)


def _blocks(situation: Situation, case: UseCase, row: dict[str, Any]) -> bool:
    """Tell whether a check of a run is a blocker on elements that the use case needs."""
    check = situation.definitions.checks.get(row["code"])
    return row["severity"] == "blocker" and check is not None and bool(use_cases_of(check, [case]))


def unit_champions(situation: Situation, use_case: str) -> tuple[UnitChampions, ...] | None:
    """Return the champions of each unit that has a physician or nurse with access; None: no list.

    Active are those who used it in the last 28 days; before a run nobody can tell.
    """
    if situation.access is None:
        return None
    people = with_access(situation.access, situation.definitions.surfaces.values(), use_case)
    held = [person for person in people if profession(person.role) in WANTED]
    units = sorted({unit for person in held for unit in person.units})
    active = None
    if situation.reach and use_case in situation.go_live:
        active = set(breakdown.users(situation.reach, use_case))
    return champions(situation.state, use_case, units, active, situation.now.date())


def _feedback(situation: Situation, use_case: str) -> FeedbackCounts:
    return feedback.counts(situation.state, use_case, situation.now)
