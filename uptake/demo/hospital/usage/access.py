"""Who may open what, and who does. In: the clinicians; out: the access list, and users in turn."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.calendar import LAST_WEEKS
from uptake.demo.hospital.staff import (
    AUTHORIZER,
    CLINIC_UNIT,
    COORDINATOR,
    EMERGENCY,
    NURSE,
    PHARMACIST,
    PHYSICIAN,
    WARD_NAMES,
    clinicians,
)
from uptake.demo.hospital.usage.files import write_csv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from uptake.demo.hospital.staff import Clinician

PORTAL, VISITS = "outside-records-portal", "pre-visit-list"
WORKLIST, ALERTS = "authorization-worklist", "deterioration-alerts"
STRANGER = "pr-120"
"""Somebody who left and is on no access list, and whose account still works."""
COLUMNS = ("practitioner", "name", "role", "unit", "surfaces")


def surfaces(who: Clinician) -> tuple[str, ...]:
    """Return the surfaces a clinician may open."""
    on_ward, office = who.unit in WARD_NAMES.values(), (COORDINATOR, AUTHORIZER, PHARMACIST)
    open_to = {
        PORTAL: (on_ward and who.role == PHYSICIAN)
        or who.unit == EMERGENCY
        or who.role == PHARMACIST,
        VISITS: who.unit == CLINIC_UNIT or who.role in office,
        WORKLIST: who.unit == CLINIC_UNIT or who.role in office,
        ALERTS: on_ward and who.role in (PHYSICIAN, NURSE),
    }
    return tuple(code for code, may in open_to.items() if may)


def with_access(surface: str) -> tuple[Clinician, ...]:
    """Return everybody who may open a surface."""
    return tuple(who for who in clinicians() if surface in surfaces(who))


def write(path: Path) -> None:
    """Write the access list. One person is in two units: she helps out in the clinic."""
    rows = [(c.id, c.name, c.role, c.unit, ";".join(surfaces(c))) for c in clinicians()]
    helper = next(c for c in clinicians() if c.role == COORDINATOR)
    rows.append((helper.id, helper.name, helper.role, CLINIC_UNIT, ";".join(surfaces(helper))))
    write_csv(path, COLUMNS, rows)


class Turns:
    """Gives each event to somebody: of all before the last four weeks, of the users since then."""

    def __init__(self, surface: str, users: int, prefer: Iterable[str] = ()) -> None:
        everybody = [who.id for who in with_access(surface)]
        first = [i for i in prefer if i in everybody]
        ranked = first + [i for i in everybody if i not in first]
        self._all = deque(ranked)
        self._users = deque(_spread(ranked, users, len(first)))
        self._waiting = set(self._users)

    def next(self, at: datetime, team: Iterable[str] = (), *, anybody: bool = False) -> str:
        """Return whose turn it is: somebody of the team; with `anybody`, a new user before that."""
        if at < LAST_WEEKS:
            return self._turn(self._all, set(team))
        wanted = set(team) or set(self._users)
        if fresh := wanted & self._waiting:
            wanted = fresh
        elif anybody and self._waiting:
            wanted = self._waiting
        found = self._turn(self._users, wanted)
        self._waiting.discard(found)
        return found

    def again(self, opened: Sequence[datetime]) -> Iterator[tuple[int, datetime, str]]:
        """Let those whose turn never came open something that a colleague has opened lately.

        Yields which, when and who; without it a small hospital would have too few users.
        """
        lately = [i for i, at in enumerate(opened) if at >= LAST_WEEKS]
        for place, who in enumerate(sorted(self._waiting) if lately else ()):
            turn, which = divmod(place, len(lately))
            at = opened[lately[which]] + timedelta(minutes=2 + turn, seconds=which % 50)
            yield lately[which], at, who
        self._waiting.clear()

    def _turn(self, queue: deque[str], wanted: set[str]) -> str:
        found = next((i for i in queue if i in wanted), queue[0])
        queue.remove(found)
        queue.append(found)
        return found


def _spread(ranked: list[str], users: int, first: int) -> list[str]:
    """Take the preferred first, then others at even distances."""
    chosen = ranked[: min(first, users)]
    rest, more = ranked[first:], users - len(chosen)
    return chosen + [rest[i * len(rest) // more] for i in range(more)]
