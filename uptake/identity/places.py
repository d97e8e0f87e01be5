"""Where somebody lives, and when they were born, in normal form. In: texts as sent; out: texts.

Words for street, avenue or flat are left out of a line: one sender writes St, another Street, a
third nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from uptake.identity.spelling import BLANKS, LONGEST, plain, small

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

_ZIP = re.compile(r"[0-9]{5}(?=(-?[0-9]{4})?$)")
_OTHER = re.compile("[^A-Za-z0-9]")
_NUMBER = re.compile("[0-9]+")


class Area(NamedTuple):
    """The normal form of where a street lies."""

    city: str | None
    state: str | None
    zip: str | None


def street_words(db: Database) -> frozenset[str]:
    """Return the words that a line is without: as they are written out, and cut short."""
    rows = db.rows("select unnest([word, means]) as word from street_word")
    return frozenset(word for (word,) in rows if word and " " not in word)


def line(text: str, streets: frozenset[str]) -> str | None:
    """Return the form of an address line; None where nothing is left of it."""
    words = plain(text[:LONGEST]).split()
    return " ".join(word for word in words if word not in streets) or None


def house(line: str | None) -> str | None:
    """Return the first number of a line in normal form."""
    found = _NUMBER.search(line or "")
    return found.group() if found else None


def area(city: str, state: str, postal_code: str) -> Area:
    """Return the form of a city, a state and a postal code; of a ZIP+4 the ZIP."""
    return Area(plain(city).replace(" ", "") or None, small(state) or None, _zip(postal_code))


def _zip(postal_code: str) -> str | None:
    if found := _ZIP.match(postal_code.strip(BLANKS)):
        return found.group()
    return _OTHER.sub("", postal_code).lower() or None
