"""Who is this? In: an index, and Patients that are not in it; out: the records they may be.

The same normal forms, keys, weights and vetoes as when a whole load is linked: what is asked here
one by one gets the answer that the next run would give. Of a load that is asked at once the new
records are held against the index, not against each other.
https://hl7.org/fhir/R4/patient-operation-match.html
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from uptake.engine.duckdb import Database, quoted
from uptake.errors import UptakeError
from uptake.identity import normal
from uptake.identity.demographics import sent_by
from uptake.identity.lookup import Lookup, key_query, load_tables, open_lookup, write_index
from uptake.identity.outcomes import GATE, judged_at_once
from uptake.identity.pairs import beside, columns_judged, crossed
from uptake.identity.person import person_of, read_busy, read_words

__all__ = ["Candidate", "Index", "MatchError", "link_new", "open_index", "write_index"]

CERTAIN, PROBABLE, POSSIBLE = "certain", "probable", "possible"
"""http://terminology.hl7.org/CodeSystem/match-grade; what is certainly no match is not told."""
TELLING = (
    "birth_date", "birth_year", "line", "zip", "city", "phones", "emails", "numbers", "mrns",
)  # fmt: skip
"""Columns of person_record that, beside a name, may tell two people apart."""


class MatchError(UptakeError):
    """A Patient that cannot be looked for; the message holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that may be the person asked for."""

    rid: int
    feed: str
    id: str
    probability: float
    grade: str
    outcome: str
    """auto or review, as of any pair."""
    veto: str
    levels: tuple[Mapping[str, Any], ...]
    """comparison, label and weight of each: what speaks for and against it."""


class Index:
    """An index that is open; close it when done. It may be asked from several threads."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        spill = Path(tempfile.gettempdir()) / f"uptake-{uuid4()}"  # made only when it is needed
        self._db = Database(1, "512MB", spill)
        self._lock = Lock()
        # A question is one of few rows, and to plan it costs more than to answer it: so it is
        # planned once, and not made better for more rows than it will ever see.
        self._db.run("pragma disable_optimizer")
        load_tables(self._db, lookup.folder)
        self._held = _Held(lookup.records.slice(0, 0))
        self._db.connection.register("held", self._held)
        self._words, self._busy = read_words(self._db), read_busy(self._db)
        self._knows_all = _knows_all(lookup)
        self._db.run(f"prepare keys as {key_query('held', told='key')}")
        asked = f"from held where n = {lookup.linkage.records}"
        known = asked.replace("=", "<")
        pair = crossed(columns_judged(lookup.linkage.model), known, asked)
        self._db.run(f"prepare judge as {_judged(lookup, pair)}")

    def close(self) -> None:
        """Free what it holds."""
        self._db.close()

    def match(
        self, patient: Mapping[str, Any], count: int | None = None, *, only_certain: bool = False
    ) -> tuple[Candidate, ...]:
        """Return the records that a FHIR Patient may be, the likeliest first, at most `count`.

        Raises MatchError where it says too little to look for anybody.
        """
        person = self._read(patient)
        with self._lock:
            self._held.records = person
            numbers = self.lookup.numbers(key for (key,) in self._db.rows("execute keys"))
            if not numbers:
                return ()
            known = pa.Table.from_batches(self.lookup.taken(numbers))
            self._held.records = pa.concat_tables([known, person])
            rows = self._db.rows("execute judge")
        places = {n: at for at, n in enumerate(numbers)}
        told = (self._candidate(known, places[n], row) for n, _, *row in rows)
        found = sorted(
            (c for c in told if c.grade and (c.grade == CERTAIN or not only_certain)),
            key=lambda c: (-c.probability, c.feed, c.id),
        )
        return tuple(found[:count])

    def _read(self, patient: Mapping[str, Any]) -> pa.Table:
        """Return the one row of person_record that a Patient is."""
        told = person_of(sent_by(patient), self._words, self._busy)
        if not any(told.get(name) for name in TELLING):
            raise MatchError(
                "a name alone tells nobody: add a birth date, an address, a contact or a number"
            )
        columns = self.lookup.records.schema
        here = {
            "n": self.lookup.linkage.records,
            "rid": 0,
            "feed": "",
            "id": "",
            "given_known": told["given_known"] or self._knows_all,
            "given_count": self.lookup.frequency.get(str(told["given"]), 0) + 1,
        }
        row = dict.fromkeys(columns.names) | told | here
        return pa.Table.from_pylist([row], columns)

    def _candidate(self, known: pa.Table, at: int, row: list[Any]) -> Candidate:
        rid, feed, name = (known[column][at].as_py() for column in ("rid", "feed", "id"))
        outcome, probability, _, veto, levels = row
        grade = POSSIBLE
        if outcome == "auto":
            grade = CERTAIN
        elif outcome == "related":
            grade = ""
        elif probability >= self.lookup.linkage.model.settings["outcome"]["probable"]:
            grade = PROBABLE
        return Candidate(rid, feed, name, probability, grade, outcome, veto, tuple(levels))


def _knows_all(lookup: Lookup) -> bool:
    """Tell whether every given name of the index counts as known: then no other is a slip."""
    return bool(pc.all(lookup.records["given_known"]).as_py())


class _Held:
    """Records that a query reads as a table; other ones may be put in their place."""

    def __init__(self, records: pa.Table) -> None:
        self.records = records

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the records as the Arrow PyCapsule interface has them."""
        stream: object = self.records.__arrow_c_stream__(requested_schema)  # type: ignore[no-untyped-call]
        return stream


def open_index(folder: Path) -> Index:
    """Return the index in a folder; raises StorageError where there is none that can be read."""
    return Index(open_lookup(folder))


def link_new(folder: Path, db: Database) -> None:
    """Hold new records against an index: make `new_link` from the `sent_…` tables of `db`.

    One row a pair that is likely enough: rid, feed and id of the new record, `known_feed` and
    `known_id` of the other, outcome, probability, weight, veto and levels. A record that the index
    has under the same feed and id is not held against itself. Raises StorageError.
    """
    lookup = open_lookup(folder)
    db.connection.register("known_record", lookup.records)
    db.connection.register("known_key", lookup.entries)
    load_tables(db, folder)
    _read_new(db, lookup)
    db.run(f"create or replace temp table new_pair as {_new_pairs(lookup)}")
    judged = _judged(lookup, beside(columns_judged(lookup.linkage.model), "from new_pair"))
    db.run(
        "create or replace table new_link as with person_record as materialized (from known_record "
        "where n in (select l from new_pair) union all by name from new_record) "
        "select p.rid, p.feed, p.id, k.feed as known_feed, "
        "k.id as known_id, j.outcome, j.probability, j.weight, j.veto, j.levels "
        f"from ({judged}) j join known_record k on k.n = j.l join new_record p on p.n = j.r "
        "where (k.feed, k.id) is distinct from (p.feed, p.id)"
    )
    db.connection.unregister("known_record")
    db.connection.unregister("known_key")


def _read_new(db: Database, lookup: Lookup) -> None:
    """Make `new_record`: person_record of the new ones, numbered after those of the index."""
    normal.read_records(db, "read_record")
    db.run(
        f"create or replace temp table new_record as select p.* replace "
        f"((p.n + {lookup.linkage.records})::integer as n, "
        f"(p.given_known or {_knows_all(lookup)}) as given_known, "
        "coalesce(k.given_count, 0) + p.given_count as given_count) "
        "from read_record p left join (select given, "
        "min(given_count) as given_count from known_record group by given) k using (given)"
    )
    db.run("drop table read_record")


def _new_pairs(lookup: Lookup) -> str:
    """Return the query of l and r: numbers of a known and a new record that share a key."""
    if lookup.linkage.whole:
        return "select k.n as l, p.n as r from known_record k cross join new_record p"
    return (
        f"select distinct k.n as l, p.n as r from known_key k "
        f"join ({key_query('new_record')}) p using (key)"
    )


def _judged(lookup: Lookup, pair: str) -> str:
    """Return the query of what becomes of pairs of records: l, r, and all that is told of them."""
    outcome, veto = "outcome", "veto"
    if not lookup.linkage.sanity.passed:
        outcome = "case outcome when 'auto' then 'review' else outcome end"
        veto = f"case outcome when 'auto' then {quoted(GATE)} else veto end"
    return (
        f"select l, r, {outcome} as outcome, probability, weight, {veto} as veto, levels "
        f"from ({judged_at_once(lookup.linkage.model, pair)})"
    )
