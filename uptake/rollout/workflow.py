"""Where a use case has its place. In: the work as it is and as it will be; out: maps, placements.

The work is observed before it is designed: a design without an observation by a clinician before it
is refused. A requirement is placed in a step; when a later version moves the step, it moves along.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from uptake.model import Stage, StageResult
from uptake.report.figures import clean, listed
from uptake.rollout.errors import RolloutError
from uptake.rollout.roles import profession
from uptake.state.schema import placement, workflow_map, workflow_step

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from uptake.model import UseCase
    from uptake.state.database import State

CURRENT, DESIGN = "current", "design"
_MAP = ("kind", "dated", "observer", "observer_role", "by", "at")
_STEP = ("actor", "action", "system", "data", "surface")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing somebody does, with what they need for it and where they see it."""

    actor: str
    action: str
    system: str = ""
    data: str = ""
    surface: str = ""
    """The code of a surface; empty: none."""


@dataclass(frozen=True, slots=True)
class WorkflowMap:
    """One version of a map; steps are numbered from 1."""

    kind: str
    """`current`: as the work is done; `design`: as it will be done."""
    dated: date
    """The day it was observed, or designed."""
    observer: str
    observer_role: str
    steps: tuple[Step, ...]
    by: str
    at: datetime

    @property
    def observed(self) -> bool:
        """Return whether a clinician stands for it."""
        return bool(self.observer) and profession(self.observer_role).clinical


@dataclass(frozen=True, slots=True)
class Placement:
    """The step of the design that uses a requirement; position 0: taken back."""

    requirement: str
    position: int
    by: str
    at: datetime


def save_map(
    state: State,
    use_case: str,
    kind: str,
    dated: date,
    observer: str,
    observer_role: str,
    steps: Sequence[Step],
    by: str,
    at: datetime,
    surfaces: Collection[str],
) -> None:
    """Keep a new version of a map; `surfaces` are the codes that a step may name.

    Raises RolloutError with everything that is wrong with it.
    """
    drawn = WorkflowMap(
        kind, dated, observer.strip(), observer_role.strip(), tuple(steps), by.strip(), at
    )
    with state.write() as connection:
        faults = _map_faults(drawn, _read_maps(connection, use_case), surfaces)
        if faults:
            raise RolloutError(faults)
        row = {"use_case": use_case} | {name: getattr(drawn, name) for name in _MAP}
        key = connection.execute(workflow_map.insert().returning(workflow_map.c.id), row).scalar()
        rows = [
            {"map": key, "position": number} | {n: getattr(step, n).strip() for n in _STEP}
            for number, step in enumerate(drawn.steps, 1)
        ]
        connection.execute(workflow_step.insert(), rows)


def read_maps(state: State, use_case: str) -> tuple[WorkflowMap, ...]:
    """Return every version of a use case's maps, oldest first."""
    with state.read() as connection:
        return _read_maps(connection, use_case)


def newest(maps: Iterable[WorkflowMap], kind: str) -> WorkflowMap | None:
    """Return the newest version of a kind."""
    return next((m for m in reversed([*maps]) if m.kind == kind), None)


def place(
    state: State,
    use_case: UseCase,
    requirement: str,
    position: int,
    by: str,
    at: datetime,
) -> None:
    """Keep in which step of the newest design a requirement is used; 0 takes it out."""
    with state.write() as connection:
        design = newest(_read_maps(connection, use_case.code), DESIGN)
        faults = []
        if requirement not in {r.code for r in use_case.requirements}:
            faults.append(f"{clean(use_case.title)} has no requirement {clean(requirement)}.")
        if design is None:
            faults.append("There is no design yet; draw the work as it will be first.")
        elif not 0 <= position <= len(design.steps):
            faults.append(f"The design has no step {position}; it has {len(design.steps)}.")
        if not by.strip():
            faults.append("Who places it? A name is needed.")
        if faults:
            raise RolloutError(faults)
        row = {"use_case": use_case.code, "requirement": requirement, "position": position}
        connection.execute(placement.insert(), row | {"by": by.strip(), "at": at})


def read_placements(state: State, use_case: str) -> tuple[Placement, ...]:
    """Return the newest placement of each requirement, by code."""
    query = select(placement).where(placement.c.use_case == use_case).order_by(placement.c.id)
    with state.read() as connection:
        found = {
            row.requirement: Placement(row.requirement, row.position, row.by, row.at)
            for row in connection.execute(query)
        }
    return tuple(found[code] for code in sorted(found))


def placed(maps: Sequence[WorkflowMap], placements: Iterable[Placement]) -> dict[str, int]:
    """Return, by requirement, its step in the newest design; one whose step is gone is left out.

    A placement means the step that had its number when it was made.
    """
    design = newest(maps, DESIGN)
    if design is None:
        return {}
    found = {}
    for one in placements:
        meant = newest((m for m in maps if m.at <= one.at), DESIGN)
        if meant is None or not 1 <= one.position <= len(meant.steps):
            continue
        step = meant.steps[one.position - 1]
        numbers = [at for at, s in enumerate(design.steps, 1) if _same(s, step)]
        if meant is design or one.position in numbers:
            found[one.requirement] = one.position
        elif numbers:
            found[one.requirement] = numbers[0]
    return found


def observed_before(maps: Iterable[WorkflowMap], design: WorkflowMap) -> WorkflowMap | None:
    """Return the newest observation by a clinician that a design could follow."""
    held = [m for m in maps if m.kind == CURRENT and m.observed and m.dated <= design.dated]
    return max(held, key=lambda m: (m.dated, m.at), default=None)


def mapped(
    use_case: UseCase, maps: Sequence[WorkflowMap], placements: Iterable[Placement]
) -> StageResult:
    """Return the second stage of the chain: requirements with a place in observed work, of all."""
    whole = len(use_case.requirements)
    if not whole:
        told = "The use case names no requirement, so there is nothing to place."
        why = "Its definition has to name the data that it needs."
        return StageResult(Stage.MAPPED, "cannot tell", 1.0, told, aim="all", reason=why)
    design = newest(maps, DESIGN)
    where = placed(maps, placements)
    seen = observed_before(maps, design) if design else None
    done = sum(r.code in where for r in use_case.requirements) if seen else 0
    told = _mapped_sentence(use_case, where, design, seen, newest(maps, CURRENT))
    verdict = "met" if done == whole else "under"
    number = f"{done} of {whole}"
    return StageResult(
        Stage.MAPPED, verdict, 1.0, told, number, "all", numerator=done, denominator=whole
    )


def _mapped_sentence(
    use_case: UseCase,
    where: Mapping[str, int],
    design: WorkflowMap | None,
    seen: WorkflowMap | None,
    current: WorkflowMap | None,
) -> str:
    if current is None:
        return "Nobody has drawn how the work is done today."
    if design is None:
        return f"The work was observed on {current.dated}; how it will be done is not drawn yet."
    if seen is None:
        return "No clinician observed the work before it was designed."
    whole = len(use_case.requirements)
    told = f"{sum(r.code in where for r in use_case.requirements)} of {whole} requirements have "
    told += f"their step in the work that a clinician observed on {seen.dated}."
    open_ = [clean(r.title) for r in use_case.requirements if r.code not in where]
    return f"{told} Without a step: {'; '.join(open_)}." if open_ else told


def _map_faults(
    drawn: WorkflowMap, held: Sequence[WorkflowMap], surfaces: Collection[str]
) -> list[str]:
    faults = []
    if drawn.kind not in (CURRENT, DESIGN):
        faults.append(f"A map is current or design, not {clean(drawn.kind)}.")
    if drawn.dated > drawn.at.date() + timedelta(days=1):  # it may be tomorrow where they are
        faults.append(f"The map is dated {drawn.dated}, which is still to come.")
    if not drawn.observer:
        faults.append("Who observed the work, or walked through the design? A name is needed.")
    elif not profession(drawn.observer_role).clinical:
        role = clean(drawn.observer_role) or "none is given"
        faults.append(f"A clinician observes the work; this role does not say so: {role}.")
    if not drawn.by:
        faults.append("Who draws it? A name is needed.")
    if drawn.kind == DESIGN and not observed_before(held, drawn):
        faults.append(
            f"The design is dated {drawn.dated}, and no clinician observed the work before: "
            "draw how it is done today first."
        )
    return faults + _step_faults(drawn.steps, surfaces)


def _step_faults(steps: Sequence[Step], surfaces: Collection[str]) -> list[str]:
    faults = [] if steps else ["A map has at least one step."]
    for at, step in enumerate(steps, 1):
        lacks = [name for name in ("actor", "action") if not getattr(step, name).strip()]
        if lacks:
            faults.append(f"Step {at} has no {listed(lacks)}.")
        if step.surface and step.surface not in surfaces:
            known = ", ".join(sorted(surfaces)) or "none"
            faults.append(
                f"Step {at} names no known surface: {clean(step.surface)}; known: {known}."
            )
    return faults


def _same(one: Step, other: Step) -> bool:
    """Return whether two versions of a map mean the same step."""
    return (one.actor, one.action) == (other.actor, other.action)


def _read_maps(connection: Connection, use_case: str) -> tuple[WorkflowMap, ...]:
    maps = workflow_map
    steps: dict[int, list[Step]] = {}
    query = (
        select(workflow_step)
        .join(maps, workflow_step.c.map == maps.c.id)
        .where(maps.c.use_case == use_case)
        .order_by(workflow_step.c.map, workflow_step.c.position)
    )
    for row in connection.execute(query):
        steps.setdefault(row.map, []).append(Step(*(getattr(row, n) for n in _STEP)))
    query = select(maps).where(maps.c.use_case == use_case).order_by(maps.c.id)
    return tuple(
        WorkflowMap(
            row.kind, row.dated, row.observer, row.observer_role, tuple(steps.get(row.id, ())),
            row.by, row.at,
        )
        for row in connection.execute(query)
    )  # fmt: skip
