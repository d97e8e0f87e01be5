"""What differs, for one patient. In: a run's `medication_difference.parquet`; out: its rows.

A patient whom the id does not name for sure gets none: two records under one id are two people.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock

import msgspec

from uptake.engine.duckdb import Database, quoted

FILE = "medication_difference.parquet"
KEYS = "person_key.parquet"
MEMORY = "256MB"


@dataclass(frozen=True, slots=True)
class Side:
    """One entry of a list of medications; a field that was not sent is empty."""

    text: str
    sig: str
    day: date | None
    by: str
    feed: str
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A drug, and what the chart and the outside say of it."""

    ingredient: str
    kind: str
    """`omission`, `strength`, `sig`, `addition`, `same` or `unmapped`."""
    severity: str
    chart: Side | None
    outside: Side | None

    @property
    def is_news(self) -> bool:
        """Tell whether the outside has what the chart has not, as far as can be told."""
        unread = self.kind == "unmapped" and self.chart is None
        return self.kind in ("omission", "strength", "sig") or unread


class _Summary(msgspec.Struct):
    as_of: str = ""


_SIDE = "{0}_text, {0}_sig, {0}_date, {0}_by, {0}_feed, {0}_type, {0}_id"
_ROWS = f"""
    select ingredient, kind, severity, {_SIDE.format("chart")}, {_SIDE.format("outside")}
    from {{source}} where patient_id = ? and person = ?
    order by severity = 'high' desc, list_position(
        ['omission', 'strength', 'sig', 'unmapped', 'addition', 'same'], kind),
      outside_date desc nulls last, ingredient, outside_id, chart_id
"""
"""The file is sorted by patient_id, so few of its rows are read; what a card says is in memory."""
_WHO = "select patient_id, person from patient where id = ?"


class Differences:
    """The differences of one run, asked by several threads; a run's files never change."""

    def __init__(self, run: Path) -> None:
        self._lock = Lock()
        self._db: Database | None = None
        self.as_of = ""
        if not (run / FILE).is_file():
            return
        self._db = Database(1, MEMORY, Path(tempfile.gettempdir()))
        self._db.run(f"create view difference as from read_parquet({quoted(str(run / FILE))})")
        keys = run / KEYS
        other = f"read_parquet({quoted(str(keys))})" if keys.is_file() else "no_key"
        self._db.run("create table no_key (person bigint, feed text, kind text, value text)")
        self._db.run(f"""
            create table patient as
              with listed as (select distinct patient_id, person from difference)
              select patient_id as id, patient_id, person from listed
              union
              select k.value, l.patient_id, l.person from {other} k join listed l using (person)
              where k.kind = 'id' and k.feed in (select patient_feed from difference)
        """)
        self._db.run(
            "create table news as from difference where kind not in ('same', 'addition') "
            "order by patient_id"
        )
        self._db.run("create index by_id on patient (id)")
        self._db.run("create index by_patient on news (patient_id)")
        summary = run / "summary.json"
        if summary.is_file():
            self.as_of = msgspec.json.decode(summary.read_bytes(), type=_Summary).as_of

    def of_patient(self, patient: str, *, whole: bool = False) -> tuple[Difference, ...]:
        """Return the differences of the patient with this FHIR id in the EHR, worst first.

        With `whole` also what is the same in both or in the chart only, which takes longer.
        """
        if self._db is None:
            return ()
        with self._lock:
            persons = self._db.rows(_WHO, [patient])
            query = _ROWS.format(source="difference" if whole else "news")
            rows = self._db.rows(query, list(persons[0])) if len(persons) == 1 else []
        return tuple(
            Difference(ingredient or "", kind, severity, _side(row[:7]), _side(row[7:]))
            for ingredient, kind, severity, *row in rows
        )


def _side(row: list[object]) -> Side | None:
    text, sig, day, by, *where = row
    if not where[1]:
        return None
    names = [str(value or "") for value in (text, sig, by, *where)]
    return Side(names[0], names[1], day if isinstance(day, date) else None, names[2], *names[3:])
