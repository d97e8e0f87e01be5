"""Linkage on input that no sender should send: a clear outcome, and no link that is not carried."""

from __future__ import annotations

import itertools
import math
import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from benchmarks.linkage.sets import COLUMNS, database, read_set
from uptake.identity.linkage import link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from uptake.engine.duckdb import Database

Row = dict[str, Any]
OUTCOMES = {"auto", "review", "related"}
SOUNDS = [a + b for a, b in itertools.product("bdfgklmnprstvz", ("a", "e", "i", "o", "u"))]
FIRST = date(1935, 1, 1)
MOST_LINKED = 5
"""A larger group is reviewed whole."""


@pytest.fixture
def db() -> Iterator[Database]:
    with database() as opened:
        yield opened


def linked(db: Database, rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    """Link the rows and return (id, id, outcome) of every pair, after what always holds."""
    table = pa.Table.from_pylist(
        [{"rec_id": f"r{n}", "source": "A", **row} for n, row in enumerate(rows)],
        schema=pa.schema([(name, pa.string()) for name in COLUMNS]),
    )
    read_set(db, table)
    link(db)
    assert db.row("select count(*) from person_record") == (len(rows),), "nobody is lost"
    pairs = db.rows("""
        select l.id, r.id, outcome, probability, weight, k.rid_l < k.rid_r
        from patient_link k join sent_patient l on l.rid = k.rid_l
        join sent_patient r on r.rid = k.rid_r
    """)
    assert len({pair[:2] for pair in pairs}) == len(pairs), "each pair once"
    for _, _, outcome, probability, weight, in_order in pairs:
        assert outcome in OUTCOMES
        assert 0 <= probability <= 1
        assert math.isfinite(weight)
        assert in_order
    in_cluster = db.rows("select count(*) from patient_cluster group by cluster")
    assert all(2 <= count <= MOST_LINKED for (count,) in in_cluster)
    return [pair[:3] for pair in pairs]


def auto(pairs: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    return [(left, right) for left, right, outcome in pairs if outcome == "auto"]


def people(count: int, seed: int = 1) -> list[Row]:
    """So many different persons, no two of one name, all complete."""
    rng = random.Random(seed)
    names: set[tuple[str, str]] = set()
    while len(names) < count:
        names.add((_word(rng), _word(rng)))
    return [
        {
            "given": given,
            "family": family,
            "birth_date": str(FIRST + timedelta(days=rng.randrange(30_000))),
            "gender": rng.choice(("male", "female")),
            "line": f"{rng.randint(1, 9999)} {_word(rng)} St",
            "city": _word(rng),
            "zip": f"{rng.randint(10000, 99999)}",
            "phone": f"{rng.randint(2010000000, 9890000000)}",
        }
        for given, family in sorted(names)
    ]


def _word(rng: random.Random) -> str:
    return "".join(rng.choices(SOUNDS, k=3)).capitalize()


def twice(rows: Sequence[Row]) -> list[Row]:
    """Everybody registered twice, with the same words."""
    return [*rows, *(dict(row) for row in rows)]


def without(*columns: str) -> Callable[[Row], Row]:
    return lambda row: {name: value for name, value in row.items() if name not in columns}


def test_no_patients(db: Database) -> None:
    assert linked(db, []) == []


def test_one_patient(db: Database) -> None:
    assert linked(db, people(1)) == []


def test_one_patient_without_anything(db: Database) -> None:
    assert linked(db, [{}]) == []


def test_patients_without_anything(db: Database) -> None:
    assert auto(linked(db, [{}] * 300)) == []


def test_the_same_person_twice_is_found(db: Database) -> None:
    """The control: what follows takes something away from this."""
    pairs = linked(db, twice(people(400)))
    assert {frozenset(pair) for pair in auto(pairs)} == {
        frozenset((f"r{n}", f"r{n + 400}")) for n in range(400)
    }


def test_no_birth_dates_at_all(db: Database) -> None:
    rows = [without("birth_date")(row) for row in twice(people(400))]
    pairs = linked(db, rows)
    assert auto(pairs) == [], "nobody is linked by itself without a birth date"
    assert len(pairs) >= 300, "a person may still look"


@pytest.mark.parametrize(
    "kept",
    [("given", "family"), ("birth_date",), ("phone",), ("line", "zip"), ("gender",), ("family",)],
)
def test_all_other_columns_are_empty(db: Database, kept: tuple[str, ...]) -> None:
    rows = [{name: row[name] for name in kept} for row in twice(people(200))]
    assert auto(linked(db, rows)) == []


@pytest.mark.parametrize(
    "constant",
    [
        {"gender": "male"},
        {"birth_date": "1900-01-01"},
        {"line": "1 Main St", "city": "Town", "zip": "60601", "phone": "3125550100"},
        {"given": "Unknown", "family": "Unknown"},
        {"given": "Baby", "family": "Boy", "birth_date": "2024-01-01"},
        {"family": "Nguyen"},
        {"ssn": "123-45-6789", "email": "none@none.com", "mrn": "0"},
    ],
    ids=lambda columns: " ".join(columns),
)
def test_a_column_says_the_same_of_everybody(db: Database, constant: Row) -> None:
    assert auto(linked(db, [row | constant for row in people(600)])) == []


def test_a_hundred_thousand_patients_of_one_birth_date(db: Database) -> None:
    rows = [row | {"birth_date": "1900-01-01"} for row in people(100_000)]
    assert auto(linked(db, rows)) == []
    (candidates,) = db.row("select count(*) from candidate_pair")
    assert candidates < 30 * len(rows), "one date makes no candidates by itself"


def test_everybody_is_the_same_record(db: Database) -> None:
    pairs = linked(db, people(1) * 1000)
    assert auto(pairs) == [], "a thousand records of one person are for a person to look at"


def test_the_same_record_is_the_same_four_times(db: Database) -> None:
    rows = people(300)
    pairs = linked(db, [*rows, rows[0], rows[0], rows[0]])
    group = {"r0", "r300", "r301", "r302"}
    assert {frozenset(pair) for pair in auto(pairs)} == {
        frozenset(pair) for pair in itertools.combinations(group, 2)
    }


def test_a_name_of_ten_kilobytes(db: Database) -> None:
    rows = people(300)
    long = {"given": "ab" * 5000, "family": "cd ef" * 2000}
    pairs = linked(db, [*rows, rows[0] | long, rows[1] | long, rows[2] | {"line": "9 " * 5000}])
    assert ("r300", "r301", "auto") not in pairs, "two people who share what is no name"


def test_one_id_in_two_feeds(db: Database) -> None:
    one, other, *rest = people(300)
    rows = [{**one, "rec_id": "same"}, {**other, "rec_id": "same", "source": "B"}, *rest]
    pairs = linked(db, rows)
    assert ("same", "same") not in {pair[:2] for pair in pairs}, "an id is of its feed only"
    assert db.row("select count(distinct feed) from person_record where id = 'same'") == (2,)


ODD = (
    "a\x00b",
    "\x00",
    "\u200b\u200e\u202e",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "e\u0301\u0301\u0301",
    "\ufffd\ufffd",
    "\uff21\uff4e\uff41",
    "'; drop table sent_patient; --",
    "%s{0}$1\\",
    "---",
    "...",
    " \t\n ",
    "\u738b\u5c0f\u660e",
    "\u0645\u062d\u0645\u062f",
    "1234",
    "NULL",
)


def test_odd_characters(db: Database) -> None:
    columns = ("given", "family", "line", "city", "zip", "phone", "email", "birth_date", "ssn")
    odd = list(itertools.product(columns, ODD))
    rows = people(len(odd) + 300)
    for row, (column, text) in zip(rows, odd, strict=False):
        row[column] = text
    assert auto(linked(db, rows)) == []


def test_nobody_is_linked_by_what_is_no_name(db: Database) -> None:
    """Two records of one household, birth date and phone, whose names are both this."""
    rows = people(300)
    for row, text in zip(twice(rows[: len(ODD)]), [*ODD, *ODD], strict=True):
        rows.append(row | {"given": text, "family": text, "gender": None})
    pairs = {frozenset(pair) for pair in auto(linked(db, rows))}
    told = {
        text: frozenset((f"r{300 + n}", f"r{300 + len(ODD) + n}")) for n, text in enumerate(ODD)
    }
    nameless = {text for text in ODD if not any(letter.isalpha() for letter in text)}
    assert {text for text, pair in told.items() if pair in pairs} & nameless == set()
    assert pairs <= set(told.values()), "and nobody with another"


def test_dates_that_are_none(db: Database) -> None:
    texts = ("0000-00-00", "1980", "1980-02", "1980-02-30", "not a date", "19800230", "3000-01-01")
    rows = [
        row | {"birth_date": text}
        for row, text in zip(people(700), itertools.cycle(texts), strict=False)
    ]
    assert auto(linked(db, twice(rows))) == []
