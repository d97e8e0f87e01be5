"""Blocking keys: what each finds, and that none explodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from linkage_cases import people, read

from benchmarks.linkage.sets import database
from uptake.identity.keys import KEYS, SMALL, KeyCount, find_candidates, parts_of
from uptake.identity.model import shipped_model
from uptake.identity.normal import build_records

if TYPE_CHECKING:
    from linkage_cases import Row

CROWD = 5_000
CROWD_BORN = "1955-05-05"
KEPT: dict[str, tuple[str, ...]] = {
    "person's number": ("ssn",),
    "record number": ("mrn",),
    "e-mail": ("email",),
    "phone": ("phone",),
    "birth date and name": ("birth_date", "family"),
    "address and given name": ("line", "given"),
    "names and area": ("given", "family", "zip"),
    "names and year": ("given", "family"),
    "names and day": ("given", "family"),
    "sounds and day": (),
    "sounds and year": (),
    "sounds and area": ("zip",),
    "names": ("given", "family"),
    "birth date and area": ("birth_date", "zip"),
    "address": ("line", "zip"),
    "birth date": ("birth_date",),
}
"""By key: what the second record of a person keeps; all else is another person's."""
CHANGED: dict[str, tuple[Row, Row]] = {
    "names and year": ({"birth_date": "1961-04-02"}, {"birth_date": "1961-11-23"}),
    "names and day": ({"birth_date": "1961-04-02"}, {"birth_date": "1978-04-02"}),
    "sounds and day": (
        {"given": "Katarina", "family": "Markovic", "birth_date": "1961-04-03"},
        {"given": "Katrin", "family": "Markov", "birth_date": "1978-04-03"},
    ),
    "sounds and year": (
        {"given": "Katarina", "family": "Markovic", "birth_date": "1962-04-02"},
        {"given": "Katrin", "family": "Markov", "birth_date": "1962-11-23"},
    ),
    "sounds and area": (
        {"given": "Katarina", "family": "Markovic", "zip": "00501"},
        {"given": "Katrin", "family": "Markov"},
    ),
}
"""What the two records have that their person did not."""


def test_every_key_has_a_case() -> None:
    assert list(KEPT) == [key.name for key in KEYS]


@dataclass(frozen=True)
class Blocked:
    """What the keys of a load gave."""

    counts: dict[str, KeyCount]
    pairs: frozenset[frozenset[str]]
    records: int


def pair_of(one: Row, other: Row, key: str, n: int) -> list[Row]:
    """Return two records that share what this key needs, and nothing else."""
    left, right = CHANGED.get(key, ({}, {}))
    numbers: Row = {
        "ssn": f"219-09-{9100 + n}",
        "mrn": f"M-{1000 + n}",
        "email": f"one{n}@example.org",
    }
    one = one | numbers | left
    kept = {column: one[column] for column in KEPT[key]}
    return [{**one, "rec_id": key}, {**other, **kept, **right, "rec_id": f"{key}'"}]


@pytest.fixture(scope="module")
def blocked() -> Iterator[Blocked]:
    """Return the candidates of a load in which 5,000 people have one birth date."""
    persons = people(CROWD + 2 * len(KEPT))
    rows = [{**row, "birth_date": CROWD_BORN} for row in persons[2 * len(KEPT) :]]
    for n, key in enumerate(KEPT):
        rows += pair_of(persons[2 * n], persons[2 * n + 1], key, n)
    with database() as db:
        read(db, rows)
        settings = shipped_model().settings
        build_records(db, settings["most"])
        counts = find_candidates(db, settings["whole"])
        pairs = db.rows(
            "select l.id, r.id from compared c join person_record l on l.n = c.l "
            "join person_record r on r.n = c.r"
        )
        yield Blocked({c.name: c for c in counts}, frozenset(map(frozenset, pairs)), len(rows))


@pytest.mark.parametrize("key", KEPT)
def test_a_key_finds_records_that_share_nothing_else(blocked: Blocked, key: str) -> None:
    assert frozenset((key, f"{key}'")) in blocked.pairs


def test_five_thousand_of_one_birth_date_make_no_millions_of_pairs(blocked: Blocked) -> None:
    crowd = CROWD * (CROWD - 1) // 2
    count = blocked.counts["birth date"]
    assert count.left_out == crowd, "what is left out is told"
    assert count.largest < CROWD
    assert len(blocked.pairs) < crowd / 50


def test_no_key_makes_more_pairs_than_its_budget(blocked: Blocked) -> None:
    for key in KEYS:
        assert blocked.counts[key.name].pairs <= key.budget * max(blocked.records, SMALL), key.name
    assert len(blocked.pairs) <= sum(count.pairs for count in blocked.counts.values())


def test_a_small_load_is_compared_whole() -> None:
    with database() as db:
        read(db, people(40))
        build_records(db, 12)
        assert find_candidates(db, 40) == [KeyCount("all", 40, 780, 0)]
        assert db.row("select count(*), count(distinct (l, r)) from compared") == (780, 780)
        assert db.row("select count(*) from compared where l >= r") == (0,)
        assert [count.name for count in find_candidates(db, 39)] == list(KEPT)


def test_the_parts_of_a_key_are_parted_outside_brackets() -> None:
    key = next(key for key in KEYS if key.name == "sounds and area")
    assert parts_of(key) == [
        "left(given_sound, 3)",
        " left(family_sound, 3)",
        " coalesce(zip, city)",
    ]
