"""In: persons as registered. Out: the records in which some of them are registered once more.

What a duplicate differs by is drawn by weight; it never makes a person look like another one of the
same home (`confused`): a twin whose given name is missing would be nobody's duplicate.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import accumulate
from typing import Any

from benchmarks.population import name_changes as names
from benchmarks.population.cultures import cultures
from benchmarks.population.wrong import Fields, Ground, Row, World, folded, world

Change = Callable[[Row, World], Fields | None]
SHOWN = (
    "person", "home", "kind", "culture", "country", "accents", "given", "middle", "family",
    "suffix", "maiden", "birth_date", "gender", "line", "city", "state", "zip", "phone", "email",
    "ssn",
)  # fmt: skip
BESIDE = ("phone", "email", "moved", "address")
TRIES = 12  # draws of a change before the record stays as it is
WRITTEN_OUT = (
    ("St", "Street"),
    ("Ave", "Avenue"),
    ("Rd", "Road"),
    ("Dr", "Drive"),
    ("Ln", "Lane"),
    ("Blvd", "Boulevard"),
)


def moved(row: Row, world: World) -> Fields | None:
    """Another street; two times of five in the same town."""
    line = f"{world.random.randint(1, 9900)} {world.random.choice(world.ground.streets)}"
    if row["country"] == "US" and world.random.random() < 0.4:
        return {"line": line}
    city, state, code, _ = world.random.choice(world.ground.places)
    return {"line": line, "city": city, "state": state, "zip": code}


def surname_change_moved(row: Row, world: World) -> Fields | None:
    found = names.surname_change(row, world)
    return found | (moved(row, world) or {}) if found else None


def birth_digit(row: Row, world: World) -> Fields | None:
    """One digit of the day, the month or the year."""
    text = row["birth_date"]
    at = world.random.choice((2, 3, 5, 6, 8, 8, 9, 9, 9))
    wrong = text[:at] + str(world.random.randrange(10)) + text[at + 1 :]
    return {"birth_date": wrong} if wrong != text and is_birth(wrong) else None


def birth_swap(row: Row, _: World) -> Fields | None:
    year, month, day = row["birth_date"].split("-")
    swapped = f"{year}-{day}-{month}"
    return {"birth_date": swapped} if day != month and is_birth(swapped) else None


def birth_year(row: Row, world: World) -> Fields | None:
    year = int(row["birth_date"][:4]) + world.random.choice((-10, -1, -1, 1, 1, 10))
    wrong = f"{year}{row['birth_date'][4:]}"
    return {"birth_date": wrong} if is_birth(wrong) else None


def birth_default(row: Row, world: World) -> Fields | None:
    default = world.random.choice(
        (f"{row['birth_date'][:4]}-01-01", f"{row['birth_date'][:4]}-01-01", "1900-01-01")
    )
    return names.changed({"birth_date": default}, row)


def is_birth(text: str) -> bool:
    """Is it a day of the last 110 years, as far as the population reaches?"""
    try:
        return date(1905, 1, 1) <= date.fromisoformat(text) <= date(2026, 6, 30)
    except ValueError:
        return False


def gender(row: Row, world: World) -> Fields | None:
    return {"gender": "" if world.random.random() < 0.6 else {"M": "F", "F": "M"}[row["gender"]]}


def number_typo(row: Row, world: World) -> Fields | None:
    at = world.random.randrange(9)
    text = row["ssn"]
    return (
        names.changed({"ssn": text[:at] + str(world.random.randrange(10)) + text[at + 1 :]}, row)
        if text
        else None
    )


def suffix(row: Row, _: World) -> Fields | None:
    return {"suffix": ""} if row["suffix"] else None


def phone(_: Row, world: World) -> Fields | None:
    area = world.random.choice(world.ground.places)[3]
    return {"phone": f"{area}{world.random.randint(200, 553)}{world.random.randrange(10000):04d}"}


def email(row: Row, world: World) -> Fields | None:
    given = "".join(letter for letter in folded(row["given"]) if "a" <= letter <= "z")
    host = world.random.choice(("gmail.com", "yahoo.com", "work.org"))
    return {"email": f"{given or 'me'}{world.random.randint(10, 9999)}@{host}"}


def address(row: Row, _: World) -> Fields | None:
    """The same address, written otherwise."""
    line = row["line"].replace(" Apt ", " #")
    for short, long in WRITTEN_OUT:
        line = re.sub(rf" {short}(?= #|$)", f" {long}", line)
    return names.changed({"line": line}, row)


CHANGES: dict[str, Change] = {
    "clean": lambda _row, _world: {},
    "moved": moved,
    "surname_change_moved": surname_change_moved,
    "birth_digit": birth_digit,
    "birth_swap": birth_swap,
    "birth_year": birth_year,
    "birth_default": birth_default,
    "gender": gender,
    "number_typo": number_typo,
    "suffix": suffix,
    "phone": phone,
    "email": email,
    "address": address,
} | {
    change.__name__: change
    for change in (
        names.nickname, names.initial, names.given_missing, names.second_given_first,
        names.typo_given, names.typo_family, names.swapped_names, names.order,
        names.surname_change, names.hyphen, names.second_surname, names.particle, names.accents,
        names.spacing, names.transliteration, names.spelling, names.patronymic, names.gendered,
        names.western_name, names.initials,
        names.single_form, names.grandfather, names.named,
    )
}  # fmt: skip


class Clerk:
    """Registers people once more; draws come from one seed, in the order of the people."""

    def __init__(self, seed: int, rates: dict[str, Any], ground: Ground) -> None:
        self.chance = random.Random(seed)
        self.ground = ground
        self.rates: dict[str, float] = rates["duplicates"]
        self.common: dict[str, float] = rates["noise"]
        self.worlds: dict[str, World] = {}
        self.weights: dict[str, tuple[list[str], list[float]]] = {}

    def meet(self, culture: str) -> None:
        """Learn a culture: its world, its changes and their cumulated weights."""
        ways = cultures()[culture]
        weights = Counter(self.common)
        weights.update(ways.noise)
        self.worlds[culture] = world(self.chance, self.ground, ways)
        self.weights[culture] = list(weights), list(accumulate(weights.values()))

    def again(self, row: Row, copy: int) -> Row:
        """One more registration of a person."""
        if row["culture"] not in self.worlds:
            self.meet(row["culture"])
        row, done = dict(row), list[str]()
        if row["kind"] == "newborn" and self.happens("named"):
            self.apply("named", row, done)
        changes, ends = self.weights[row["culture"]]
        wanted = 2 if self.happens("more_changes") else 1
        for _ in range(TRIES):
            if len(done) >= wanted or "clean" in done:
                break
            self.apply(self.chance.choices(changes, cum_weights=ends)[0], row, done)
        for change in BESIDE:
            if self.happens(change):
                self.apply(change, row, done)
        noise = "+".join(name for name in done if name != "clean") or "clean"
        return {name: row[name] for name in SHOWN} | {"copy": copy, "noise": noise}

    def happens(self, what: str) -> bool:
        """A draw by one of the rates of duplicates."""
        return self.chance.random() < self.rates[what]

    def apply(self, change: str, row: Row, done: list[str]) -> None:
        """Apply a change, once, where it has something to change and confuses nobody."""
        fields = CHANGES[change](row, self.worlds[row["culture"]]) if change not in done else None
        if fields is not None and not confused(row | fields):
            row.update(fields)
            done.append(change)


def confused(row: Row) -> bool:
    """Would the record read as another person of the same home? `mates` are those people."""
    given, family = folded(row["given"]), folded(row["family"])
    for mate in row["mates"] or ():
        if mate["birth_date"] != row["birth_date"]:
            continue
        theirs = folded(mate["given"])
        if row["kind"] == "newborn" and given == theirs:
            continue  # two who have no names yet read alike from the beginning
        alike = theirs.startswith(given) or given.startswith(theirs)
        swapped = folded(mate["family"]) == given and theirs == family
        if alike or swapped or folded(mate["own_given"]) == given:
            return True
    return False


def registered_again(rows: Iterable[Row], clerk: Clerk) -> Iterator[Row]:
    """The duplicates of rows; `times` says how many of each."""
    for row in rows:
        for copy in range(1, row["times"] + 1):
            yield clerk.again(row, copy)
