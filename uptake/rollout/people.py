"""Who carries a use case. In: champions and training in the state; out: who is there, and active.

A unit has its champions when a physician and a nurse of it are named; they carry something after
go-live only if they use it themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from uptake.report.figures import clean
from uptake.rollout.errors import RolloutError
from uptake.rollout.roles import Profession, profession
from uptake.state.schema import champion, training

if TYPE_CHECKING:
    from sqlalchemy import Row, Select

    from uptake.state.database import State

WANTED = (Profession.PHYSICIAN, Profession.NURSE)
"""Whom each unit needs."""


@dataclass(frozen=True, slots=True)
class Champion:
    """A clinician who carries a use case in a unit."""

    unit: str
    practitioner: str
    profession: Profession
    since: datetime
    active: bool | None
    """Whether they used it themselves; None: it cannot be told."""
    until: date | None = None
    """The last day, where one is set."""


@dataclass(frozen=True, slots=True)
class UnitChampions:
    """The champions of one unit."""

    unit: str
    champions: tuple[Champion, ...]

    @property
    def missing(self) -> tuple[Profession, ...]:
        """Return the professions that have no champion here."""
        held = {c.profession for c in self.champions}
        return tuple(p for p in WANTED if p not in held)

    def active(self, kind: Profession) -> bool | None:
        """Return whether a champion of a profession is active; None: it cannot be told."""
        used = [c.active for c in self.champions if c.profession == kind]
        return True if True in used else None if None in used else False


@dataclass(frozen=True, slots=True)
class Trained:
    """How many of the people with access were trained."""

    trained: int
    people: int

    @property
    def share(self) -> float | None:
        """Return the share, None where nobody has access."""
        return self.trained / self.people if self.people else None


def add_champion(
    state: State, use_case: str, unit: str, practitioner: str, role: str, by: str, at: datetime
) -> None:
    """Keep that a clinician carries a use case in a unit; `role` is a physician's or a nurse's."""
    kind = profession(role)
    faults = _name_faults(unit, practitioner, by)
    if kind not in WANTED:
        role = clean(role) or "none is given"
        faults.append(f"A champion is a physician or a nurse; this role says neither: {role}.")
    if faults:
        raise RolloutError(faults)
    row = {"use_case": use_case, "unit": unit.strip(), "practitioner": practitioner.strip()}
    row |= {"profession": kind.value, "by": by.strip()}
    with state.write() as connection:
        connection.execute(champion.insert(), row | {"at": at, "until": None})


def end_champion(
    state: State, use_case: str, unit: str, practitioner: str, until: date, by: str, at: datetime
) -> None:
    """Keep that somebody is champion up to a day, and not after it; a later entry corrects it."""
    faults = _name_faults(unit, practitioner, by)
    with state.write() as connection:
        key = (unit.strip(), practitioner.strip())
        held = {_key(row): row for row in connection.execute(_champions(use_case))}.get(key)
        if held is None:
            faults.append(f"{clean(practitioner)} is no champion in {clean(unit)}.")
        if faults or held is None:
            raise RolloutError(faults)
        row = {"use_case": use_case, "unit": key[0], "practitioner": key[1], "until": until}
        row |= {"profession": held.profession, "by": by.strip(), "at": at}
        connection.execute(champion.insert(), row)


def champions(
    state: State,
    use_case: str,
    units: Iterable[str],
    active: Collection[str] | None,
    today: date,
) -> tuple[UnitChampions, ...]:
    """Return the champions of each unit today; a unit without any is there too.

    `active` are the practitioners who used it lately; None: it cannot be told.
    """
    held: dict[tuple[str, str], list[Row[Any]]] = {}
    with state.read() as connection:
        for row in connection.execute(_champions(use_case)):
            held.setdefault(_key(row), []).append(row)
    found = []
    for rows in held.values():
        last = rows[-1]
        if last.until is None or last.until >= today:
            used = None if active is None else last.practitioner in active
            kind = Profession(last.profession)
            found.append(
                Champion(last.unit, last.practitioner, kind, _since(rows), used, last.until)
            )
    return tuple(
        UnitChampions(unit, tuple(c for c in found if c.unit == unit))
        for unit in dict.fromkeys(units)
    )


def named_units(state: State, use_case: str) -> tuple[str, ...]:
    """Return the units that ever had a champion, by name."""
    query = select(champion.c.unit).where(champion.c.use_case == use_case).distinct()
    with state.read() as connection:
        return tuple(sorted(connection.scalars(query)))


def add_training(
    state: State, use_case: str, practitioner: str, day: date, by: str, at: datetime
) -> None:
    """Keep that somebody was trained on a day."""
    faults = _name_faults("-", practitioner, by)
    if day > at.date() + timedelta(days=1):  # it may be tomorrow where they are
        faults.append(f"The training is dated {day}, which is still to come.")
    if faults:
        raise RolloutError(faults)
    row = {"use_case": use_case, "practitioner": practitioner.strip(), "day": day, "at": at}
    with state.write() as connection:
        connection.execute(training.insert(), row | {"by": by.strip()})


def trained(state: State, use_case: str, people: Collection[str]) -> Trained:
    """Return how many of the people with access were ever trained in a use case."""
    done = trained_people(state, use_case)
    return Trained(len(done.intersection(people)), len(set(people)))


def trained_people(state: State, use_case: str) -> frozenset[str]:
    """Return everybody who was ever trained in a use case."""
    query = select(training.c.practitioner).where(training.c.use_case == use_case)
    with state.read() as connection:
        return frozenset(connection.scalars(query))


def _champions(use_case: str) -> Select[Any]:
    return select(champion).where(champion.c.use_case == use_case).order_by(champion.c.id)


def _key(row: Row[Any]) -> tuple[str, str]:
    return row.unit, row.practitioner


def _since(rows: Sequence[Row[Any]]) -> datetime:
    """Return when the present term began: after the last row that ended one."""
    ended = [at for at, row in enumerate(rows[:-1]) if row.until is not None]
    first: datetime = rows[ended[-1] + 1 if ended else 0].at
    return first


def _name_faults(unit: str, practitioner: str, by: str) -> list[str]:
    faults = [] if unit.strip() else ["Which unit? A name is needed."]
    if not practitioner.strip():
        faults.append("Who? The practitioner's id of the access list is needed.")
    if not by.strip():
        faults.append("Who writes it? A name is needed.")
    return faults
