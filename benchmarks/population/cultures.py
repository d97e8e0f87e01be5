"""In: the files of cultures/. Out: naming cultures, and their names as rows with cumulated shares.

A culture is one file; its keys are the fields of `Culture`. In lists of names `_` stands for a
space, and `Name:7.2` says what per cent bear the name; the others share the rest, ever less down it
(`(rank + offset) ** -exponent`), and `tail` is the share of the names made of `starts` and `ends`.
"""

from __future__ import annotations

import tomllib
from functools import cache
from itertools import accumulate
from pathlib import Path

import msgspec
import pyarrow as pa

# What the steps in SQL ask of a culture.
RULES = (
    "country", "family", "middle", "middle_share", "middle_initial", "wife_takes", "wife_hyphen",
    "named_after_father", "accents", "first_of_january", "second_surname", "single", "clan",
    "western",
)  # fmt: skip
FOLDER = Path(__file__).parent / "cultures"


class Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list of names, the most frequent first."""

    names: str
    exponent: float
    offset: float
    tail: float = 0.0
    starts: str = ""
    ends: str = ""

    def shares(self) -> dict[str, float]:
        """Each name with its share; the shares add up to 1."""
        words = [word.partition(":") for word in self.names.split()]
        said = {spaced(name): float(share) / 100 for name, _, share in words if share}
        ranked = {
            spaced(name): (rank + 1 + self.offset) ** -self.exponent
            for rank, (name, _, share) in enumerate(words)
            if not share and spaced(name) not in said
        }
        left = 1 - sum(said.values()) - self.tail
        total = sum(ranked.values())
        found = said | {name: left * weight / total for name, weight in ranked.items()}
        made = [name for name in self.parted() if name not in found]
        return found | dict.fromkeys(made, self.tail / max(len(made), 1))

    def parted(self) -> dict[str, tuple[str, str]]:
        """Names that are made of two parts, with the parts."""
        ends = self.ends.split()
        return {start + end: (start, end) for start in self.starts.split() for end in ends}


class Spellings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ways in which one name is written: groups of spellings."""

    given: tuple[str, ...] = ()
    surname: tuple[str, ...] = ()


class Culture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How people are named, and what happens to their names on the way into a record."""

    share: float  # weight beside the other cultures
    country: str
    cities: str
    family: str  # father, father mother, mother father, given of the father, none
    middle: str  # given, patronymic, father, own, none
    middle_share: float  # of people who have a middle name
    middle_initial: float  # of these: only the letter is written
    wife_takes: float
    wife_hyphen: float
    named_after_father: float  # of sons
    accents: float  # of records that keep the marks
    first_of_january: float  # people whose papers say so for want of a date
    noise: dict[str, float]
    surnames: Names
    male: Names
    female: Names
    nicknames: dict[str, str]
    spellings: Spellings
    syllables: bool = False  # given names of two parts are also written apart
    kept_apart: bool = False  # never in the default mix
    second_surname: float = 1.0  # of records that hold both surnames
    single: float = 0.0  # people of one name
    clan: float = 0.0  # where there is no family's name: people with a clan's
    western: float = 0.0  # people with a Western given name beside
    western_male: str = "-"
    western_female: str = "-"
    middle_male: str = "-"
    middle_female: str = "-"
    father_word: tuple[str, ...] = ()  # bin, ibn
    religious: tuple[str, str, float] = ("", "", 0.0)  # a man's word, a woman's, share
    patronymic: tuple[
        tuple[str, str, str], ...
    ] = ()  # ending of the father's name, a son's, a daughter's
    gendered: tuple[tuple[str, str], ...] = ()  # ending of a man's surname, a woman's
    letters: tuple[tuple[str, str], ...] = ()  # letters that stand for one sound
    expansions: dict[str, str] = {}

    def feminine(self, surname: str) -> str:
        """A surname as a woman bears it."""
        for man, woman in self.gendered:
            if surname.endswith(man):
                return surname[: -len(man)] + woman
        return surname

    def patronymics(self, given: str) -> tuple[str, str]:
        """The middle names of a man's son and daughter; empty where the culture has none."""
        for ending, son, daughter in self.patronymic:
            if given.endswith(ending):
                stem = given[: len(given) - len(ending)]
                return stem + son, stem + daughter
        return "", ""


def spaced(name: str) -> str:
    """A name of a list as it is written."""
    return name.replace("_", " ")


@cache
def cultures() -> dict[str, Culture]:
    """Every culture by the name of its file, in the order of the names."""
    return {
        path.stem: msgspec.convert(tomllib.loads(path.read_text("utf-8")), Culture)
        for path in sorted(FOLDER.glob("*.toml"))
    }


def default_cultures() -> tuple[str, ...]:
    """The cultures of a population that names none: all that are not kept apart."""
    return tuple(name for name, culture in cultures().items() if not culture.kept_apart)


def name_rows(chosen: tuple[str, ...]) -> pa.Table:
    """Rows of names, with a woman's form and patronymics; `low` is where a share begins."""
    rows: list[tuple[str, str, str, str, str, str, float]] = []
    for culture in chosen:
        ways = cultures()[culture]
        plain = {
            "western male": ways.western_male,
            "western female": ways.western_female,
            "middle male": ways.middle_male,
            "middle female": ways.middle_female,
            "city": ways.cities,
        }
        lists = {"surname": ways.surnames, "male": ways.male, "female": ways.female} | {
            key: Names(words, exponent=0.5, offset=2.0) for key, words in plain.items()
        }
        for key, names in lists.items():
            shares = names.shares()
            lows = accumulate(shares.values(), initial=0.0)
            for name, low in zip(shares, lows, strict=False):
                rows.append((culture, key, name, ways.feminine(name), *ways.patronymics(name), low))
    columns = ("culture", "list", "name", "feminine", "son", "daughter", "low")
    return pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))


def culture_rows(chosen: tuple[str, ...]) -> pa.Table:
    """Rows of the cultures' rules; `low` is where the culture's share of the homes begins."""
    total = sum(cultures()[name].share for name in chosen)
    lows = accumulate((cultures()[name].share / total for name in chosen), initial=0.0)
    rows = [
        {"culture": name, "low": low} | {key: getattr(cultures()[name], key) for key in RULES}
        for name, low in zip(chosen, lows, strict=False)
    ]
    for row in rows:
        words = cultures()[str(row["culture"])].religious
        row |= dict(zip(("man_word", "woman_word", "religious"), words, strict=True))
    return pa.Table.from_pylist(rows)
