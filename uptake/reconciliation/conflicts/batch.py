"""Conflicts of a run. In: a load's tables; out: the tables `list_verdict` and `conflict`.

`list_verdict` has a row an outside entry of a list of allergies or problems, and one an entry of
the chart that a complete outside list lacks; `conflict` has what differs, of every type.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from uptake.reconciliation.conflicts import queries
from uptake.reconciliation.conflicts.demographics import Names, compare_persons, read_person
from uptake.reconciliation.conflicts.entries import Entry, read_entry
from uptake.reconciliation.conflicts.listed import Scope, compare_lists
from uptake.reconciliation.conflicts.results import Result, compare_result, read_result
from uptake.reconciliation.tables import rules as drug_rules

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.reconciliation.conflicts.model import Role, Verdict

READS_LISTS, READS = queries.READS_LISTS, queries.READS
FILE = queries.FILE
_TYPES = ("AllergyIntolerance", "Condition")
_AT_ONCE = 20_000
"""Rows that are kept in memory before they are written to a table."""
Row = tuple[object, ...]


def build_list_verdicts(db: Database) -> None:
    """Make `list_verdict`; empty unless one feed is the EHR and one is an outside source."""
    db.run(queries.VERDICTS.format("list_verdict"))
    if _has_both(db):
        _begin(db)
        for kind in _TYPES:
            _put(db, "list_verdict", _of_lists(db, kind))
    _drop(db)


def build_conflicts(db: Database) -> None:
    """Make `conflict` of all types; empty unless one feed is the EHR and one is outside.

    Needs `list_verdict` and `medication_difference`.
    """
    db.run(queries.VERDICTS.format("verdict"))
    if _has_both(db):
        _begin(db)
        db.run("insert into verdict from list_verdict where stance in ('conflict', 'news')")
        kinds = ", ".join(f"'{name}'" for name, kind in drug_rules().kinds.items() if kind.news)
        db.run(queries.MEDICATIONS.format(kinds=kinds))
        for statement in queries.RESULTS:
            db.run(statement)
        _put(db, "verdict", _of_results(db))
        _put(db, "verdict", _of_persons(db))
    db.run(queries.AUTHORS)
    db.run(queries.CONFLICTS)
    _drop(db)


def _has_both(db: Database) -> bool:
    return {"ehr", "external"} <= {role for (role,) in db.rows("select distinct role from feed")}


def _begin(db: Database) -> None:
    """Find the persons whom both know, and the chart's own records that came back."""
    db.run(queries.PERSONS)
    db.run(queries.ECHOES)


def _drop(db: Database) -> None:
    for table in queries.DROPPED:
        db.run(f"drop table if exists {table}")


def _put(db: Database, table: str, rows: Iterable[Row]) -> None:
    waiting: list[Row] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) >= _AT_ONCE:
            db.insert(table, queries.VERDICT_COLUMNS, waiting)
            waiting.clear()
    db.insert(table, queries.VERDICT_COLUMNS, waiting)


def _of_lists(db: Database, kind: str) -> Iterator[Row]:
    """Yield what there is to say of one type of list, person by person."""
    roles = {role for (role,) in db.rows(
        "select distinct d.role from record i join feed d using (feed) where i.type = ?", [kind]
    )}  # fmt: skip
    complete = db.rows(
        "select d.role, c.feed from complete_for c join feed d using (feed) where c.type = ?",
        [kind],
    )
    whole = frozenset(feed for role, feed in complete if role == "external")
    scope = Scope("ehr" in roles, any(role == "ehr" for role, _ in complete), whole)
    knows = _outside_feeds(db) if whole else {}
    rows = _rows(db, queries.LISTS.replace("$type", kind))
    for person, own in groupby(rows, key=itemgetter(0)):
        entries = [entry for row in own if (entry := _entry(row))]
        chart = [e for e in entries if e.origin.role == "chart"]
        outside = [e for e in entries if e.origin.role == "outside"]
        asked = replace(scope, outside_complete=whole & knows.get(person, frozenset()))
        for verdict in compare_lists(chart, outside, asked):
            yield _row(person, kind, verdict)


def _outside_feeds(db: Database) -> dict[int, frozenset[str]]:
    """Return the outside feeds that know each person: another's list says nothing of him."""
    rows = db.rows(
        "select p.person, list(distinct p.feed order by p.feed) from person p "
        "join feed d on d.feed = p.feed where d.role = 'external' group by p.person"
    )
    return {person: frozenset(feeds) for person, feeds in rows}


def _entry(row: tuple[Any, ...]) -> Entry | None:
    _, role, feed, _, rid, text, codings = row
    coded = tuple((c["system"], c["code"], c["display"]) for c in codings or ())
    return read_entry(msgspec.json.decode(text), coded, role, feed, rid)


def _of_results(db: Database) -> Iterator[Row]:
    """Yield how each outside result compares with the chart's of its test and minute."""
    for (person, _), pairs in groupby(_rows(db, queries.RESULT_PAIRS), key=itemgetter(0, 1)):
        outside, chart = None, []
        for _, rid, feed, text, codes, other, other_feed, other_text, other_codes in pairs:
            outside = outside or _result(text, codes, "outside", feed, rid)
            chart.append(_result(other_text, other_codes, "chart", other_feed, other))
        if outside:
            found = compare_result(outside, [one for one in chart if one])
            if found.stance == "conflict":
                yield _row(person, "Observation", found)


def _result(
    text: str, codes: Iterable[dict[str, str]], role: Role, feed: str, rid: int
) -> Result | None:
    """Return a result; numbers are read as they stand there, since their digits tell."""
    read = json.loads(text, parse_float=Decimal)
    return read_result(read, frozenset((c["system"], c["code"]) for c in codes), role, feed, rid)


def _of_persons(db: Database) -> Iterator[Row]:
    """Yield what outside Patients contradict."""
    for person, own in groupby(_rows(db, queries.PATIENTS), key=itemgetter(0)):
        read = [
            read_person(
                msgspec.json.decode(text),
                Names(frozenset(given), frozenset(roots), frozenset(family)),
                role, feed, rid,
            )
            for _, role, feed, rid, text, given, roots, family in own
        ]  # fmt: skip
        chart = [one for one in read if one.origin.role == "chart"]
        for one in read:
            if one.origin.role == "outside":
                for verdict in compare_persons(one, chart):
                    yield _row(person, "Patient", verdict)


def _row(person: int, kind: str, found: Verdict) -> Row:
    sides = [
        (side.origin.rid, side.says, side.origin.day) if side else (None, None, None)
        for side in (found.chart, found.outside)
    ]
    return (
        person, kind, found.stance, found.kind, found.severity, found.name,
        *sides[0], *sides[1], found.evidence,
    )  # fmt: skip


def _rows(db: Database, query: str) -> Iterator[tuple[Any, ...]]:
    """Yield rows in their order, never all of them in memory."""
    for batch in db.batches(query):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
