"""In: a text of a record, a culture. Out: a slip in the text; what a clerk of the culture knows.

A change of a record (name_changes.py, duplicates.py) gives the fields that it alters, or None if it
has nothing to work on. Its name is what the column `noise` says. How often each is made stands in
rates.toml and in the cultures' files.
"""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from benchmarks.population.cultures import Culture, Names, spaced

Row = dict[str, Any]
Fields = dict[str, str]

# Keys beside each other on an American keyboard; letters that scanning and hearing confuse.
KEYS = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok",
    "o": "ipl", "p": "ol", "a": "qsz", "s": "awdx", "d": "sefc", "f": "drgv", "g": "fthb",
    "h": "gyjn", "j": "hukm", "k": "jil", "l": "kop", "z": "asx", "x": "zsdc", "c": "xdfv",
    "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk",
}  # fmt: skip
SCANNED = (
    ("m", "rn"), ("rn", "m"), ("l", "i"), ("cl", "d"), ("h", "b"), ("vv", "w"), ("e", "c"),
    ("u", "v"),
)  # fmt: skip
HEARD = (
    ("ph", "f"), ("ck", "k"), ("c", "k"), ("s", "z"), ("ee", "ea"), ("ie", "y"), ("y", "i"),
    ("ei", "ie"), ("th", "t"), ("ll", "l"), ("l", "ll"), ("nn", "n"), ("n", "nn"), ("tt", "t"),
    ("s", "ss"), ("gh", "g"), ("a", "e"), ("e", "a"), ("o", "u"), ("dt", "d"), ("v", "w"),
    ("er", "or"),
)  # fmt: skip
PARTICLE = re.compile(
    r"(?i)^(de la|de los|de las|del|de|da|dos|das|do|van der|van den|van|von|zur|le|la|du|saint|san"
    r"|abu|ben|abdel|al|el|d|l|o)([ '-])(.{2,})$"
)


@dataclass(frozen=True)
class Ground:
    """Where people live: places as (city, state, zip, area of the telephones), and streets."""

    places: list[tuple[str, str, str, str]]
    streets: list[str]


@dataclass(frozen=True)
class World:
    """What a clerk may draw from: chance, the ground, a culture and what is known of its names."""

    random: random.Random
    ground: Ground
    culture: Culture
    surnames: list[str]
    surname_ends: list[float]  # cumulated shares
    given_parts: dict[str, tuple[str, str]]
    spellings: dict[str, tuple[str, ...]]

    def surname(self) -> str:
        """A surname of the culture, drawn by its share."""
        return self.random.choices(self.surnames, cum_weights=self.surname_ends)[0]


def world(chance: random.Random, ground: Ground, culture: Culture) -> World:
    """The world of one culture's clerk."""
    shares = culture.surnames.shares()
    return World(
        chance,
        ground,
        culture,
        list(shares),
        list(accumulate(shares.values())),
        parted(culture.male, culture.female) if culture.syllables else {},
        spellings(*culture.spellings.given, *culture.spellings.surname),
    )


def spellings(*groups: str) -> dict[str, tuple[str, ...]]:
    """Each name with its other spellings; a name may stand in more than one group."""
    found: dict[str, tuple[str, ...]] = {}
    for group in groups:
        words = [spaced(word) for word in group.split()]
        for word in words:
            others = (other for other in words if other != word)
            found[word] = tuple(dict.fromkeys((*found.get(word, ()), *others)))
    return found


def parted(*lists: Names) -> dict[str, tuple[str, str]]:
    """Given names that are made of two parts."""
    return {name: parts for names in lists for name, parts in names.parted().items()}


def folded(text: str) -> str:
    """Lower case, without marks: how two spellings are compared."""
    plain = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def typo(text: str, chance: random.Random) -> str | None:
    """A slip of the finger, the ear or the scanner, never in the first letter."""
    if len(text) < 3:
        return None
    kind = chance.random()
    if kind < 0.2:
        return swapped_letters(text, chance)
    if kind < 0.45:
        return replaced(text, HEARD, chance)
    if kind < 0.55:
        return replaced(text, SCANNED, chance)
    at = chance.randrange(1, len(text))
    if kind < 0.72:
        return text[:at] + text[at + 1 :]
    if kind < 0.82:
        return text[:at] + text[at] + text[at:]
    near = KEYS.get(text[at].lower())
    return text[:at] + chance.choice(near) + text[at + 1 :] if near else None


def swapped_letters(text: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(text) - 1)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def replaced(text: str, pairs: tuple[tuple[str, str], ...], chance: random.Random) -> str | None:
    """The text with one of the pairs applied at one place, not at its very beginning."""
    found = [(old, new) for old, new in pairs if old in text[1:]]
    if not found:
        return None
    old, new = chance.choice(found)
    at = text.index(old, 1)
    return text[:at] + new + text[at + len(old) :]
