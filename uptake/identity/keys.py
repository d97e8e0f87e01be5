"""Which pairs are worth comparing. In: `person_record`; out: `compared`.

A key is something that records of one person usually share. Records under one key are compared
with each other, unless too many share it: how many are too many is counted, so that no load makes
more pairs than its budget. Small loads are compared whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uptake.engine.duckdb import Database


@dataclass(frozen=True, slots=True)
class Key:
    """Something that records of one person share."""

    name: str
    parts: str
    """SQL over `person_record`; without a value of each a record has no such key."""
    budget: float = 3.0
    """Pairs it may make for each record: little for a key that seldom finds what no other does."""
    each: str = ""
    """A list of which every item makes a key of its own, called `item` in the parts."""


_NAMES = """(case
when list_has_any(given_roots, family_all) then list_distinct(given_roots || family_all)
else given_roots || family_all end)"""
"""Given names and family names, each once."""
KEYS = (
    Key("person's number", "item", each="numbers"),
    Key("record number", "item", each="mrns"),
    Key("e-mail", "item", each="emails"),
    Key("phone", "item", each="phones"),
    Key("birth date and name", "birth_date, item", each=_NAMES),
    Key("address and given name", "line, left(given_sound, 2)"),
    Key("names and area", "item, family, coalesce(zip, city)", each="given_roots"),
    Key("names and year", "item, family, birth_year", each="given_roots"),
    Key("names and day", "item, family, birth_day", each="given_roots"),
    Key("sounds and day", "left(given_sound, 3), left(family_sound, 3), birth_day"),
    Key("sounds and year", "left(given_sound, 3), left(family_sound, 3), birth_year", 0.5),
    Key("sounds and area", "left(given_sound, 3), left(family_sound, 3), coalesce(zip, city)", 0.1),
    Key("names", "least(given, family), greatest(given, family)", 0.2),
    Key("birth date and area", "birth_date, coalesce(zip, city)", 0.3),
    Key("address", "line, coalesce(zip, city)", 0.2),
    Key("birth date", "birth_date", 0.1),
)
"""Budgets by what each key alone found in populations at natural rates."""
SMALL = 200_000
"""A smaller load has the budget of so many records."""


@dataclass(frozen=True, slots=True)
class KeyCount:
    """What one kind of key gave."""

    name: str
    largest: int
    """Records in the largest block that was compared."""
    pairs: int
    left_out: int
    """Pairs of larger blocks."""


def find_candidates(db: Database, whole: int) -> list[KeyCount]:
    """Make `compared` (l < r, both `n` of person_record); returns what each key gave.

    A load of up to `whole` records is compared whole.
    """
    (records,) = db.row("select count(*) from person_record")
    db.run("create or replace table compared (l integer, r integer)")
    if records <= whole:
        db.run(
            "insert into compared select a.n, b.n from person_record a "
            "join person_record b on a.n < b.n"
        )
        return [KeyCount("all", records, records * (records - 1) // 2, 0)]
    db.run("create or replace temp table found (l integer, r integer)")
    counts: dict[str, KeyCount] = {}
    for each in dict.fromkeys(key.each for key in KEYS):
        keys = [key for key in KEYS if key.each == each]
        _hash(db, each, keys)
        for k, key in enumerate(keys):
            counts[key.name] = _find(db, key, f"key_{k}", int(key.budget * max(records, SMALL)))
    db.run("drop table key_of")
    db.run("insert into compared select distinct l, r from found")
    db.run("drop table found")
    return [counts[key.name] for key in KEYS]


def _hash(db: Database, each: str, keys: Sequence[Key]) -> None:
    """Make `key_of`: n, and key_0, key_1, ... of the keys that go over one list, in one scan."""
    told = []
    for k, key in enumerate(keys):
        known = " and ".join(f"({part}) is not null" for part in parts_of(key))
        told.append(f"case when {known} then hash({key.parts}) end as key_{k}")
    source = f"(select *, unnest({each}) as item from person_record)" if each else "person_record"
    db.run(f"create or replace temp table key_of as select n, {', '.join(told)} from {source}")


def _find(db: Database, key: Key, column: str, budget: int) -> KeyCount:
    """Add the pairs of a key to `found`."""
    db.run(
        f"create or replace temp table block as select {column} as key, count(*) as size "
        f"from key_of where {column} is not null group by key having count(*) > 1"
    )
    sizes = db.rows(
        "select size, count(*) * (size * (size - 1) // 2) from block group by size order by size"
    )
    largest, pairs = _largest(sizes, budget)
    db.run(
        "insert into found with shared as materialized ("
        f"select key, n from key_of join block on key = {column} where size <= {largest}) "
        "select a.n, b.n from shared a join shared b using (key) where a.n < b.n"
    )
    return KeyCount(key.name, largest, pairs, sum(made for _, made in sizes) - pairs)


def parts_of(key: Key) -> list[str]:
    """Return the parts of a key, parted at the commas that stand outside brackets."""
    parts, depth = [""], 0
    for letter in key.parts:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _largest(sizes: Sequence[tuple[int, int]], budget: int) -> tuple[int, int]:
    """Return the largest size whose blocks, and all smaller ones, keep to the budget."""
    largest = pairs = 0
    for size, made in sizes:
        if pairs + made > budget:
            break
        largest, pairs = size, pairs + made
    return largest, pairs
