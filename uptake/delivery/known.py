"""What the newest run knows. In: a run's delivery tables; out: the rows of one patient.

Every `delivery/<table>.parquet` of a run is served, and `medication_difference.parquet` beside it.
A patient whom the id does not name for sure, or whose records contradict each other, gets none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = "delivery"
BESIDE = ("medication_difference",)
"""Tables that stand in the run's folder itself."""
KEYS = "person_key.parquet"
DOUBTS = "identity_doubt"
"""The table that says of whom it cannot be told who they are."""
TWO = "the id of this chart names two people"

Row = Mapping[str, Any]


class _Summary(msgspec.Struct):
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class _Table:
    """A table sorted by patient, and where the rows of each begin and end."""

    rows: pa.Table
    places: Mapping[str, tuple[int, int]]
    persons: frozenset[tuple[str, int]]
    """The ids of the table's patients, each with the person it names."""

    def of_patient(self, patient_id: str) -> Sequence[Row]:
        begin, end = self.places.get(patient_id, (0, 0))
        return self.rows.slice(begin, end - begin).to_pylist()


class Delivery:
    """The delivery tables of one run, in memory: a run's files never change.

    A patient's rows take a tenth of a millisecond; a query of the files would take ten.
    """

    def __init__(self, run: Path, ehr: Collection[str] = ()) -> None:
        """Read a run; `ehr` names the feeds whose ids the EHR calls patients by."""
        files = {f.stem: f for f in sorted((run / FOLDER).glob("*.parquet"))}
        files |= {name: f for name in BESIDE if (f := run / f"{name}.parquet").is_file()}
        self._tables = {name: _read(file) for name, file in files.items()}
        summary = run / "summary.json"
        self.as_of = ""
        if summary.is_file():
            self.as_of = msgspec.json.decode(summary.read_bytes(), type=_Summary).as_of
        known = {pair for table in self._tables.values() for pair in table.persons}
        self._ids: dict[int, set[str]] = defaultdict(set)
        self._persons: dict[str, set[int]] = defaultdict(set)
        for patient_id, person in known:
            self._ids[person].add(patient_id)
            self._persons[patient_id].add(person)
        feeds = {*ehr, *(feed for t in self._tables.values() for feed in _feeds(t.rows))}
        for patient_id, person in _keys(run / KEYS, feeds, self._ids):
            self._persons[patient_id].add(person)

    def of_patient(self, patient: str) -> KnownPatient:
        """Return what is known of the patient with this FHIR id in the EHR."""
        persons = self._persons.get(patient, set())
        ids = {found for person in persons for found in self._ids[person]}
        first = sorted(ids, key=lambda found: (found != patient, found))
        if len(persons) > 1:
            return KnownPatient(self, tuple(first), TWO)
        doubts = [row for name in first for row in self.rows(DOUBTS, name)]
        graver = next((str(row["why"]) for row in doubts if not row["only_absence"]), "")
        another = next((str(row["why"]) for row in doubts if row["only_absence"]), "")
        return KnownPatient(self, tuple(first), graver, another)

    def rows(self, table: str, patient_id: str) -> Sequence[Row]:
        """Return the rows of a table under one id, as they stand in the file."""
        found = self._tables.get(table)
        return found.of_patient(patient_id) if found else []


@dataclass(frozen=True, slots=True)
class KnownPatient:
    """What a run knows of one patient; `Known` of a case."""

    delivery: Delivery
    names: tuple[str, ...]
    """The ids the run has rows under, the one that was asked for first."""
    doubt: str = ""
    another: str = ""

    @property
    def as_of(self) -> str:
        """Return the day the run was made as of."""
        return self.delivery.as_of

    def rows(self, table: str) -> Sequence[Row]:
        """Return the patient's rows of a table: of two records of one person, the first's."""
        if self.doubt:
            return ()
        found = (self.delivery.rows(table, name) for name in self.names)
        return next((rows for rows in found if rows), ())


@dataclass(frozen=True, slots=True)
class Nothing:
    """What is known before the first run."""

    doubt: str = ""
    another: str = ""
    as_of: str = ""

    def rows(self, _: str) -> Sequence[Row]:
        """Return no rows."""
        return ()


def _read(file: Path) -> _Table:
    """Return a table; texts that repeat are kept once."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    texts = [field.name for field in pq.read_schema(file) if pa.types.is_string(field.type)]
    rows = pq.read_table(file, read_dictionary=[t for t in texts if t != "patient_id"])
    rows = rows.take(pc.sort_indices(rows["patient_id"])).combine_chunks()  # it is stable
    named = list(map(str, rows["patient_id"].to_pylist()))
    persons = frozenset(zip(named, _numbers(rows, "person"), strict=True))
    places: dict[str, tuple[int, int]] = {}
    begin = 0
    for patient_id, same in groupby(named):
        end = begin + sum(1 for _ in same)
        places[patient_id] = (begin, end)
        begin = end
    return _Table(rows, places, persons)


def _numbers(rows: pa.Table, name: str) -> list[int]:
    found: list[Any] = rows[name].to_pylist()
    return found


def _feeds(rows: pa.Table) -> set[str]:
    """Return the feeds a table says its patients are of."""
    name = "patient_feed"
    return set(map(str, rows[name].unique().to_pylist())) if name in rows.column_names else set()


def _keys(
    file: Path, feeds: Collection[str], persons: Collection[int]
) -> Iterable[tuple[str, int]]:
    """Return every id of the EHR's that names one of these persons, with all whom it names."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if not file.is_file() or not feeds:
        return ()
    ids = (pc.field("kind") == "id") & pc.field("feed").isin(list(feeds))
    rows = pq.read_table(file, columns=["value", "person"], filters=ids)
    found = zip(map(str, rows["value"].to_pylist()), _numbers(rows, "person"), strict=True)
    pairs = list(found)
    named = {value for value, person in pairs if person in persons}
    # somebody without rows counts, too: under one id of two EHRs the rows are of one of two people
    return [(value, person) for value, person in pairs if value in named]
