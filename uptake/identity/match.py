"""Who is this? In: an index, and Patients that are not in it; out: the records they may be.

The same normal forms, keys, weights and vetoes as when a whole load is linked: what is asked here
one by one gets the answer that the next run would give. Of a load that is asked at once the new
records are held against the index, not against each other.
https://hl7.org/fhir/R4/patient-operation-match.html
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

import pyarrow as pa
from anyascii import anyascii

from uptake.engine.duckdb import Database, quoted
from uptake.errors import UptakeError
from uptake.identity import normal
from uptake.identity.demographics import sent_queries, told_query
from uptake.identity.lookup import Lookup, key_query, load_tables, open_lookup, write_index
from uptake.identity.outcomes import GATE, judged_query
from uptake.identity.weights import scored_sql

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
        self._db.run("create table latin (text varchar, plain varchar)")
        self._words = _Words(self._db)
        self._db.run(f"prepare read_foreign as {_sent(normal.foreign_query())}")
        self._db.run(f"prepare read_person as {_person_query()}")
        self._db.run(f"prepare judge as {_judged(lookup, 'from held', _PAIRS_OF_ONE)}")

    def close(self) -> None:
        """Free what it holds."""
        self._db.close()

    def match(
        self, patient: Mapping[str, Any], count: int | None = None, *, only_certain: bool = False
    ) -> tuple[Candidate, ...]:
        """Return the records that a FHIR Patient may be, the likeliest first, at most `count`.

        Raises MatchError where it says too little to look for anybody.
        """
        with self._lock:
            person, keys = self._read(patient)
            numbers = self.lookup.numbers(keys)
            if not numbers:
                return ()
            known = self.lookup.records.take(numbers)
            self._held.records = pa.concat_tables([known, person])
            rows = self._db.rows("execute judge")
        places = {n: at for at, n in enumerate(known["n"].to_pylist())}
        told = (self._candidate(known, places[n], row) for n, _, *row in rows)
        found = sorted(
            (c for c in told if c.grade and (c.grade == CERTAIN or not only_certain)),
            key=lambda c: (-c.probability, c.feed, c.id),
        )
        return tuple(found[:count])

    def _read(self, patient: Mapping[str, Any]) -> tuple[pa.Table, list[int]]:
        """Return the one row of person_record that a Patient is, and its keys."""
        text = json.dumps({"resourceType": "Patient", **patient}, ensure_ascii=False)
        text = text.encode("utf-8", "replace").decode()  # half a surrogate pair is no letter
        if foreign := not text.isascii():
            self._spell(text)
        *row, keys = self._db.row(
            f"execute read_person({quoted(text)}, {', '.join(self._words.within(text))})"
        )
        if foreign:
            self._db.run("delete from latin")
        names = self.lookup.records.column_names
        told = dict.fromkeys(names) | dict(zip(names, row, strict=False))
        if not any(told[name] for name in TELLING):
            raise MatchError(
                "a name alone tells nobody: add a birth date, an address, a contact or a number"
            )
        told["n"] = self.lookup.linkage.records
        told["given_count"] = self.lookup.frequency.get(str(told["given"]), 0) + 1
        return pa.Table.from_pylist([told], self.lookup.records.schema), keys or []

    def _spell(self, text: str) -> None:
        """Make the rows of `latin` that a Patient needs.

        Not with `insert`, which makes and drops a view: after any change of the catalog each
        prepared query would be planned anew every time.
        """
        texts = self._db.rows(f"execute read_foreign({quoted(text)})")
        spelt = normal.latin(sent for (sent,) in texts)
        rows = ", ".join(f"({quoted(sent)}, {quoted(plain)})" for sent, plain in spelt)
        if rows:
            self._db.run(f"insert into latin values {rows}")

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


def _sent(query: str) -> str:
    """Return a query over the `sent_…` tables as one over the JSON of a Patient, $1."""
    source = "(select 0::bigint as rid, '' as feed, '' as id, $1::varchar as text) n"
    steps = {"told": f"{told_query('n.text')} from {source}", **sent_queries()}
    told = ",\n".join(f"{name} as materialized (\n{step})" for name, step in steps.items())
    return f"with {told}\nfrom (\n{query})"


class _Words:
    """The words that a Patient has of the two largest reference tables.

    To read thousands of rows about names that somebody has not takes longer than all the rest.
    """

    def __init__(self, db: Database) -> None:
        streets = db.rows(normal.STREET_WORDS)
        self._streets = {word for (word,) in streets}
        self._variants: dict[str, list[str]] = defaultdict(list)
        for variant, root in db.rows("select variant, root from given_variant order by all"):
            row = f"{{'variant': {quoted(variant)}, 'root': {quoted(root)}}}"
            for word in {variant.partition(" ")[0], root.partition(" ")[0]}:
                self._variants[word].append(row)

    def within(self, text: str) -> tuple[str, str]:
        """Return the SQL of what `read_person` takes of them: $2 and $3."""
        words = set(_WORD.findall(_APOSTROPHE.sub("", anyascii(text).lower())))
        variants = sorted({row for word in words for row in self._variants.get(word, ())})
        street = normal.street_pattern(words & self._streets)
        # never empty: a list of another type would have the query planned anew
        return quoted(street), f"[{', '.join((_NO_NAME, *variants))}]"


_NO_NAME = "{'variant': '', 'root': ''}"
_WORD, _APOSTROPHE = re.compile("[a-z0-9]+"), re.compile("['`]")


def _person_query() -> str:
    """Return the query of a Patient's row of person_record, and its keys.

    $1 is its JSON, $2 the words for a street, $3 the rows of given_variant that it has words of.
    """
    return _sent(
        "with given_variant as materialized (select v.variant, v.root from (select "
        "unnest($3::struct(variant varchar, root varchar)[]) as v)), "
        # not $2 itself: a function whose pattern is a parameter is planned anew each time
        "street as materialized (select $2::varchar as pattern), "
        f"person as materialized ({normal.record_query('(select pattern from street)')}), "
        f"person_key as materialized ({key_query('person')}) "
        "select *, (select list(key) from person_key) as keys from person"
    )


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
    records = (
        "from known_record where n in (select l from new_pair) union all by name from new_record"
    )
    judged = _judged(lookup, records, "select l, r from new_pair")
    db.run(
        "create or replace table new_link as select p.rid, p.feed, p.id, k.feed as known_feed, "
        "k.id as known_id, j.outcome, j.probability, j.weight, j.veto, j.levels "
        f"from ({judged}) j join known_record k on k.n = j.l join new_record p on p.n = j.r "
        "where (k.feed, k.id) is distinct from (p.feed, p.id)"
    )
    db.connection.unregister("known_record")
    db.connection.unregister("known_key")


def _read_new(db: Database, lookup: Lookup) -> None:
    """Make `new_record`: person_record of the new ones, numbered after those of the index."""
    db.run("create or replace temp table latin (text varchar, plain varchar)")
    texts = db.rows(normal.foreign_query())
    db.insert("latin", ("text", "plain"), normal.latin(text for (text,) in texts))
    words = db.rows(normal.STREET_WORDS)
    street = quoted(normal.street_pattern(word for (word,) in words))
    db.run(
        f"create or replace temp table new_record as select p.* replace "
        f"((p.n + {lookup.linkage.records})::integer as n, "
        "coalesce(k.given_count, 0) + p.given_count as given_count) "
        f"from ({normal.record_query(street)}) p left join (select given, "
        "min(given_count) as given_count from known_record group by given) k using (given)"
    )


def _new_pairs(lookup: Lookup) -> str:
    """Return the query of l and r: numbers of a known and a new record that share a key."""
    if lookup.linkage.whole:
        return "select k.n as l, p.n as r from known_record k cross join new_record p"
    return (
        f"select distinct k.n as l, p.n as r from known_key k "
        f"join ({key_query('new_record')}) p using (key)"
    )


_PAIRS_OF_ONE = """
select k.n as l, p.n as r from person_record k
join (select max(n) as n from person_record) p on k.n < p.n
"""


def _judged(lookup: Lookup, records: str, pairs: str) -> str:
    """Return the query of what becomes of pairs of records: l, r, and all that is told of them."""
    model, names = lookup.linkage.model, _compared(lookup)
    outcome, veto = "outcome", "veto"
    if not lookup.linkage.sanity.passed:
        outcome = "case outcome when 'auto' then 'review' else outcome end"
        veto = f"case outcome when 'auto' then {quoted(GATE)} else veto end"
    return f"""
        with person_record as materialized (select {", ".join(names)} from ({records})),
        scored as materialized ({scored_sql(model, names, pairs)})
        select l, r, {outcome} as outcome, probability, weight, {veto} as veto, levels
        from ({judged_query(model, names)})
    """


def _compared(lookup: Lookup) -> list[str]:
    """Return the columns that a comparison or a veto reads, and those that name a record."""
    comparisons, vetoes = lookup.linkage.model.comparisons, lookup.linkage.model.vetoes
    conditions = [c.null for c in comparisons] + [v.when for v in vetoes]
    conditions += [level.when for c in comparisons for level in c.levels]
    read = set(re.findall(r"\w+(?=_[lr]\b)", " ".join(conditions)))
    read |= {f"tf_{c.tf}" for c in comparisons if c.tf} | {"n", "rid", "feed"}
    return [name for name in lookup.records.column_names if name in read]
