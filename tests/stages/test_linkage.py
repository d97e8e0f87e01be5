"""Who is linked in a population with traps, and that the order of its records changes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from linkage_cases import Found, found, linked, people

from benchmarks.linkage.sets import COLUMNS, database, read_set
from benchmarks.population import population
from uptake.identity.linkage import link
from uptake.identity.results import read_linkage

if TYPE_CHECKING:
    from linkage_cases import Row

    from uptake.engine.duckdb import Database

PERSONS, SEED, TRAPS = 2600, 11, 5.0
"""A population with five times as many of those who are easily taken for each other."""
HOME: Row = {
    "line": "1204 Harrow Lane", "city": "Eastfield", "zip": "60613", "phone": "3125550141",
}  # fmt: skip
MAIL: Row = {"email": "parent@example.org"}
DUMMY: Row = {"ssn": "123-45-6789"}
BORN = "2014-06-17"


def of(given: str, family: str, born: str, gender: str, **more: str | None) -> Row:
    return {"given": given, "family": family, "birth_date": born, "gender": gender, **more}


TRAP_PAIRS: Mapping[str, tuple[Row, Row]] = {
    "twins": (
        of("Grace", "Hargrove", BORN, "female", **HOME),
        of("Olivia", "Hargrove", BORN, "female", **HOME),
    ),
    "twins whose names are alike": (
        of("Jayden", "Delacroix", BORN, "male", **HOME),
        of("Jaden", "Delacroix", BORN, "male", **HOME),
    ),
    "twins who share a middle name": (
        of("Marcus", "Whitlock", BORN, "male", middle="Lee", **HOME),
        of("Markus", "Whitlock", BORN, "male", middle="Lee", **HOME),
    ),
    "twins a letter apart": (
        of("Amir", "Kassabian", BORN, "male", **HOME),
        of("Samir", "Kassabian", BORN, "male", **HOME),
    ),
    "twins whose names are alike, with a parent's e-mail": (
        of("Anna", "Whitcombe", BORN, "female", **HOME, **MAIL),
        of("Anne", "Whitcombe", BORN, "female", **HOME, **MAIL),
    ),
    "twins with part of a name in common, and a parent's e-mail": (
        of("Juan", "Quintanilla", BORN, "male", middle="Carlos", **HOME, **MAIL),
        of("Carlos", "Quintanilla", BORN, "male", **HOME, **MAIL),
    ),
    "brother and sister": (
        of("Gabriel", "Sandoval", BORN, "male", **HOME),
        of("Gabriela", "Sandoval", BORN, "female", **HOME),
    ),
    "Jr and Sr": (
        of("Walter", "Pemberton", "1951-03-09", "male", suffix="Sr", **HOME),
        of("Walter", "Pemberton", "1975-11-30", "male", suffix="Jr", **HOME),
    ),
    "Jr and Sr of one birthday": (
        of("Harold", "Ashworth", "1951-03-09", "male", suffix="Sr", **HOME),
        of("Harold", "Ashworth", "1981-03-09", "male", suffix="Jr", **HOME),
    ),
    "father and son without a suffix": (
        of("Luis", "Montoya", "1960-01-25", "male", **HOME),
        of("Luis", "Montoya", "1984-07-02", "male", **HOME),
    ),
    "namesakes": (
        of("Maria", "Garcia", "1988-08-08", "female", **HOME),
        of("Maria", "Garcia", "1988-08-08", "female", line="9 Elm Court", city="Westmore",
           zip="97301", phone="5035550177"),
    ),
    "newborns": (
        of("Baby Girl", "Okonkwo", "2026-10-01", "female", **HOME),
        of("Baby Girl", "Okonkwo", "2026-10-01", "female", **HOME),
    ),
    "a dummy number": (
        of("Peter", "Lindqvist", "1949-02-13", "male", **DUMMY),
        of("Petra", "Lindgren", "1949-02-13", "female", **DUMMY),
    ),
    "cousins of one flat and phone": (
        of("Ahmed", "Hassan", "1999-05-14", "male", **HOME),
        of("Mohamed", "Hassan", "1999-05-15", "male", **HOME),
    ),
}  # fmt: skip
"""By trap: two people."""
SHELTER = [
    of(given, family, f"19{60 + n}-01-01", "male", line="500 Mission Street", city="Eastfield",
       zip="60699", phone="3125550100")
    for n, (given, family) in enumerate(itertools.product(
        ("Robert", "James", "Michael", "David"), ("Johnson", "Williams", "Brown", "Davis")))
]  # fmt: skip


def own(row: Row, n: int) -> Row:
    """Return the row with its household at a number of its own: each trap has one."""
    if row.get("line") != HOME["line"]:
        return row
    moved = {**row, "line": f"{1204 + n} Harrow Lane", "phone": f"31255501{n:02}"}
    return moved | ({"email": f"parent{n}@example.org"} if "email" in row else {})


@pytest.fixture(scope="module")
def crowd() -> pa.Table:
    made = [
        {**own(row, n), "rec_id": f"{trap}: {side}", "person_id": f"{trap}: {side}",
         "source": "A", "kind": trap}
        for n, (trap, pair) in enumerate(TRAP_PAIRS.items())
        for side, row in enumerate(pair)
    ] + [
        {**row, "rec_id": f"shelter {n}", "person_id": f"shelter {n}", "source": "A",
         "kind": "shelter"}
        for n, row in enumerate(SHELTER)
    ]  # fmt: skip
    table = population(PERSONS, SEED, traps=TRAPS)
    table = table.select([name for name in COLUMNS if name in table.column_names])
    more = pa.Table.from_pylist(made, schema=table.schema)
    return pa.concat_tables([table, more])


@pytest.fixture(scope="module")
def populated(crowd: pa.Table) -> Iterator[Database]:
    """Give a linked load of about 3,000 records, and the truth beside it."""
    with database() as db:
        read_set(db, crowd)
        link(db)
        yield db


@pytest.fixture(scope="module")
def known(populated: Database) -> Found:
    linkage = read_linkage(populated)
    assert linkage is not None
    return found(populated, linkage)


@pytest.mark.parametrize("trap", TRAP_PAIRS)
def test_a_trap_is_not_linked(known: Found, trap: str) -> None:
    assert known.outcome(f"{trap}: 0", f"{trap}: 1") != "auto"


def test_people_of_a_shelter_are_not_linked(known: Found) -> None:
    names = [f"shelter {n}" for n in range(len(SHELTER))]
    assert not [pair for pair in itertools.combinations(names, 2) if known.outcome(*pair) == "auto"]


def test_no_two_people_of_a_population_are_linked(populated: Database) -> None:
    judged = populated.rows("""
        select outcome, a.kind, b.kind, a.person_id = b.person_id from patient_link k
        join truth a on a.rid = k.rid_l join truth b on b.rid = k.rid_r
        where a.person_id not like '%: _'
    """)
    wrong = [kinds for outcome, *kinds, same in judged if outcome == "auto" and not same]
    assert wrong == []
    assert len([1 for outcome, *_, same in judged if outcome == "auto" and same]) > 100
    assert len([1 for *_, same in judged if not same]) > 10, "traps came up, and were kept apart"


@pytest.mark.parametrize("within", [True, False], ids=["in one feed", "across feeds"])
def test_the_prevalence_is_that_of_the_truth(
    populated: Database, known: Found, within: bool
) -> None:
    possible, true = populated.row(
        "select count(*), count(*) filter (a.person_id = b.person_id) from truth a "
        "join truth b on a.rid < b.rid join sent_patient p on p.rid = a.rid "
        "join sent_patient q on q.rid = b.rid where (p.feed = q.feed) = $within",
        {"within": within},
    )
    model = known.linkage.model
    possible = max(possible, known.linkage.records * model.settings["as_if"] / 2)
    expected = (model.prevalence if within else model.across) * possible
    assert true > 50
    assert true / 1.3 < expected < true * 1.3


def test_the_order_of_records_changes_nothing(crowd: pa.Table, known: Found) -> None:
    backwards = crowd.take(list(range(crowd.num_rows - 1, -1, -1)))
    with database() as db:
        read_set(db, backwards)
        again = found(db, link(db))
    assert told(again) == told(known)
    assert again.clusters == known.clusters
    assert again.linkage.model.comparisons == known.linkage.model.comparisons
    assert {pair: link.probability for pair, link in again.pairs.items()} == pytest.approx(
        {pair: link.probability for pair, link in known.pairs.items()}, rel=1e-9
    )


def told(of: Found) -> dict[frozenset[str], tuple[str, str, Mapping[str, str]]]:
    return {pair: (link.outcome, link.veto, link.levels) for pair, link in of.pairs.items()}


def test_a_few_records_are_judged_as_some_of_many() -> None:
    one, *_ = people(3)
    few = linked([one, one, *people(3)[1:]])
    assert few.linkage.model.prevalence < 1e-3
    assert few.outcome("r0", "r1") == "auto"
