"""What is known of drugs and of differences beforehand. In: content/terminology; out: tables."""

from __future__ import annotations

import csv
import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

Severity = Literal["low", "medium", "high"]
_CONTENT = resources.files("uptake") / "content" / "terminology"


@dataclass(frozen=True, slots=True)
class Ingredient:
    """What drugs.csv says of one; empty is not known, or not said."""

    drug_class: str
    allergen: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What is said of one kind of difference."""

    words: str
    counted: str
    """In a summary, after how many."""
    text: str
    """Of one drug; `{name}` stands for it."""
    severity: Severity
    high_alert: Severity
    news: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """What discrepancies.toml says."""

    kinds: Mapping[str, Kind]
    """In the order in which they are told."""
    ranks: Mapping[str, int]
    """The place of each in that order."""
    months: int
    exact_up_to: int
    misspelt: float
    allergens: Mapping[str, str]
    """A word to the group it names."""
    no_allergy_codes: frozenset[str]
    no_allergy: re.Pattern[str]
    but: re.Pattern[str]
    """What parts that there is no allergy from one that there is."""


@functools.cache
def ingredients() -> Mapping[str, Ingredient]:
    """Return the ingredients of drugs.csv by name, in small letters."""
    return {row["ingredient"]: Ingredient(row["class"], row["allergen"]) for row in _drugs()}


@functools.cache
def named() -> Mapping[str, str]:
    """Return the ingredient that a word names, be it its own or a brand: a hint, never a match."""
    found = {
        brand: row["ingredient"] for row in _drugs() for brand in row["brands"].split(";") if brand
    }
    return found | {name: name for name in ingredients()}


@functools.cache
def picked_names() -> Mapping[tuple[str, str], str]:
    """Return what the shipped list of RxNorm's ingredients calls its codes."""
    rows = csv.DictReader(_lines("rxnorm.csv"))
    return {("http://www.nlm.nih.gov/research/umls/rxnorm", r["RXCUI"]): r["STR"] for r in rows}


@functools.cache
def rules() -> Rules:
    """Return how differences are told and weighed."""
    read: dict[str, Any] = tomllib.loads((_CONTENT / "discrepancies.toml").read_text("utf-8"))
    words = {word: group for group, several in read["allergen"].items() for word in several}
    none = "|".join(map(re.escape, read["no_allergy"]["texts"]))
    return Rules(
        {name: Kind(**kind) for name, kind in read["kind"].items()},
        {name: place for place, name in enumerate(read["kind"])},
        read["months"],
        read["exact_up_to"],
        read["misspelt"],
        words,
        frozenset(read["no_allergy"]["codes"]),
        re.compile(rf"\b(?:{none})\b"),
        re.compile(rf"\b(?:{'|'.join(map(re.escape, read['no_allergy']['but']))})\b|;"),
    )


@functools.cache
def high_alert() -> tuple[str, ...]:
    """Return the ingredients whose mistakes harm most, in small letters."""
    classes: dict[str, list[str]] = tomllib.loads((_CONTENT / "high_alert.toml").read_text("utf-8"))
    return tuple(sorted({name for names in classes.values() for name in names}))


@functools.cache
def high_alert_pattern() -> re.Pattern[str]:
    """Return the pattern that finds a high-alert ingredient in a name in small letters."""
    return re.compile(rf"\b({'|'.join(high_alert())})\b")


@functools.cache
def _drugs() -> tuple[dict[str, str], ...]:
    return tuple(csv.DictReader(_lines("drugs.csv")))


def _lines(name: str) -> list[str]:
    """Return the lines of a list, without its comments."""
    text = (_CONTENT / name).read_text("utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]
