"""Birth dates, contacts and numbers in normal form. In: texts as sent; out: texts, or None.

What is nobody's (placeholders, 999-99-9999) counts as not sent. Nearly every record has a phone and
a number of its own, so for a whole load `normal` has the rules of contacts and numbers in SQL; a
test holds both against each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from uptake.identity.spelling import BLANKS, small

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

EARLIEST, LATEST = "1900-01-02", "2100-01-01"
"""A birth date beyond these is a default or an error."""
TOO_LONG = 100
"""Characters; a contact or a number of so many is none."""
PHONES = frozenset(["phone", "sms", "fax", "pager", "other"])
"""Systems of telecom that are dialled."""
DIALLED = 9
"""The last digits of a phone: without a country's code and its leading zeros."""
SHORTEST_PHONE, SHORTEST_NUMBER = 7, 3
NO_SSN = "^(000|666|...00|.....0000)"
"""What the Social Security Administration never gave out."""

_NO_SSN = re.compile(NO_SSN)
_NO_DIGIT, _DIGIT = re.compile("[^0-9]+"), re.compile("[0-9]")
_SEPARATORS = re.compile("[^A-Za-z0-9]+")


class Born(NamedTuple):
    """When somebody was born; the date only where it is whole and can be true."""

    birth_date: str | None = None
    birth_year: int | None = None


class Number(NamedTuple):
    """A number of a person, or of a record (class `record`) in somebody's system."""

    kind: str
    system: str
    value: str


@dataclass(frozen=True, slots=True)
class DetailWords:
    """What reference tables say of details."""

    junk: Mapping[str, frozenset[str]]
    """What stands in an element when nobody knew better."""
    kind_by_type: Mapping[str, str]
    kind_by_system: Mapping[str, str]

    def born(self, text: str | None) -> Born:
        """Return when somebody was born who sends this as the birth date."""
        if not text or not (found := re.match("[0-9]{4}", text)):
            return Born()
        if text in self.junk["birthDate"]:
            return Born()
        known = _is_date(text) and EARLIEST <= text <= LATEST
        return Born(text if known else None, int(found.group()))

    def contact(self, system: str | None, value: str | None) -> tuple[str, str] | None:
        """Return the kind (email, phone) of a contact, and its form."""
        if value is None or len(value) >= TOO_LONG:
            return None
        if "@" in value:
            mail = small(value)
            return None if mail in self.junk["email"] else ("email", mail)
        digits = _NO_DIGIT.sub("", value)[-DIALLED:]
        if (
            (system is not None and system not in PHONES)
            or len(digits) < SHORTEST_PHONE
            or _is_one_sign(digits[-SHORTEST_PHONE:])
            or digits in self.junk["phone"]
        ):
            return None
        return "phone", digits

    def number(self, system: str | None, type_: str | None, value: str | None) -> Number | None:
        """Return the form of an identifier: one that is a person's, or a record's number."""
        system = None if system is None else system.strip(BLANKS)
        kind = self._kind(system, type_)
        if value is None or len(value) >= TOO_LONG or kind is None:
            return None
        told = _SEPARATORS.sub("", value).upper()
        if (
            len(told) < SHORTEST_NUMBER
            or _is_one_sign(told)
            or not _DIGIT.search(told)
            or told.lower() in self.junk["identifier"]
            or (kind == "SS" and _NO_SSN.match(told))
        ):
            return None
        if kind != "record":
            return Number(kind, kind, told)
        return None if system is None else Number(kind, system, told)

    def _kind(self, system: str | None, type_: str | None) -> str | None:
        found = self.kind_by_system.get(system or "") if type_ is None else None
        found = found or self.kind_by_type.get(type_ or "")
        return found or ("record" if type_ in (None, "MR") else None)


def read_detail_words(db: Database) -> DetailWords:
    """Return what the reference tables say of details."""
    junk = db.rows("select element, word from junk_demographic")
    numbers = db.rows("select type, system, class from person_number")
    elements = ("birthDate", "email", "phone", "identifier")
    told = {kind: frozenset(word for of, word in junk if of == kind) for kind in elements}
    told["phone"] = frozenset(word[-DIALLED:] for word in told["phone"])
    return DetailWords(
        told,
        {type_: kind for type_, _, kind in numbers if type_},
        {system: kind for _, system, kind in numbers if system},
    )


def _is_one_sign(text: str) -> bool:
    return not text.strip(text[:1])


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
