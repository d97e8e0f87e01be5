"""What was reported, and what became of it. In: the state; out: items, worst first, and figures.

How an item stands follows from its steps alone; nothing is kept that a step could contradict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from uptake.model import Severity
from uptake.state.schema import feedback, feedback_patient, feedback_step

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from uptake.model import Check
    from uptake.state.database import State

DATA_QUALITY = "data quality"
FRICTION = "workflow friction"
UNMET_NEED = "unmet need"
KINDS = (DATA_QUALITY, FRICTION, UNMET_NEED)

_STANDS = {
    "assigned": "assigned",
    "changed": "changed",
    "not clean": "not clean",
    "reopened": "reopened",
    "closed": "closed",
}
"""The steps that move an item; the newest of them says how it stands."""
_RESPONSES = ("assigned", "changed", "answered", "closed")
"""Steps that a person took: a finding that was linked is no answer to anybody."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done about a report."""

    what: str
    note: str
    check: str
    run: str
    count: int | None
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """What a check says of the reported resources; others may have the same."""

    check: str
    fix_key: str
    run: str
    """The run that found it."""
    patients: int
    """Patients with the same cause in that run."""


@dataclass(frozen=True, slots=True)
class Item:
    """A report and how it stands."""

    id: str
    kind: str
    use_case: str
    about_kind: str
    about: str
    text: str
    reporter: str
    role: str
    unit: str
    at: datetime
    steps: tuple[Step, ...]
    patients: int
    """Patients affected by the same cause."""
    severity: Severity | None
    """Of the worst check that finds it; None: no check does, or the checks were not given."""
    weight: int
    """The clinical severity of the check times the patients: what the queue is by."""
    age: timedelta
    """Since it was reported, until it was closed."""

    @property
    def status(self) -> str:
        """Return `new`, `assigned`, `changed`, `not clean`, `reopened` or `closed`."""
        return next((_STANDS[s.what] for s in reversed(self.steps) if s.what in _STANDS), "new")

    @property
    def is_open(self) -> bool:
        """Return whether somebody still has to do something."""
        return self.status != "closed"

    @property
    def owner(self) -> str:
        """Return who has it; empty: nobody."""
        return self._newest("assigned")

    @property
    def answer(self) -> str:
        """Return what the reporter was told; empty: nothing yet."""
        return self._newest("answered")

    @property
    def change(self) -> Step | None:
        """Return what was changed since it was reported, or since it was opened again."""
        recent = self._since_reopened()
        return next((s for s in reversed(recent) if s.what == "changed"), None)

    @property
    def verified(self) -> bool:
        """Return whether a run showed that the change holds."""
        return any(s.what == "verified" for s in self._since_reopened())

    @property
    def verified_checks(self) -> frozenset[str]:
        """Return the checks that a run ran again and found nothing by."""
        return frozenset(s.check for s in self._since_reopened() if s.what == "verified")

    @property
    def subjects(self) -> tuple[str, ...]:
        """Return what it is about, one or more: `feed|Type/id`, or words."""
        return tuple(dict.fromkeys(self.about.split("\n")))

    @property
    def reopened(self) -> int:
        """Return how often it was opened again."""
        return sum(s.what == "reopened" for s in self.steps)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Return what the newest run it was linked to says of it; empty: no check finds it."""
        links = [s for s in self.steps if s.what == "linked"]
        return tuple(
            Cause(s.check, s.note, s.run, s.count or 0)
            for s in links
            if s.check and s.run == links[-1].run
        )

    @property
    def mended(self) -> tuple[Cause, ...]:
        """Return the causes that the change is to mend: those of the check it names, or all."""
        check = self.change.check if self.change else ""
        return tuple(cause for cause in self.causes if check in ("", cause.check))

    @property
    def first_response(self) -> timedelta | None:
        """Return how long the reporter waited for a person to do something."""
        return next((s.at - self.at for s in self.steps if s.what in _RESPONSES), None)

    def _since_reopened(self) -> Sequence[Step]:
        cut = max((n for n, s in enumerate(self.steps) if s.what == "reopened"), default=-1)
        return self.steps[cut + 1 :]

    def _newest(self, what: str) -> str:
        return next((s.note for s in reversed(self.steps) if s.what == what), "")


@dataclass(frozen=True, slots=True)
class Figures:
    """How well reports are worked on; a median is None where there is nothing to take it of."""

    reports: int
    open: int
    first_response: timedelta | None
    time_to_fix: timedelta | None
    verified: int
    """Closed reports of data quality that a run verified …"""
    closed_of_quality: int
    """… of those closed."""
    answered: int
    reopened: int


def queue(
    state: State, now: datetime, checks: Mapping[str, Check] | None = None
) -> tuple[Item, ...]:
    """Return every report: the open ones first, by severity times patients, then the oldest.

    Without `checks` nobody can tell severity: then it is the patients alone.
    """
    with state.read() as connection:
        items = read_items(connection, now, checks)
    return tuple(sorted(items, key=lambda i: (not i.is_open, -i.weight, i.at, i.id)))


def read_items(
    connection: Connection,
    now: datetime,
    checks: Mapping[str, Check] | None = None,
    only: str | None = None,
) -> list[Item]:
    """Return the reports, or the one whose id is `only`."""
    query = select(feedback)
    step_query = select(feedback_step).order_by(feedback_step.c.id)
    count = select(feedback_patient.c.feedback, func.count()).group_by(feedback_patient.c.feedback)
    if only is not None:
        query = query.where(feedback.c.id == only)
        step_query = step_query.where(feedback_step.c.feedback == only)
        count = count.where(feedback_patient.c.feedback == only)
    steps: dict[str, list[Step]] = {}
    for row in connection.execute(step_query):
        values = row._asdict()
        step = Step(*(values[name] for name in Step.__slots__))
        steps.setdefault(values["feedback"], []).append(step)
    patients = {key: int(number) for key, number in connection.execute(count)}
    rows = (row._asdict() for row in connection.execute(query))
    return [
        _item(row, tuple(steps.get(row["id"], ())), patients.get(row["id"], 0), now, checks or {})
        for row in rows
    ]


def _item(
    row: dict[str, Any],
    steps: tuple[Step, ...],
    patients: int,
    now: datetime,
    checks: Mapping[str, Check],
) -> Item:
    order = list(Severity)
    found = {checks[s.check].severity for s in steps if s.check in checks and s.what == "linked"}
    severity = min(found, key=order.index) if found else None
    moves = [s for s in steps if s.what in _STANDS]
    until = moves[-1].at if moves and moves[-1].what == "closed" else now
    return Item(
        **row,
        steps=steps,
        patients=patients,
        severity=severity,
        weight=patients * (len(order) - order.index(severity) if severity else 1),
        age=until - row["at"],
    )


def figures(items: Iterable[Item]) -> Figures:
    """Return the figures of a queue."""
    found = list(items)
    quality = [i for i in found if i.kind == DATA_QUALITY and not i.is_open]
    return Figures(
        reports=len(found),
        open=sum(i.is_open for i in found),
        first_response=_middle(i.first_response for i in found),
        time_to_fix=_middle(i.age for i in found if not i.is_open),
        verified=sum(i.verified for i in quality),
        closed_of_quality=len(quality),
        answered=sum(bool(i.answer) for i in found),
        reopened=sum(i.reopened > 0 for i in found),
    )


def _middle(spans: Iterable[timedelta | None]) -> timedelta | None:
    seconds = [span.total_seconds() for span in spans if span is not None]
    return timedelta(seconds=median(seconds)) if seconds else None
