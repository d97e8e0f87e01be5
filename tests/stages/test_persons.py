"""One person, however many records: what joins, what a reviewer's word changes, what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from identity_cases import Resource, link, number, patient, tables

from uptake.identity.decisions import Decided, pair
from uptake.identity.persons import build_counted_persons, build_persons

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

BORN = "1971-05-20"
Groups = set[frozenset[str]]


def numbered(identity: str, value: str, **more: object) -> Resource:
    return patient(identity, identifier=[number(value)], **{"birthDate": BORN, **more})


def said(one: str, other: str, decision: str) -> Decided:
    of = pair(("clinic", one), ("clinic", other))
    return Decided(*of.left, *of.right, decision, "Dr. Reviewer", datetime(2026, 10, 1, tzinfo=UTC))


CLINIC = [
    numbered("a1", "A-100"), numbered("a2", "A-100"), numbered("a3", "A-100"),
    numbered("b1", "B-200"), numbered("b2", "B-200", birthDate="1999-01-31"),
    numbered("c1", "C-300"), numbered("c2", "C-400", **link("c1", "replaced-by")),
    numbered("d1", "D-500"), numbered("d2", "D-600"),
]  # fmt: skip


@contextmanager
def load(folder: Path) -> Iterator[Database]:
    with tables(folder, "person", clinic=CLINIC) as db:
        db.run("drop table person")
        yield db


def groups(db: Database, table: str = "person") -> Groups:
    rows = db.rows(
        f"select list(r.id) from {table} p join record r using (rid) group by person "
        "having count(*) > 1"
    )
    return {frozenset(ids) for (ids,) in rows}


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with load(tmp_path_factory.mktemp("persons")) as opened:
        yield opened


def joined(db: Database, *decided: Decided) -> Groups:
    """Return who is one person."""
    build_persons(db, decided)
    found = groups(db)
    db.run("drop table person")
    return found


EXACT: Groups = {frozenset(("a1", "a2", "a3")), frozenset(("c1", "c2"))}


def test_a_number_and_a_link_join(db: Database) -> None:
    assert joined(db) == EXACT


def test_what_a_reviewer_decided_to_be_the_same_joins(db: Database) -> None:
    assert joined(db, said("d1", "d2", "same")) == EXACT | {frozenset(("d1", "d2"))}
    assert joined(db, said("d1", "d2", "unsure")) == EXACT


@pytest.mark.parametrize("decision", ["different", "related", "unlinked"])
def test_two_whom_a_reviewer_separates_are_two_though_they_share_a_number(
    db: Database, decision: str
) -> None:
    assert joined(db, said("c1", "c2", decision)) == {frozenset(("a1", "a2", "a3"))}


def test_of_three_with_one_number_two_are_separated_so_nobody_knows_whose_the_third_is(
    db: Database,
) -> None:
    assert joined(db, said("a1", "a3", "different")) == {frozenset(("c1", "c2"))}
    told = (said("a1", "a3", "different"), said("a1", "a2", "same"))
    assert joined(db, *told) == {frozenset(("c1", "c2")), frozenset(("a1", "a2"))}


def counted(db: Database, *decided: Decided, likely: str) -> Groups:
    """Return whom figures take for one person, where these records are linked by likeness."""
    build_persons(db, decided)
    db.run(
        "create table patient_cluster as select min(rid) over () as cluster, rid from record "
        f"where id in ({', '.join(repr(name) for name in likely.split())})"
    )
    build_counted_persons(db, decided)
    found = groups(db, "counted_person")
    for name in ("person", "patient_cluster", "counted_person"):
        db.run(f"drop table {name}")
    return found


def test_figures_join_the_likely_ones_too(db: Database) -> None:
    assert counted(db, likely="d1 d2") == EXACT | {frozenset(("d1", "d2"))}
    assert counted(db, likely="a2 d1") == {
        frozenset(("a1", "a2", "a3", "d1")), frozenset(("c1", "c2")),
    }  # fmt: skip


def test_likeness_does_not_join_through_a_third_whom_a_reviewer_separates(db: Database) -> None:
    # a1, a2 and a3 share a number; a3 is like d1, and a reviewer says that d1 is not a1
    apart = said("a1", "d1", "different")
    assert counted(db, apart, likely="a3 d1") == EXACT
    assert counted(db, apart, likely="d1 d2") == EXACT | {frozenset(("d1", "d2"))}
