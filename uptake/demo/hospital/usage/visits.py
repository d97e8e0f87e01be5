"""The pre-visit list. In: visits with an open gap since go-live; out: its log with the answers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.calendar import GO_LIVE, even
from uptake.demo.hospital.fhir import chicago, civil, moment
from uptake.demo.hospital.people import stream
from uptake.demo.hospital.population import Gap
from uptake.demo.hospital.staff import CLINIC_UNIT, NURSE, PHYSICIAN, ids
from uptake.demo.hospital.usage.access import VISITS, Turns, with_access
from uptake.demo.hospital.usage.files import write_csv

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from uptake.demo.hospital.clean import World

COLUMNS = ("when", "staff", "patient", "what", "reason")
LISTED, OPENED, USED_SHARE = 0.97, 0.665, 0.60
"""`OPENED` is of the visits at which no test was ordered: with the others it makes 72 %."""
DONE_ELSEWHERE, DECLINED = 0.8, 0.25
"""Of the openings without an order: how often the staff say so of those who had the test at a draw
site that sends its own code, and how often others decline."""
UNKNOWN = "LH9990001"
"""A record number that no feed has: a training account's."""

_Rows = list[tuple["datetime", tuple[str, ...]]]


def write(world: World, path: Path) -> None:
    """Write the log, by time."""
    rng = stream(world.seed, "pre-visit list")
    clinic = [*ids(CLINIC_UNIT, NURSE), *ids(CLINIC_UNIT, PHYSICIAN)]
    turns = Turns(VISITS, round(USED_SHARE * len(with_access(VISITS))), clinic)
    listed, opened, elsewhere, declined = even(0.1), even(0.3), even(0.5), even(0.7)
    found: _Rows = []
    openings: list[tuple[datetime, str]] = []

    def add(at: datetime, staff: str, patient: str, what: str, reason: str = "") -> None:
        found.append((at, (moment(at), staff, patient, what, reason)))

    for gap in world.gap_visits:
        mrn, start = gap.record.who.mrn, gap.visit.start
        shown = next(listed) < LISTED
        if not (shown or gap.closes):
            continue
        evening = civil(chicago(start).date() - timedelta(days=1), 18 * 60 + rng.randint(0, 59))
        add(evening, "", mrn, "listed")
        if not (next(opened) < OPENED or gap.closes):
            continue
        at = start - timedelta(minutes=rng.randint(8, 50))
        staff = turns.next(at)
        add(at, staff, mrn, "opened")
        openings.append((at, mrn))
        answered = start + timedelta(minutes=rng.randint(6, 24))
        if gap.closes:
            add(answered, staff, mrn, "ordered")
        elif gap.gap is Gap.LEGACY and next(elsewhere) < DONE_ELSEWHERE:
            add(answered, staff, mrn, "declined", "done elsewhere")
        elif gap.gap is not Gap.LEGACY and next(declined) < DECLINED:
            add(answered, staff, mrn, "declined", "patient declined")
    for which, at, staff in turns.again([at for at, _ in openings]):
        add(at, staff, openings[which][1], "opened")
    day = GO_LIVE + timedelta(days=15, hours=9)
    for minutes, what in ((0, "listed"), (7, "opened"), (9, "declined")):
        reason = "patient declined" if what == "declined" else ""
        staff = "" if what == "listed" else clinic[0]
        add(day + timedelta(minutes=minutes), staff, UNKNOWN, what, reason)
    write_csv(path, COLUMNS, (row for _, row in sorted(found)))
