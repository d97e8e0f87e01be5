"""From a report to a fix that is verified. In: what people say and do; out: steps, and verdicts.

A report is kept once, however often it is sent. One about a resource is linked to what the checks
find there and to everybody with the same cause; it is closed by a run that was made after the
change and finds nothing more on the same patients, never by anybody's word. What no check finds is
closed by a change and the reporter's word for it. One report may be about several things: it is
closed when each of them was heard, by a run or by the reporter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from uptake.rollout.conditions import FeedbackCounts, limit
from uptake.rollout.errors import RolloutError
from uptake.rollout.feedback_evidence import (
    Patient,
    Run,
    causes,
    left,
    read_run,
    resource_of,
    resources_of,
)
from uptake.rollout.feedback_queue import (
    KINDS,
    UNMET_NEED,
    Cause,
    Figures,
    Item,
    Step,
    figures,
    queue,
    read_items,
)
from uptake.rollout.feedback_verdict import Verdict, unheard_of, untold, verdict
from uptake.state.schema import feedback, feedback_patient, feedback_step

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from uptake.state.database import State

__all__ = [
    "ABOUT_KINDS",
    "KINDS",
    "Cause",
    "Figures",
    "Item",
    "Linked",
    "Report",
    "Step",
    "Verdict",
    "answer",
    "assign",
    "changed",
    "confirm",
    "counts",
    "figures",
    "joined",
    "link",
    "link_new",
    "queue",
    "read_item",
    "reopen",
    "report",
    "verify",
]

ABOUT_KINDS = ("resource", "card", "step", "nothing")
NOTHING_FOUND = "no check finds anything here"
SELF = "uptake"
"""Who took the steps that no person took."""
LONGEST = 20_000
"""Characters of a report's text."""
MOST = 50
"""Things that one report is about."""

_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody says is wrong, in the way, or missing."""

    id: str
    """Made by the sender, so that a report sent again is the same report."""
    kind: str
    use_case: str
    about_kind: str
    about: str
    """Of a resource: `feed|Type/id`; of several things a line each, the others in words."""
    text: str
    reporter: str
    role: str
    unit: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Linked:
    """What the checks say of a reported resource."""

    causes: tuple[Cause, ...]
    patients: int
    sentence: str


def joined(about: Iterable[str]) -> str:
    """Return what a report is about, a line each."""
    return "\n".join(" ".join(one.split()) for one in about)


def report(state: State, what: Report) -> bool:
    """Keep a report and return whether it is new; raises RolloutError with every fault."""
    if faults := _faults(what):
        raise RolloutError(faults)
    with state.write() as connection:
        known = select(feedback.c.id).where(feedback.c.id == what.id)
        if connection.scalar(known) is not None:
            return False
        connection.execute(feedback.insert(), asdict(what))
    return True


def _faults(what: Report) -> list[str]:
    faults = []
    if not _ID.fullmatch(what.id):
        faults.append("the id of a report has 1 to 100 letters, digits and . _ : -")
    if what.kind not in KINDS:
        faults.append(f"a report is about {', '.join(KINDS)}")
    if what.about_kind not in ABOUT_KINDS:
        faults.append(f"a report points to a {', a '.join(ABOUT_KINDS[:-1])}, or to nothing")
    if what.about_kind == "resource" and resource_of(what.about.split("\n")[0]) is None:
        faults.append("a resource is named as feed|Type/id")
    if what.about.count("\n") >= MOST:
        faults.append(f"a report is about {MOST} things at most")
    if len(what.text) > LONGEST:
        faults.append(f"the text is over {LONGEST:,} characters")
    if any("\x00" in value for value in asdict(what).values() if isinstance(value, str)):
        faults.append("there is a NUL character in the report")
    return faults


def read_item(state: State, key: str, now: datetime) -> Item:
    """Return one report; raises RolloutError when there is none."""
    with state.read() as connection:
        return _item(connection, key, now)


def _item(connection: Connection, key: str, now: datetime) -> Item:
    found = read_items(connection, now, only=key)
    if not found:
        raise RolloutError(["there is no such report; `uptake feedback list` names them"])
    return found[0]


def _append(
    connection: Connection,
    key: str,
    what: str,
    *,
    by: str,
    at: datetime,
    note: str = "",
    check: str = "",
    run: str = "",
    count: int | None = None,
) -> None:
    row = {"feedback": key, "what": what, "note": note, "check": check, "run": run}
    connection.execute(feedback_step.insert(), row | {"count": count, "by": by, "at": at})


def link(state: State, key: str, run_folder: Path, at: datetime) -> Linked:
    """Link a report to what a run finds on its resources, and keep everybody with the same cause.

    Linking to the same run twice adds nothing.
    """
    item = read_item(state, key, at)
    resources = resources_of(item.about) if item.about_kind == "resource" else ()
    if not resources:
        return Linked((), 0, "this report is not about a resource; a person looks at it")
    run = read_run(run_folder)
    found, patients = causes(run, resources)
    with state.write() as connection:
        item = _item(connection, key, at)
        if not any(s.what == "linked" and s.run == run.id for s in item.steps):
            _append_links(connection, key, run, found, at)
            _keep_patients(connection, key, patients)
    return Linked(found, len(patients), _linked(found, len(patients)))


def link_new(state: State, key: str, run_folder: Path, at: datetime) -> Linked | None:
    """Link a report that no run was asked of yet; None: it was, or it is not about a resource."""
    item = read_item(state, key, at)
    if item.about_kind != "resource" or any(step.what == "linked" for step in item.steps):
        return None
    return link(state, key, run_folder, at)


def _append_links(
    connection: Connection, key: str, run: Run, found: tuple[Cause, ...], at: datetime
) -> None:
    if not found:
        _append(connection, key, "linked", by=SELF, at=at, note=NOTHING_FOUND, run=run.id, count=0)
    for cause in found:
        _append(
            connection,
            key,
            "linked",
            by=SELF,
            at=at,
            note=cause.fix_key,
            check=cause.check,
            run=run.id,
            count=cause.patients,
        )


def _keep_patients(connection: Connection, key: str, patients: frozenset[Patient]) -> None:
    new = sorted(patients - _patients(connection, key))
    if new:
        connection.execute(
            feedback_patient.insert(),
            [{"feedback": key, "feed": feed, "patient_id": patient} for feed, patient in new],
        )


def _patients(connection: Connection, key: str) -> frozenset[Patient]:
    query = select(feedback_patient.c.feed, feedback_patient.c.patient_id)
    rows = connection.execute(query.where(feedback_patient.c.feedback == key))
    return frozenset((feed, patient) for feed, patient in rows)


def _linked(found: tuple[Cause, ...], patients: int) -> str:
    if not found:
        return f"{NOTHING_FOUND}; a person looks at it"
    checks = ", ".join(dict.fromkeys(c.check for c in found))
    who = "1 patient has" if patients == 1 else f"{patients:,} patients have"
    return f"{checks} {'finds' if len(found) == 1 else 'find'} this; {who} the same cause"


def counts(state: State, use_case: str, now: datetime) -> FeedbackCounts:
    """Return how many reports about a use case are answered, overdue, or have time still."""
    items = [i for i in queue(state, now) if i.use_case == use_case]
    silent = [i for i in items if not i.answer]
    waiting = sum(now - i.at <= timedelta(days=limit("answer")) for i in silent)
    return FeedbackCounts(len(items) - len(silent), len(silent) - waiting, waiting)


def assign(state: State, key: str, owner: str, *, by: str, at: datetime) -> None:
    """Give a report to somebody."""
    _step(state, key, "assigned", owner, by=by, at=at)


def changed(state: State, key: str, note: str, *, by: str, at: datetime, check: str = "") -> None:
    """Say what was changed; `at` is when it was, so that only a later run can verify it.

    A resource may have several faults: `check` is the one that the change mends, empty for all of
    those that were linked.
    """
    _step(state, key, "changed", note, by=by, at=at, check=check)


def answer(state: State, key: str, text: str, *, by: str, at: datetime) -> None:
    """Tell the reporter what became of it."""
    _step(state, key, "answered", text, by=by, at=at)


def reopen(state: State, key: str, note: str, *, by: str, at: datetime) -> None:
    """Open a closed report again; it then needs a new change."""
    with state.write() as connection:
        if _item(connection, key, at).is_open:
            raise RolloutError(["this report is open already"])
        _append(connection, key, "reopened", by=by, at=at, note=note)


def _step(
    state: State, key: str, what: str, note: str, *, by: str, at: datetime, check: str = ""
) -> None:
    faults = [] if note.strip() else [f"{what}: say what or whom"]
    faults += [] if by.strip() else [f"{what}: say who did it"]
    if faults:
        raise RolloutError(faults)
    with state.write() as connection:
        item = _item(connection, key, at)
        if what != "answered" and not item.is_open:
            raise RolloutError(["this report is closed; open it again first"])
        if check and check not in {cause.check for cause in item.causes}:
            raise RolloutError([f"the report is not linked to a finding of {check}"])
        _append(connection, key, what, by=by, at=at, note=note, check=check)


def confirm(state: State, key: str, *, by: str, at: datetime, note: str = "") -> None:
    """Close a report that no check can close, or not alone: its reporter says that it helps.

    Raises RolloutError when a run decides first, when nothing was changed (an unmet need may be
    answered instead), or when it is not the reporter.
    """
    with state.write() as connection:
        item = _item(connection, key, at)
        faults = []
        if not item.is_open:
            faults.append("this report is closed already")
        if item.causes and not item.verified:
            faults.append("a check finds this; a run after the change closes it")
        if item.change is None and not (item.kind == UNMET_NEED and item.answer):
            faults.append("nothing was changed yet; say what was, and when")
        if not by.strip() or (item.reporter and by != item.reporter):
            faults.append("the reporter confirms; nobody else can")
        if faults:
            raise RolloutError(faults)
        _append(connection, key, "confirmed", by=by, at=at, note=note)
        _append(connection, key, "closed", by=by, at=at)


def verify(state: State, key: str, run_folder: Path, at: datetime) -> Verdict:
    """Return what a run says of a report's change, and close the report when all of it is verified.

    Verified: the run began after the change, the same checks ran, the same patients are in its
    data, and nothing of the causes is left on them. Where that cannot be told no step is kept. Of
    several things that were reported, the reporter confirms what no verified check finds.
    """
    run = read_run(run_folder)
    item = read_item(state, key, at)
    resources = resources_of(item.about)
    with state.read() as connection:
        patients = _patients(connection, key)
    if why := untold(item, run, patients):
        return Verdict("cannot tell", 0, why)
    numbers = {cause: left(run, resources, cause, patients) for cause in item.mended}
    total = sum(numbers.values())
    unheard = 0 if total else unheard_of(item, run)
    with state.write() as connection:
        if not _item(connection, key, at).is_open:
            return Verdict("verified", 0, "this report is closed already")
        for cause, number in numbers.items():
            what = "not clean" if number else "verified"
            if number or not total:  # verified is said of the whole
                _append(
                    connection,
                    key,
                    what,
                    by=SELF,
                    at=at,
                    check=cause.check,
                    run=run.id,
                    count=number,
                )
        if not total and not unheard:
            _append(connection, key, "closed", by=SELF, at=at, run=run.id)
    return verdict(numbers, len(patients), unheard)
