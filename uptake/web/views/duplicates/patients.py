"""Two Patients side by side. In: both as sent; out: what each says, and where they differ.

What is compared is what a reader would take for the same: small letters without accents, whatever
the alphabet; the last digits of a phone. It marks what to look at and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anyascii import anyascii

from uptake.resources.elements import members, parts
from uptake.web.patients import joined, names, texts

SAME, PARTLY, DIFFERS = "the same", "partly the same", "differs"
ONE, NEITHER, APART = "on one only", "on neither", "of other systems"
MAIN = frozenset({"Name", "Birth date", "Gender", "Address", "Phone", "Numbers"})
"""What every record should say: where neither does, that is worth a word."""
PHONE_DIGITS = 9
"""The last digits of a phone number: what stands before them is a prefix that some write."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a value, and whether the other record lacks it."""

    text: str
    odd: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """One line of the comparison: the values of both records."""

    title: str
    left: tuple[tuple[Piece, ...], ...]
    right: tuple[tuple[Piece, ...], ...]
    found: str


def side_by_side(left: Mapping[str, Any], right: Mapping[str, Any]) -> tuple[Detail, ...]:
    """Return the lines of two Patients, also those that neither fills."""
    found = []
    for title, line in _LINES.items():
        ours, theirs = (tuple(dict.fromkeys(line.read(patient))) for patient in (left, right))
        found.append(_detail(title, ours, theirs, line))
    return (*found, _numbers(left, right))


def as_compared(person: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Patient made of normal forms, for a record that is not in the store any more."""
    contact = [{"system": "phone", "value": v} for v in person.get("phones") or ()]
    contact += [{"system": "email", "value": v} for v in person.get("emails") or ()]
    given = [person.get("given"), person.get("middle")]
    place = {"line": [person.get("line")], "city": person.get("city")}
    place |= {"state": person.get("state"), "postalCode": person.get("zip")}
    numbers = [*(person.get("mrns") or ()), *(person.get("numbers") or ())]
    return {
        "name": [
            {"given": given, "family": person.get("family"), "suffix": [person.get("suffix")]}
        ],
        "birthDate": person.get("birth_date"),
        "gender": person.get("gender"),
        "address": [place],
        "telecom": contact,
        "identifier": [
            dict(zip(("system", "value"), n.rpartition("|")[::2], strict=True)) for n in numbers
        ],
    }


def _plain(text: str) -> str:
    return anyascii(text).casefold().strip()


def _phone(text: str) -> str:
    digits = re.sub(r"\D", "", anyascii(text))
    return digits[-PHONE_DIGITS:] or _plain(text)


@dataclass(frozen=True, slots=True)
class _Line:
    """How one line is read and compared."""

    read: Callable[[Mapping[str, Any]], Iterable[str]]
    by_word: bool = False
    key: Callable[[str], str] = _plain

    def keys(self, value: str) -> list[str]:
        """Return what stands for a value, or for each of its words, in a comparison."""
        return [self.key(part) for part in (_WORD.findall(value) if self.by_word else (value,))]


def _detail(title: str, ours: Sequence[str], theirs: Sequence[str], line: _Line) -> Detail:
    left, right = ({k for value in values for k in line.keys(value)} for values in (ours, theirs))
    return Detail(
        title,
        tuple(tuple(_pieces(value, right, line)) for value in ours),
        tuple(tuple(_pieces(value, left, line)) for value in theirs),
        _found(left, right),
    )


def _found(left: set[str], right: set[str]) -> str:
    if not left and not right:
        return NEITHER
    if not left or not right:
        return ONE
    if left == right:
        return SAME
    return PARTLY if left & right else DIFFERS


def _pieces(value: str, others: set[str], line: _Line) -> Iterator[Piece]:
    """Yield a value in parts; where the other record has nothing, no part is odd."""
    for part in re.findall(r"\w+|\W+", value) if line.by_word else (value,):
        is_word = not line.by_word or _WORD.fullmatch(part) is not None
        yield Piece(part, is_word and bool(others) and line.key(part) not in others)


def _numbers(left: Mapping[str, Any], right: Mapping[str, Any]) -> Detail:
    """Return the line of numbers: those of one system are compared, others say nothing."""
    ours, theirs = (tuple(dict.fromkeys(_sent_numbers(patient))) for patient in (left, right))
    both = {n.system for n in ours} & {n.system for n in theirs}
    keys = [{n.key for n in numbers if n.system in both} for numbers in (ours, theirs)]
    found = APART if ours and theirs and not both else _found(*keys)
    if not (ours and theirs):
        found = ONE if ours or theirs else NEITHER

    def told(numbers: tuple[_Number, ...], others: set[str]) -> tuple[tuple[Piece, ...], ...]:
        return tuple((Piece(n.told, n.system in both and n.key not in others),) for n in numbers)

    return Detail("Numbers", told(ours, keys[1]), told(theirs, keys[0]), found)


# What a Patient says, whatever it says: an element of the wrong type is passed over.


def _addresses(patient: Mapping[str, Any]) -> Iterator[str]:
    for place in members(patient.get("address")):
        town = joined(place.get("city"), place.get("state"), place.get("postalCode"))
        told = joined(place.get("line"), town, place.get("country"), by=", ")
        yield from filter(None, [told or joined(place.get("text"))])


def _contacts(*systems: str) -> Callable[[Mapping[str, Any]], Iterator[str]]:
    def read(patient: Mapping[str, Any]) -> Iterator[str]:
        for contact in members(patient.get("telecom")):
            value, system = joined(contact.get("value")), joined(contact.get("system"))
            if value and (system or ("email" if "@" in value else "phone")) in systems:
                yield value

    return read


@dataclass(frozen=True, slots=True)
class _Number:
    """An identifier."""

    kind: str
    system: str
    value: str

    @property
    def key(self) -> str:
        return f"{self.system}|{_plain(self.value)}"

    @property
    def told(self) -> str:
        return joined(self.kind, self.value, f"of {self.system}" if self.system else None)


def _sent_numbers(patient: Mapping[str, Any]) -> Iterator[_Number]:
    for number in members(patient.get("identifier")):
        kind = number.get("type")
        codes = [joined(c.get("code")) for c in members(parts(kind).get("coding"))]
        if value := joined(number.get("value")):
            yield _Number(next(filter(None, codes), ""), joined(number.get("system")), value)


def _retired(patient: Mapping[str, Any]) -> Iterator[str]:
    if patient.get("active") is False:
        yield "no longer"


def _one(*elements: str) -> Callable[[Mapping[str, Any]], Iterator[str]]:
    def read(patient: Mapping[str, Any]) -> Iterator[str]:
        for name in elements:
            value = patient.get(name)
            if isinstance(value, bool):
                yield "yes" if value else "no"
            elif isinstance(value, int | float):
                yield str(value)
            else:
                yield from texts(value)

    return read


_LINES = {
    "Name": _Line(names, by_word=True),
    "Birth date": _Line(_one("birthDate")),
    "Gender": _Line(_one("gender")),
    "Born as number": _Line(_one("multipleBirthInteger", "multipleBirthBoolean")),
    "Address": _Line(_addresses, by_word=True),
    "Phone": _Line(_contacts("phone", "sms", "fax", "pager", "other"), key=_phone),
    "E-mail": _Line(_contacts("email")),
    "Deceased": _Line(_one("deceasedDateTime", "deceasedBoolean")),
    "In use": _Line(_retired),
}
