"""Gaps before the visit. In: a run's delivery tables; out: who comes on a day, and what is due.

A visit is named by a key of 16 hexadecimal letters: no address carries a patient's id.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from uptake.engine.duckdb import brief_database, quoted

SHOWN = ("due", "elsewhere", "cannot-tell", "withheld")
"""What a list shows, in this order: what is closed or excluded asks for nothing."""
WORDS = {
    "due": "due",
    "elsewhere": "due in the chart, done elsewhere",
    "cannot-tell": "cannot tell",
    "withheld": "withheld",
}
UNHEARD = ("no evidence known", "no exclusion known")
"""Reasons that are a feed's and not a patient's."""
COLUMNS = (
    "date", "time", "place", "patient", "name", "born", "gap", "state", "why", "check", "evidence",
    "value", "unit", "evidence date", "days ago", "source", "ordered",
)  # fmt: skip
_NEVER_FIRST = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """One planned visit and the gaps of its patient."""

    key: str
    patient_id: str
    patient_feed: str
    name: str
    birth_date: str
    day: date
    time: str
    """As sent, hours and minutes; empty where only the day is known."""
    place: str
    gaps: tuple[Row, ...]

    @property
    def listed(self) -> tuple[Row, ...]:
        """Return the gaps that somebody can do something about before this visit."""
        return tuple(row for row in self.gaps if row["reason"] not in UNHEARD)

    @property
    def unheard(self) -> tuple[Row, ...]:
        """Return the gaps of which nobody can tell, since no source is declared complete."""
        return tuple(row for row in self.gaps if row["reason"] in UNHEARD)

    def of(self, status: str) -> tuple[Row, ...]:
        """Return the gaps with a status."""
        return tuple(row for row in self.gaps if row["status"] == status)


def patient_key(feed: str, patient: str) -> str:
    """Return what addresses name a patient by."""
    return hashlib.sha256(f"{feed}\x1f{patient}".encode()).hexdigest()[:16]


def visits_on(run: Path, day: date) -> tuple[Visit, ...] | None:
    """Return the visits planned for a day, by time; None where the run worked out no gaps."""
    planned = _rows(run, "planned_visit", "at_date = ?", [day])
    if planned is None:
        return None
    people = sorted({row["person"] for row in planned})
    gaps = _rows(run, "care_gap", "list_contains(?, person)", [people]) or []
    found = [
        Visit(
            patient_key(row["patient_feed"], row["patient_id"]),
            row["patient_id"],
            row["patient_feed"],
            row["name"],
            row["birth_date"] or "",
            day,
            row["at_text"][11:16],
            row["place"],
            _of(gaps, row["patient_feed"], row["patient_id"]),
        )
        for row in planned
    ]
    return tuple(sorted(found, key=lambda v: (v.time, v.name, v.patient_id)))


def gaps_of(run: Path, key: str) -> list[Row]:
    """Return every row of the patient with this key, none where there is nobody such."""
    where = "left(sha256(patient_feed || chr(31) || patient_id), 16) = ?"
    return _rows(run, "care_gap", where, [key]) or []


def everybody(run: Path) -> Iterator[tuple[str, str, list[Row]]]:
    """Yield feed and id of each patient with gaps, and the rows."""
    rows = _rows(run, "care_gap", "true", []) or []
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row["patient_feed"], row["patient_id"]), []).append(row)
    for (feed, patient), own in sorted(grouped.items()):
        yield feed, patient, own


def as_csv(visits: Sequence[Visit]) -> str:
    """Return the list as CSV, a line a gap; who has none has a line without one."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for visit in visits:
        head = (
            visit.day.isoformat(), visit.time, visit.place, visit.patient_id, visit.name,
            visit.birth_date,
        )  # fmt: skip
        for row in visit.gaps or (None,):
            writer.writerow([_plain(cell) for cell in (*head, *_cells(row, visit.day))])
    return out.getvalue()


def _cells(row: Row | None, day: date) -> tuple[str, ...]:
    if row is None:
        return ("none", *[""] * 10)
    at = row["evidence_date"]
    return (
        row["title"],
        WORDS[row["status"]],
        row["why"],
        row["check"],
        row["evidence"],
        row["evidence_value"],
        row["evidence_unit"],
        at.isoformat() if at else "",
        str((day - at).days) if at else "",
        row["evidence_feed"],
        row["ordered_date"].isoformat()
        if row["ordered_date"]
        else "yes"
        if row["ordered_id"]
        else "",
    )


def _plain(cell: str) -> str:
    """Return a cell that a spreadsheet shows, and does not run."""
    return f"'{cell}" if cell.startswith(_NEVER_FIRST) else cell


def _of(gaps: Sequence[Row], feed: str, patient: str) -> tuple[Row, ...]:
    own = [
        row
        for row in gaps
        if (row["patient_feed"], row["patient_id"]) == (feed, patient) and row["status"] in SHOWN
    ]
    return tuple(sorted(own, key=lambda row: (SHOWN.index(row["status"]), row["rule"])))


def _rows(run: Path, table: str, where: str, given: Sequence[object]) -> list[Row] | None:
    """Return rows of a delivery table, None where the run has none such."""
    path = run / "delivery" / f"{table}.parquet"
    if not path.is_file():
        return None
    with brief_database() as db:
        source = f"read_parquet({quoted(str(path))})"
        names = [name for name, *_ in db.rows(f"describe select * from {source}")]
        rows = db.rows(f"select * from {source} where {where} order by all", given)
    return [dict(zip(names, row, strict=True)) for row in rows]
